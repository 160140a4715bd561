//! The custom fields of the KF5 tenant: every documented type, and the forms in which definitions really come.

use serde_json::json;

use crate::sandbox::object::{Object, quoted};

/// What a value of the field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Textarea,
    Regexp,
    Int,
    Decimal,
    Date,
    Checkbox,
    Select,
    /// Paths over two levels of options.
    Cascade3,
    Multi,
    Other,
}

/// One definition, with what is needed to make values for it.
#[derive(Debug, Clone)]
pub struct Field {
    pub id: u64,
    pub name: String,
    pub kind: Kind,
    /// The values as JSON strings; of a path, its elements joined by commas.
    pub choices: Vec<String>,
    pub active: bool,
    /// An agent must fill it, or a customer must.
    pub required: bool,
    /// The field, and its option as JSON, under which this one appears.
    pub parent: Option<(u64, String)>,
    pub definition: Object,
}

type Row = (u64, &'static str, &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    (4, "dropdownlist", "问题类型", &["反馈建议", "产品问题", "物流问题", "售后退换", "账号问题", "其他"]),
    (8, "text", "订单号", &[]),
    (9, "text", "商品名称", &[]),
    (10, "textarea", "问题补充说明", &[]),
    (11, "int", "购买数量", &[]),
    (12, "decimal", "订单金额", &[]),
    (13, "date", "购买日期", &[]),
    (14, "checkbox", "是否加急", &[]),
    (15, "regexp", "手机号", &[]),
    (16, "regexp", "邮政编码", &[]),
    (36, "dropdownlist", "所属区域", &["华东", "华南", "华北", "西南", "西北", "东北"]),
    (37, "dropdownlist", "责任部门", &["客服部", "仓储部", "质检部"]),
    (38, "dropdownlist", "客户等级", &["普通会员", "银卡", "金卡", "钻石"]),
    (751, "cascade", "处理方式", &["退货", "换货", "维修", "补发"]),
    (742, "text", "退货物流单号", &[]),
    (743, "date", "换货期望日期", &[]),
    (744, "int", "维修次数", &[]),
    (709, "multi_cascade", "商品分类", &["手机,旗舰机", "手机,入门机", "家电,冰箱", "家电,洗衣机", "配件"]),
    (730, "text", "型号备注", &[]),
    (760, "multi_options", "故障标签", &["硬件,屏幕", "硬件,电池", "软件,系统,升级失败", "软件,应用"]),
    (761, "textarea", "处理记录", &[]),
    (762, "decimal", "退款金额", &[]),
    (763, "int", "通话时长(秒)", &[]),
    (764, "date", "承诺完成日期", &[]),
    (765, "checkbox", "是否回访", &[]),
    (766, "star_rating", "服务星级", &[]),
    (767, "text", "备注", &[]),
    (768, "text", "备注", &[]),
    (769, "decimal", "金额\"含税\"(元)", &[]),
    (770, "text", "旧系统编号", &[]),
    (771, "dropdownlist", "旧分类", &["A类", "B类"]),
    (772, "dropdownlist", "空选项", &[]),
];

const FIRST_EXTRA: u64 = 2000;

/// The definitions of a tenant, with `extra` more after the usual ones.
pub fn definitions(extra: usize, origin: &str) -> Vec<Field> {
    let mut fields: Vec<Field> = ROWS.iter().map(|row| field(row.0, row.1, row.2, row.3, origin)).collect();
    let kinds = ["text", "int", "dropdownlist", "date"];
    for (number, kind) in (0..extra as u64).zip(kinds.iter().cycle()) {
        let options: &[&str] = if *kind == "dropdownlist" { &["甲", "乙", "丙"] } else { &[] };
        fields.push(field(FIRST_EXTRA + number, kind, &format!("补充信息{}", number + 1), options, origin));
    }
    fields
}

/// A definition that was put from outside.
pub fn given(definition: Object) -> Field {
    Field {
        id: definition.number("id").unwrap_or(0),
        name: definition.text("name").unwrap_or_default(),
        kind: kind_of(&definition.text("type").unwrap_or_default()),
        choices: Vec::new(),
        active: definition.get("active") != Some("false"),
        required: false,
        parent: None,
        definition,
    }
}

/// The kind of values that a vendor's type has.
pub fn kind_of(vendor_type: &str) -> Kind {
    match vendor_type {
        "text" => Kind::Text,
        "textarea" => Kind::Textarea,
        "regexp" => Kind::Regexp,
        "int" => Kind::Int,
        "decimal" => Kind::Decimal,
        "date" => Kind::Date,
        "checkbox" => Kind::Checkbox,
        "dropdownlist" | "cascade" => Kind::Select,
        "multi_cascade" => Kind::Cascade3,
        "multi_options" => Kind::Multi,
        _ => Kind::Other,
    }
}

/// A definition in the vendor's form.
pub fn field(id: u64, vendor_type: &str, title: &str, options: &[&str], origin: &str) -> Field {
    let active = !matches!(id, 770 | 771);
    let mut definition = Object::default();
    // The vendor's own pages give the id now as a number, now as a string.
    let spelt = if (700..760).contains(&id) { quoted(&id.to_string()) } else { id.to_string() };
    definition.set("id", &spelt);
    definition.set_text("url", &format!("{origin}/apiv2/ticket_fields/{id}.json"));
    definition.set_text("name", &format!("field_{id}"));
    definition.set_text("type", vendor_type);
    definition.set_text("agent_title", title);
    definition.set("agent_required", if id == 4 { "true" } else { "false" });
    definition.set("enduser_visible", if id == 767 { "0" } else { "true" });
    definition.set_text("enduser_title", &format!("请填写{title}"));
    definition.set("enduser_editable", if id.is_multiple_of(2) { "true" } else { "false" });
    definition
        .set_text("enduser_description", if id.is_multiple_of(5) { "请如实填写,便于尽快处理" } else { "" });
    definition.set("enduser_required", if id == 8 { "\"1\"" } else { "false" });
    definition.set("active", if active { "true" } else { "false" });
    if let Some(parent) = parent(id) {
        definition.set("cascade_id", parent.0);
        definition.set("cascade_value", parent.1);
    } else if id.is_multiple_of(3) {
        definition.set("cascade_id", "null");
        definition.set("cascade_value", "\"\"");
    }
    definition.set("custom_field_options", &options_text(id, vendor_type, options));
    definition.set(
        "regexp_for_validation",
        match id {
            15 => r#""^1[3-9]\\d{9}$""#,
            16 => r#"["^\\d{6}$"]"#,
            _ => "[]",
        },
    );
    Field {
        id,
        name: format!("field_{id}"),
        kind: kind_of(vendor_type),
        choices: options.iter().map(|option| (*option).to_owned()).collect(),
        active,
        required: matches!(id, 4 | 8),
        parent: parent(id).map(|(of, option)| (of.trim_matches('"').parse().unwrap_or(0), option.to_owned())),
        definition,
    }
}

/// The option of another field under which this one appears.
fn parent(id: u64) -> Option<(&'static str, &'static str)> {
    match id {
        742 => Some((r#""751""#, r#""退货""#)),
        743 => Some((r#""751""#, r#""换货""#)),
        744 => Some(("751", r#""维修""#)),
        730 => Some((r#""709""#, r#"["手机","旗舰机"]"#)),
        _ => None,
    }
}

fn options_text(id: u64, vendor_type: &str, options: &[&str]) -> String {
    match (id, vendor_type) {
        (709, _) => json!([
            {"key": "手机", "value": "手机", "sub_items": ["旗舰机", "入门机"]},
            {"key": "家电", "value": "家电", "sub_items": ["冰箱", "洗衣机"]},
            {"key": "配件", "value": "配件", "sub_items": []},
        ])
        .to_string(),
        (760, _) => json!({
            "titles": ["大类", "小类", "现象"],
            "list": [
                {"id": 1, "key": "硬件", "level": 1, "parent": 0},
                {"id": 2, "key": "软件", "level": 1, "parent": 0},
                {"id": 3, "key": "屏幕", "level": 2, "parent": 1},
                {"id": 4, "key": "电池", "level": 2, "parent": 1},
                {"id": 5, "key": "系统", "level": 2, "parent": 2},
                {"id": 6, "key": "应用", "level": 2, "parent": 2},
                {"id": 7, "key": "升级失败", "level": 3, "parent": 5},
            ],
        })
        .to_string(),
        // Keys that are not the labels, as after a rename.
        (36, _) => {
            let keyed = options.iter().enumerate();
            let keyed = keyed.map(|(place, label)| json!({"key": format!("area_{place}"), "value": label}));
            keyed.collect::<serde_json::Value>().to_string()
        }
        // A key twice, an option without a key, one without a value.
        (37, _) => json!([
            {"key": "客服部", "value": "客服部"},
            {"key": "仓储", "value": "仓储部"},
            {"key": "仓储", "value": "仓储二部"},
            {"value": "质检部"},
            {"key": "财务部"},
        ])
        .to_string(),
        (_, "dropdownlist" | "cascade") => {
            let options = options.iter().map(|label| json!({"key": label, "value": label}));
            options.collect::<serde_json::Value>().to_string()
        }
        (_, "multi_options") => r#"{"titles":[],"list":[]}"#.to_owned(),
        (_, "text") if id.is_multiple_of(2) => "null".to_owned(),
        _ => "[]".to_owned(),
    }
}
