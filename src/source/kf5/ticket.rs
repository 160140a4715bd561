//! Where each key of a KF5 ticket goes. Keys and their types are those of the vendor's ticket page, SLA keys included.

use crate::ticket::{
    CustomShape, Mapping,
    To::{Bool, Code, Custom, FirstInstant, Flag, Instant, Int64, Int64List, Object, Ranked, Text, TextList},
};

/// The words of `satisfaction_rating.score`; samples also show `Great`, which has no documented rank.
const SCORES: &[(&str, i8)] =
    &[("Very Poor", 1), ("Poor", 2), ("Fair", 3), ("Very good", 4), ("Excellent", 5)];

/// A KF5 ticket in the lake's terms.
pub static TICKET: Mapping = Mapping {
    keys: &[
        ("id", Int64("id")),
        ("url", Text("url")),
        ("title", Text("subject")),
        ("description", Text("description")),
        ("type", Code("type")),
        ("status", Code("status")),
        ("priority", Code("priority")),
        ("recipient", Text("recipient")),
        ("requester_id", Int64("requester_id")),
        ("assignee_id", Int64("assignee_id")),
        ("organization_id", Int64("organization_id")),
        ("group_id", Int64("group_id")),
        ("problem_id", Int64("problem_id")),
        ("due_date", FirstInstant("due_at")),
        ("due_at", FirstInstant("due_at")),
        ("created_at", Instant("created_at")),
        ("updated_at", Instant("updated_at")),
        ("assigneed_at", Instant("assigned_at")),
        ("resolved_at", Instant("resolved_at")),
        ("closed_at", Instant("closed_at")),
        ("source", Code("channel")),
        ("chat_id", Int64("chat_id")),
        ("collaborator_ids", Int64List("collaborator_ids")),
        ("tags", TextList("tags")),
        ("custom_fields", Custom),
        (
            "satisfaction_rating",
            Object(&[
                ("id", Int64("satisfaction_id")),
                ("score", Ranked { label: "satisfaction_label", rank: "satisfaction_score", ranks: SCORES }),
                ("comment", Text("satisfaction_comment")),
            ]),
        ),
        (
            "sla_event",
            Object(&[
                ("paused", Bool("sla_paused")),
                ("created_at", Instant("sla_paused_at")),
                ("reason", Text("sla_pause_reason")),
            ]),
        ),
        (
            "slax",
            Object(&[
                ("id", Int64("slax_id")),
                ("title", Text("slax_title")),
                ("diff_second", Int64("slax_diff_seconds")),
                ("slax_time_at", Instant("slax_due_at")),
            ]),
        ),
        ("absolute_slax_time_at", Instant("absolute_slax_due_at")),
        ("sla_status", Flag { number: "sla_status", flag: "sla_breached" }),
        ("process_second", Int64("process_seconds")),
        ("creator_id", Int64("creator_id")),
    ],
    custom: CustomShape::Entries,
    constants: &[("description_format", "text")],
};
