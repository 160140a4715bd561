//! Where each key of a Udesk ticket goes. Keys and names are those of the Open API v1 page; the English names of the
//! first three channels, blank there, are those of the vendor's later API.

use crate::ticket::{
    CustomShape, Mapping,
    To::{Code, Custom, Instant, Int64, Named, Text},
};

const CHANNELS: &[(&str, &str)] = &[
    ("邮件", "email"),
    ("微博", "weibo"),
    ("微信", "wechat"),
    ("即时聊天", "im"),
    ("电话", "call"),
    ("反馈标签", "feedback"),
    ("帮助中心", "hc"),
    ("手工录入", "manual_input"),
    ("API", "api"),
];

const PRIORITIES: &[(&str, &str)] = &[("紧急", "urgency"), ("高", "high"), ("标准", "medium"), ("低", "low")];

/// A Udesk ticket in the lake's terms.
pub static TICKET: Mapping = Mapping {
    keys: &[
        ("id", Int64("id")),
        ("subject", Text("subject")),
        ("content", Text("description")),
        ("content_type", Code("description_format")),
        ("platform", Named { label: "channel_label", code: "channel", names: CHANNELS }),
        ("priority", Named { label: "priority_label", code: "priority", names: PRIORITIES }),
        ("status", Code("status")),
        ("user", Text("requester_name")),
        ("user_email", Text("requester_email")),
        ("user_cellphone", Text("requester_phone")),
        ("assignee", Text("assignee_name")),
        ("assignee_id", Int64("assignee_id")),
        ("user_group_id", Int64("group_id")),
        ("user_group_name", Text("group_name")),
        ("solving_at", Instant("solving_at")),
        ("replied_by", Text("replied_by")),
        ("custom_fields", Custom),
        ("created_at", Instant("created_at")),
        ("updated_at", Instant("updated_at")),
    ],
    custom: CustomShape::Object,
    constants: &[],
};
