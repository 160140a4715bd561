"""A seeded KF5 account: field definitions and tickets, ordinary and hostile."""

import random

from . import hostile
from .state import Ticket
from .text import Raw, write

DROP = [{"key": "反馈建议", "value": "反馈建议"}, {"key": "产品问题", "value": "产品问题"}, {"key": "其他/未知", "value": "其他/未知"}]
KEYED = [{"key": "k1", "value": "甲"}, {"key": "k2", "value": "乙"}, {"key": "甲", "value": "丙"}, {"key": "7", "value": "七"}]
TREE = [
    {"key": "数字", "value": "数字", "sub_items": ["111", "222"]},
    {"key": "文本", "value": "文本", "sub_items": ["44444", "66666"]},
    {"key": "空", "value": "空", "sub_items": []},
]
FLAT_TREE = {
    "titles": ["省", "市"],
    "list": [
        {"id": 1, "key": "华东", "level": 1, "parent": 0},
        {"id": 2, "key": "华北", "level": 1, "parent": 0},
        {"id": 3, "key": "上海", "level": 2, "parent": 1},
        {"id": "4", "key": "北京", "level": 2, "parent": "2"},
        {"id": 5, "key": "杭州", "level": 2, "parent": 1},
    ],
}


def definition(number, kind, title, **more):
    made = {
        "id": number, "url": f"https://support.kf5.com/apiv2/ticket_fields/{number}.json", "name": f"field_{number}",
        "type": kind, "agent_title": title, "agent_required": number % 2 == 0, "enduser_visible": number % 3 != 0,
        "enduser_title": "请填写" + title, "enduser_editable": number % 5 != 0, "enduser_description": "" if number % 2 else "说明/" + title,
        "enduser_required": number % 7 == 0, "active": True,
    }
    return {**made, **more}


def definitions(extra_fields=0):
    made = [
        definition(1, "text", "单行", custom_field_options=[]),
        definition(2, "textarea", "多行"),
        definition(3, "regexp", "手机号", regexp_for_validation=["^1[0-9]{10}$"]),
        definition(4, "regexp", "邮编", regexp_for_validation="^[0-9]{6}$"),
        definition(8, "int", "数量", regexp_for_validation=[]),
        definition(9, "decimal", "金额"),
        definition(10, "date", "购买日期"),
        definition(11, "checkbox", "是否加急"),
        definition(36, "dropdownlist", "问题类型", custom_field_options=DROP),
        definition(37, "dropdownlist", '带键的"菜单"', custom_field_options=KEYED),
        definition(751, "cascade", "级联菜单1", id="751", custom_field_options=[{"key": "级联1文本", "value": "级联1文本"}, {"key": "级联2日期", "value": "级联2日期"}]),
        definition(742, "int", "文本框", id="742", cascade_id="751", cascade_value="级联1文本"),
        definition(709, "multi_cascade", "三级级联", id="709", custom_field_options=TREE),
        definition(730, "date", "日期", id="730", cascade_id="709", cascade_value=["数字", "111"]),
        definition(800, "multi_options", "地区", custom_field_options=FLAT_TREE),
        definition(801, "lookup_v9", "新类型", cascade_id=0),
        definition(802, "dropdownlist", "停用的菜单", active=False, custom_field_options=DROP[:1], cascade_id=""),
        definition(803, "text", "单行", cascade_id=None),  # a label that is there twice
    ]
    return made + [definition(2000 + n, "text", f"附加{n}") for n in range(extra_fields)]


def custom_value(rng, kind, name, chance, epoch):
    if rng.random() < chance / 4:
        return None
    if kind == "int":
        return hostile.integer(rng, chance, rng.randrange(1000))
    if kind == "decimal":
        return hostile.pick(rng, chance, hostile.WRONG_FOR_DECIMAL, hostile.GOOD_DECIMALS, f"{rng.random() * 1000:.2f}")
    if kind == "date":
        return hostile.pick(rng, chance, hostile.WRONG_FOR_DATE, hostile.GOOD_DATES, hostile.day(rng, epoch))
    if kind == "checkbox":
        return hostile.pick(rng, chance, hostile.WRONG_FOR_BOOL, hostile.GOOD_BOOLS, rng.choice(["1", "0"]))
    if kind in ("dropdownlist", "cascade"):
        plain = rng.choice({"field_37": ["k1", "k2", "甲", "乙", "丙", "七"], "field_751": ["级联1文本", "级联2日期"]}.get(name, ["反馈建议", "产品问题", "其他/未知"]))
        return hostile.maybe(rng, chance, ["", None, Raw("7"), Raw("8.0"), True, [], ["k1"], {"a": 1}, "没有这一项", " k1"], plain)
    if kind == "multi_cascade":
        plain = rng.choice([["数字", "111"], ["文本", "44444"], ["空"], "数字"])
        return hostile.maybe(rng, chance, ["", None, [], {}, {"0": "数字"}, ["数字", None, ["x"], {"y": 1}, Raw("1.0"), True, ""], Raw("5"), "不存在", ["不存在", "x"]], plain)
    if kind == "multi_options":
        return hostile.maybe(rng, chance, ["", None, [], "华东"], rng.choice([["华东", "上海"], ["华北", "北京"], ["华东"]]))
    if rng.random() < chance:
        return hostile.odd_text_value(rng) if rng.random() < 0.7 else hostile.wrong_text_value(rng)
    return hostile.sentence(rng, 2)


def custom_fields(rng, fields, chance, epoch):
    if rng.random() < chance / 10:
        return rng.choice([None, "", [], {}, "broken", Raw("5"), {"field_1": "x"}, True])
    made = []
    for field in fields:
        if rng.random() < 0.25 or (field["name"].startswith("field_20") and rng.random() < 0.9):
            continue
        entry = {"name": field["name"], "value": custom_value(rng, field["type"], field["name"], chance, epoch)}
        if rng.random() < chance / 20:
            entry["label"] = "dropped"
        made.append(entry)
    if rng.random() < chance / 5:
        made.append({"name": rng.choice(["field_9001", "field_9002", 'we"ird 名/字']), "value": rng.choice(["没有定义", "", None, Raw("1.50"), [1, "二"], {"b": 1, "a": Raw("2.0")}, True])})
    if rng.random() < chance / 10:
        made.insert(0, {"value": "没有名字"})
    if made and rng.random() < chance / 10:
        made.append({"name": made[0].get("name", "field_1"), "value": "第二次"})
    return made


def ticket_data(rng, number, created, updated, fields, chance):
    """The vendor's object. `chance` is how often a value is awkward, 0 to 1."""
    c = chance
    later = (created or 1_600_000_000) + rng.randrange(1, 400_000)
    stamp = hostile.local_text(later)
    made = {
        "id": str(number) if rng.random() < c / 4 else number,
        "url": f"https://support.kf5.com/apiv2/tickets/{number}.json",
        "title": hostile.text(rng, c),
        "description": hostile.text(rng, c, rng.randrange(5, 60)),
        "type": rng.choice([None, "problem", "incident", "question", "task", ""]),
        "status": hostile.maybe(rng, c / 5, ["", None, "spam", Raw("3"), ["x"]], rng.choice(["new", "open", "pending", "solved", "closed"])),
        "priority": hostile.maybe(rng, c / 5, ["", None, "p0", False], rng.choice(["low", "medium", "high", "urgent"])),
        "recipient": rng.choice([None, "help@support.kf5.com"]),
        "requester_id": hostile.integer(rng, c, rng.randrange(1, 10**6)),
        "assignee_id": hostile.integer(rng, c, rng.choice([None, 733, 734])) if rng.random() < 0.9 else None,
        "organization_id": None,
        "group_id": 165,
        "problem_id": hostile.integer(rng, c, 12) if rng.random() < 0.2 else None,
        "due_date": hostile.instant(rng, c, stamp) if rng.random() < 0.3 else None,
        "created_at": None if created is None else hostile.same_moment(rng, created) if rng.random() < c / 4 else hostile.local_text(created),
        "updated_at": hostile.local_text(updated) if updated is not None else None,
        "assigneed_at": hostile.instant(rng, c, stamp),
        "resolved_at": hostile.instant(rng, c, stamp),
        "closed_at": None,
        "source": hostile.maybe(rng, c / 5, ["", "fax", Raw("1")], rng.choice(["web", "tab", "chat", "email", "mobile", "weibo", "api"])),
        "chat_id": hostile.integer(rng, c, rng.randrange(2**53, 2**62)) if rng.random() < 0.3 else None,
        "collaborator_ids": hostile.maybe(rng, c, [[], "", None, [1, "2", None, ""], [1, "x"], [Raw("9007199254740993")], {}, "1,2", [[1]]], [738, 739]),
        "tags": hostile.maybe(rng, c, [[], "", None, ["", None, Raw("1.50"), True], ["a", ["b"]], "标签", {}, ["半\ud83d"]], ["TAG测试", "TAG测试1"]),
        "custom_fields": custom_fields(rng, fields, c, later),
        "satisfaction_rating": rating(rng, c),
    }
    if created is None:
        made["created_at"] = rng.choice([None, "", "0000-00-00 00:00:00", "not a date", Raw("12"), [1]])
        if rng.random() < 0.3:
            del made["created_at"]
    if rng.random() < 0.8:
        made.update(sla(rng, c, stamp))
    if rng.random() < c / 3:
        made["due_at"] = rng.choice([made["due_date"], "2024-01-02 03:04:05", "x", None, Raw("1469709848")])
    if rng.random() < c / 3:
        made[rng.choice(["new_key", "已删除", "description_format"])] = rng.choice([None, "x/斜", {"z": Raw("1.50"), "a": [None, "é\ud83d"]}, Raw("1E400")])
    if rng.random() < c / 10:
        made[rng.choice(["title", "recipient", "url"])] = hostile.wrong_text_value(rng)
    return made


def rating(rng, c):
    if rng.random() < 0.5:
        return None
    plain = {"id": rng.randrange(1, 999), "score": rng.choice(["Very Poor", "Poor", "Fair", "Very good", "Excellent", "Great"]), "comment": "great service!"}
    if rng.random() >= c:
        return plain
    return rng.choice([[], "", {}, "bad", [1], {**plain, "score": "VERY GOOD"}, {**plain, "id": "x1"}, {**plain, "extra": None}, {**plain, "score": ""},
                       {**plain, "score": Raw("5")}, {**plain, "comment": ["a"], "more": Raw("1.0")}, {"score": "Fair"}])


def sla(rng, c, stamp):
    event = hostile.maybe(rng, c, [[], "", {}, "x", {"paused": "2", "created_at": "bad", "reason": "", "by": 1}, {"paused": True, "created_at": None, "reason": None}],
                          {"paused": rng.choice([0, 1]), "created_at": stamp, "reason": "等客户/回复"})
    slax = hostile.maybe(rng, c, [[], None, {"id": "9", "title": None, "diff_second": "-60", "slax_time_at": ""}, {"id": 1, "title": "金牌", "diff_second": Raw("1.5"), "slax_time_at": stamp}],
                         {"id": 3, "title": "银牌", "diff_second": rng.randrange(-9999, 9999), "slax_time_at": stamp})
    return {
        "sla_event": rng.choice([None, event]), "slax": slax, "absolute_slax_time_at": hostile.instant(rng, c, stamp),
        "sla_status": hostile.maybe(rng, c, ["1", "0", Raw("2"), Raw("128"), "", True, "x"], rng.choice([0, 1, None])),
        "process_second": hostile.integer(rng, c, rng.randrange(10**6)), "creator_id": 733,
    }


def tickets(seed, count, now, fields, chance=0.12, undated=0.002, days=400):
    """Ids ascend with gaps; creation mostly follows them, with bursts in one second."""
    rng = random.Random(f"kf5 {seed}")
    number, created = rng.randrange(1, 9), now - days * 86400
    step = days * 86400 / max(count, 1)
    burst = range(count // 2, count // 2 + 230) if count >= 1000 else ()  # more than two pages in one second
    for place in range(count):
        if rng.random() > 0.15 and place not in burst:
            created = min(created + rng.expovariate(1 / step), now - 3700)
        at = int(created) if place in burst or rng.random() > 0.01 else int(created) - rng.randrange(10**6)
        if rng.random() < undated:
            at = None
        updated = min((at or now - 10**6) + rng.choice([0, 5, 3600, rng.randrange(10**6)]), now - 3600)
        if at is None and rng.random() < 0.3:
            updated = None
        data = ticket_data(rng, number, at, updated, fields, chance)
        yield Ticket(number, at, updated, write(data, rng, rng.random() < 0.1))
        number += rng.choice([1, 1, 1, 2, 5]) + (2**53 if place == count * 19 // 20 else 0)


def fresh_ticket(rng, number, created, updated, fields, chance):
    data = ticket_data(rng, number, created, updated, fields, chance)
    return Ticket(number, created, updated, write(data, rng))
