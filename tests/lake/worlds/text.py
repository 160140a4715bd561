"""Writing JSON as an awkward server might: white space, needless escapes, numbers in the text they were given."""

import json
from functools import lru_cache
from json.encoder import encode_basestring, encode_basestring_ascii


class Raw(str):
    """A JSON fragment that is written as it stands, e.g. `Raw("1.50")`."""


def _string(value, rng):
    style = rng.random()
    if style < 0.04:
        return encode_basestring_ascii(value)  # every non-ASCII letter escaped, in lower hex
    try:
        value.encode()
    except UnicodeEncodeError:  # half a surrogate pair can only be sent as an escape
        return encode_basestring_ascii(value)
    text = encode_basestring(value)
    return text.replace("/", "\\/") if style < 0.08 else text


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


@lru_cache(maxsize=65536)
def parsed(text):
    return json.loads(text)
