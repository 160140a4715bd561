"""The lake that a vendor's answers promise: from JSON texts to the rows, columns and partitions of one source."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from columns import TAIL, TICKETS
from custom import read_custom_fields
from definitions import kf5_fields, udesk_fields
from jsontext import dumps, loads
from kf5 import kf5_row
from udesk import udesk_row

NO_DATE = "__HIVE_DEFAULT_PARTITION__"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass
class Expectation:
    """One source of a lake. `rows`: id → {column: cell}; a column that a row lacks is null there."""

    vendor: str
    columns: list  # (name, type), the defined ones, in order
    undefined: set  # names of custom columns without a definition, in no promised order
    rows: dict = field(default_factory=dict)
    partitions: dict = field(default_factory=dict)  # id → value of the partition key
    unreadable: int = 0  # tickets whose id cannot be read
    fields: list = field(default_factory=list)

    def field_rows(self):
        return [made.row for made in self.fields]

    def option_rows(self):
        return [row for made in self.fields for row in made.option_rows()]


def partition_of(created_at, lake_zone, partition):
    """The value of the Hive key for an instant in microseconds."""
    if created_at is None:
        return NO_DATE
    try:
        local = (EPOCH + timedelta(microseconds=created_at)).astimezone(lake_zone)
    except OverflowError:  # in the year 10000, which has no date of four digits
        return NO_DATE
    return local.date().isoformat()[: 10 if partition == "day" else 7]


def _rescued_cells(row, custom, left_over):
    if left_over is not None:
        row.rescued["custom_fields"] = left_over
    row.cells.update(custom)
    row.cells["_rescued"] = dumps(row.rescued) if row.rescued else None


def expect(vendor, ticket_texts, field_texts, cascades=None, zone="Asia/Shanghai", lake_zone="Asia/Shanghai",
           partition="day"):
    """→ Expectation. `ticket_texts`: one JSON text for each ticket as it stands at the source."""
    zone, lake_zone = ZoneInfo(zone), ZoneInfo(lake_zone)
    fields = kf5_fields(field_texts) if vendor == "kf5" else udesk_fields(field_texts, cascades)
    by_name = {made.name: made for made in fields}
    made = Expectation(vendor, custom_columns(fields), set(), fields=fields)
    for text in ticket_texts:
        ticket = loads(text)
        row = kf5_row(ticket, zone) if vendor == "kf5" else udesk_row(ticket, zone)
        custom, left_over, undefined = read_custom_fields(vendor, ticket.get("custom_fields"), by_name, zone)
        ticket_id = row.cells["id"]
        if ticket_id is None:
            made.unreadable += 1
            continue
        _rescued_cells(row, custom, left_over)
        made.undefined.update("cf_" + name for name in undefined)
        made.rows[ticket_id] = row.cells
        made.partitions[ticket_id] = partition_of(row.cells["created_at"], lake_zone, partition)
    return made


def custom_columns(fields):
    columns = list(TICKETS)
    for made in fields:
        columns.append((made.column, made.column_type))
        if made.has_twin:
            columns.append((made.column + "__raw", "text"))
    return columns


def column_order(expectation, undefined_order):
    """All columns of a file in order; those without a definition as the file has them."""
    return expectation.columns + [(name, "text") for name in undefined_order] + TAIL
