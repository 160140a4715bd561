"""One KF5 ticket as a row: the canonical columns."""

from row import Row
from values import (Unreadable, read_bool, read_code, read_instant, read_int8, read_integer, read_integers, read_text,
                    read_texts)

SCORES = {"very poor": 1, "poor": 2, "fair": 3, "very good": 4, "excellent": 5}
TEXTS = {"url": "url", "subject": "title", "description": "description", "recipient": "recipient"}
CODES = {"type": "type", "status": "status", "priority": "priority", "channel": "source"}
INTEGERS = {
    "requester_id": "requester_id", "assignee_id": "assignee_id", "group_id": "group_id",
    "organization_id": "organization_id", "creator_id": "creator_id", "problem_id": "problem_id",
    "chat_id": "chat_id", "process_seconds": "process_second",
}
INSTANTS = {
    "created_at": "created_at", "updated_at": "updated_at", "assigned_at": "assigneed_at",
    "resolved_at": "resolved_at", "closed_at": "closed_at", "absolute_slax_due_at": "absolute_slax_time_at",
}
ELSEWHERE = {"id", "due_date", "due_at", "collaborator_ids", "tags", "satisfaction_rating", "sla_status", "sla_event",
             "slax", "custom_fields"}
KNOWN = {*TEXTS.values(), *CODES.values(), *INTEGERS.values(), *INSTANTS.values(), *ELSEWHERE}


def _take_due(row, instant):
    """The first of two keys that gives an instant; the other one is rescued where it says something else."""
    found = None
    for key in ("due_date", "due_at"):
        value = row.ticket.get(key)
        try:
            moment = instant(value)
        except Unreadable:
            row.rescued[key] = value
            continue
        if moment is not None and found is not None and moment != found:
            row.rescued[key] = value
        elif found is None:
            found = moment
    row.cells["due_at"] = found


def kf5_row(ticket, zone):
    """A parsed ticket → Row. Zoneless dates are local to `zone`."""
    def instant(value):
        return read_instant(value, zone)

    row = Row(ticket)
    row.take("id", "id", read_integer)
    for names, read in ((TEXTS, read_text), (CODES, read_code), (INTEGERS, read_integer), (INSTANTS, instant)):
        for column, key in names.items():
            row.take(column, key, read)
    row.cells["description_format"] = "text"
    row.take("collaborator_ids", "collaborator_ids", read_integers)
    row.take("tags", "tags", read_texts)
    row.take("sla_status", "sla_status", read_int8)
    row.cells["sla_breached"] = {0: False, 1: True}.get(row.cells["sla_status"])
    _take_due(row, instant)
    row.take_object("satisfaction_rating", {
        "id": ("satisfaction_id", read_integer),
        "score": ("satisfaction_label", read_text),
        "comment": ("satisfaction_comment", read_text),
    })
    row.cells["satisfaction_score"] = SCORES.get((row.cells["satisfaction_label"] or "").lower())
    row.take_object("sla_event", {
        "paused": ("sla_paused", read_bool),
        "created_at": ("sla_paused_at", instant),
        "reason": ("sla_pause_reason", read_text),
    })
    row.take_object("slax", {
        "id": ("slax_id", read_integer),
        "title": ("slax_title", read_text),
        "diff_second": ("slax_diff_seconds", read_integer),
        "slax_time_at": ("slax_due_at", instant),
    })
    row.rescue_unknown(KNOWN)
    return row
