"""The checks pass a right lake and name each planted fault: no check here that cannot fail."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compare import compare_fields, compare_tickets
from conftest import expectation_of
from layout import INDEXED_ROWS, check_source, file_complaints, ticket_files, tree_complaints
from planted import table, write, write_lake
from worlds import account


def everything(lake, vendor, expectation):
    return compare_tickets(lake, "s", expectation) + compare_fields(lake, "s", expectation) + tree_complaints(lake, ["s"]) + check_source(lake, "s", expectation)


@pytest.fixture(scope="module", params=["kf5", "udesk"])
def right(request, tmp_path_factory):
    vendor = request.param
    expectation = expectation_of(account(vendor, 16, 5, chance=0.3, undated=0.1), vendor)
    lake = tmp_path_factory.mktemp("right") / "lake"
    write_lake(lake, "s", expectation)
    return lake, vendor, expectation


def test_a_right_lake_passes(right):
    assert everything(*right) == []


def rewritten(path, change, **settings):
    made = pq.ParquetFile(path).read()
    write(path, change(made), **settings)


def set_cell(made, column, value, row=0):
    place = made.column_names.index(column)
    cells = made.column(column).to_pylist()
    cells[row] = value
    return made.set_column(place, made.schema.field(place), pa.array(cells, made.schema.field(place).type))


FAULTS = {
    "another text": (lambda path: rewritten(path, lambda made: set_cell(made, "subject", "falsch")), "subject"),
    "a null": (lambda path: rewritten(path, lambda made: set_cell(made, "updated_at", None)), "updated_at"),
    "a rescued value lost": (lambda path: rewritten(path, lambda made: set_cell(made, "_rescued", '{"x":1}')), "_rescued"),
    "no _synced_at": (lambda path: rewritten(path, lambda made: set_cell(made, "_synced_at", None)), "_synced_at"),
    "a ticket twice": (lambda path: rewritten(path, lambda made: pa.concat_tables([made.slice(0, 1), made])), "2 times"),
    "a ticket missing": (lambda path: rewritten(path, lambda made: made.slice(1)), "missing"),
    "a foreign ticket": (lambda path: rewritten(path, lambda made: set_cell(made, "id", 77_777_777_777)), "nobody sent it"),
    "a column missing": (lambda path: rewritten(path, lambda made: made.drop_columns(["slax_id"])), "columns"),
    "another type": (lambda path: rewritten(path, lambda made: made.set_column(2, "subject", pa.array([b"x"] * len(made)))), "subject"),
    "the wrong folder": (lambda path: shutil.move(path.parent, path.parent.with_name("created_date=1999-01-01")), "1999-01-01"),
    "another compression": (lambda path: rewritten(path, lambda made: made, compression="snappy"), "compression"),
    "no statistics": (lambda path: rewritten(path, lambda made: made, write_statistics=False), "statistics"),
    "an Arrow schema": (lambda path: rewritten(path, lambda made: made, store_schema=True), "Arrow schema"),
    "no metadata": (lambda path: rewritten(path, lambda made: made.replace_schema_metadata({})), "ticketlake.version"),
    "a nullable id": (lambda path: rewritten(path, lambda made: made.cast(made.schema.set(0, pa.field("id", pa.int64())))), "REQUIRED"),
    "a second file": (lambda path: shutil.copy(path, path.with_name("part-1.parquet")), "part-1"),
    "a temporary file": (lambda path: path.with_name(".part-0.parquet.tmp").write_text(""), ".tmp"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named(right, tmp_path, fault):
    lake, vendor, expectation = right
    copy = tmp_path / "lake"
    shutil.copytree(lake, copy)
    plant, word = FAULTS[fault]
    plant(max(ticket_files(copy, "s"), key=lambda path: path.stat().st_size))
    complaints = everything(copy, vendor, expectation)
    assert any(word in complaint for complaint in complaints), complaints[:5]


def test_a_planted_fault_in_the_fields_is_named(right, tmp_path):
    lake, vendor, expectation = right
    copy = tmp_path / "lake"
    shutil.copytree(lake, copy)
    rewritten(copy / "ticket_fields/source=s/part-0.parquet", lambda made: set_cell(made, "label", "?"))
    rewritten(copy / "ticket_field_options/source=s/part-0.parquet", lambda made: made.slice(0, len(made) - 1))
    complaints = compare_fields(copy, "s", expectation)
    assert any("label" in complaint for complaint in complaints) and any("missing" in complaint for complaint in complaints)


def rows_of(count, text="文"):
    return [{"id": number, "subject": text, "created_at": None, "tags": [text] if number % 2 else []} for number in range(count)]


def told(**metadata):
    return lambda made: made.replace_schema_metadata({**made.schema.metadata, **{f"ticketlake.{key}".encode(): value for key, value in metadata.items()}})


def same(made):
    return made


FEW, MANY = 16, INDEXED_ROWS
# rows, what is done to the table, how it is written, a word of the complaint
FILES = {
    "few rows": (FEW, same, {}, None),
    "more than is promised": (FEW, same, {"compression": "zstd", "write_page_index": True, "bloom": {"id": {"ndv": 100, "fpp": 0.01}}}, None),
    "no rows": (0, same, {}, None),
    "little text uncompressed": (FEW, same, {"compression": "none"}, None),
    "an older version": (FEW, told(schema_version="1"), {}, None),
    "many rows": (MANY, same, {}, None),
    "almost many rows without an index": (MANY - 1, same, {"write_page_index": False, "bloom": None}, None),
    "no page index": (MANY, same, {"write_page_index": False}, "column index"),
    "no Bloom filter": (MANY, same, {"bloom": None}, "Bloom"),
    "much text uncompressed": (FEW, lambda _: table(COLUMNS, [{**row, "subject": f"{row['id']}" * 500} for row in rows_of(FEW)], "kf5"), {"compression": "none"}, "subject: no compression"),
    "another compression": (FEW, same, {"compression": {"created_at": "gzip"}}, "created_at: compression"),
    "no statistics": (FEW, same, {"write_statistics": False}, "id: no statistics"),
    "statistics of some": (FEW, same, {"write_statistics": ["id", "subject", "tags.list.element"]}, "created_at: no statistics"),
    "no statistics of a list": (FEW, same, {"write_statistics": ["id", "subject", "created_at"]}, "tags.list.element: no statistics"),
    "an Arrow schema": (FEW, same, {"store_schema": True}, "Arrow schema"),
    "a version to come": (FEW, told(schema_version="3"), {}, "schema_version is 3"),
    "no version of the program": (FEW, told(version=""), {}, "no ticketlake.version"),
    "another kind": (FEW, told(source_kind="udesk"), {}, "not kf5"),
    "unsorted": (FEW, lambda made: made.take(list(reversed(range(FEW)))), {}, "not sorted"),
}
COLUMNS = [("id", "int64"), ("subject", "text"), ("created_at", "instant"), ("tags", "list of text")]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_as_promised_or_the_fault_is_named(tmp_path, name):
    count, change, settings, word = FILES[name]
    path = tmp_path / "part-0.parquet"
    write(path, change(table(COLUMNS, rows_of(count), "kf5")), **settings)
    complaints = file_complaints(path, "kf5", True)
    assert len(complaints) == 0 if word is None else any(word in complaint for complaint in complaints), complaints[:5]
