"""The expectation itself, on samples made by hand: nobody checks the checker otherwise."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from custom import custom_cells, read_custom_fields
from definitions import kf5_fields, udesk_fields
from expected import expect
from jsontext import Number, dumps, loads
from values import (Unreadable, read_bool, read_date, read_decimal, read_instant, read_integer, read_integers,
                    read_text, read_texts, read_time)

SHANGHAI = ZoneInfo("Asia/Shanghai")


def instant(text):
    return read_instant(text, SHANGHAI)


@pytest.mark.parametrize("value, cell", [
    ("2016-07-28 20:44:08 +0800", 1469709848), ("2016-07-28 20:44:08", 1469709848), ("2016-07-28T12:44:08Z", 1469709848),
    ("1469709848", 1469709848), (Number("1469709848"), 1469709848), ("2016-07-28", 1469635200), ("2016-07-28 20:44", 1469709840),
    ("1988-09-11 01:30:00", 589912200),  # a doubled hour: summer time, UTC+9, came first
    ("9999-12-31 23:59:59", 253402271999), ("9999-12-31T23:59:59Z", 253402300799), ("1000-01-01 08:05:43", -30610224000), ("1000-01-01T00:00:00Z", -30610224000),
    ("", None), ("0000-00-00 00:00:00", None), ("0000-00-00", None),
])
def test_instants(value, cell):
    assert instant(value) == (None if cell is None else cell * 1_000_000)


@pytest.mark.parametrize("read, value", [
    (instant, "2016-02-30"), (instant, Number("146970984")), (instant, True), (instant, "2016-07-28 24:00"), (instant, []),
    (instant, "1000-01-01 00:00:00"), (instant, "1000-01-01"), (instant, "1000-01-01 08:05:42"), (instant, "1000-01-01 00:00 +0001"), (instant, "9999-12-31 23:59:59 -0001"), (instant, "9999-12-31 23:59 -08:00"),
    (read_integer, "1.0"), (read_integer, Number("1e3")), (read_integer, " 1"), (read_integer, "9223372036854775808"), (read_integer, False),
    (read_decimal, "1e999"), (read_decimal, ".5"), (read_decimal, True), (read_bool, "yes"), (read_bool, Number("2")),
    (read_date, "2016-07-28 00:00:01"), (read_date, Number("20160728")), (read_time, "24:00"), (read_text, []), (read_text, {}),
    (read_integers, [Number("1"), "x"]), (read_texts, ["a", []]), (read_texts, "a"),
])
def test_what_cannot_be_read(read, value):
    with pytest.raises(Unreadable):
        read(value)


@pytest.mark.parametrize("read, value, cell", [
    (read_integer, "+007", 7), (read_integer, Number("9007199254740993"), 9007199254740993), (read_integer, "", None), (read_decimal, "1E-2", 0.01),
    (read_bool, "1", True), (read_bool, Number("0"), False), (read_bool, "", None), (read_date, "2016-07-28 00:00:00", date(2016, 7, 28)),
    (read_time, "14:44:36.5", 53076500000), (read_text, "", ""), (read_text, Number("1.50"), "1.50"), (read_text, True, "true"),
    (read_integers, [Number("1"), "", None, "2"], [1, None, None, 2]), (read_texts, ["", None, Number("1.0")], ["", None, "1.0"]), (read_texts, "", None),
])
def test_what_can_be_read(read, value, cell):
    assert read(value) == cell and type(read(value)) is type(cell)


def test_the_ends_of_the_years_west_of_utc():
    new_york = ZoneInfo("America/New_York")
    assert read_instant("1000-01-01", new_york) == -30610206238 * 1_000_000
    assert read_instant("9999-12-31 18:59:59.999999", new_york) == 253402300800 * 1_000_000 - 1
    for text in ("9999-12-31 19:00:00", "9999-12-31 23:59:59"):
        with pytest.raises(Unreadable):
            read_instant(text, new_york)


def test_json_text_stays_as_written():
    text = '{ "b": 1.50, "a": "\\u4e2d\\/\\ud83d\\n", "b2": [1E5, -0, null, true], "😀": "\\ud83d\\ude00" }'
    assert dumps(loads(text)) == '{"b":1.50,"a":"中/\ufffd\\n","b2":[1E5,-0,null,true],"😀":"😀"}'


def one(vendor, ticket, fields=(), cascades=None):
    return next(iter(expect(vendor, [ticket], list(fields), cascades).rows.values()))


def test_the_vendor_sample_of_kf5():
    row = one("kf5", """{"id": 8, "title": "hello world", "type": null, "status": "solved", "priority": "low", "created_at": "2014-06-12 17:25:40",
        "updated_at": "2014-07-04 15:04:51", "assigneed_at": "2014-06-15 00:00:00", "source": "web", "collaborator_ids": [ ], "tags": ["TAG测试"],
        "custom_fields": [{"name": "field_8", "value": "1213"}, {"name": "field_36", "value": "下拉菜单选项"}],
        "satisfaction_rating": {"id": 16, "score": "Great", "comment": "great service!"}}""",
              ['{"id":8,"name":"field_8","type":"int","agent_title":"n","active":true}'])
    assert (row["id"], row["cf_field_8"], row["cf_field_36"], row["description_format"]) == (8, 1213, "下拉菜单选项", "text")
    assert (row["satisfaction_label"], row["satisfaction_score"], row["collaborator_ids"], row["_rescued"]) == ("Great", None, [], None)
    assert row["created_at"] == 1402565140 * 1_000_000


def test_rescue():
    row = one("kf5", """{"id": "9007199254740993", "title": ["x", 1.50], "zzz": null, "due_date": "2016-01-01", "due_at": "2016-01-02", "slax": {"id": "x", "new": 1E2},
        "sla_event": [], "sla_status": 7, "custom_fields": [{"value": 1}, {"name": "field_1", "value": "a"}, {"name": "field_1", "value": "x"}]}""",
              ['{"id":1,"name":"field_1","type":"int","agent_title":"n","active":true}'])
    assert row["id"] == 9007199254740993 and row["sla_breached"] is None and row["sla_status"] == 7
    assert loads(row["_rescued"]) == loads("""{"title": ["x", 1.50], "zzz": null, "due_at": "2016-01-02", "slax": {"id": "x", "new": 1E2},
        "custom_fields": {"": [{"value": 1}, {"name": "field_1", "value": "a"}], "field_1": "x"}}""")


def udesk_cells(kind, value, options="null", cascade=None):
    field = udesk_fields([f'{{"field_name":"S","field_label":"s","content_type":"{kind}","options":{options}}}'], {"S": cascade} if cascade else None)[0]
    cells = custom_cells("udesk", field, loads(value), SHANGHAI)
    return cells["cf_S"], cells["cf_S__raw"]


def test_udesk_selects():
    options = '[{"5":"甲"},{"0":"乙"},{"0":"重复"}]'
    assert udesk_cells("radio", '"0"', options) == ("乙", "0")
    assert udesk_cells("radio", "5", options) == ("甲", "5")
    assert udesk_cells("radio", '"1"', options) == (None, "1")
    assert udesk_cells("droplist", '["0"]', options) == (None, '["0"]')
    assert udesk_cells("checkbox", '"0,9,5"', options) == (["乙", None, "甲"], "0,9,5")
    assert udesk_cells("checkbox", '[ "0" , 5]', options) == (["乙", "甲"], '["0",5]')
    assert udesk_cells("checkbox", '""', options) == (None, "")
    assert udesk_cells("checkbox", "[]", options) == ([], "[]")


def test_udesk_paths():
    cascade = {"0": "华东", "0,0": "上海", "0,0,1": "浦东", "9,0": "孤"}
    assert udesk_cells("chained_droplist", '"0,0,1"', cascade=cascade) == (["华东", "上海", "浦东"], "0,0,1")
    assert udesk_cells("chained_droplist", '"0,7,1"', cascade=cascade) == (["华东", None, None], "0,7,1")
    assert udesk_cells("chained_droplist", '"9,0"', cascade=cascade) == ([None, None], "9,0")
    assert udesk_cells("chained_droplist", '"0,0,1"') == (None, "0,0,1")


def test_kf5_selects_and_paths():
    texts = ['{"id":1,"name":"field_1","type":"dropdownlist","agent_title":"","active":true,"custom_field_options":[{"key":"a","value":"b"},{"key":"b","value":"c"}]}',
             '{"id":2,"name":"field_2","type":"multi_cascade","agent_title":"","active":true,"custom_field_options":[{"key":"k","value":"v","sub_items":["1","2"]}]}']
    fields = {field.name: field for field in kf5_fields(texts)}

    def cell(name, value):
        cells = read_custom_fields("kf5", [{"name": name, "value": loads(value)}], fields, SHANGHAI)[0]
        return cells["cf_" + name], cells["cf_" + name + "__raw"]

    assert [cell("field_1", value)[0] for value in ('"b"', '"a"', '"x"', "7", '""', "[]")] == ["b", "b", "x", "7", None, None]
    assert cell("field_2", '["v", "1"]') == (["v", "1"], '["v","1"]')
    assert cell("field_2", '"v"') == (["v"], "v")
    assert cell("field_2", '["v", null, {}]') == (["v", None, None], '["v",null,{}]')
    assert cell("field_2", "{}") == (None, "{}")
    assert [(option.raw, option.path) for option in fields["field_2"].options] == [("k", ["v"]), ("1", ["v", "1"]), ("2", ["v", "2"])]
