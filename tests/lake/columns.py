"""The promised columns of the three tables: name and type, in order."""

TICKETS = [
    ("id", "int64"), ("url", "text"), ("subject", "text"), ("description", "text"), ("description_format", "text"),
    ("type", "text"), ("status", "text"), ("priority", "text"), ("priority_label", "text"), ("channel", "text"),
    ("channel_label", "text"), ("recipient", "text"), ("requester_id", "int64"), ("requester_name", "text"),
    ("requester_email", "text"), ("requester_phone", "text"), ("assignee_id", "int64"), ("assignee_name", "text"),
    ("group_id", "int64"), ("group_name", "text"), ("organization_id", "int64"), ("creator_id", "int64"),
    ("problem_id", "int64"), ("chat_id", "int64"), ("replied_by", "text"), ("created_at", "instant"),
    ("updated_at", "instant"), ("assigned_at", "instant"), ("solving_at", "instant"), ("resolved_at", "instant"),
    ("closed_at", "instant"), ("due_at", "instant"), ("collaborator_ids", "list of int64"), ("tags", "list of text"),
    ("satisfaction_id", "int64"), ("satisfaction_label", "text"), ("satisfaction_score", "int8"),
    ("satisfaction_comment", "text"), ("sla_status", "int8"), ("sla_breached", "bool"), ("sla_paused", "bool"),
    ("sla_paused_at", "instant"), ("sla_pause_reason", "text"), ("slax_id", "int64"), ("slax_title", "text"),
    ("slax_diff_seconds", "int64"), ("slax_due_at", "instant"), ("absolute_slax_due_at", "instant"),
    ("process_seconds", "int64"),
]
TAIL = [("_rescued", "text"), ("_synced_at", "instant"), ("_deleted_at", "instant")]

TICKET_FIELDS = [
    ("field_name", "text"), ("column_name", "text"), ("label", "text"), ("vendor_type", "text"),
    ("column_type", "text"), ("active", "bool"), ("required_for_agent", "bool"), ("visible_to_customer", "bool"),
    ("editable_by_customer", "bool"), ("required_for_customer", "bool"), ("description", "text"),
    ("validation_regexp", "text"), ("parent_field_name", "text"), ("parent_path", "list of text"),
    ("first_seen_at", "instant"), ("last_seen_at", "instant"), ("_raw", "text"),
]
TICKET_FIELD_OPTIONS = [
    ("field_name", "text"), ("path", "list of text"), ("raw", "text"), ("label", "text"), ("position", "int64"),
    ("active", "bool"), ("first_seen_at", "instant"), ("last_seen_at", "instant"),
]
