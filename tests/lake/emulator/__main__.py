"""`python -m emulator kf5 --tickets 20000 --fault http500=0.02`: an emulator to try things against by hand."""

import argparse
import json
import time

from .accounts import account, emulate
from .budget import Budget

parser = argparse.ArgumentParser(prog="python -m emulator")
parser.add_argument("vendor", choices=["kf5", "udesk"])
parser.add_argument("--tickets", type=int, default=20000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--extra-fields", type=int, default=0)
parser.add_argument("--per-minute", type=int, help="rate limit, strict")
parser.add_argument("--fault", action="append", default=[], metavar="KIND=PROBABILITY")
parser.add_argument("--change", action="append", default=[], metavar="OP=EVERY")
parser.add_argument("--manner", action="append", default=[], metavar="NAME=JSON", help='e.g. envelope="bare"')
options = parser.parse_args()

state = account(options.vendor, options.tickets, options.seed, extra_fields=options.extra_fields)
faults = {kind: float(chance) for kind, chance in (fault.split("=") for fault in options.fault)}
changes = {op: int(every) for op, every in (change.split("=") for change in options.change)}
manners = {name: json.loads(value) for name, value in (manner.split("=", 1) for manner in options.manner)}
budget = Budget(options.per_minute, 60) if options.per_minute else None
with emulate(options.vendor, state, faults, changes, budget, seed=options.seed, **manners) as emulator:
    print(f"listening {emulator.origin}", flush=True)
    print(emulator.manners, flush=True)
    while True:
        time.sleep(3600)
