"""The pace under a strict limit: no request refused because of us, and no more than 3 % slower than the limit allows."""

import pytest

from conftest import SEED, add, assert_complete
from sandbox import Budget, emulate
from worlds import account

pytestmark = pytest.mark.timing


@pytest.mark.parametrize("vendor", ["kf5", "udesk"])
@pytest.mark.parametrize("rate, requests, seconds, tickets", [("20/s", 20, 1, 2000), ("1200/min", 1200, 60, 2000), ("120/min", 120, 60, 1100), ("5/s", 5, 1, 1000)])
def test_the_pace(home, vendor, rate, requests, seconds, tickets):
    state = account(vendor, tickets, SEED, chance=0.0)
    budget = Budget(requests, seconds)
    with emulate(vendor, state, budget=budget, latency=0.02) as emulator:
        add(home, "shop", emulator, rate=rate, page_size=20 if tickets > 1000 else 10)
        run = assert_complete(home.sync())
    sent = len(budget.accepted)
    span = budget.accepted[-1] - budget.accepted[0]
    steady = (sent - 1) * seconds / requests  # evenly spread
    burst = max(0, (sent - 1) // requests) * seconds  # as fast as a sliding window can allow
    print(f"{vendor} {rate}: {sent} requests in {span:.2f} s; even pace {steady:.2f} s, fastest possible {burst} s; whole run {run.seconds:.2f} s; refused {len(budget.refused)}")
    assert not budget.refused
    assert span <= steady * 1.03 + 0.1
