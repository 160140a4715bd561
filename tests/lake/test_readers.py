"""Every reader takes a source as it lies, by a plain glob or its folder, and finds the same in it; a filter on the partition opens its files only."""

import datetime
import json
import math
import re
import zlib

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from conftest import assert_complete
from program import Home, run
from test_sandbox import lines, sandbox
from test_views import SECRETS, add_sources, change

SOURCES = ("help-desk", "support")
TICKETS = 200


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """Two sources whose files were written at different times, with other labels and one column more than at first."""
    home = Home(tmp_path_factory.mktemp("readers"))
    with sandbox(TICKETS) as origin:
        add_sources(home, origin, *SOURCES)
        assert_complete(home.sync(env=SECRETS))
        for vendor, key in (("kf5", "name"), ("udesk", "field_name")):
            field = json.loads(lines(origin, f"{vendor}/fields")[0])[key]
            change(origin, f"{vendor}/fields", {"op": "rename", "name": field, "label": "新名字"})
            change(origin, vendor, {"op": "update", "count": 30, "seed": 1})
            change(origin, vendor, {"op": "delete", "count": 5, "seed": 2})
        assert_complete(home.sync("--full", "--accept-deletes", env=SECRETS))
    return home.lake


def folder(lake, source):
    return lake / "tickets" / f"source={source}"


def by_duckdb(lake, source):
    return duckdb.connect().sql(f"SELECT * FROM read_parquet('{folder(lake, source)}/**/*.parquet', hive_partitioning = true)").to_arrow_table()


def by_polars(lake, source):
    return polars.read_parquet(folder(lake, source) / "**" / "*.parquet", hive_partitioning=True).to_arrow()


def by_pandas(lake, source):
    return pa.Table.from_pandas(pandas.read_parquet(folder(lake, source), dtype_backend="pyarrow"), preserve_index=False)


def by_pyarrow(lake, source):
    return ds.dataset(folder(lake, source), partitioning="hive").to_table()


READERS = {"duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas, "pyarrow": by_pyarrow}


def total(values):
    """One number for the values of a column: their sum, of texts that of their checksums, of lists that of all elements; exact but for fractions."""
    if isinstance(values[0], float):
        return round(math.fsum(values), 6)
    if isinstance(values[0], (bool, int)):
        return sum(map(int, values))
    if isinstance(values[0], str):
        return sum(zlib.crc32(value.encode()) for value in values)
    if isinstance(values[0], datetime.datetime):
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        return sum((value.astimezone(datetime.UTC) - epoch) // datetime.timedelta(microseconds=1) for value in values)
    if isinstance(values[0], datetime.date):
        return sum(value.toordinal() for value in values)
    if isinstance(values[0], datetime.time):
        return sum((value.hour * 60 + value.minute) * 60_000_000 + value.second * 1_000_000 + value.microsecond for value in values)
    inner = [item for value in values for item in value]
    return (len(inner), total([item for item in inner if item is not None] or [0]))


def figures(table):
    """→ of every column of the files, and of the partition's day, the number of values and their total."""
    found = {}
    for name in table.column_names:
        if name == "source":
            continue
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", tz="UTC"))
        # A reader may keep the day as text.
        if name == "created_date" and pa.types.is_string(column.type):
            column = pc.cast(column, pa.date32())
        values = [value for value in column.to_pylist() if value is not None]
        found[name] = (len(values), total(values or [0]))
    return table.num_rows, found


@pytest.mark.parametrize("source", SOURCES)
def test_every_reader_finds_the_same(lake, source):
    rows, wanted = figures(by_duckdb(lake, source))
    assert rows == TICKETS and wanted["id"][0] == TICKETS and wanted["_deleted_at"][0] == 5
    assert sum(count > 0 for count, _ in wanted.values()) > 40
    for name, read in READERS.items():
        found_rows, found = figures(read(lake, source))
        assert found_rows == rows and found.keys() == wanted.keys(), name
        differing = {column: (wanted[column], found[column]) for column in wanted if wanted[column] != found[column]}
        assert not differing, (name, differing)


def test_a_filter_on_the_partition_opens_its_files_only(lake):
    files = sorted(folder(lake, "support").rglob("*.parquet"))
    days = [path.parent.name.removeprefix("created_date=") for path in files if "HIVE" not in str(path)]
    day = days[len(days) // 2]

    query = f"SELECT count(*), sum(id) FROM read_parquet('{lake}/tickets/**/*.parquet', hive_partitioning = true, union_by_name = true)"
    query += f" WHERE source = 'support' AND created_date = DATE '{day}'"
    connection = duckdb.connect()
    plan = connection.execute("EXPLAIN ANALYZE " + query).fetchone()[1]
    every = len(list((lake / "tickets").rglob("*.parquet")))
    assert f"Scanning Files: 1/{every}" in plan and "Total Files Read: 1" in re.sub(r" +", " ", plan), plan
    wanted = connection.execute(query).fetchone()

    rows = polars.scan_parquet(folder(lake, "support") / "**" / "*.parquet", hive_partitioning=True)
    one = rows.filter(polars.col("created_date") == datetime.date.fromisoformat(day)).select(polars.len(), polars.col("id").sum())
    plan = one.explain()
    assert f"created_date={day}/part-0.parquet]" in plan and plan.count("part-0.parquet") == 1, plan
    assert one.collect().row(0) == wanted

    schema = pa.schema([("created_date", pa.string())])
    dataset = ds.dataset(folder(lake, "support"), partitioning=ds.partitioning(schema, flavor="hive"))
    only = ds.field("created_date") == day
    assert len(list(dataset.get_fragments(only))) == 1 and len(list(dataset.get_fragments())) == len(files)
    assert dataset.count_rows(filter=only) == wanted[0]


def test_fill_rates_are_those_that_sql_counts(lake):
    """`fields --all` counts a value that is not empty in each live row: from statistics, and where these cannot tell, from the rows."""
    told = run("fields", "--all", "--json", "--lake", str(lake))
    assert told.code == 0, told
    for source in told.summary["sources"]:
        files = f"read_parquet('{folder(lake, source['name'])}/**/*.parquet', hive_partitioning = false)"
        columns = [row[:2] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {files}").fetchall()]
        names = [name for name, _ in columns]
        empty = lambda name, of: f""" FILTER ("{name}" <> '')""" if of == "VARCHAR" else f' FILTER (len("{name}") > 0)' if of.endswith("[]") else ""
        counts = ", ".join(f'count("{name}")' + empty(name, of) for name, of in columns)
        live, *counts = duckdb.execute(f"SELECT count(*), {counts} FROM {files} WHERE _deleted_at IS NULL").fetchall()[0]
        wanted = dict(zip(names, counts))
        assert (source["tickets"], source["deleted"]) == (live, 5) == (TICKETS - 5, 5)
        found = {column["column_name"]: column["filled_tickets"] for column in source["fields"] + source["columns"]}
        found |= {field["raw_column_name"]: field["raw_filled_tickets"] for field in source["fields"] if field["raw_column_name"]}
        assert found == wanted
        rates = {column["column_name"]: column["fill_rate"] for column in source["fields"] + source["columns"]}
        assert all(abs(rate - wanted[name] / live) < 1e-12 for name, rate in rates.items())
        keys = {column["column_name"]: column["vendor_key"] for column in source["columns"]}
        assert keys["subject"] == ("`title`" if source["name"] == "support" else "`subject`") and keys["_rescued"] is None


def test_the_dictionary_as_markdown(lake):
    """One table for each source, as many cells in every row, every column of the files in it."""
    text = run("fields", "--all", "--markdown", "--lake", str(lake), "--source", "support").out
    columns = pq.read_schema(next(folder(lake, "support").rglob("*.parquet"))).names
    assert all(f"`{name}`" in text for name in columns if not name.endswith("__raw"))
    tables = [block.split("\n") for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        cells = {len(re.split(r"(?<!\\)\|", line)) for line in table if line}
        assert len(cells) == 1, table
    assert "华东" in text and re.search(r"\| \d+ % \|", text)
    assert run("fields", "--markdown", "--json", "--lake", str(lake)).code == 2
