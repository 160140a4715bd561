"""The tickets of one account as they ought to stand, in every version they ever had, and how they change while somebody reads."""

import random
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass


@dataclass
class Ticket:
    """A ticket as a server holds it: its moments (epoch seconds or None) and the JSON text it answers."""

    id: int
    created: int | None
    updated: int | None
    text: str


class State:
    """Tickets by id, with every version a ticket ever had. Servers that show the account are told of each change at once.

    All methods are safe to call from any thread."""

    def __init__(self, tickets, fields, make_fresh, seed=1):
        self.lock = threading.RLock()
        self.by_id = {ticket.id: ticket for ticket in tickets}
        self.initial = dict(self.by_id)
        self.versions = {number: [ticket.text] for number, ticket in self.by_id.items()}
        self.fields = fields  # the definitions as data; `define` after a change
        self.deleted = set()
        self.doubles = []  # older versions that lists show beside the current ones
        self.servers = []
        self._make_fresh = make_fresh
        self.awkward = 0.1  # the share of values that a change makes awkward
        self._rng = random.Random(f"changes {seed}")
        self._orders = {}
        self._ids = sorted(self.by_id)

    def ordered(self, key):
        """The tickets ascending by `id`, `created` or `updated` (ties by id; those without the moment first), and their keys."""
        with self.lock:
            if key not in self._orders:
                order = {
                    "id": lambda ticket: ticket.id,
                    "created": lambda ticket: (ticket.created if ticket.created is not None else -1, ticket.id),
                    "updated": lambda ticket: (ticket.updated if ticket.updated is not None else -1, ticket.id),
                }[key]
                tickets = sorted([*self.by_id.values(), *self.doubles], key=order)
                self._orders[key] = (tickets, [order(ticket) for ticket in tickets])
            return self._orders[key]

    def between(self, key, start, end):
        """Tickets with `start` <= moment < `end` (either may be None), ascending by that moment."""
        tickets, keys = self.ordered(key)
        low = bisect_left(keys, (start if start is not None else 0, -1))
        high = bisect_left(keys, (end, -1)) if end is not None else len(keys)
        return tickets[low:high]

    def change(self, op, count=1, now=None):
        """Inserts, updates, deletes or redates (another created_at) `count` tickets. → their ids."""
        with self.lock:
            changed = [self._change_one(op, int(now if now is not None else time.time())) for _ in range(count)]
            if op == "delete":
                self._tell(lambda server: server.delete_tickets(changed))
            else:
                self._tell(lambda server: server.put_tickets([self.by_id[number] for number in dict.fromkeys(changed)]))
            return changed

    def _change_one(self, op, now):
        if op == "insert":
            number = (self._ids[-1] if self._ids else 0) + 1
            ticket = self._make_fresh(self._rng, number, now, now, self.fields, self.awkward)
        else:
            number = self._rng.choice(list(self.by_id))
            if op == "delete":
                self._drop(number)
                return number
            of = self._rng.choice(list(self.by_id)) if op == "redate" else number
            ticket = self._make_fresh(self._rng, number, self.by_id[of].created, now, self.fields, self.awkward)
        self._put(ticket)
        return number

    def fresh(self, number, created, now=None):
        """→ a new version of a ticket, created at `created`; `put` makes it the current one."""
        return self._make_fresh(self._rng, number, created, int(now if now is not None else time.time()), self.fields, self.awkward)

    def show_twice(self, tickets):
        """Lists show these versions beside the current ones; none: each ticket once again."""
        with self.lock:
            self._orders.clear()
            self.doubles = list(tickets)
            self._tell(lambda server: server.show_twice(self.doubles))

    def define(self, fields=None):
        """Other definitions, or those that stand in `fields` after a change of them."""
        with self.lock:
            self.fields = self.fields if fields is None else fields
            self._tell(lambda server: server.put_fields(self.fields))

    def put(self, *tickets):
        with self.lock:
            for ticket in tickets:
                self._put(ticket)
            self._tell(lambda server: server.put_tickets(tickets))

    def drop(self, *numbers):
        with self.lock:
            for number in numbers:
                self._drop(number)
            self._tell(lambda server: server.delete_tickets(numbers))

    def texts(self):
        with self.lock:
            return [ticket.text for ticket in self.by_id.values()]

    def _put(self, ticket):
        self._orders.clear()
        if ticket.id not in self.by_id:
            self._ids.append(ticket.id)
            self._ids.sort()
        self.by_id[ticket.id] = ticket
        self.versions.setdefault(ticket.id, []).append(ticket.text)

    def _drop(self, number):
        self._orders.clear()
        self._ids.remove(number)
        self.deleted.add(number)
        del self.by_id[number]

    def _tell(self, what):
        for server in self.servers:
            what(server)
