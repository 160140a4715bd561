"""Ready accounts: a seeded world of a vendor behind its state."""

import time
from functools import lru_cache

from . import kf5, udesk
from .state import State

NOW = int(time.time())  # of every world in this process, so that one seed is one world
WORLDS = {"kf5": kf5, "udesk": udesk}


@lru_cache(maxsize=8)
def _tickets(vendor, count, seed, extra_fields, chance, undated):
    world = WORLDS[vendor]
    days = max(20, min(400, count // 50))  # few partitions for few tickets: their files are what takes the checks' time
    return tuple(world.tickets(seed, count, NOW, world.definitions(extra_fields), chance, undated, days))


def account(vendor, count, seed=1, extra_fields=0, chance=0.12, undated=0.002):
    """→ State with `count` tickets. `chance`: how often a value is awkward; `undated`: tickets without created_at."""
    world = WORLDS[vendor]
    tickets = _tickets(vendor, count, seed, extra_fields, chance, undated)
    return State(tickets, world.definitions(extra_fields), world.fresh_ticket, seed)
