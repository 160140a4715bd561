//! How KF5's world moves by itself: tickets that come, change and go, and an administrator who edits fields.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Tenant;
use super::fields::{Field, field, kind_of};
use super::quirks::set_custom;
use super::seed::{Desk, STATUSES, push_ticket};
use super::values::push_value;
use super::writing::{SOLVED, assign, solve};
use crate::sandbox::clock::written;
use crate::sandbox::object::Object;
use crate::sandbox::people::AGENTS;
use crate::sandbox::store::Ticket;
use crate::sandbox::timeline::Timeline;
use crate::sandbox::words::{PROBLEMS, pick};

/// Puts a new ticket; answers its id.
pub fn insert(tenant: &mut Tenant) -> u64 {
    let (id, now) = (tenant.store.next_id(&mut tenant.rng), tenant.clock.now());
    let problem = tenant.store.cards().rev().find(|card| card.is_problem).map(|card| card.id);
    let life = Timeline::newborn(id, now, problem);
    let mut text = String::new();
    let place = tenant.rng.usize(..);
    let Tenant { fields, people, origin, rng, .. } = tenant;
    let card = push_ticket(&mut text, rng, &life, &Desk { fields, people, origin, now }, place);
    tenant.store.put(Ticket { text: Bytes::from(text), ..card });
    life.id
}

/// Changes a ticket as its agents would.
pub fn update(tenant: &mut Tenant, id: u64) {
    let Some(card) = tenant.store.get(id) else {
        return;
    };
    let mut card = card.clone();
    let Ok(mut ticket) = Object::parse(&card.text) else {
        return;
    };
    let now = tenant.clock.now();
    ticket.set_text("updated_at", &written(now));
    card.updated = Some(now);
    card.status = (card.status + 1).min(4);
    ticket.set_text("status", STATUSES.get(card.status as usize).copied().unwrap_or("closed"));
    match card.status {
        SOLVED => solve(&mut ticket, &card, now),
        4 => ticket.set_text("closed_at", &written(now)),
        _ => {}
    }
    if card.status >= SOLVED && card.assignee == 0 {
        assign(&mut ticket, &mut card, AGENTS.get(tenant.rng.usize(..AGENTS.len())), now);
    }
    let title = format!("{}(跟进)", pick(&mut tenant.rng, PROBLEMS));
    ticket.set_text("title", &title);
    let place = tenant.rng.usize(..tenant.fields.len().max(1));
    // What belongs to an option of another field, or has such, stays as it was chosen.
    let is_free = |field: &&Field| {
        let is_parent = |other: &Field| other.parent.as_ref().is_some_and(|(parent, _)| *parent == field.id);
        field.parent.is_none() && !tenant.fields.iter().any(is_parent)
    };
    if let Some(field) = tenant.fields.get(place).filter(is_free) {
        let mut value = String::new();
        push_value(&mut value, &mut tenant.rng, field, now);
        set_custom(&mut ticket, &field.name, &value);
    }
    card.text = Bytes::from(ticket.render());
    tenant.store.put(card);
}

/// Edits the definitions; the body is one of `{"op":"add","type","label"}`, `{"op":"remove","name"}`,
/// `{"op":"rename","name","label"}`, with `"option":KEY` the label of that option, `{"op":"retype","name","type"}`.
/// Answers the field's name, or what is wrong.
pub fn change_field(tenant: &mut Tenant, body: &Value) -> Result<String, String> {
    let text = |key: &str| {
        let text = body.get(key).and_then(Value::as_str);
        text.ok_or_else(|| format!("`{key}` is missing"))
    };
    let op = text("op")?;
    if op == "add" {
        let id = tenant.fields.iter().map(|field| field.id).max().unwrap_or(0) + 1;
        let added = field(id, text("type")?, text("label")?, &["选项甲", "选项乙"], &tenant.origin);
        let name = added.name.clone();
        tenant.fields.push(added);
        return Ok(name);
    }
    let name = text("name")?;
    let place = tenant.fields.iter().position(|field| field.name == name);
    let place = place.ok_or_else(|| format!("there is no field `{name}`"))?;
    if op == "remove" {
        tenant.fields.remove(place);
        return Ok(name.to_owned());
    }
    let Some(field) = tenant.fields.get_mut(place) else {
        return Err(format!("there is no field `{name}`"));
    };
    match op {
        "rename" => match body.get("option").and_then(Value::as_str) {
            None => field.definition.set_text("agent_title", text("label")?),
            Some(key) => {
                let options = field.definition.get("custom_field_options").unwrap_or("[]");
                let mut options: Value = serde_json::from_str(options).unwrap_or_default();
                let list = options.as_array_mut().map(|list| list.iter_mut()).into_iter().flatten();
                let label = text("label")?;
                let mut options_named =
                    list.filter(|option| option.get("key").is_some_and(|known| known == key));
                let option = options_named.next().ok_or_else(|| format!("`{name}` has no option `{key}`"))?;
                let old = option.get("value").and_then(Value::as_str).unwrap_or("").to_owned();
                option["value"] = json!(label);
                field
                    .choices
                    .iter_mut()
                    .filter(|choice| **choice == old)
                    .for_each(|choice| *choice = label.to_owned());
                field.definition.set("custom_field_options", &options.to_string());
            }
        },
        "retype" => {
            let vendor_type = text("type")?;
            field.kind = kind_of(vendor_type);
            field.definition.set_text("type", vendor_type);
        }
        _ => return Err("`op` is one of add, remove, rename, retype".to_owned()),
    }
    Ok(name.to_owned())
}
