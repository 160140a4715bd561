"""A lake, read as any analyst would by DuckDB, cell by cell against what was promised.

Each function gives complaints: one line each, with source, ticket, column, expected and found. No line: all is right.
"""

from collections import Counter

import duckdb

from columns import TICKET_FIELD_OPTIONS, TICKET_FIELDS
from expected import column_order
from jsontext import dumps, loads

MOST_LINES = 20


def shown(complaints):
    """At most 20 lines for a person, and how many more there are."""
    lines = complaints[:MOST_LINES]
    if len(complaints) > MOST_LINES:
        lines.append(f"… and {len(complaints) - MOST_LINES} more")
    return "\n".join(lines)


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def _readable(name, type_):
    """SQL that gives a cell as the expectation has it: instants and times of day as microseconds."""
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return f"epoch_us({quoted(name)})"
    if type_ == "TIME":
        return f"epoch_us({quoted(name)})"
    return quoted(name)


def read_table(lake, table, source):
    """→ (column names in the order of the files, rows as dicts). All files of the source by the plain glob."""
    connection = duckdb.connect()
    glob = f"{lake}/{table}/source={source}/**/*.parquet"
    options = "hive_partitioning = true, hive_types_autocast = false, union_by_name = true"
    if not connection.execute("SELECT count(*) FROM glob(?)", [glob]).fetchone()[0]:
        return [], []
    relation = f"read_parquet('{glob}', {options})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    columns = [(row[0], row[1]) for row in described]
    select = ", ".join(_readable(name, type_) for name, type_ in columns)
    names = [name for name, _ in columns]
    rows = connection.execute(f"SELECT {select} FROM {relation}").fetchall()
    return names, [dict(zip(names, row)) for row in rows]


def whole_lake(lake):
    """The contract's own query. → {(source, id): count}."""
    query = f"SELECT source, id, count(*) FROM read_parquet('{lake}/tickets/**/*.parquet', hive_partitioning = true, union_by_name = true) GROUP BY ALL"
    return {(source, number): count for source, number, count in duckdb.connect().execute(query).fetchall()}


def same(expected, found):
    """Equal and of one type, in lists too: True is not 1, 1 is not 1.0."""
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    return type(expected) is type(found) and expected == found


def _unordered(value, depth):
    """The JSON text of each rescued value stands; the order of the keys around them is not promised."""
    if isinstance(value, dict) and depth:
        return {key: _unordered(item, depth - 1) for key, item in value.items()}
    return dumps(value)


def same_rescued(expected, found):
    if expected is None or found is None:
        return expected is found
    try:
        parsed = loads(found)
    except ValueError:
        return False
    if dumps(parsed) != found or not isinstance(parsed, dict):
        return False
    ours = loads(expected)
    if ours.keys() != parsed.keys():
        return False
    return all(_unordered(ours[key], 2) == _unordered(parsed[key], 2) for key in ours)


def short(value):
    text = repr(value)
    return text if len(text) <= 160 else text[:150] + f"…({len(text)})"


def row_complaints(source, expected, found, names, skip=()):
    """Cells of one ticket that are not as promised."""
    for name in names:
        if name in skip:
            continue
        want, have = expected.get(name), found.get(name)
        if not (same_rescued(want, have) if name == "_rescued" else same(want, have)):
            yield f"{source} ticket {expected['id']} {name}: expected {short(want)}, found {short(have)}"


PASSING = {"source", "created_date", "created_month", "_synced_at", "_deleted_at"}


def _column_complaints(source, expectation, names):
    inside = [name for name in names if name not in ("source", "created_date", "created_month")]
    defined = {name for name, _ in expectation.columns}
    extra = [name for name in inside if name not in defined and not name.startswith("_")]
    complaints = []
    if set(extra) != expectation.undefined:
        complaints.append(f"{source}: columns without a definition: expected {sorted(expectation.undefined)}, found {extra}")
    order = [name for name, _ in column_order(expectation, extra)]
    if inside != order:
        place = next((n for n, (a, b) in enumerate(zip(inside, order)) if a != b), min(len(inside), len(order)))
        complaints.append(f"{source}: column {place}: expected {order[place:place + 3]}, found {inside[place:place + 3]}")
    return complaints


def compare_tickets(lake, source, expectation, synced=None, gone=()):
    """Every cell of every ticket. `synced`: (earliest, latest) µs of `_synced_at`; `gone`: ids with `_deleted_at`."""
    try:
        names, rows = read_table(lake, "tickets", source)
    except duckdb.Error as error:
        return [f"{source}: the files cannot be read by one glob: {error}"]
    if not names:
        return [f"{source}: no file under tickets/source={source}"]
    complaints = _column_complaints(source, expectation, names)
    seen = Counter(row["id"] for row in rows)
    complaints += [f"{source} ticket {number}: there {count} times" for number, count in seen.items() if count > 1]
    complaints += [f"{source} ticket {number}: missing" for number in sorted(expectation.rows.keys() - seen.keys())]
    key = "created_date" if "created_date" in names else "created_month"
    for found in rows:
        expected = expectation.rows.get(found["id"])
        if expected is None:
            complaints.append(f"{source} ticket {found['id']}: nobody sent it")
            continue
        complaints += row_complaints(source, expected, found, names, PASSING)
        partition = found[key] if found[key] is not None else "__HIVE_DEFAULT_PARTITION__"
        if str(partition) != expectation.partitions[found["id"]]:
            complaints.append(f"{source} ticket {found['id']}: expected in {expectation.partitions[found['id']]}, found in {partition}")
        if found["_synced_at"] is None or (synced and not synced[0] <= found["_synced_at"] <= synced[1]):
            complaints.append(f"{source} ticket {found['id']} _synced_at: expected within {synced}, found {found['_synced_at']}")
        if (found["_deleted_at"] is not None) != (found["id"] in gone):
            complaints.append(f"{source} ticket {found['id']} _deleted_at: found {found['_deleted_at']}")
    return complaints


def _table_complaints(what, expected, found, columns, skip):
    complaints = []
    names = [name for name, _ in columns]
    for place in sorted(expected.keys() | found.keys(), key=repr):
        if place not in found or place not in expected:
            complaints.append(f"{what} {place}: {'missing' if place not in found else 'nobody defined it'}")
            continue
        for name in names:
            if name not in skip and not same(expected[place].get(name), found[place].get(name)):
                complaints.append(f"{what} {place} {name}: expected {short(expected[place].get(name))}, found {short(found[place].get(name))}")
        if None in (found[place]["first_seen_at"], found[place]["last_seen_at"]):
            complaints.append(f"{what} {place}: first_seen_at or last_seen_at is null")
    return complaints


def compare_fields(lake, source, expectation):
    """The rows of `ticket_fields` and `ticket_field_options`."""
    seen = ("first_seen_at", "last_seen_at")
    complaints = []
    names, rows = read_table(lake, "ticket_fields", source)
    if [name for name in names if name != "source"] != [name for name, _ in TICKET_FIELDS]:
        complaints.append(f"{source} ticket_fields: columns {names}")
    else:
        expected = {row["field_name"]: row for row in expectation.field_rows()}
        found = {row["field_name"]: row for row in rows}
        complaints += [f"{source} ticket_fields: {len(rows)} rows, {len(found)} names"] * (len(rows) != len(found))
        complaints += _table_complaints(f"{source} field", expected, found, TICKET_FIELDS, seen)
    names, rows = read_table(lake, "ticket_field_options", source)
    if [name for name in names if name != "source"] != [name for name, _ in TICKET_FIELD_OPTIONS]:
        return complaints + [f"{source} ticket_field_options: columns {names}"]
    expected = {(row["field_name"], row["position"]): row for row in expectation.option_rows()}
    found = {(row["field_name"], row["position"]): row for row in rows if row["active"]}
    return complaints + _table_complaints(f"{source} option", expected, found, TICKET_FIELD_OPTIONS, seen)
