//! The awkward few among the Udesk tickets: one oddity each, in turn, so that some hundred tickets show them all.

use super::fields::{Field, Kind};
use crate::sandbox::clock::written;
use crate::sandbox::object::{Object, quoted};
use crate::sandbox::timeline::Lifecycle;

/// A key of the ticket that gets an odd value: every further value is another turn of the same oddity.
const KEYS: &[(&str, &[&str])] = &[
    ("assignee_id", &["\"733\"", "9007199254740993", "\"\"", "[]", "733.0", "\"9223372036854775808\""]),
    ("user_group_id", &["\"166\"", "\"9007199254740995\"", "false", "\"组\""]),
    ("custom_fields", &["[]", "null", "\"\"", "{}", "[{\"TextField_1\":\"x\"}]", "\"TextField_1\"", "0"]),
    (
        "solving_at",
        &[
            "null",
            "\"0000-00-00 00:00:00\"",
            "\"0000-00-00 00:00:00 +0800\"",
            "\"2025-03-01T10:00:00Z\"",
            "\"2025-03-01 10:00\"",
            "\"2025-03-01\"",
            "1740794400",
            "\"刚刚\"",
            "\"2025-03-01 10:00:00.123456 +08:00\"",
        ],
    ),
    ("platform", &["\"抖音\"", "\"在线客服\"", "\"\"", "null", "3", "\"api\""]),
    ("priority", &["\"特急\"", "\"\"", "null", "\"medium\"", "1"]),
    ("status", &["\"waiting_parts\"", "\"\"", "4"]),
    ("subject", &["12345", "\"\"", "null", "true", "{\"zh\":\"标题\"}", "1.10"]),
    ("content", &["null", "\"\"", "[\"段落\"]", "0"]),
    ("content_type", &["\"\"", "null", "\"markdown\""]),
    ("user", &["\"\"", "null", "\"O'Brien \\\"Bob\\\" \\\\\""]),
    ("user_cellphone", &["13800138000", "\"+86 138-0013-8000\"", "\"\""]),
    ("satisfaction", &[r#"{"level":5,"text":"很好"}"#, "null", "\"\"", "[1.0,2]"]),
    ("tags", &["\"投诉,VIP\"", "[\"投诉\"]"]),
    ("replied_by", &["\"\"", "7", "\"robot\""]),
];

/// Texts that trip readers, as JSON.
const TEXTS: &[&str] = &[
    r#""第一行\r\n第二行\t制表\n""#,
    r#""<div>订单 <a href=\"https:\/\/x.example\/?a=1&b=2\">DD1<\/a> &nbsp;<br\/></div>""#,
    r#""表情 👩🏽‍💻🎉 全角ＡＢＣ 㐂𠮷 ไทย""#,
    r#""半个代理 \ud83d 在中间""#,
    r#""\u4f60\u597d\ud83d\ude00""#,
    r#""引号\",逗号;NULL""#,
];

/// The value that a field of a kind gets, in turn.
const CUSTOM: &[(Kind, &[&str])] = &[
    (Kind::Number, &["\"十\"", "13", "13.0", "\"+5\"", "\"9223372036854775808\"", "\"007\"", "[]"]),
    (Kind::Numeric, &["13.33", "\"1E2\"", "\"1,5\"", "\"NaN\"", "\"-0.50\"", "true", "{}"]),
    (
        Kind::Date,
        &[
            "\"2016-08-11 00:00:00\"",
            "\"11/08/2016\"",
            "\"0000-00-00\"",
            "\"2025-02-29\"",
            "\"2016-08-11 09:00\"",
        ],
    ),
    (Kind::Time, &["\"14:44\"", "\"24:00:00\"", "\"14:44:36.5\"", "\"下午两点\"", "144436", "\"0:00:00\""]),
    (
        Kind::DateTime,
        &[
            "\"2017-05-03 14:44:36\"",
            "\"2017-05-03T14:44\"",
            "\"2017-05-03\"",
            "\"0000-00-00 00:00\"",
            "\"2017-05-03 14:44 +0800\"",
            "\"尽快\"",
        ],
    ),
    (Kind::Select, &["\"99\"", "0", "\"\"", "[\"0\"]", "\"0,1\"", "true", "\"投诉\"", "{\"0\":\"咨询\"}"]),
    (
        Kind::Several,
        &[
            "[\"0\",\"3\"]",
            "[0, 1]",
            "\"0,99\"",
            "[]",
            "\"0, 1\"",
            "\"1,1\"",
            "[\"0\",null]",
            "{\"0\":\"手机\"}",
            "4",
            "\",\"",
        ],
    ),
    (Kind::Chained, &["\"0\"", "\"0,9\"", "\"9,0,0\"", "[\"0\",\"1\"]", "\"0,0,0,0\"", "[]", "{}", "1"]),
    (Kind::Text, &["13", "13.30", "{\"a\": 1.0}", "[\"a\", \"\\u4e2d\"]", "false", "\"\\udc00\""]),
    (Kind::Link, &["\"www.sample.com\"", "\"\"", "null"]),
    (Kind::Other, &["{\"lat\":31.230,\"lng\":121.47}", "\"121.47,31.23\"", "[]"]),
];

const SPECIAL: usize = 5;
const LONG: &str = "客户多次来电催促处理结果,以下为历史沟通记录。";

/// Makes a ticket awkward in the way of this turn; a ticket without a creation time gets just that.
pub fn spoil(ticket: &mut Object, fields: &[Field], life: &Lifecycle, turn: usize) {
    if life.created.is_none() {
        let unreadable = ["null", "\"2 天前\"", "\"\"", "\"0000-00-00 00:00:00 +0800\""];
        return ticket.set("created_at", nth(&unreadable, turn));
    }
    let kinds = KEYS.len() + TEXTS.len() + CUSTOM.len() + SPECIAL;
    let (kind, round) = (turn % kinds, turn / kinds);
    let kind = match kind.checked_sub(SPECIAL) {
        Some(kind) => kind,
        None => return special(ticket, life, kind, round),
    };
    if let Some((key, values)) = KEYS.get(kind) {
        ticket.set(key, nth(values, round));
    } else if let Some(text) = TEXTS.get(kind - KEYS.len()) {
        ticket.set(nth(&["content", "subject", "user"], round), text);
        fill(ticket, fields, Kind::AreaText, round, text);
    } else if let Some((kind, values)) = CUSTOM.get(kind - KEYS.len() - TEXTS.len()) {
        fill(ticket, fields, *kind, round, nth(values, round));
    }
}

fn special(ticket: &mut Object, life: &Lifecycle, kind: usize, round: usize) {
    match kind {
        0 => ticket.set("id", &quoted(&life.id.to_string())),
        // Legal spellings of the same second.
        1 => {
            for (key, second) in [("created_at", life.opened), ("updated_at", life.updated)] {
                let plain = written(second);
                let spelt = match round % 4 {
                    0 => format!("{plain} +08:00"),
                    1 => format!("{}+0800", plain.replace(' ', "T")),
                    2 => plain,
                    _ => format!("{} Z", written(second - 8 * 3_600)),
                };
                ticket.set_text(key, &spelt);
            }
        }
        2 => set_custom(ticket, "TextField_901", nth(&["\"未定义字段\"", "null", "[1, 2]", "7"], round)),
        3 => ticket.set_text("content", &LONG.repeat(60 << (round % 5))),
        _ => {
            for key in ["solving_at", "replied_by", "user_cellphone"] {
                ticket.remove(key);
            }
        }
    }
}

fn nth<'a>(values: &[&'a str], turn: usize) -> &'a str {
    values.get(turn % values.len().max(1)).copied().unwrap_or("null")
}

/// Gives one of the fields of a kind a value.
fn fill(ticket: &mut Object, fields: &[Field], kind: Kind, turn: usize, raw: &str) {
    let fitting: Vec<&Field> = fields.iter().filter(|field| field.kind == kind).collect();
    if let Some(field) = fitting.get(turn % fitting.len().max(1)) {
        set_custom(ticket, &field.name, raw);
    }
}

/// Sets the value of a custom field.
pub fn set_custom(ticket: &mut Object, name: &str, raw: &str) {
    let values = ticket.get("custom_fields").unwrap_or("{}");
    let mut values = Object::parse(values.as_bytes()).unwrap_or_default();
    values.set(name, raw);
    ticket.set("custom_fields", &values.render());
}
