//! How Udesk's world moves by itself: tickets that come, change and go, and an administrator who edits fields.

use bytes::Bytes;
use serde_json::Value;

use super::Tenant;
use super::fields::{field, kind_of, options_text};
use super::quirks::set_custom;
use super::seed::{STATUSES, push_ticket};
use super::values::push_value;
use crate::sandbox::clock::written;
use crate::sandbox::object::Object;
use crate::sandbox::store::Ticket;
use crate::sandbox::timeline::Timeline;
use crate::sandbox::words::{PROBLEMS, pick};

/// Puts a new ticket; answers its id.
pub fn insert(tenant: &mut Tenant) -> u64 {
    let life = Timeline::newborn(tenant.store.next_id(&mut tenant.rng), tenant.clock.now(), None);
    let mut text = String::new();
    let place = tenant.rng.usize(..);
    let card = push_ticket(&mut text, &mut tenant.rng, &life, &tenant.fields, &tenant.people, place);
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
    card.updated = Some(now);
    card.status = (card.status + 1).min(3);
    ticket.set_text("status", STATUSES.get(card.status as usize).map_or("closed", |(name, _)| name));
    let subject = format!("{}(跟进)", pick(&mut tenant.rng, PROBLEMS));
    ticket.set_text("subject", &subject);
    let place = tenant.rng.usize(..tenant.fields.len().max(1));
    if let Some(field) = tenant.fields.get(place) {
        let mut value = String::new();
        push_value(&mut value, &mut tenant.rng, field, now);
        set_custom(&mut ticket, &field.name, &value);
    }
    ticket.set_text("updated_at", &format!("{} +0800", written(now)));
    card.text = Bytes::from(ticket.render());
    tenant.store.put(card);
}

/// Edits the definitions; the body is one of `{"op":"add","type","label"}`, `{"op":"remove","name"}`,
/// `{"op":"rename","name","label"}`, with `"option":INDEX` the label of that option, `{"op":"retype","name","type"}`.
/// Answers the field's name, or what is wrong.
pub fn change_field(tenant: &mut Tenant, body: &Value) -> Result<String, String> {
    let text = |key: &str| {
        let text = body.get(key).and_then(Value::as_str);
        text.ok_or_else(|| format!("`{key}` is missing"))
    };
    let op = text("op")?;
    if op == "add" {
        let prefix = match text("type")? {
            "droplist" | "radio" | "checkbox" | "chained_droplist" => "SelectField",
            _ => "TextField",
        };
        let taken = |name: &String| tenant.fields.iter().any(|field| field.name == *name);
        let mut names = (500..).map(|number: u64| format!("{prefix}_{number}"));
        let name = names.find(|name| !taken(name)).unwrap_or_default();
        tenant.fields.push(field(&name, text("type")?, text("label")?, &[("0", "选项甲"), ("1", "选项乙")]));
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
            None => field.definition.set_text("field_label", text("label")?),
            Some(index) => {
                let label = text("label")?;
                let option = field.options.iter_mut().find(|(known, _)| known == index);
                option.ok_or_else(|| format!("`{name}` has no option `{index}`"))?.1 = label.to_owned();
                let options = options_text(field);
                field.definition.set("options", &options);
            }
        },
        "retype" => {
            let content_type = text("type")?;
            field.kind = kind_of(content_type);
            let options = options_text(field);
            field.definition.set_text("content_type", content_type);
            field.definition.set("options", &options);
        }
        _ => return Err("`op` is one of add, remove, rename, retype".to_owned()),
    }
    Ok(name.to_owned())
}
