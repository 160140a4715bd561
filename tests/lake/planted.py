"""A lake written straight from an expectation: to show that the checks pass a right lake, and to plant faults in."""

from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from columns import TICKET_FIELD_OPTIONS, TICKET_FIELDS
from expected import column_order
from layout import INDEXED_ROWS, is_type

TYPES = {"text": pa.string(), "int64": pa.int64(), "int8": pa.int8(), "bool": pa.bool_(), "float64": pa.float64(), "date32": pa.date32(),
         "time64[us]": pa.time64("us"), "instant": pa.timestamp("us", tz="UTC"), "list of text": pa.list_(pa.string()), "list of int64": pa.list_(pa.int64())}
NOW = int(datetime.now(timezone.utc).timestamp() * 1e6)


def table(columns, rows, kind):
    fields = [pa.field(name, TYPES[type_], name != "id") for name, type_ in columns]
    metadata = {"ticketlake.version": "0", "ticketlake.schema_version": "2", "ticketlake.source_kind": kind}
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in fields]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata))


def write(path, made, **settings):
    """Writes a file as is promised; `settings` go to pyarrow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_large = len(made) >= INDEXED_ROWS
    paths = {name: f"{name}.list.element" if pa.types.is_list(made.schema.field(name).type) else name for name in made.column_names}
    texts = {path: "zstd" if path != name or is_type("text", made.schema.field(name).type) else "none" for name, path in paths.items()}
    settings = {"compression": texts, "write_page_index": is_large, "store_schema": False, **settings}
    bloom = {"id": {"ndv": 1000, "fpp": 0.01}} if is_large and "id" in made.column_names else None
    bloom = settings.pop("bloom", bloom)
    # Without an Arrow schema pyarrow leaves the metadata out too, unless they are added.
    with pq.ParquetWriter(path, made.schema.remove_metadata(), bloom_filter_options=bloom, **settings) as writer:
        writer.write_table(made.replace_schema_metadata(None))
        writer.add_key_value_metadata(made.schema.metadata or {})


def write_lake(lake, source, expectation):
    lake = Path(lake)
    columns = column_order(expectation, sorted(expectation.undefined))
    folders = {}
    for number in sorted(expectation.rows):
        folders.setdefault(expectation.partitions[number], []).append({**expectation.rows[number], "_synced_at": NOW, "_deleted_at": None})
    for value, rows in folders.items():
        write(lake / f"tickets/source={source}/created_date={value}/part-0.parquet", table(columns, rows, expectation.vendor))
    seen = {"first_seen_at": NOW, "last_seen_at": NOW}
    for name, promised, rows in (("ticket_fields", TICKET_FIELDS, expectation.field_rows()), ("ticket_field_options", TICKET_FIELD_OPTIONS, expectation.option_rows())):
        rows = [{**row, **seen} for row in rows]
        write(lake / f"{name}/source={source}/part-0.parquet", table(promised, rows, expectation.vendor))
    (lake / "views.sql").write_text("")
