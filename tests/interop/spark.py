"""Spark reads a lake by a plain glob and finds what DuckDB finds; a filter on the partition reads its files only.

    TICKETLAKE_BIN=… python tests/interop/spark.py

A lake is made for it by the demo. It stands apart from the other tests because Spark is large and needs Java 17.
"""

import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from pyspark.sql import SparkSession, functions

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("TICKETLAKE_BIN", ROOT / "target/debug/ticketlake"))
TICKETS = 120
SOURCES = ("support", "shop")


def session():
    settings = {
        # Udesk has times of day; Spark reads them when it is told to.
        "spark.sql.timeType.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        # Without it the scan stands in the plan as it ran.
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
        "spark.sql.files.openCostInBytes": "100000",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def read(spark, lake, source):
    """A source as an analyst reads it: a glob, the folders as columns, no merging of schemas."""
    rows = spark.read.option("basePath", f"{lake}/tickets").option("mergeSchema", "false")
    return rows.parquet(f"{lake}/tickets/source={source}/*/*.parquet")


def by_spark(rows, columns):
    """→ number of rows, then for each column the number of values and one number for all of them."""
    told = [functions.count("*")]
    for name, of in columns:
        column = functions.col(f"`{name}`")
        told += [functions.count(column), functions.coalesce(functions.sum({
            "BIGINT": lambda c: c.cast("decimal(38, 0)"),
            "TINYINT": lambda c: c.cast("bigint"),
            "DOUBLE": lambda c: c,
            "BOOLEAN": lambda c: c.cast("bigint"),
            "DATE": lambda c: functions.unix_date(c),
            "TIME": lambda c: functions.expr(f"hour(`{name}`) * 3600 + minute(`{name}`) * 60 + cast(second(`{name}`) AS bigint)"),
            "TIMESTAMP WITH TIME ZONE": lambda c: functions.unix_micros(c).cast("decimal(38, 0)"),
            "VARCHAR": lambda c: functions.octet_length(c),
            "VARCHAR[]": lambda c: functions.expr(f"aggregate(`{name}`, 0L, (sum, x) -> sum + 1 + coalesce(octet_length(x), 0))"),
            "BIGINT[]": lambda c: functions.expr(f"aggregate(`{name}`, cast(0 AS decimal(38, 0)), (sum, x) -> cast(sum + coalesce(x, 0L) AS decimal(38, 0)))"),
        }[of](column)), functions.lit(0))]
    return [value if isinstance(value, float) else int(value) for value in rows.agg(*told).first()]


def by_duckdb(lake, source, columns):
    told = ["count(*)"]
    for name, of in columns:
        column = '"' + name.replace('"', '""') + '"'
        told += [f"count({column})", "coalesce(sum(" + {
            "BIGINT": f"{column}::HUGEINT",
            "TINYINT": column,
            "DOUBLE": column,
            "BOOLEAN": f"{column}::INT",
            "DATE": f"date_diff('day', DATE '1970-01-01', {column})",
            "TIME": f"epoch({column})::BIGINT",
            "TIMESTAMP WITH TIME ZONE": f"epoch_us({column})::HUGEINT",
            "VARCHAR": f"strlen({column})",
            "VARCHAR[]": f"len({column}) + coalesce(list_sum([strlen(x) FOR x IN {column}]), 0)",
            "BIGINT[]": f"coalesce(list_sum({column}), 0)::HUGEINT",
        }[of] + "), 0)"]
    files = f"read_parquet('{lake}/tickets/source={source}/*/*.parquet', hive_partitioning = true)"
    row = duckdb.execute(f"SELECT {', '.join(told)} FROM {files}").fetchone()
    return [value if isinstance(value, float) else int(value) for value in row]


def check_values(spark, lake, source):
    files = f"read_parquet('{lake}/tickets/source={source}/*/*.parquet', hive_partitioning = true)"
    columns = [row[:2] for row in duckdb.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()]
    rows = read(spark, lake, source)
    # Readers put the columns that come from folders in an order of their own.
    assert [name for name, _ in columns[:-2]] == rows.columns[:-2] and {name for name, _ in columns} == set(rows.columns), (columns, rows.columns)
    wanted, found = by_duckdb(lake, source, columns), by_spark(rows, columns)
    names = ["rows"] + [f"{name} {what}" for name, _ in columns for what in ("count", "sum")]
    differing = [(name, a, b) for name, a, b in zip(names, wanted, found) if a != b and abs(a - b) > 1e-9 * abs(a)]
    assert not differing, differing
    assert wanted[0] == TICKETS, wanted[0]
    filled = sum(count > 0 for count in wanted[1::2])
    print(f"{source}: {found[0]} rows, {len(columns)} columns, {filled} of them with values: as DuckDB finds them")


def check_filter(spark, lake, source):
    days = sorted(path.name.removeprefix("created_date=") for path in (lake / "tickets" / f"source={source}").iterdir() if "HIVE" not in path.name)
    day = days[len(days) // 2]
    rows = read(spark, lake, source).filter(f"source = '{source}' AND created_date = DATE '{day}'").select("id")
    found = sorted(row.id for row in rows.collect())
    plan = rows._jdf.queryExecution().executedPlan()
    text = plan.toString()
    scan = plan.collectLeaves().head()
    files = scan.metrics().apply("numFiles").value()
    filters = text[text.index("PartitionFilters: ["):].split("]")[0]
    assert "created_date" in filters and files == 1, (files, text)
    wanted = duckdb.execute(f"SELECT id FROM '{lake}/tickets/source={source}/created_date={day}/part-0.parquet' ORDER BY id").fetchall()
    assert [id for (id,) in wanted] == found and found, (wanted, found)
    print(f"{source}: {filters}], {files} of {len(days)} files read")


def main():
    logging.getLogger("py4j").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        made = [str(BINARY), "demo", "--tickets", str(TICKETS), "--dir", f"{folder}/demo", "--json"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        spark = session()
        print(f"Spark {spark.version}, DuckDB {duckdb.__version__}")
        passed = 0
        for source in SOURCES:
            for check in (check_values, check_filter):
                check(spark, Path(folder) / "demo/lake", source)
                passed += 1
        spark.stop()
        print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
