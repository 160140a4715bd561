"""DuckDB's bare conversion: local JSON lines → Parquet by date. No fetching, no labels, no merging, nothing proven.

Arguments: the JSON lines, the folder to write to.
"""

import sys

import duckdb

lines, folder = sys.argv[1:]
# The types are found by DuckDB in a sample, as anybody's first try would have it; a column with odd values becomes text or JSON.
duckdb.sql(f"""
    COPY (SELECT *, try_cast(created_at AS timestamp)::date AS created_date FROM read_ndjson('{lines}', ignore_errors = true))
    TO '{folder}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (created_date), OVERWRITE)
""")
