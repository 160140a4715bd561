"""JSON whose numbers keep their text.

The lake promises numbers as written and keys in the order sent, so a check must not read `1.50` as a float. Half a
surrogate pair is one U+FFFD from here on.
"""

import json
import re

HALF_SURROGATE = re.compile("[\ud800-\udfff]")


class Number:
    """A JSON number, as its text."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and self.text == other.text

    def __hash__(self):
        return hash(self.text)

    def __repr__(self):
        return f"Number({self.text})"


def _constant(name):
    raise ValueError(f"{name} is no JSON")


def _whole(value):
    if isinstance(value, str):
        return HALF_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return value


def loads(text):
    """JSON text → None, bool, str, Number, list, dict (in the order sent)."""
    value = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_constant)
    return _whole(value) if "\\ud" in text or "\\uD" in text else value


def dumps(value):
    """The reverse: no white space, no needless escapes, numbers as they were written."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumps(key)}:{dumps(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
