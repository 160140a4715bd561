//! The custom fields of the Udesk tenant, and the cascades that the field endpoint gives wrongly.

use std::fmt::Write;

use serde_json::json;

use crate::sandbox::object::{Object, quoted};

/// What a value of the field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    AreaText,
    Date,
    Time,
    DateTime,
    Link,
    Number,
    Numeric,
    Select,
    Several,
    Chained,
    Other,
}

/// One definition, with what is needed to make and to read values.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
    /// Index and label; of a cascade the whole path of indices and the label of its last node.
    pub options: Vec<(String, String)>,
    /// Given to some tickets only, in turn.
    pub extra: bool,
    pub definition: Object,
}

type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const ROWS: &[Row] = &[
    ("TextField_1", "text", "订单编号", &[]),
    ("TextField_2", "area_text", "问题详述", &[]),
    ("TextField_3", "date", "购买日期", &[]),
    ("TextField_4", "time", "期望回电时间", &[]),
    ("TextField_5", "datetime", "预约上门时间", &[]),
    ("TextField_6", "link", "商品链接", &[]),
    ("TextField_7", "number", "购买数量", &[]),
    ("TextField_8", "numeric", "订单金额", &[]),
    ("TextField_9", "text", "备注", &[]),
    ("TextField_10", "text", "备注", &[]),
    ("TextField_11", "numeric", "重量(kg)", &[]),
    ("TextField_12", "location", "所在位置", &[]),
    ("TextField_13", "number", "通话时长\"秒\"", &[]),
    (
        "SelectField_1",
        "droplist",
        "问题类型",
        &[("0", "咨询"), ("1", "投诉"), ("2", "退换货"), ("3", "物流")],
    ),
    ("SelectField_2", "radio", "性别", &[("0", "男"), ("1", "女"), ("2", "保密")]),
    ("SelectField_3", "checkbox", "涉及产品", &[("0", "手机"), ("1", "耳机"), ("2", "家电"), ("3", "配件")]),
    (
        "SelectField_4",
        "chained_droplist",
        "所在地区",
        &[
            ("0", "华东"),
            ("0,0", "上海"),
            ("0,0,0", "黄浦"),
            ("0,0,1", "浦东"),
            ("0,1", "杭州"),
            ("0,1,0", "西湖"),
            ("1", "华南"),
            ("1,0", "广州"),
            ("1,0,0", "天河"),
            ("1,0,1", "越秀"),
            ("1,1", "深圳"),
            ("1,1,0", "南山"),
        ],
    ),
    // Options were deleted and moved: an index is not a place.
    (
        "SelectField_5",
        "droplist",
        "处理结果",
        &[("5", "已退款"), ("2", "已换货"), ("7", "已维修"), ("0", "无需处理")],
    ),
    (
        "SelectField_6",
        "checkbox",
        "客户标签",
        &[("1", "VIP"), ("4", "老客户"), ("10", "企业"), ("2", "高风险")],
    ),
    (
        "SelectField_7",
        "chained_droplist",
        "商品类目",
        &[("0", "数码"), ("0,2", "相机"), ("1", "生活"), ("1,0", "厨具")],
    ),
    ("SelectField_8", "radio", "是否加急", &[("0", "否"), ("1", "是")]),
];

/// The definitions of a tenant, with `extra` more after the usual ones.
pub fn definitions(extra: usize) -> Vec<Field> {
    let mut fields: Vec<Field> = ROWS.iter().map(|row| field(row.0, row.1, row.2, row.3)).collect();
    for (number, kind) in (1..=extra).zip(["text", "number", "droplist", "date"].iter().cycle()) {
        let (prefix, options): (_, &[_]) = match *kind {
            "droplist" => ("SelectField", &[("0", "甲"), ("1", "乙")]),
            _ => ("TextField", &[]),
        };
        let mut more =
            field(&format!("{prefix}_{}", 100 + number), kind, &format!("补充信息{number}"), options);
        more.extra = true;
        fields.push(more);
    }
    fields
}

/// A definition that was put from outside.
pub fn given(definition: Object) -> Field {
    Field {
        name: definition.text("field_name").unwrap_or_default(),
        kind: kind_of(&definition.text("content_type").unwrap_or_default()),
        options: Vec::new(),
        extra: false,
        definition,
    }
}

/// The kind of values that a vendor's type has.
pub fn kind_of(content_type: &str) -> Kind {
    match content_type {
        "text" => Kind::Text,
        "area_text" => Kind::AreaText,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "datetime" => Kind::DateTime,
        "link" => Kind::Link,
        "number" => Kind::Number,
        "numeric" => Kind::Numeric,
        "droplist" | "radio" => Kind::Select,
        "checkbox" => Kind::Several,
        "chained_droplist" => Kind::Chained,
        _ => Kind::Other,
    }
}

/// A definition in the vendor's form.
pub fn field(name: &str, content_type: &str, label: &str, options: &[(&str, &str)]) -> Field {
    let digits = name.bytes().map(usize::from).sum::<usize>();
    let mut field = Field {
        name: name.to_owned(),
        kind: kind_of(content_type),
        options: options.iter().map(|(index, label)| ((*index).to_owned(), (*label).to_owned())).collect(),
        extra: false,
        definition: Object::default(),
    };
    let options = options_text(&field);
    let definition = &mut field.definition;
    definition.set_text("field_name", name);
    definition.set_text("field_label", label);
    definition.set_text("content_type", content_type);
    definition.set(
        "comment",
        match digits % 3 {
            0 => "\"由客服填写\"",
            _ => "null",
        },
    );
    definition.set("options", &options);
    definition.set("permission", &(digits % 4).to_string());
    // The samples spell the key otherwise than the table does.
    let key = if digits % 7 == 0 { "requirement" } else { "requirment" };
    definition.set(key, if digits % 5 == 0 { "true" } else { "false" });
    field
}

/// The options as the endpoint gives them; of a cascade wrongly: all nodes below the roots in one row, numbered anew.
pub fn options_text(field: &Field) -> String {
    let listed = match field.kind {
        Kind::Select | Kind::Several => {
            field.options.iter().map(|(index, label)| json!({index: label})).collect()
        }
        Kind::Chained => {
            let leaves = field.options.iter().filter(|(path, _)| path.contains(','));
            leaves.enumerate().map(|(place, (_, label))| json!({place.to_string(): label})).collect()
        }
        _ => serde_json::Value::Null,
    };
    listed.to_string()
}

/// The right labels of all cascades as TOML: a table for each field, from index path to label.
pub fn cascades(fields: &[Field]) -> String {
    let mut out = String::new();
    for field in fields.iter().filter(|field| field.kind == Kind::Chained) {
        let _ = writeln!(out, "[{}]", field.name);
        for (path, label) in &field.options {
            let _ = writeln!(out, "\"{path}\" = {}", quoted(label));
        }
        out.push('\n');
    }
    out
}
