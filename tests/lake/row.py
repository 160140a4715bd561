"""A row in the making: cells, and what had to be rescued."""

from values import Unreadable


class Row:
    """Takes known keys from a ticket; what cannot be read lands in `rescued` under the vendor's key."""

    def __init__(self, ticket):
        self.ticket = ticket
        self.cells = {}
        self.rescued = {}

    def take(self, column, key, read):
        """Reads `key` into `column`. → whether it could be read."""
        value = self.ticket.get(key)
        try:
            self.cells[column] = read(value)
            return True
        except Unreadable:
            self.cells[column] = None
            self.rescued[key] = value
            return False

    def take_object(self, key, inside):
        """Reads a sub-object: `inside` maps its keys to (column, reader). Unknown keys are rescued under it."""
        value = self.ticket.get(key)
        for column, _ in inside.values():
            self.cells[column] = None
        if value is None or value == "" or value == []:
            return
        if not isinstance(value, dict):
            self.rescued[key] = value
            return
        below = Row(value)
        for name, (column, read) in inside.items():
            below.take(column, name, read)
        below.rescue_unknown(inside)
        self.cells.update(below.cells)
        if below.rescued:
            self.rescued[key] = below.rescued

    def rescue_unknown(self, known):
        for key, value in self.ticket.items():
            if key not in known:
                self.rescued[key] = value
