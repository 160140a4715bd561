"""The shape of the run summary, key by key."""

from datetime import datetime

COUNT = "count"
SOURCE = {
    "name": str, "kind": str, "outcome": str, "mode": str,
    "tickets": {key: COUNT for key in ("read", "new", "changed", "unchanged", "deleted")},
    "fields": {key: COUNT for key in ("defined", "new", "changed")},
    "requests": {key: COUNT for key in ("sent", "retried", "throttled", "failed", "bytes")},
    "paging": {key: COUNT for key in ("pages", "duplicates", "shifts_detected", "pages_reread")},
    "rescued": {"cells": COUNT, "by_key": {}},
    "lake": {key: COUNT for key in ("partitions_written", "files_written", "rows_written", "bytes_written", "commits")},
    "cursor": (str, type(None)), "seconds": (int, float), "error": (str, type(None)),
}
SUMMARY = {"run_id": str, "command": str, "started_at": str, "finished_at": str, "outcome": str, "sources": list, "peak_memory_bytes": COUNT}
OUTCOMES = {"complete", "incomplete", "failed", "interrupted"}


def _complaints(what, value, shape):
    if shape == COUNT:
        if type(value) is not int or value < 0:
            yield f"{what}: {value!r} is no count"
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{what}: {value!r} is no object"
            return
        for key, inside in shape.items():
            if key not in value:
                yield f"{what}.{key}: missing"
            else:
                yield from _complaints(f"{what}.{key}", value[key], inside)
    elif not isinstance(value, shape) or isinstance(value, bool):
        yield f"{what}: {value!r}"


def summary_complaints(summary, command="sync"):
    """What is not as documented. More keys than the documented ones are no fault."""
    complaints = list(_complaints("summary", summary, SUMMARY))
    if complaints:
        return complaints
    if summary["command"] != command:
        complaints.append(f"command: {summary['command']}")
    times = [datetime.fromisoformat(summary[key]) for key in ("started_at", "finished_at")]
    if times[0].tzinfo is None or times[0] > times[1]:
        complaints.append(f"started_at and finished_at: {times}")
    for source in summary["sources"]:
        complaints += _complaints(f"source {source.get('name')}", source, SOURCE)
        if source.get("outcome") not in OUTCOMES:
            complaints.append(f"source outcome {source.get('outcome')}")
        by_key = source.get("rescued", {}).get("by_key", {})
        complaints += [f"rescued.by_key.{key}: {count!r}" for key, count in by_key.items() if type(count) is not int]
    if summary["outcome"] not in OUTCOMES:
        complaints.append(f"outcome {summary['outcome']}")
    return complaints
