//! The columns of the three tables, in their order.

use super::{
    Column,
    Type::{Bool, Instant, Int8, Int64, Int64List, Text, TextList},
    column,
};

/// What could not be read as its column's type, and what no column knows.
pub const RESCUED: &str = "_rescued";
/// When the row was read.
pub const SYNCED_AT: &str = "_synced_at";
/// When the ticket was found gone.
pub const DELETED_AT: &str = "_deleted_at";

/// `tickets`: the columns before those of the custom fields.
pub const TICKETS: &[Column] = &[
    Column {
        name: "id",
        of: Int64,
        nullable: false,
        meaning: "The ticket's number, unique within its source.",
    },
    column("url", Text, "Where the ticket is found at the vendor's API."),
    column("subject", Text, "The title."),
    column("description", Text, "The text of the first message."),
    column("description_format", Text, "How the description is written: text or html."),
    column("type", Text, "The kind of request: problem, incident, question or task."),
    column("status", Text, "Where the ticket stands, in the vendor's word."),
    column("priority", Text, "How urgent it is, as an English word."),
    column("priority_label", Text, "How urgent it is, as the vendor shows it."),
    column("channel", Text, "How it came in, as an English word."),
    column("channel_label", Text, "How it came in, as the vendor shows it."),
    column("recipient", Text, "The address an e-mail ticket was sent to."),
    column("requester_id", Int64, "Who asked."),
    column("requester_name", Text, "The name of who asked."),
    column("requester_email", Text, "The e-mail address of who asked."),
    column("requester_phone", Text, "The telephone number of who asked."),
    column("assignee_id", Int64, "The agent who works on it."),
    column("assignee_name", Text, "The name of that agent."),
    column("group_id", Int64, "The group of agents who work on it."),
    column("group_name", Text, "The name of that group."),
    column("organization_id", Int64, "The organization of who asked."),
    column("creator_id", Int64, "Who entered the ticket."),
    column("problem_id", Int64, "The problem ticket that this incident belongs to."),
    column("chat_id", Int64, "The chat it was made from."),
    column("replied_by", Text, "Who replied last."),
    column("created_at", Instant, "When it was created; decides the partition."),
    column("updated_at", Instant, "When it was last changed."),
    column("assigned_at", Instant, "When an agent first took it."),
    column("solving_at", Instant, "When work on it began."),
    column("resolved_at", Instant, "When it was resolved."),
    column("closed_at", Instant, "When it was closed."),
    column("due_at", Instant, "When a task is due."),
    column("collaborator_ids", Int64List, "Users in copy."),
    column("tags", TextList, "Tags."),
    column("satisfaction_id", Int64, "The rating's number."),
    column("satisfaction_label", Text, "The rating in words, as sent."),
    column(
        "satisfaction_score",
        Int8,
        "The rating from 1 (worst) to 5 (best); null for a word of no known rank.",
    ),
    column("satisfaction_comment", Text, "What the customer said of it."),
    column("sla_status", Int8, "0 within the agreed time, 1 breached, null without an agreement."),
    column("sla_breached", Bool, "Whether the agreed time was breached."),
    column("sla_paused", Bool, "Whether the last pause action stopped the clock."),
    column("sla_paused_at", Instant, "When that action was taken."),
    column("sla_pause_reason", Text, "Why it was taken."),
    column("slax_id", Int64, "The advanced service agreement that applies."),
    column("slax_title", Text, "Its title."),
    column("slax_diff_seconds", Int64, "Seconds past its deadline; negative while there is time left."),
    column("slax_due_at", Instant, "Its deadline."),
    column("absolute_slax_due_at", Instant, "Its deadline, or the last one that was breached."),
    column("process_seconds", Int64, "Seconds of handling time."),
];

/// `tickets`: the columns behind those of the custom fields.
pub const LAST: &[Column] = &[
    column(
        RESCUED,
        Text,
        "A JSON object of what could not be read as its column's type and of unknown keys.",
    ),
    column(SYNCED_AT, Instant, "When this version of the row was read."),
    column(DELETED_AT, Instant, "When the ticket was first found gone from the source."),
];

/// `ticket_fields`: one row per custom-field definition.
pub const TICKET_FIELDS: &[Column] = &[
    column("field_name", Text, "The field's name at the vendor."),
    column("column_name", Text, "Its column in tickets."),
    column("label", Text, "What agents see."),
    column("vendor_type", Text, "The vendor's word for its type."),
    column("column_type", Text, "The type of its column."),
    column("active", Bool, "Whether the field is in use."),
    column("required_for_agent", Bool, "Whether agents must fill it."),
    column("visible_to_customer", Bool, "Whether customers see it."),
    column("editable_by_customer", Bool, "Whether customers may change it."),
    column("required_for_customer", Bool, "Whether customers must fill it."),
    column("description", Text, "The note beside it."),
    column("validation_regexp", Text, "What a value must match."),
    column("parent_field_name", Text, "The field whose choice makes this one appear."),
    column("parent_path", TextList, "That choice, from the root."),
    column("first_seen_at", Instant, "When the definition was first read."),
    column("last_seen_at", Instant, "When it was last read."),
    column("_raw", Text, "The definition as sent, JSON."),
];

/// `ticket_field_options`: one row per selectable option.
pub const TICKET_FIELD_OPTIONS: &[Column] = &[
    column("field_name", Text, "The field's name at the vendor."),
    column("path", TextList, "The labels from the root to this option."),
    column("raw", Text, "What a ticket holds for it: an index, a path of indices, or a key."),
    column("label", Text, "What people see."),
    column("position", Int64, "Its place among the field's options, depth first, from 0."),
    column("active", Bool, "Whether it can still be chosen."),
    column("first_seen_at", Instant, "When it was first read."),
    column("last_seen_at", Instant, "When it was last read."),
];
