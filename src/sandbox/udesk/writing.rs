//! What Udesk does on writing requests: create, update, and a customer's reply.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::checks::{
    check_format, commented, find_assignee, group_by_name, indices_of, known_field, new_assignee, no_option,
    unknown_option,
};
use super::quirks::set_custom;
use super::seed::{PRIORITIES, STATUSES};
use super::{Tenant, refused, wrong};
use crate::sandbox::answer::Answer;
use crate::sandbox::clock::written;
use crate::sandbox::object::{Object, quoted};
use crate::sandbox::people::{Agent, Customer, GROUPS};
use crate::sandbox::store::Ticket;

/// A new ticket's keys in the order of the vendor's format.
const BLANK: &str = r#"{"id":0,"subject":"","content":"","content_type":"text","platform":"API","priority":"标准","status":"open",
"user":null,"user_email":null,"user_cellphone":null,"assignee":null,"assignee_id":null,"user_group_id":null,
"user_group_name":null,"solving_at":"","replied_by":null,"custom_fields":{},"created_at":"","updated_at":""}"#;

/// Which of two parameters may not come together.
const EXCLUSIVE: [(&str, &str); 3] = [
    ("agent_email", "agent_id"),
    ("agent_group_name", "agent_group_id"),
    ("follower_emails", "follower_ids"),
];

fn ticket_of(body: &Value) -> Result<&Map<String, Value>, Answer> {
    body.get("ticket").and_then(Value::as_object).ok_or_else(|| wrong("ticket is missing"))
}

/// A parameter that is there and not empty, as text.
pub fn part(sent: &Map<String, Value>, key: &str) -> Option<String> {
    match sent.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub fn needed(sent: &Map<String, Value>, key: &str, spelt: &str) -> Result<String, Answer> {
    part(sent, key).ok_or_else(|| wrong(&format!("{spelt} is missing")))
}

/// Makes a ticket; answers its id.
pub fn create(tenant: &mut Tenant, body: &Value) -> Result<Answer, Answer> {
    let sent = ticket_of(body)?;
    let subject = needed(sent, "subject", "ticket[subject]")?;
    let content = needed(sent, "content", "ticket[content]")?;
    let mut ticket = Object::parse(BLANK.as_bytes()).map_err(|broken| wrong(&broken.to_string()))?;
    let now = tenant.clock.now();
    ticket.set_text("subject", &subject);
    ticket.set_text("content", &content);
    let mut status = 0;
    if let Some(label) = part(sent, "status") {
        status = STATUSES
            .iter()
            .position(|(_, chinese)| *chinese == label)
            .ok_or_else(|| refused(1001, "状态错误"))?;
    }
    if let Some(label) = part(sent, "priority") {
        let known = PRIORITIES.iter().any(|(_, chinese)| *chinese == label);
        known.then(|| ticket.set_text("priority", &label)).ok_or_else(|| refused(1001, "优先级错误"))?;
    }
    let assignee = match sent.get("assignee").and_then(Value::as_object) {
        Some(assignee) => find_assignee(assignee)?,
        None => None,
    };
    let group = match part(sent, "agent_group_name") {
        Some(name) => Some(group_by_name(&name)?),
        None => None,
    };
    if let Some(values) = sent.get("ticket_field").and_then(Value::as_object) {
        for (name, value) in values {
            let field = known_field(tenant, name)?;
            check_format(field, value)?;
            let indices = value.as_str().unwrap_or("");
            if let Some(unknown) = unknown_option(field, indices, |(index, _)| index) {
                return Err(no_option(field, unknown));
            }
            set_custom(&mut ticket, name, &value.to_string());
        }
    }
    let customer = find_customer(tenant, sent);
    let id = tenant.store.next_id(&mut tenant.rng);
    let mut card =
        Ticket { id, created: Some(now), updated: Some(now), person: customer.id, ..Ticket::default() };
    ticket.set("id", &id.to_string());
    ticket.set_text("user", &customer.name);
    for (key, value) in [("user_email", &customer.email), ("user_cellphone", &customer.phone)] {
        ticket.set(key, &value.as_deref().map_or("null".to_owned(), quoted));
    }
    ticket.set_text("created_at", &format!("{} +0800", written(now)));
    assign(&mut ticket, &mut card, assignee, group);
    set_status(&mut ticket, &mut card, status, now);
    finish(tenant, ticket, card, now);
    Ok(Answer::json(format!(r#"{{"status":0,"message":"工单创建成功","ticket_id":{id}}}"#)))
}

/// The customer by token, else by email, else by phone; what is newly known is kept; else a new one.
fn find_customer(tenant: &mut Tenant, sent: &Map<String, Value>) -> Customer {
    let (token, email, phone) = (part(sent, "customer_token"), part(sent, "email"), part(sent, "cellphone"));
    let people = &mut tenant.people;
    if let Some(customer) = token.as_deref().and_then(|token| people.by_token(token)) {
        return customer;
    }
    let by_email = email.as_deref().and_then(|email| people.by_email(email));
    let known = by_email.or_else(|| phone.as_deref().and_then(|phone| people.by_phone(phone)));
    if let Some(mut customer) = known {
        // Only tried: a number or address that another customer has stays with that one.
        let email = email.filter(|email| people.by_email(email).is_none());
        let phone = phone.filter(|phone| people.by_phone(phone).is_none());
        if email.is_some() || phone.is_some() {
            customer.email = email.or(customer.email);
            customer.phone = phone.or(customer.phone);
            people.keep(customer.clone());
        }
        return customer;
    }
    let name = email.as_deref().and_then(|email| email.split('@').next()).map(str::to_owned);
    let mut customer = Customer {
        name: name
            .or_else(|| phone.clone())
            .or_else(|| token.clone())
            .unwrap_or_else(|| "匿名客户".to_owned()),
        email,
        phone,
        token,
        ..Customer::default()
    };
    customer.id = people.add(customer.clone());
    customer
}

fn assign(ticket: &mut Object, card: &mut Ticket, assignee: Option<&Agent>, group: Option<u64>) {
    if let Some(agent) = assignee {
        card.assignee = agent.id;
        ticket.set_text("assignee", agent.name);
        ticket.set("assignee_id", &agent.id.to_string());
    }
    if let Some(group) = group.or(assignee.map(|agent| agent.group)) {
        let name = GROUPS.iter().find(|(id, _)| *id == group).map_or("", |(_, name)| name);
        ticket.set("user_group_id", &group.to_string());
        ticket.set_text("user_group_name", name);
    }
}

fn set_status(ticket: &mut Object, card: &mut Ticket, status: usize, now: i64) {
    let Some((name, _)) = STATUSES.get(status) else {
        return;
    };
    card.status = u8::try_from(status).unwrap_or(0);
    ticket.set_text("status", name);
    if *name == "solving" && ticket.text("solving_at").is_none_or(|at| at.is_empty()) {
        ticket.set_text("solving_at", &format!("{} +0800", written(now)));
    }
}

fn finish(tenant: &mut Tenant, mut ticket: Object, mut card: Ticket, now: i64) {
    ticket.set_text("updated_at", &format!("{} +0800", written(now)));
    card.updated = Some(now);
    card.text = Bytes::from(ticket.render());
    tenant.store.put(card);
}

/// Changes a ticket; options are given by name here.
pub fn update(tenant: &mut Tenant, id: u64, body: &Value) -> Result<Answer, Answer> {
    let sent = ticket_of(body)?;
    for (one, other) in EXCLUSIVE {
        if part(sent, one).is_some() && part(sent, other).is_some() {
            return Err(wrong(&format!("{one}, {other} are mutually exclusive")));
        }
    }
    let mut card = tenant.store.get(id).ok_or_else(|| refused(1003, "未找到相应工单"))?.clone();
    let mut ticket = Object::parse(&card.text).map_err(|broken| wrong(&broken.to_string()))?;
    let now = tenant.clock.now();
    for key in ["subject", "content"] {
        if let Some(text) = part(sent, key) {
            ticket.set_text(key, &text);
        }
    }
    if let Some(priority) = part(sent, "priority") {
        let known = PRIORITIES.iter().find(|(english, _)| *english == priority);
        ticket.set_text("priority", known.ok_or_else(|| refused(1001, "优先级错误"))?.1);
    }
    if let Some(status) = part(sent, "status") {
        let place = STATUSES.iter().position(|(english, _)| *english == status);
        set_status(&mut ticket, &mut card, place.ok_or_else(|| refused(1006, "参数'状态'传递有误"))?, now);
    }
    let (assignee, group) = new_assignee(sent, card.assignee)?;
    assign(&mut ticket, &mut card, assignee, group);
    if let Some(values) = sent.get("custom_fields").and_then(Value::as_object) {
        for (name, value) in values {
            let field = known_field(tenant, name)?;
            check_format(field, value)?;
            set_custom(&mut ticket, name, &indices_of(field, value)?);
        }
    }
    if let Some(tags) = part(sent, "tags").filter(|_| tenant.quirks.tags) {
        let tags: Vec<&str> = tags.split(',').collect();
        ticket.set("tags", &json!(tags).to_string());
    }
    if let Some(comment) =
        sent.get("comment").and_then(Value::as_object).filter(|comment| !comment.is_empty())
    {
        let author = commented(comment)?;
        ticket.set_text("replied_by", &format!("agent_{}", author.id));
    }
    finish(tenant, ticket, card, now);
    Ok(refused(0, "成功"))
}

/// Adds a customer's reply to a ticket.
pub fn reply(tenant: &mut Tenant, body: &Value) -> Result<Answer, Answer> {
    let empty = Map::new();
    let sent = body.as_object().unwrap_or(&empty);
    let id = needed(sent, "id", "id")?;
    needed(sent, "reply_content", "reply_content")?;
    let email = needed(sent, "email", "email")?;
    let card = id.parse().ok().and_then(|id| tenant.store.get(id)).cloned();
    let card = card.ok_or_else(|| refused(1003, "未找到相应工单"))?;
    let customer = tenant.people.by_email(&email).ok_or_else(|| refused(1004, "未找到相应客户"))?;
    let mut ticket = Object::parse(&card.text).map_err(|broken| wrong(&broken.to_string()))?;
    ticket.set_text("replied_by", &format!("customer_{}", customer.id));
    let now = tenant.clock.now();
    finish(tenant, ticket, card, now);
    Ok(refused(0, "成功"))
}
