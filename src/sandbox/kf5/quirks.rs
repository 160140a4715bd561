//! The awkward few among the KF5 tickets: one oddity each, in turn, so that some hundred tickets show them all.

use super::fields::{Field, Kind};
use crate::sandbox::clock::written;
use crate::sandbox::object::{Object, quoted, raw_value};
use crate::sandbox::timeline::Lifecycle;
use serde_json::value::RawValue;

/// A key of the ticket that gets an odd value: every further value is another turn of the same oddity.
const KEYS: &[(&str, &[&str])] = &[
    ("requester_id", &["\"10007\"", "9007199254740993", "\"9223372036854775807\"", "7.0", "\"abc\""]),
    ("assignee_id", &["\"733\"", "\"\"", "[]", "true"]),
    ("organization_id", &["\"9007199254740995\"", "0", "-1", "18446744073709551616"]),
    ("custom_fields", &["[]", "null", "\"\"", "{}", "\"field_8\"", "{\"field_8\":\"x\"}"]),
    (
        "satisfaction_rating",
        &[
            "[]",
            r#"{"id":"16","score":"Great","comment":"great service!"}"#,
            r#"{"id":17,"score":"VERY GOOD","comment":null,"channel":"sms","rater":{"id":1}}"#,
            "\"\"",
            r#"{"id":"x","score":5,"comment":["a"]}"#,
            "{}",
            "\"Great\"",
        ],
    ),
    (
        "sla_event",
        &[
            "[]",
            "\"\"",
            r#"{"paused":"1","created_at":"0000-00-00 00:00:00","reason":"","operator":733}"#,
            r#"{"paused":"maybe","created_at":"soon","reason":null}"#,
        ],
    ),
    (
        "slax",
        &[
            "[]",
            r#"{"id":"3","title":"响应","diff_second":"-3600","slax_time_at":"2025-03-01T08:00:00+08:00"}"#,
            r#"{"id":4,"title":"","diff_second":12.5,"slax_time_at":"","level":2}"#,
        ],
    ),
    ("sla_status", &["\"1\"", "\"0\"", "2", "\"\"", "\"violated\"", "true"]),
    (
        "due_date",
        &[
            "\"0000-00-00 00:00:00\"",
            "\"2025-05-01\"",
            "\"1746057600\"",
            "1746057600",
            "\"下周五\"",
            "\"0000-00-00\"",
        ],
    ),
    ("resolved_at", &["\"0000-00-00\"", "\"\"", "\"2025-02-30 10:00:00\"", "\"2025-05-01T10:00:00.250Z\""]),
    ("closed_at", &["\"2025-06-01 10:00\"", "\"2025-06-01 10:00:00 +0800\"", "false"]),
    ("assigneed_at", &["\"2025-06-01 10:00:00.5\"", "\" 2025-06-01 10:00:00\"", "20250601"]),
    (
        "ai_summary",
        &[r#"{"text":"用户要求退款","score":0.10,"model":null}"#, "null", "\"x\"", "[1,2.50,\"\\u4e2d\"]"],
    ),
    ("priority", &["\"critical\"", "null", "\"\"", "3"]),
    ("source", &["\"douyin\"", "\"\"", "null", "8"]),
    ("type", &["\"complaint\"", "\"\"", "false"]),
    ("status", &["\"on_hold\"", "\"\"", "2"]),
    ("title", &["12345", "true", "\"\"", "null", "{\"text\":\"标题\"}", "[\"a\"]", "1.50"]),
    ("description", &["null", "\"\"", "3.0"]),
    ("recipient", &["\"\"", "\"客服 <support@example.com>\""]),
    (
        "tags",
        &["[ 1 , \"a\" , true ]", "[\"\"]", "\"\"", "null", "{\"0\":\"x\"}", "[null,\"VIP\"]", "[[\"x\"]]"],
    ),
    ("collaborator_ids", &["[\"12\",9007199254740993,\"\"]", "[12,\"x\"]", "\"\"", "null", "{}", "[null]"]),
    ("process_second", &["\"360\"", "12.5", "\"3 小时\"", "\"\""]),
    ("chat_id", &["\"9007199254740997\"", "\"c-1\"", "\"\""]),
];

/// Texts that trip readers, as JSON.
const TEXTS: &[&str] = &[
    r#""第一行\r\n第二行\t制表\r\n\r\n""#,
    r#""<p>您好,<br/>订单 <b>&lt;DD1&gt;</b> 未收到 &amp; 要求退款</p><script>alert(1)</script>""#,
    r#""表情 😀👨‍👩‍👧‍👦🇨🇳 全角ＡＢＣ 𠮷野家 العربية""#,
    r#""半个代理 \ud83d 在中间""#,
    r#""结尾 \ude00""#,
    r#""\u4f60\u597d\/\u0041\ud83d\ude00""#,
    r#""引号\"逗号,分号;反斜杠\\ 'x' NULL N/A =1+1""#,
    r#""﻿带BOM与零宽\u200b字符\u0085\u2028""#,
];

/// The value that a field of a kind gets, in turn.
const CUSTOM: &[(Kind, &[&str])] = &[
    (
        Kind::Int,
        &[
            "\"十二\"",
            "3.5",
            "true",
            "\"+12\"",
            "9007199254740993",
            "\"9223372036854775808\"",
            "\" 7\"",
            "-0",
            "[]",
        ],
    ),
    (
        Kind::Decimal,
        &[
            "\"1e3\"",
            "12.50",
            "\"1,000.00\"",
            "\"-0.0\"",
            "\"NaN\"",
            "1E400",
            "false",
            "\".5\"",
            "123456789012345678",
        ],
    ),
    (
        Kind::Date,
        &[
            "\"2024-05-01 00:00:00\"",
            "\"2024/05/01\"",
            "\"0000-00-00\"",
            "\"2024-02-30\"",
            "\"2024-05-01 08:30:00\"",
            "1714521600",
        ],
    ),
    (Kind::Checkbox, &["\"yes\"", "\"true\"", "\"false\"", "2", "\"是\"", "[]"]),
    (Kind::Select, &["\"area_1\"", "\"已下线的选项\"", "[\"华东\"]", "4", "true", "{\"key\":\"x\"}"]),
    (
        Kind::Cascade3,
        &[
            "\"手机\"",
            "[]",
            "\"\"",
            "[\"手机\",null]",
            "[\"手机\",{\"key\":\"旗舰机\"}]",
            "{\"0\":\"手机\"}",
            "[\"已删除\",1]",
            "5",
        ],
    ),
    (
        Kind::Multi,
        &["\"硬件\"", "[\"软件\",\"系统\",\"升级失败\"]", "{\"titles\":[]}", "[[\"硬件\"]]", "true"],
    ),
    (
        Kind::Text,
        &["13.30", "{\"a\": 1.0, \"b\": \"\\u4e2d\"}", "[1, \"x\"]", "true", "\"\\ud83d\"", "\"2024-01-01\""],
    ),
    (Kind::Regexp, &["13800138000", "\"不符合格式\""]),
    (Kind::Other, &["5", "[{\"token\":\"00154a\",\"name\":\"照片.jpg\"}]"]),
];

const SPECIAL: usize = 9;
const LONG: &str = "客户多次来电催促处理结果,以下为历史沟通记录。";

/// Makes a ticket awkward in the way of this turn; a ticket without a creation time gets just that.
pub fn spoil(ticket: &mut Object, fields: &[Field], life: &Lifecycle, turn: usize) {
    if life.created.is_none() {
        let unreadable =
            ["null", "\"昨天下午\"", "\"\"", "\"0000-00-00 00:00:00\"", "\"2025-13-01 00:00:00\""];
        return ticket.set("created_at", nth(&unreadable, turn));
    }
    let kinds = KEYS.len() + TEXTS.len() + CUSTOM.len() + SPECIAL;
    let (kind, round) = (turn % kinds, turn / kinds);
    let kind = match kind.checked_sub(SPECIAL) {
        Some(kind) => kind,
        None => return special(ticket, fields, life, kind, round),
    };
    if let Some((key, values)) = KEYS.get(kind) {
        ticket.set(key, nth(values, round));
    } else if let Some(text) = TEXTS.get(kind - KEYS.len()) {
        let key = nth(&["description", "title"], round);
        ticket.set(key, text);
        fill(ticket, fields, Kind::Textarea, round, text);
    } else if let Some((kind, values)) = CUSTOM.get(kind - KEYS.len() - TEXTS.len()) {
        fill(ticket, fields, *kind, round, nth(values, round));
    }
}

fn special(ticket: &mut Object, fields: &[Field], life: &Lifecycle, kind: usize, round: usize) {
    match kind {
        0 => ticket.set("id", &quoted(&life.id.to_string())),
        // Legal spellings of the same second.
        1 => {
            for (key, second) in [("created_at", life.opened), ("updated_at", life.updated)] {
                let plain = written(second);
                let spelt = match round % 4 {
                    0 => plain.replace(' ', "T"),
                    1 => format!("{plain} +0800"),
                    2 => format!("{}+08:00", plain.replace(' ', "T")),
                    _ => second.to_string(),
                };
                ticket.set_text(key, &spelt);
            }
        }
        2 => set_custom(ticket, "field_99001", nth(&["\"未定义字段\"", "null", "[1]", "7"], round)),
        3 => {
            let mut list = custom(ticket);
            list.push(raw_value(r#"{"name":"field_8","value":"第一次"}"#));
            list.push(raw_value(r#"{"name":"field_8","value":"第二次","id":8}"#));
            put_custom(ticket, list);
        }
        4 => {
            let mut list = custom(ticket);
            list.push(raw_value(nth(
                &[r#"{"value":"无名"}"#, r#"{"name":null,"value":1}"#, "\"x\"", "null"],
                round,
            )));
            put_custom(ticket, list);
        }
        5 => ticket.set_text("description", &LONG.repeat(60 << (round % 5))),
        6 => {
            ticket.set_text("due_date", &written(life.opened + 86_400));
            let other = life.opened + 86_400 * (1 + round as i64 % 2);
            ticket.set_text("due_at", &written(other));
        }
        // The older documents lack these keys.
        7 => {
            for key in [
                "chat_id",
                "sla_event",
                "slax",
                "sla_status",
                "absolute_slax_time_at",
                "process_second",
                "creator_id",
            ] {
                ticket.remove(key);
            }
        }
        _ => fill(ticket, fields, Kind::Textarea, round, &quoted(&LONG.repeat(40))),
    }
}

fn nth<'a>(values: &[&'a str], turn: usize) -> &'a str {
    values.get(turn % values.len().max(1)).copied().unwrap_or("null")
}

/// Gives one of the fields of a kind a value.
fn fill(ticket: &mut Object, fields: &[Field], kind: Kind, turn: usize, raw: &str) {
    let fitting: Vec<&Field> = fields.iter().filter(|field| field.kind == kind && field.active).collect();
    if let Some(field) = fitting.get(turn % fitting.len().max(1)) {
        set_custom(ticket, &field.name, raw);
    }
}

/// Sets the value of a custom field, adding its entry when there is none.
pub fn set_custom(ticket: &mut Object, name: &str, raw: &str) {
    let mut list = custom(ticket);
    let named = |entry: &RawValue| {
        Object::parse(entry.get().as_bytes()).ok().filter(|e| e.text("name").as_deref() == Some(name))
    };
    match list.iter_mut().find_map(|entry| Some((named(entry)?, entry))) {
        Some((mut object, entry)) => {
            object.set("value", raw);
            *entry = raw_value(&object.render());
        }
        None => list.push(raw_value(&format!(r#"{{"name":{},"value":{raw}}}"#, quoted(name)))),
    }
    put_custom(ticket, list);
}

fn custom(ticket: &Object) -> Vec<Box<RawValue>> {
    let list = ticket.get("custom_fields").unwrap_or("[]");
    serde_json::from_str(list).unwrap_or_default()
}

fn put_custom(ticket: &mut Object, list: Vec<Box<RawValue>>) {
    let entries: Vec<&str> = list.iter().map(|entry| entry.get()).collect();
    ticket.set("custom_fields", &format!("[{}]", entries.join(",")));
}
