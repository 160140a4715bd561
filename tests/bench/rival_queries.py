"""Four questions to a lake by month, and to the best single file that DuckDB itself writes of the same rows.

Arguments: the lake, a folder for the files. Prints one JSON object: median seconds for each question, and bytes.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import duckdb

ROUNDS = 15
lake, folder = Path(sys.argv[1]), Path(sys.argv[2])
GLOB = f"read_parquet('{lake}/tickets/**/*.parquet', hive_partitioning = true)"
# DuckDB's usual size of a row group and a smaller one; its usual compression and the lake's.
FORMS = {f"{compression}, row groups of {rows}": (compression, rows) for compression in ("zstd", "snappy") for rows in (122_880, 30_720)}

database = duckdb.connect()


def write(name, compression, rows):
    path = folder / f"{name.replace(', ', '-').replace(' ', '_')}.parquet"
    database.execute(f"COPY (FROM {GLOB}) TO '{path}' (FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE {rows})")
    return path


def one(query):
    return database.execute(query).fetchone()


def questions():
    """Each as a query over `{}`. Both sides have the folder's column: in the lake it is the folder, in the file a column."""
    month, _ = one(f"SELECT created_month, count(*) AS n FROM {GLOB} GROUP BY 1 ORDER BY n DESC LIMIT 1")
    wanted = one(f"SELECT id FROM {GLOB} ORDER BY hash(id) LIMIT 1")[0]
    return {
        "count by status and day": "SELECT (created_at + INTERVAL 8 HOUR)::date AS day, status, count(*) FROM {} GROUP BY ALL",
        "one month's SLA breaches by group": f"SELECT group_id, count(*) FILTER (sla_breached), count(*) FROM {{}} WHERE created_month = '{month}' GROUP BY ALL",
        "one ticket by id": f"SELECT * FROM {{}} WHERE id = {wanted}",
        "one custom field's distribution": 'SELECT "cf_field_4", count(*) FROM {} GROUP BY ALL',
    }


def seconds(query):
    start = time.perf_counter()
    rows = database.execute(query).fetchall()
    return time.perf_counter() - start, rows


def main():
    files = {name: write(name, *form) for name, form in FORMS.items()}
    places = {"lake": GLOB, **{name: f"read_parquet('{path}')" for name, path in files.items()}}
    answers = {}
    for question, query in questions().items():
        taken = {place: [] for place in places}
        for _ in range(ROUNDS + 1):
            seen = set()
            for place, source in places.items():
                took, rows = seconds(query.format(source))
                taken[place].append(took)
                seen.add(len(rows))
            if len(seen) != 1:
                raise SystemExit(f"{question}: the lake and the files answer differently: {seen} rows")
        # The first round warms the disk's cache.
        median = {place: statistics.median(times[1:]) for place, times in taken.items()}
        best = min(files, key=median.get)
        answers[question] = {"lake_s": median["lake"], "file_s": median[best], "file": best}
    own = [file.stat().st_size for file in (lake / "tickets").rglob("*.parquet")]
    file_bytes = min(path.stat().st_size for name, path in files.items() if name.startswith("zstd"))
    print(json.dumps({"questions": answers, "lake_bytes": sum(own), "lake_files": len(own), "file_bytes": file_bytes}))


main()
