"""One Udesk ticket as a row: the canonical columns."""

from row import Row
from values import read_code, read_instant, read_integer, read_text

PRIORITIES = {"紧急": "urgency", "高": "high", "标准": "medium", "低": "low"}
PLATFORMS = {"邮件": "email", "微博": "weibo", "微信": "wechat", "即时聊天": "im", "电话": "call",
             "反馈标签": "feedback", "帮助中心": "hc", "手工录入": "manual_input", "API": "api"}
TEXTS = {
    "subject": "subject", "description": "content", "priority_label": "priority", "channel_label": "platform",
    "requester_name": "user", "requester_email": "user_email", "requester_phone": "user_cellphone",
    "assignee_name": "assignee", "group_name": "user_group_name", "replied_by": "replied_by",
}
CODES = {"description_format": "content_type", "status": "status"}
INTEGERS = {"assignee_id": "assignee_id", "group_id": "user_group_id"}
INSTANTS = {"created_at": "created_at", "updated_at": "updated_at", "solving_at": "solving_at"}
KNOWN = {"id", "custom_fields", *TEXTS.values(), *CODES.values(), *INTEGERS.values(), *INSTANTS.values()}


def udesk_row(ticket, zone):
    """A parsed ticket → Row. Zoneless dates are local to `zone`."""
    row = Row(ticket)
    row.take("id", "id", read_integer)
    for names, read in ((TEXTS, read_text), (CODES, read_code), (INTEGERS, read_integer),
                        (INSTANTS, lambda value: read_instant(value, zone))):
        for column, key in names.items():
            row.take(column, key, read)
    row.cells["priority"] = PRIORITIES.get(row.cells["priority_label"])
    row.cells["channel"] = PLATFORMS.get(row.cells["channel_label"])
    row.rescue_unknown(KNOWN)
    return row
