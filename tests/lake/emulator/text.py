"""Writing JSON as an awkward server might: white space, needless escapes, numbers in the text they were given."""

import json


class Raw(str):
    """A JSON fragment that is written as it stands, e.g. `Raw("1.50")`."""


def _string(value, rng):
    style = rng.random()
    if style < 0.04:
        return json.dumps(value)  # every non-ASCII letter escaped, in lower hex
    text = json.dumps(value, ensure_ascii=False)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return json.dumps(value)
    if style < 0.08:
        return text.replace("/", "\\/")
    return text


def write(value, rng, loose=False):
    """Parsed-like data (dict, list, str, int, bool, None, Raw) → JSON text."""
    comma, colon = (", ", ": ") if loose else (",", ":")
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, str):
        return _string(value, rng)
    if isinstance(value, dict):
        pairs = (f"{_string(key, rng)}{colon}{write(item, rng, loose)}" for key, item in value.items())
        return "{" + comma.join(pairs) + "}"
    if isinstance(value, list):
        return "[" + comma.join(write(item, rng, loose) for item in value) + "]"
    return json.dumps(value)
