"""KF5 as its documents tell: the whole ticket list, an agent's, search, problems, incidents, one ticket, several, fields, me."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from urllib.parse import urlencode

from .trouble import Answer

SHANGHAI = timezone(timedelta(hours=8))


@dataclass
class Kf5Manners:
    """How this server differs from the plainest reading; each default is that reading."""

    envelope: str = "full"  # full | bare | count | next_page: which paging keys are there
    start_inclusive: bool = True
    end_inclusive: bool = True
    page_cap: int = 100
    max_page: int | None = None  # an error beyond this page
    break_page: int | None = None  # always 500 from this page on
    repeat_page: int | None = None  # this page is answered with the one before it
    order: str | None = None  # a list order other than the one asked for: id_desc, created_desc, shuffled
    fake_count: int | None = None
    next_host: str | None = None  # next_page names this origin
    fields_cap: int = 100
    unpaged: bool = False  # problems and incidents, of which no paging is documented, come whole whatever page is asked for
    show_cap: int = 100  # fewer tickets from show_many than asked for
    email: str = "agent@example.com"
    password: str = "s3cret-päss:word/%"
    token: str = "tok-en_123"


def _epoch(text):
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=SHANGHAI).timestamp())
        except ValueError:
            pass
    return None


def authorised(manners, header):
    kind, _, code = (header or "").partition(" ")
    try:
        user, _, word = base64.b64decode(code, validate=True).decode().partition(":")
    except ValueError:
        return False
    allowed = {(manners.email, manners.password), (manners.email + "/token", manners.token)}
    return kind.lower() == "basic" and (user, word) in allowed


def _window(state, manners, key, query):
    start, end = (_epoch(query[name]) if name in query else None for name in (f"{key}_start", f"{key}_end"))
    if start is not None and not manners.start_inclusive:
        start += 1
    if end is not None and manners.end_inclusive:
        end += 1
    return state.between(key, start, end)


def _select(state, manners, query):
    """The tickets that a list request asks for, in the order asked."""
    if "field_order" in query or "status_order" in query:
        raise ValueError("an order that no reader here asks for")
    filtered = [key for key in ("created", "updated") if f"{key}_start" in query or f"{key}_end" in query]
    asked = next((key for key in ("created", "updated") if f"{key}_order" in query), None)
    if filtered:
        chosen = _window(state, manners, filtered[0], query)
        if len(filtered) == 2:
            other = {ticket.id for ticket in _window(state, manners, "updated", query)}
            chosen = [ticket for ticket in chosen if ticket.id in other]
        if asked != filtered[0]:
            chosen = sorted(chosen, key=lambda ticket: (getattr(ticket, asked) or -1, ticket.id) if asked else ticket.id)
    else:
        chosen = state.ordered(asked or "id")[0]
    if asked and query[f"{asked}_order"].lower() == "desc":
        chosen = chosen[::-1]
    if manners.order == "id_desc":
        chosen = sorted(chosen, key=lambda ticket: -ticket.id)
    elif manners.order == "created_desc":
        chosen = sorted(chosen, key=lambda ticket: (-(ticket.created or 0), ticket.id))
    elif manners.order == "shuffled":
        chosen = sorted(chosen, key=lambda ticket: hash((ticket.id, 7919)))
    return chosen


def _page_numbers(query, cap):
    page = max(1, int(query.get("page") or 1))
    size = min(cap, max(1, int(query.get("per_page") or 100)))
    return page, size


def _envelope(manners, key, texts, total, path, query, page, size, origin):
    parts = [f'"{key}":[' + ",".join(texts) + "]"]

    def link(number):
        return (manners.next_host or origin) + path + "?" + urlencode({**query, "page": number})

    if manners.envelope in ("full", "count"):
        parts.append(f'"count":{total if manners.fake_count is None else manners.fake_count}')
    if manners.envelope in ("full", "next_page"):
        more = page * size < total
        parts.append('"next_page":' + (json.dumps(link(page + 1)) if more else "null"))
        parts.append('"previous_page":' + (json.dumps(link(page - 1)) if page > 1 else "null"))
    return Answer(200, "{" + ",".join(parts) + "}")


@lru_cache(maxsize=65536)
def parsed(text):
    return json.loads(text)


def _is(value, number):
    return not isinstance(value, (bool, float)) and str(value) == str(number)


def _values(ticket):
    entries = ticket.get("custom_fields")
    entries = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    values = [entry.get("value") for entry in entries]
    return {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values if value is not None}


def _found(state, query):
    """search.json: keywords in several fields, statuses with commas between them, the value of any custom field; newest first by default."""
    words, statuses = query.get("query", "").lower(), query.get("status", "")
    chosen = []
    for ticket in state.ordered("created")[0]:
        known = parsed(ticket.text)
        texts = [str(known.get(key) or "").lower() for key in ("title", "description", "id")]
        if words and not any(words in text for text in texts):
            continue
        if statuses and known.get("status") not in statuses.split(","):
            continue
        if query.get("fieldvalue") and query["fieldvalue"] not in _values(known):
            continue
        chosen.append(ticket)
    return chosen if query.get("created_order", "desc") == "asc" else chosen[::-1]


def _as_sampled(text):
    """The samples of problems and incidents have a `subject` where every other one has a `title`."""
    return text.replace('"title"', '"subject"', 1)


def list_chosen(state, manners, path, query, origin, choose, sampled=False):
    """Another list than the whole one."""
    page, size = _page_numbers(query, manners.page_cap)
    with state.lock:
        chosen = choose()
        if chosen is None:
            return Answer.json({"error": "RecordNotFound", "message": "Not found"}, 404)
        texts = [_as_sampled(ticket.text) if sampled else ticket.text for ticket in chosen]
        if sampled and manners.unpaged:
            return Answer(200, '{"tickets":[' + ",".join(texts) + "]}")
        at = page - 1 if manners.repeat_page == page and page > 1 else page
        return _envelope(manners, "tickets", texts[(at - 1) * size : at * size], len(chosen), path, query, page, size, origin)


def list_tickets(state, manners, path, query, origin):
    page, size = _page_numbers(query, manners.page_cap)
    if manners.max_page and page > manners.max_page:
        return Answer.json({"error": "page out of range", "message": "页码超出范围"}, 400)
    if manners.break_page and page >= manners.break_page:
        return Answer.json({"message": "internal error"}, 500)
    with state.lock:
        chosen = _select(state, manners, query)
        at = page - 1 if manners.repeat_page == page and page > 1 else page
        rows = [ticket.text for ticket in chosen[(at - 1) * size : at * size]]
        return _envelope(manners, "tickets", rows, len(chosen), path, query, page, size, origin)


def list_fields(state, manners, path, query, origin, active_only=False):
    page, size = _page_numbers(query, manners.fields_cap)
    chosen = [json.dumps(field, ensure_ascii=False) for field in state.fields if field["active"] or not active_only]
    return _envelope(manners, "ticket_fields", chosen[(page - 1) * size : page * size], len(chosen), path, query, page, size, origin)


def _other_list(state, manners, bare, query):
    """→ (how its tickets are chosen, whether they look as in its sample), or None."""
    if bare == "tickets/search":
        return (lambda: _found(state, query)), False
    if bare == "tickets/problems":
        return (lambda: [ticket for ticket in state.ordered("updated")[0][::-1] if parsed(ticket.text).get("type") == "problem"]), True
    of_agent = re.fullmatch(r"users/([0-9]+)/tickets", bare)
    if of_agent:
        return (lambda: [ticket for ticket in _select(state, manners, query) if _is(parsed(ticket.text).get("assignee_id"), of_agent[1])]), False
    incidents = re.fullmatch(r"tickets/([0-9]+)/incidents", bare)
    if incidents:
        def of_problem():
            known = int(incidents[1]) in state.by_id
            return [ticket for ticket in state.ordered("id")[0] if _is(parsed(ticket.text).get("problem_id"), incidents[1])] if known else None
        return of_problem, True
    return None


def answer(state, manners, path, query, headers, origin):
    """One GET. → (Answer, whether it is a list answer)."""
    if not authorised(manners, headers.get("Authorization")):
        return Answer.json({"error": "Unauthorized", "message": "Couldn't authenticate you"}, 401), False
    bare = path.removeprefix("/apiv2/").removesuffix(".json")
    if bare == "tickets":
        return list_tickets(state, manners, path, query, origin), True
    chosen = _other_list(state, manners, bare, query)
    if chosen:
        return list_chosen(state, manners, path, query, origin, *chosen), True
    if bare in ("ticket_fields", "ticket_fields/active"):
        return list_fields(state, manners, path, query, origin, bare.endswith("active")), True
    if bare == "users/me":
        return Answer.json({"user": {"id": 1, "email": manners.email, "role": "admin"}}), False
    if bare == "tickets/show_many":
        ids = [int(number) for number in query.get("ids", "").split(",") if number.strip().isdigit()][: manners.show_cap]
        with state.lock:
            rows = [state.by_id[number].text for number in ids if number in state.by_id]
        return Answer(200, '{"tickets":[' + ",".join(rows) + "]}"), False
    one = re.fullmatch(r"tickets/([0-9]+)", bare)
    if one:
        ticket = state.by_id.get(int(one[1]))
        return (Answer(200, '{"ticket":' + ticket.text + "}") if ticket else Answer.json({"error": "RecordNotFound", "message": "Not found"}, 404)), False
    return Answer.json({"error": "not found"}, 404), False
