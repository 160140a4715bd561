"""Udesk Open API v1 as its document tells: signed lists with page numbers, a customer's by POST, one ticket, fields, filters."""

import hashlib
import json
import re
from dataclasses import dataclass

from .trouble import Answer


@dataclass
class UdeskManners:
    """How this server differs from the plainest reading; each default is that reading."""

    order: str = "id_asc"  # id_asc | id_desc | updated_desc | shuffled
    page_cap: int = 100  # fewer rows a page than asked, silently
    max_page: int | None = None
    break_page: int | None = None
    repeat_page: int | None = None
    fake_total: int | None = None
    limit_in_body: bool = False  # over the limit: a 200 with a message, not a 429
    filter_id: int = 12
    filter_since: int = 0  # the filter lists tickets updated since then
    filter_agent: str | None = None  # the only agent who may use it; None is all
    secret: str = "99d80d18b0b9a994a8d0283e830e5099"


def signature(query, secret):
    """Of the raw query as sent, without `sign`. No query: of the secret alone."""
    signed = query + "&" + secret if query else secret
    return hashlib.md5(signed.encode()).hexdigest()


def authorised(manners, raw_query):
    parts = raw_query.split("&") if raw_query else []
    signs = [part[5:] for part in parts if part.startswith("sign=")]
    return signs == [signature("&".join(part for part in parts if not part.startswith("sign=")), manners.secret)]


def _select(state, manners):
    if manners.order == "updated_desc":
        return state.ordered("updated")[0][::-1]
    by_id = state.ordered("id")[0]
    if manners.order == "id_desc":
        return by_id[::-1]
    if manners.order == "shuffled":
        return sorted(by_id, key=lambda ticket: hash((ticket.id, 104729)))
    return by_id


def _list(manners, query, chosen):
    page, size = int(query.get("page") or 1), int(query.get("per_page") or 20)
    if not 1 <= size <= 100:
        return Answer.json({"error": "per_page should be between 1 and 100"})
    if manners.max_page and page > manners.max_page:
        return Answer.json({"status": 1, "message": "page is too large"})
    if manners.break_page and page >= manners.break_page:
        return Answer.json({"message": "internal error"}, 500)
    size = min(size, manners.page_cap)
    at = page - 1 if manners.repeat_page == page and page > 1 else page
    rows = [ticket.text for ticket in chosen[(at - 1) * size : at * size]]
    total = len(chosen) if manners.fake_total is None else manners.fake_total
    head = {"status": 0, "message": "成功", "size": len(rows), "total": total, "total_pages": -(-total // size)}
    return Answer(200, json.dumps(head, ensure_ascii=False)[:-1] + ', "contents": [' + ", ".join(rows) + "]}")


def _of_customer(state, manners, query, body):
    """The customer's address comes in the body; the signature covers the query alone."""
    try:
        email = json.loads(body).get("email")
    except (ValueError, AttributeError):
        email = None
    if not isinstance(email, str) or not email:
        return Answer.json({"error": "email is missing"})
    with state.lock:
        known = {ticket.id for ticket in state.by_id.values() if json.loads(ticket.text).get("user_email") == email}
        if not known:
            return Answer.json({"status": 1002, "message": "未找到相应客户"})
        return _list(manners, query, [ticket for ticket in _select(state, manners) if ticket.id in known])


def _filters(manners, origin):
    return Answer.json({"status": 0, "message": "成功", "count": 1, "contents": [{
        "id": manners.filter_id, "name": "最近更新", "description": None, "active": True, "permission": "All",
        "created_at": "2017-03-17 13:30:19 +0800", "updated_at": "2017-03-17 13:30:19 +0800",
        "tickets_url": f"{origin}/api/v1/ticket_filters/{manners.filter_id}/tickets"}]})


def answer(state, manners, path, raw_query, query, origin, body=None):
    """One GET, or one POST of `body`. → (Answer, whether it is a list answer)."""
    if not authorised(manners, raw_query):
        return Answer.json({"status": 2002, "message": "签名错,请升级版本后使用!"}), False
    bare = path.removesuffix(".json")
    if bare == "/api/v1/tickets/get" and body is not None:
        return _of_customer(state, manners, query, body), True
    if body is not None:
        return Answer.json({"error": "404 Not Found"}, 404), False
    if bare == "/api/v1/tickets":
        with state.lock:
            return _list(manners, query, _select(state, manners)), True
    if bare == "/api/v2/ticket_fields":
        return Answer.json({"status": 0, "message": "success", "ticket_fields": state.fields}), True
    if bare == "/api/v1/ticket_filters":
        return _filters(manners, origin), False
    mine = manners.filter_agent is None or query.get("agent_id") == manners.filter_agent
    if bare == f"/api/v1/ticket_filters/{manners.filter_id}/tickets" and mine:
        with state.lock:
            return _list(manners, query, state.between("updated", manners.filter_since, None)[::-1]), True
    if re.fullmatch(r"/api/v1/ticket_filters/[0-9]+/tickets", bare):
        return Answer.json({"status": 1001, "message": "未找到指定过滤器, 或指定客服无权限使用该过滤器"}), False
    one = re.fullmatch(r"/api/v1/tickets/([0-9]+)", bare)
    if one:
        ticket = state.by_id.get(int(one[1]))
        return (Answer(200, '{"status":0,"message":"成功","contents":' + ticket.text + "}") if ticket
                else Answer.json({"status": 1003, "message": "未找到相应工单"})), False
    return Answer.json({"error": "404 Not Found"}, 404), False
