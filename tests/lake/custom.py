"""The cells of one custom field in one ticket."""

from values import (Unreadable, raw_text, read_bool, read_date, read_decimal, read_instant, read_integer,
                    read_loose_text, read_time, scalar_text)

READERS = {
    "text": read_loose_text,
    "int64": read_integer,
    "float64": read_decimal,
    "date32": read_date,
    "time64[us]": read_time,
    "bool": read_bool,
}


def _first_by_key(options):
    by_key = {}
    for option in options:
        by_key.setdefault(option.raw, option.label)
    return by_key


def _kf5_select(field, value):
    if value is None or value == "" or isinstance(value, (list, dict)):
        return None
    text = scalar_text(value)
    if any(option.label == text for option in field.options):
        return text
    return _first_by_key(field.options).get(text, text)


def _kf5_path(field, value):
    if value is None or value == "" or isinstance(value, dict):
        return None
    if not isinstance(value, list):
        return [scalar_text(value)]
    return [None if item is None or isinstance(item, (list, dict)) else scalar_text(item) for item in value]


def _indices(value):
    """The indices of a Udesk list or path; None where there are none to read."""
    if value is None or value == "" or isinstance(value, dict):
        return None
    if isinstance(value, list):
        return [None if item is None or isinstance(item, (list, dict)) else scalar_text(item) for item in value]
    return scalar_text(value).split(",")


def _udesk_select(field, value):
    if value is None or isinstance(value, (list, dict)):
        return None
    return _first_by_key(field.options).get(scalar_text(value))


def _udesk_many(field, value):
    indices = _indices(value)
    by_key = _first_by_key(field.options)
    return None if indices is None else [by_key.get(index) for index in indices]


def _udesk_path(field, value):
    indices = _indices(value)
    if indices is None or field.cascade is None:
        return None
    labels, known = [], True
    for depth in range(len(indices)):
        above = indices[: depth + 1]
        label = field.cascade.get(",".join(above)) if known and None not in above else None
        known = label is not None
        labels.append(label)
    return labels


RESOLVERS = {
    "kf5": {"select": _kf5_select, "path": _kf5_path},
    "udesk": {"select": _udesk_select, "many": _udesk_many, "path": _udesk_path},
}


def custom_cells(vendor, field, value, zone):
    """→ {column: cell} of the field and its twin. Raises Unreadable where the value must be rescued."""
    if field.has_twin:
        return {field.column: RESOLVERS[vendor][field.kind](field, value), field.column + "__raw": raw_text(value)}
    if field.kind == "instant":
        return {field.column: read_instant(value, zone)}
    return {field.column: READERS[field.kind](value)}


def _entries_by_name(vendor, raw):
    """`custom_fields` of a ticket → (values by name, entries that must be rescued)."""
    if vendor == "udesk":
        return dict(raw), []
    values, left_over = {}, []
    last = {entry["name"]: place for place, entry in enumerate(raw)
            if isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"]}
    for place, entry in enumerate(raw):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str) and last.get(name) == place:
            values[name] = entry.get("value")
        else:
            left_over.append(entry)
    return values, left_over


def read_custom_fields(vendor, raw, fields, zone):
    """→ (cells by column, what is rescued under "custom_fields", names without a definition).

    A name without a definition is a text column, with the value as sent.
    """
    right_shape = list if vendor == "kf5" else dict
    if raw is None or raw == "" or raw == [] or raw == {}:
        return {}, None, []
    if not isinstance(raw, right_shape):
        return {}, raw, []
    values, left_over = _entries_by_name(vendor, raw)
    cells, rescued, undefined = {}, {}, []
    for name, value in values.items():
        if name not in fields:
            undefined.append(name)
            cells["cf_" + name] = read_loose_text(value)
            continue
        try:
            cells.update(custom_cells(vendor, fields[name], value, zone))
        except Unreadable:
            rescued[name] = value
    if left_over:
        rescued[""] = left_over
    return cells, rescued or None, undefined
