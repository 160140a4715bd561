"""A seeded Udesk account: field definitions, the true cascade labels, and tickets, ordinary and hostile."""

import random

from . import hostile
from .state import Ticket
from .text import Raw, write

CASCADES = {
    "SelectField_4": {"0": "华东", "0,0": "上海", "0,0,0": "徐汇", "0,0,1": "浦东", "0,1": "杭州", "1": "华北", "1,0": "北京"},
}


def definition(name, label, kind, options=None, permission=2, **more):
    made = {"field_name": name, "field_label": label, "content_type": kind, "comment": None, "options": options, "permission": permission, "requirment": False}
    return {**made, **more}


def definitions(extra_fields=0):
    drop = [{"0": "下拉选项1"}, {"1": "下拉选项2"}, {"2": "下拉选项3"}]
    made = [
        definition("TextField_1", "单行文本字段", "text", comment="说明"),
        definition("TextField_2", "多行文本字段", "area_text", permission=0),
        definition("TextField_3", "日期字段", "date", permission=1),
        definition("TextField_4", "时间字段", "time", permission=3),
        definition("TextField_5", "日期时间字段", "datetime"),
        definition("TextField_6", "链接字段", "link", comment=""),
        definition("TextField_7", "正整数字段", "number", permission="1"),
        definition("TextField_8", "数值字段", "numeric", permission=None),
        definition("SelectField_1", "下拉列表字段", "droplist", drop, requirment=True),
        definition("SelectField_2", "单选框字段", "radio", [{"5": "男"}, {"0": "女"}, {"3": "保密"}]),  # no index is its position
        definition("SelectField_3", "多选框字段", "checkbox", [{"0": "多选框选项1"}, {"1": "多选框选项2"}, {"2": "多选框选项3"}, {"3": "多选框选项4"}]),
        definition("SelectField_4", "级联字段", "chained_droplist", [{"0": "错误"}, {"1": "选项"}]),
        definition("SelectField_5", "没有标签的级联", "chained_droplist", [{"0": "错误"}]),
        definition("TextField_9", "位置", "location"),
        definition("TextField_10", "单行文本字段", "text"),
    ]
    required = made[0]
    del required["requirment"]
    required["requirement"] = True
    return made + [definition(f"TextField_{1000 + n}", f"附加{n}", "text") for n in range(extra_fields)]


def custom_value(rng, kind, name, c, epoch):
    if rng.random() < c / 4:
        return None
    if kind == "number":
        return hostile.integer(rng, c, str(rng.randrange(1000)))
    if kind == "numeric":
        return hostile.pick(rng, c, hostile.WRONG_FOR_DECIMAL, hostile.GOOD_DECIMALS, "13.33")
    if kind == "date":
        return hostile.pick(rng, c, hostile.WRONG_FOR_DATE, hostile.GOOD_DATES, hostile.day(rng, epoch))
    if kind == "time":
        return hostile.pick(rng, c, hostile.WRONG_FOR_TIME, hostile.GOOD_TIMES, "14:44:36")
    if kind == "datetime":
        return hostile.instant(rng, c, hostile.local_text(epoch)[:16])
    if kind in ("droplist", "radio"):
        return hostile.maybe(rng, c, ["", None, Raw("0"), "9", " 0", "0,1", True, [], ["0"], {"0": 1}, "下拉选项1"], rng.choice(["0", "0", "1", "2", "3", "5"]))
    if kind == "checkbox":
        return hostile.maybe(rng, c, ["", None, "0,,3", "3,0", "0, 3", "9", [], ["0", "3"], [Raw("1"), None, "7"], {}, {"0": 1}, Raw("2"), ","], rng.choice(["0,3", "1", "0,1,2,3"]))
    if kind == "chained_droplist":
        odd = ["", None, "0,5,1", "7", "0,0,0,0", ["0", "1"], {}, Raw("0"), "0,,1", ["0", None, "1"], " 0", "1,0"]
        return hostile.maybe(rng, c, odd, rng.choice(["0,0,0", "0,0,1", "0,1", "1,0", "0"]))
    if rng.random() < c:
        return hostile.odd_text_value(rng) if rng.random() < 0.7 else hostile.wrong_text_value(rng)
    return hostile.sentence(rng, 2)


def custom_fields(rng, fields, c, epoch):
    if rng.random() < c / 10:
        return rng.choice([None, "", [], {}, "broken", Raw("5"), [{"name": "x", "value": 1}], False])
    made = {field["field_name"]: custom_value(rng, field["content_type"], field["field_name"], c, epoch)
            for field in fields if rng.random() > 0.2 and not (field["field_name"].startswith("TextField_1") and len(field["field_name"]) > 12 and rng.random() < 0.9)}
    if rng.random() < c / 5:
        made[rng.choice(["TextField_77", "SelectField_99", "奇怪 的'名\""])] = rng.choice(["0", "", None, Raw("1.50"), [1, "二"], {"b": 1, "a": Raw("2.0")}])
    return made


def stamp(rng, epoch, c):
    return hostile.same_moment(rng, epoch) if rng.random() < c / 4 else hostile.local_text(epoch) + " +0800"


def ticket_data(rng, number, created, updated, fields, c):
    later = (created or 1_600_000_000) + rng.randrange(1, 400_000)
    html = rng.random() < 0.3
    made = {
        "id": str(number) if rng.random() < c / 4 else number,
        "subject": hostile.text(rng, c),
        "content": f"<p>{hostile.sentence(rng, 20)}</p>\r\n" if html else hostile.text(rng, c, 20),
        "content_type": hostile.maybe(rng, c / 5, ["", None, "markdown"], "html" if html else "text"),
        "platform": hostile.maybe(rng, c, ["", None, "在线客服", "api", Raw("3"), ["邮件"]], rng.choice(["邮件", "微博", "微信", "即时聊天", "电话", "反馈标签", "帮助中心", "手工录入", "API"])),
        "priority": hostile.maybe(rng, c, ["", None, "特急", "high", Raw("1"), {"a": 1}], rng.choice(["紧急", "高", "标准", "低"])),
        "status": hostile.maybe(rng, c / 5, ["", None, "自定义状态", Raw("4"), []], rng.choice(["open", "solving", "resolved", "closed"])),
        "user": hostile.text(rng, c, 1),
        "user_email": hostile.maybe(rng, c, ["", None], "test@sample.com"),
        "user_cellphone": rng.choice([None, "13123456789", Raw("13123456789"), ""]),
        "assignee": "测试客服",
        "assignee_id": hostile.integer(rng, c, 1),
        "user_group_id": hostile.integer(rng, c, 2**53 + 1),
        "user_group_name": "售后1组",
        "solving_at": hostile.instant(rng, c, rng.choice(["", stamp(rng, later, c)])),
        "replied_by": rng.choice(["agent_1", None, ""]),
        "custom_fields": custom_fields(rng, fields, c, later),
        "created_at": stamp(rng, created, c) if created is not None else rng.choice([None, "", "0000-00-00 00:00:00", "坏", Raw("1")]),
        "updated_at": hostile.local_text(updated) + " +0800" if updated is not None else None,
    }
    if rng.random() < c / 3:
        made[rng.choice(["tags", "new_key", "field_num"])] = rng.choice([None, ["a", "b"], "#638", {"z": Raw("1.50")}])
    if rng.random() < c / 10:
        made[rng.choice(["subject", "user", "replied_by"])] = hostile.wrong_text_value(rng)
    if rng.random() < c / 10:
        del made[rng.choice(["user_email", "assignee_id", "solving_at", "custom_fields"])]
    return made


def tickets(seed, count, now, fields, chance=0.12, undated=0.002, days=400):
    rng = random.Random(f"udesk {seed}")
    number, created = rng.randrange(1, 9), now - days * 86400
    step = days * 86400 / max(count, 1)
    for place in range(count):
        created = min(created + rng.expovariate(1 / step), now - 3700)
        at = None if rng.random() < undated else int(created)
        updated = None if at is None and rng.random() < 0.3 else min((at or now - 10**6) + rng.randrange(10**6), now - 3600)
        data = ticket_data(rng, number, at, updated, fields, chance)
        yield Ticket(number, at, updated, write(data, rng, rng.random() < 0.1))
        number += rng.choice([1, 1, 2]) + (2**53 if place == count * 19 // 20 else 0)


def fresh_ticket(rng, number, created, updated, fields, chance):
    return Ticket(number, created, updated, write(ticket_data(rng, number, created, updated, fields, chance), rng))


def cascades_toml():
    """The cascade map as the program's user writes it."""
    lines = []
    for name, nodes in CASCADES.items():
        lines.append(f"[{name}]")
        lines += [f'"{path}" = "{label}"' for path, label in nodes.items()]
    return "\n".join(lines) + "\n"
