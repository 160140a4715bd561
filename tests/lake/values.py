"""How one vendor value is read as a column of a type.

Each reader takes parsed JSON and gives the cell: int for integers and for instants and times of day (microseconds),
float, bool, str, `datetime.date`, list. `None` is null. A value that cannot be read raises `Unreadable`: the row
rescues it then.
"""

import re
from datetime import date, datetime, timedelta, timezone

from jsontext import Number, dumps

INTEGER = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
OFFSET = r"(?: ?(Z|[+-][0-9]{2}:?[0-9]{2}))?"
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]00:00(:00(\.0{1,6})?)?")
INSTANT = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:[ T]{CLOCK}{OFFSET})?")
ZERO_DATE = re.compile(rf"0000-00-00(?:[ T]{CLOCK})?{OFFSET}")
TIME = re.compile(CLOCK)
TEN_DIGITS = re.compile(r"[0-9]{10}")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Unreadable(Exception):
    """The value does not fit the column's type."""


def scalar_text(value):
    """A string, number or boolean as text, as written."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    raise Unreadable


def raw_text(value):
    """What a `__raw` twin holds."""
    if value is None or isinstance(value, str):
        return value
    return dumps(value)


def read_text(value):
    """A canonical text column: `""` stays, objects and lists do not fit."""
    return None if value is None else scalar_text(value)


def read_loose_text(value):
    """A custom text column: objects and lists are their JSON text."""
    return raw_text(value)


def read_code(value):
    """A coded text column (status, type, …): `""` is null."""
    return read_text(value) or None


def _digits(value):
    if isinstance(value, str):
        return value
    if isinstance(value, Number):
        return value.text
    raise Unreadable


def _absent(value):
    return value is None or (isinstance(value, str) and value == "")


def read_integer(value, bits=64):
    if _absent(value):
        return None
    text = _digits(value)
    if not INTEGER.fullmatch(text):
        raise Unreadable
    number = int(text)
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise Unreadable
    return number


def read_int8(value):
    return read_integer(value, 8)


def read_decimal(value):
    if _absent(value):
        return None
    text = _digits(value)
    if not DECIMAL.fullmatch(text):
        raise Unreadable
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Unreadable
    return number


def read_bool(value):
    if _absent(value):
        return None
    if isinstance(value, bool):
        return value
    text = _digits(value)
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise Unreadable


def _calendar_day(text):
    year, month, day = map(int, DATE.fullmatch(text).groups())
    if year < 1000:
        raise Unreadable
    try:
        return date(year, month, day)
    except ValueError:
        raise Unreadable from None


def read_date(value):
    if _absent(value):
        return None
    if not isinstance(value, str):
        raise Unreadable
    if ZERO_DATE.fullmatch(value):
        return None
    if DATE.fullmatch(value):
        return _calendar_day(value)
    midnight = MIDNIGHT.fullmatch(value)
    if not midnight:
        raise Unreadable
    return _calendar_day(midnight[1])


def _time_of_day(hour, minute, second, fraction):
    hour, minute, second = int(hour), int(minute), int(second or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise Unreadable
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int((fraction or "0").ljust(6, "0"))


def read_time(value):
    if _absent(value):
        return None
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Unreadable
    return _time_of_day(*found.groups())


def read_instant(value, zone):
    """Microseconds since 1970 in UTC, of a year of four digits there; a text without an offset is local to `zone`."""
    if _absent(value):
        return None
    text = _digits(value)
    if TEN_DIGITS.fullmatch(text):
        return int(text) * 1_000_000
    if isinstance(value, Number):
        raise Unreadable
    if ZERO_DATE.fullmatch(text):
        return None
    found = INSTANT.fullmatch(text)
    if not found:
        raise Unreadable
    day, hour, minute, second, fraction, offset = found.groups()
    local = datetime.combine(_calendar_day(day), datetime.min.time())
    micros = _time_of_day(hour, minute, second, fraction) if hour else 0
    local += timedelta(microseconds=micros)
    if offset is None:
        # fold=0 is the offset before a clock change, for a doubled and for a skipped hour alike.
        shift = local.replace(tzinfo=zone, fold=0).utcoffset()
    elif offset == "Z":
        shift = timedelta(0)
    else:
        hours, minutes = int(offset[1:3]), int(offset[-2:])
        if hours > 23 or minutes > 59:
            raise Unreadable
        shift = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
    try:
        moment = local.replace(tzinfo=timezone.utc) - shift
    except OverflowError:
        raise Unreadable from None
    if moment.year < 1000:
        raise Unreadable
    return (moment - EPOCH) // timedelta(microseconds=1)


def _read_list(value, element):
    if _absent(value):
        return None
    if not isinstance(value, list):
        raise Unreadable
    return [None if item is None else element(item) for item in value]


def read_integers(value):
    return _read_list(value, read_integer)


def read_texts(value):
    return _read_list(value, scalar_text)
