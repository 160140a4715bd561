"""An extract of any form, read back as its readers do, in the cells that an expectation has.

Parquet, CSV and NDJSON by DuckDB, a workbook by openpyxl. Instants and times of day become microseconds.
"""

import csv
import json
import re
from datetime import date, datetime, time, timedelta, timezone

import duckdb
import openpyxl
from openpyxl.utils.escape import unescape

from compare import quoted, row_complaints, same
from expected import column_order

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
SQL = {"text": "VARCHAR", "int64": "BIGINT", "int8": "TINYINT", "float64": "DOUBLE", "bool": "BOOLEAN", "list of text": "VARCHAR[]",
       "list of int64": "BIGINT[]", "instant": "VARCHAR", "date32": "VARCHAR", "time64[us]": "VARCHAR"}
LONGEST = 32767  # UTF-16 units of a cell in Excel


def micros(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


def of_day(moment):
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond


def columns_of(expectation, names):
    """[(name, type)] of a file with these names: the promised ones in order, and `source`."""
    defined = {name for name, _ in expectation.columns}
    extra = [name for name in names if name not in defined and not name.startswith("_") and name != "source"]
    return column_order(expectation, extra) + [("source", "text")]


def from_text(type_, text):
    """A cell of text in its type, strictly in the one form that is promised."""
    if text is None or type_ == "text":
        return text
    if type_ in ("int64", "int8"):
        assert re.fullmatch(r"-?[0-9]+", text), text
        return int(text)
    if type_ == "float64":
        return float(text)
    if type_ == "bool":
        return {"true": True, "false": False}[text]
    if type_ == "instant":
        assert INSTANT.fullmatch(text), text
        return micros(datetime.fromisoformat(text))
    if type_ == "date32":
        return date.fromisoformat(text)
    if type_ == "time64[us]":
        return of_day(time.fromisoformat(text))
    return json.loads(text)


def read_parquet(path, _):
    connection = duckdb.connect()
    described = connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    cells = [f"epoch_us({quoted(row[0])})" if row[1] in ("TIMESTAMP WITH TIME ZONE", "TIME") else quoted(row[0]) for row in described]
    names = [row[0] for row in described]
    rows = connection.execute(f"SELECT {', '.join(cells)} FROM '{path}'").fetchall()
    return names, [dict(zip(names, row)) for row in rows]


def read_csv(path, expectation, **options):
    connection = duckdb.connect()
    given = "".join(f", {key} = {value}" for key, value in options.items())
    # Not guessed: a file of few rows leaves too much to guess.
    source = f"""read_csv('{path}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', new_line = '\\n',
                 allow_quoted_nulls = false, max_line_size = 20000000, auto_detect = false, columns = $columns{given})"""
    with open(path, encoding="utf-8-sig", newline="") as lines:
        names = next(csv.reader(lines))
    listed = "{" + ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in names) + "}"
    found = connection.execute(f"SELECT * FROM {source.replace('$columns', listed)}").fetchall()
    types = dict(columns_of(expectation, names))
    return names, [{name: from_text(types[name], cell) for name, cell in zip(names, row)} for row in found]


def sql_text(text):
    return "'" + text.replace("'", "''") + "'"


def read_ndjson(path, expectation):
    with open(path, encoding="utf-8") as lines:
        first = lines.readline()
    names = list(json.loads(first)) if first else []
    types = dict(columns_of(expectation, names))
    if not names:
        return [name for name in types], []
    listed = "{" + ", ".join(f"{sql_text(name)}: {sql_text(SQL[types[name]])}" for name in names) + "}"
    source = f"read_json('{path}', format = 'newline_delimited', columns = {listed}, maximum_object_size = 40000000)"
    rows = duckdb.connect().execute(f"SELECT * FROM {source}").fetchall()
    textual = {"instant", "date32", "time64[us]"}
    return names, [{name: from_text(types[name], cell) if types[name] in textual else cell for name, cell in zip(names, row)} for row in rows]


def read_xlsx(path, expectation):
    book = openpyxl.load_workbook(path, read_only=True)
    assert book.sheetnames == ["tickets", "columns"]
    lines = book["tickets"].iter_rows()
    names = [cell.value for cell in next(lines)]
    types = dict(columns_of(expectation, names))
    rows = []
    for line in lines:
        assert not [cell.value for cell in line if cell.data_type == "f"], "a formula"
        cells = [cell.value for cell in line] + [None] * (len(names) - len(line))
        rows.append({name: from_cell(types[name], cell) for name, cell in zip(names, cells)})
    explained = [row[0] for row in book["columns"].iter_rows(min_row=2, values_only=True)]
    assert explained == names
    return names, rows


def from_cell(type_, cell):
    if cell is None or type_ == "text":
        return cell
    if type_ in ("int64", "int8"):
        assert isinstance(cell, str) == (abs(int(cell)) >= 10**15), f"{cell!r} would be spoiled, or is needlessly text"
        return int(cell)
    if type_ == "float64":
        return float(cell)
    if isinstance(cell, datetime) and type_ == "instant":
        return micros(cell.replace(tzinfo=timezone.utc))
    if isinstance(cell, datetime) and type_ == "date32":
        return cell.date()
    if isinstance(cell, str):
        return from_text(type_, cell)
    return cell


READERS = {"parquet": read_parquet, "csv": read_csv, "ndjson": read_ndjson, "xlsx": read_xlsx}


def _same_in_a_sheet(expected, found):
    """A sheet knows no empty text, cuts long ones, and keeps instants to the millisecond."""
    if isinstance(expected, str):
        lines = expected.replace("\r\n", "\n").replace("\r", "\n")
        wanted = lines.encode("utf-16-le")[: 2 * LONGEST].decode("utf-16-le", "ignore")
        return unescape(found or "") == wanted
    if isinstance(expected, int) and isinstance(found, int) and abs(expected) > 10**12 and not isinstance(expected, bool):
        return abs(expected - found) <= 1000 if expected > -2_200_000_000_000_000 else expected == found
    if isinstance(expected, float) and isinstance(found, (int, float)):
        return found == expected or abs(found - expected) <= abs(expected) * 1e-14
    return same(expected, found)


def complaints_of(path, form, expectation, ids, source="shop", between=None):
    """What in the extract is not as promised; `ids`: those of the tickets that must be there."""
    names, rows = READERS[form](path, expectation)
    promised = [name for name, _ in columns_of(expectation, names)]
    complaints = [] if names == promised else [f"columns: expected {promised}, found {names}"]
    types = dict(columns_of(expectation, names))
    found_ids = [row["id"] for row in rows]
    if found_ids != sorted(ids):
        complaints.append(f"tickets: expected {len(ids)}, found {len(found_ids)}: missing {sorted(set(ids) - set(found_ids))[:5]}, extra {sorted(set(found_ids) - set(ids))[:5]}")
    for row in rows:
        expected = expectation.rows.get(row["id"])
        if expected is None:
            complaints.append(f"ticket {row['id']}: nobody sent it")
            continue
        if row["source"] != source or row["_deleted_at"] is not None or row["_synced_at"] is None:
            complaints.append(f"ticket {row['id']}: source {row['source']}, _deleted_at {row['_deleted_at']}, _synced_at {row['_synced_at']}")
        elif between and not between[0] <= row["_synced_at"] <= between[1]:
            complaints.append(f"ticket {row['id']} _synced_at: {row['_synced_at']}")
        told = [name for name, type_ in types.items() if name not in ("source", "_synced_at", "_deleted_at")]
        if form != "xlsx":
            complaints += row_complaints(source, expected, row, told)
            continue
        for name in told:
            if name == "_rescued" and len(expected.get(name) or "") <= LONGEST and row[name]:
                complaints += row_complaints(source, expected, row, [name])
            elif name != "_rescued" and not _same_in_a_sheet(expected.get(name), row[name]):
                complaints.append(f"ticket {row['id']} {name}: expected {expected.get(name)!r:.200}, found {row[name]!r:.200}")
    return complaints
