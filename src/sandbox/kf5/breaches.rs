//! The history of broken service agreements of KF5, newest first.

use serde_json::{Value, json};

use super::list::{paged, wanted};
use super::{Tenant, not_found};
use crate::sandbox::answer::{Answer, Asked};
use crate::sandbox::clock::written;
use crate::sandbox::object::Object;
use crate::sandbox::people::{agent, group_name};
use crate::sandbox::store::{Order, Ticket};

const KINDS: [&str; 3] = ["response", "reply", "resolve"];

/// All breaches, or those of one ticket.
pub fn list(tenant: &Tenant, ticket: Option<u64>, asked: &Asked) -> Result<Answer, Answer> {
    let wanted = wanted(tenant, asked, Order::Id, false)?;
    let mut found: Vec<(i64, u64, String)> = match ticket {
        Some(id) => breach(tenant.store.get(id).ok_or_else(not_found)?).into_iter().collect(),
        None => tenant.store.cards().filter_map(breach).collect(),
    };
    found.sort_by(|one, other| other.cmp(one));
    let rows: Vec<String> = found.into_iter().map(|(_, _, row)| row).collect();
    Ok(paged(tenant, asked, &wanted, "slax_constraints", &rows))
}

/// The breach that a ticket's own agreement tells of, with its second.
fn breach(card: &Ticket) -> Option<(i64, u64, String)> {
    let ticket = Object::parse(&card.text).ok()?;
    if ticket.get("sla_status") != Some("1") {
        return None;
    }
    let due = ticket.text("absolute_slax_time_at")?;
    let at = crate::sandbox::clock::read_bound(&due)?;
    let slax: Value = serde_json::from_str(ticket.get("slax")?).ok()?;
    let id = slax["id"].as_u64().unwrap_or(1);
    let handler = agent(card.assignee);
    let row = json!({
        "id": card.id,
        "ticket_id": card.id,
        "slax_id": id,
        "slax_title": slax["title"].as_str().unwrap_or("标准客户8小时解决"),
        "slax_time_at": due,
        "user": handler.map(|agent| json!({"id": agent.id, "name": agent.name})),
        "group": handler.map(|agent| json!({"id": agent.group, "name": group_name(agent.group)})),
        "type": KINDS.get(card.id as usize % KINDS.len()),
        "diff_second": slax["diff_second"].as_i64(),
        "created_at": written(at),
    });
    Some((at, card.id, row.to_string()))
}
