"""The files of a lake: where they lie, how they are written, what their metadata say."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from columns import TICKET_FIELD_OPTIONS, TICKET_FIELDS
from expected import column_order, partition_of

TEXTS = {pa.string(), pa.large_string(), pa.string_view()}
INSTANT = pa.timestamp("us", tz="UTC")
TYPES = {"int64": pa.int64(), "int8": pa.int8(), "bool": pa.bool_(), "float64": pa.float64(), "date32": pa.date32(), "time64[us]": pa.time64("us"), "instant": INSTANT}
INDEXED_ROWS = 4096  # files of fewer rows need neither page index nor Bloom filter
FEW_BYTES = 1024  # of text, which may stay uncompressed
SCHEMA_VERSIONS = ("1", "2")
METADATA = ("ticketlake.version", "ticketlake.schema_version", "ticketlake.source_kind")


def is_type(name, type_):
    if name == "text":
        return type_ in TEXTS
    if name.startswith("list of "):
        return (pa.types.is_list(type_) or pa.types.is_large_list(type_)) and is_type(name[8:], type_.value_type)
    return TYPES[name] == type_


def _partition_pattern(source, partition):
    value = r"\d{4}-\d{2}-\d{2}" if partition == "day" else r"\d{4}-\d{2}"
    key = "created_date" if partition == "day" else "created_month"
    return re.compile(rf"source={re.escape(source)}/{key}=({value}|__HIVE_DEFAULT_PARTITION__)/part-0\.parquet")


def tree_complaints(lake, sources, partition="day"):
    """What lies where: only the promised files, and nothing strange under the tables."""
    lake = Path(lake)
    complaints = []
    top = {path.name for path in lake.iterdir()}
    strange = top - {"tickets", "ticket_fields", "ticket_field_options", "views.sql", "_ticketlake"}
    complaints += [f"{lake}: {name} does not belong there" for name in sorted(strange)]
    patterns = [_partition_pattern(source, partition) for source in sources]
    for path in (lake / "tickets").rglob("*"):
        inside = path.relative_to(lake / "tickets").as_posix()
        if not path.is_dir() and not any(pattern.fullmatch(inside) for pattern in patterns):
            complaints.append(f"tickets/{inside}: not a partition's file")
    for table in ("ticket_fields", "ticket_field_options"):
        wanted = {f"source={source}/part-0.parquet" for source in sources}
        found = {path.relative_to(lake / table).as_posix() for path in (lake / table).rglob("*") if not path.is_dir()}
        if found != wanted:
            complaints.append(f"{table}: expected {sorted(wanted)}, found {sorted(found)}")
    return complaints


def ticket_files(lake, source):
    return sorted((Path(lake) / "tickets" / f"source={source}").rglob("*.parquet"))


def file_complaints(path, kind, has_id):
    """Compression, statistics, indexes and metadata of one file."""
    name = "/".join(path.parts[-4:])
    file = pq.ParquetFile(path)
    complaints = _metadata_complaints(file.metadata, kind)
    is_large = file.metadata.num_rows >= INDEXED_ROWS
    for group in range(file.metadata.num_row_groups):
        for place in range(file.metadata.num_columns):
            chunk = file.metadata.row_group(group).column(place)
            is_flat = file.schema.column(place).max_repetition_level == 0
            complaints += [f"{chunk.path_in_schema}: {what}" for what in _chunk_complaints(file, chunk, is_flat, is_large)]
    if has_id:
        place = file.schema_arrow.names.index("id") if "id" in file.schema_arrow.names else None
        if place is None or file.schema_arrow.field(place).nullable or file.schema.column(0).max_definition_level != 0:
            complaints.append("id is not REQUIRED")
        ids = file.read(["id"]).column("id").to_pylist()
        if any(a >= b for a, b in zip(ids, ids[1:])):
            complaints.append("not sorted by id")
        complaints += _bloom_complaints(path) if is_large else []
    return [f"{name}: {complaint}" for complaint in complaints]


def _metadata_complaints(found, kind):
    told = {key.decode(): value.decode() for key, value in (found.metadata or {}).items()}
    complaints = [f"no {key}" for key in METADATA if not told.get(key)]
    if told.get("ticketlake.schema_version") not in SCHEMA_VERSIONS:
        complaints.append(f"ticketlake.schema_version is {told.get('ticketlake.schema_version')}")
    if told.get("ticketlake.source_kind") != kind:
        complaints.append(f"ticketlake.source_kind is {told.get('ticketlake.source_kind')}, not {kind}")
    if "ARROW:schema" in told:
        complaints.append("an Arrow schema in the metadata")
    return complaints


def _chunk_complaints(file, chunk, is_flat, is_large):
    """One column of one row group."""
    if chunk.compression not in ("ZSTD", "UNCOMPRESSED"):
        yield f"compression {chunk.compression}"
    if chunk.compression == "UNCOMPRESSED" and chunk.physical_type == "BYTE_ARRAY" and chunk.total_uncompressed_size > FEW_BYTES:
        yield f"no compression of {chunk.total_uncompressed_size} bytes of text"
    if not chunk.num_values:
        return
    found = chunk.statistics if chunk.is_stats_set else None
    if found is None or not found.has_null_count:
        yield "no statistics"
    # pyarrow does not show bounds in the order that Parquet lately has for decimal numbers.
    elif is_flat and chunk.physical_type != "DOUBLE" and found.null_count < chunk.num_values and not found.has_min_max:
        yield "no bounds in the statistics"
    if is_large and not chunk.has_offset_index:
        yield "no offset index"
    if is_large and not chunk.has_column_index and not _very_long(file, chunk):
        yield "no column index"


def _very_long(file, chunk):
    """Whether a text column holds a value so long that its bounds may be left out."""
    if chunk.physical_type != "BYTE_ARRAY":
        return False
    values = file.read([chunk.path_in_schema]).column(0).to_pylist()
    flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return max((len(item.encode()) for item in flat if item is not None), default=0) > 4096


def _bloom_complaints(path):
    query = "SELECT row_group_id FROM parquet_metadata(?) WHERE path_in_schema = 'id' AND bloom_filter_offset IS NULL AND row_group_num_rows > 0"
    return [f"no Bloom filter on id in row group {group}" for (group,) in duckdb.connect().execute(query, [str(path)]).fetchall()]


def _schema_complaints(what, schema, columns):
    complaints = []
    if schema.names != [name for name, _ in columns]:
        return [f"{what}: columns {schema.names[:4]}…, expected {[name for name, _ in columns][:4]}…"]
    for field, (name, type_) in zip(schema, columns):
        if not is_type(type_, field.type):
            complaints.append(f"{what} {name}: expected {type_}, found {field.type}")
    return complaints


def check_source(lake, source, expectation, zone="Asia/Shanghai"):
    """All files of one source: uniform schema, types, metadata, writing."""
    complaints, first = [], None
    files = ticket_files(lake, source)
    if not files:
        return [f"{source}: no ticket files"]
    defined = {name for name, _ in expectation.columns}
    for path in files:
        schema = pq.read_schema(path)
        name = "/".join(path.parts[-3:])
        if first is None:
            first = schema
            extra = [column for column in schema.names if column not in defined and not column.startswith("_")]
            columns = column_order(expectation, extra)
        elif not schema.equals(first):
            complaints.append(f"{name}: other columns or types than {files[0].parent.name}")
        complaints += _schema_complaints(name, schema, columns)
        complaints += file_complaints(path, expectation.vendor, True)
        complaints += _place_complaints(path, zone)
    for table, promised in (("ticket_fields", TICKET_FIELDS), ("ticket_field_options", TICKET_FIELD_OPTIONS)):
        path = Path(lake) / table / f"source={source}" / "part-0.parquet"
        if path.exists():
            complaints += _schema_complaints(table, pq.read_schema(path), promised)
            complaints += file_complaints(path, expectation.vendor, False)
    return complaints


def _place_complaints(path, zone):
    """Each row's own created_at names the folder it lies in."""
    key, value = path.parent.name.split("=", 1)
    partition = "day" if key == "created_date" else "month"
    complaints = []
    for micros in pq.ParquetFile(path).read(["created_at"]).column("created_at").cast(pa.int64()).to_pylist():
        right = partition_of(micros, ZoneInfo(zone), partition)
        if right != value:
            complaints.append(f"{path.parent.name}: a row of {right}")
            break
    return complaints
