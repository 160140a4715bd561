//! What KF5 does on writing requests: create, update one or many, delete.

use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::comments::{self, caller};
use super::fields::{Field, Kind};
use super::list::one;
use super::quirks::set_custom;
use super::seed::STATUSES;
use super::{Tenant, invalid, not_found};
use crate::sandbox::answer::{Answer, Asked};
use crate::sandbox::clock::{read_bound, written};
use crate::sandbox::object::Object;
use crate::sandbox::people::{AGENTS, Agent, Customer, GROUPS, agent, organization};
use crate::sandbox::store::Ticket;

const TYPES: [&str; 4] = ["problem", "incident", "question", "task"];
const PRIORITIES: [&str; 4] = ["low", "medium", "high", "urgent"];
const MOST_AT_ONCE: usize = 100;
pub const SOLVED: u8 = 3;
const CLOSED: u8 = 4;
const NO_ASSIGNEE: &str = "状态为已解决时,受理人不能为空";

/// The keys of a new ticket that writing does not set itself, in the order of the vendor's format.
const BLANK: &str = r#"{"id":0,"url":"","title":"","description":"","type":null,"status":"new","priority":"low","recipient":null,
"requester_id":0,"assignee_id":null,"organization_id":null,"group_id":null,"problem_id":null,"due_date":null,"created_at":null,
"updated_at":null,"assigneed_at":null,"resolved_at":null,"closed_at":null,"source":"api","chat_id":null,"collaborator_ids":[],
"tags":[],"custom_fields":[],"satisfaction_rating":null,"sla_event":null,"slax":null,"absolute_slax_time_at":null,
"sla_status":null,"process_second":null,"creator_id":733}"#;

/// The `ticket` of the body.
fn ticket_of(body: &Value) -> Result<&Map<String, Value>, Answer> {
    body.get("ticket").and_then(Value::as_object).ok_or_else(|| invalid("缺少参数 ticket"))
}

/// Makes a ticket; 201 with its address and itself.
pub fn create(tenant: &mut Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let body = asked.json();
    let sent = ticket_of(&body)?;
    if sent.get("title").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(invalid("标题不能为空"));
    }
    let description = comments::sent(tenant, sent)?.ok_or_else(|| invalid("工单描述不能为空"))?;
    let mut ticket = Object::parse(BLANK.as_bytes()).map_err(|wrong| invalid(&wrong.to_string()))?;
    let now = tenant.clock.now();
    let id = tenant.store.next_id(&mut tenant.rng);
    let mut card = Ticket { id, created: Some(now), updated: Some(now), ..Ticket::default() };
    let url = format!("{}/apiv2/tickets/{id}.json", tenant.origin);
    ticket.set("id", &id.to_string());
    ticket.set_text("url", &url);
    ticket.set_text("description", &description.content);
    ticket.set_text("created_at", &written(now));
    apply(tenant, &mut ticket, &mut card, sent, now).map_err(|wrong| invalid(&wrong))?;
    card.person = requester(tenant, sent).map_err(|wrong| invalid(&wrong))?;
    ticket.set("requester_id", &card.person.to_string());
    if let Some(organization) = organization(card.person).filter(|_| agent(card.person).is_none()) {
        ticket.set("organization_id", &organization.to_string());
    }
    card.text = Bytes::from(ticket.render());
    let answer = one(&card, StatusCode::CREATED);
    tenant.store.put(card);
    Ok(answer.with(header::LOCATION, &url))
}

/// Makes a ticket with times of its own, as from another help desk; no trigger runs, so no list of changes shows it.
pub fn import(tenant: &mut Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let made = create(tenant, asked)?;
    let body = asked.json();
    let id = made.ids.first().copied().unwrap_or(0);
    let mut card = tenant.store.get(id).ok_or_else(not_found)?.clone();
    let mut ticket = Object::parse(&card.text).map_err(|wrong| invalid(&wrong.to_string()))?;
    for key in ["created_at", "updated_at"] {
        let Some(sent) = ticket_of(&body)?.get(key).and_then(plain) else { continue };
        let second = read_bound(&sent).ok_or_else(|| invalid(&format!("参数 {key} 不是合法的时间")))?;
        ticket.set_text(key, &written(second));
        match key {
            "created_at" => card.created = Some(second),
            _ => card.updated = Some(second),
        }
    }
    card.text = Bytes::from(ticket.render());
    let answer = one(&card, StatusCode::CREATED);
    tenant.store.put(card);
    Ok(answer)
}

/// The requester by id, else by email, phone or object, made when unknown; the calling agent when nothing is given.
fn requester(tenant: &mut Tenant, sent: &Map<String, Value>) -> Result<u64, String> {
    if let Some(id) = sent.get("requester_id").filter(|id| !id.is_null()) {
        let id = number(id).filter(|id| agent(*id).is_some() || tenant.people.get(*id).is_some());
        return id.ok_or_else(|| "发起人不存在".to_owned());
    }
    let (email, phone, name) = match sent.get("requester") {
        None | Some(Value::Null) => return Ok(AGENTS.first().map_or(0, |agent| agent.id)),
        Some(Value::Object(requester)) => {
            let part = |key: &str| requester.get(key).and_then(plain).filter(|text| !text.is_empty());
            (part("email"), part("phone"), part("name"))
        }
        Some(other) => {
            let text = plain(other).unwrap_or_default();
            match text.contains('@') {
                true => (Some(text), None, None),
                false => (None, Some(text).filter(|text| !text.is_empty()), None),
            }
        }
    };
    let known = match (&email, &phone) {
        (Some(email), _) => tenant.people.by_email(email),
        (None, Some(phone)) => tenant.people.by_phone(phone),
        (None, None) => return Err("发起人的邮箱或手机号不能为空".to_owned()),
    };
    Ok(match known {
        Some(customer) => customer.id,
        None => tenant.people.add(Customer {
            name: name.or_else(|| email.clone()).or_else(|| phone.clone()).unwrap_or_default(),
            email,
            phone,
            ..Customer::default()
        }),
    })
}

/// A string or number as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u64> {
    plain(value)?.parse().ok()
}

/// Changes a ticket; 200 with itself.
pub fn update(tenant: &mut Tenant, id: u64, asked: &Asked) -> Result<Answer, Answer> {
    let body = asked.json();
    let sent = ticket_of(&body)?;
    let comment = comments::sent(tenant, sent)?;
    let card =
        changed(tenant, id, sent).map_err(|wrong| wrong.map_or_else(not_found, |wrong| invalid(&wrong)))?;
    let answer = one(&card, StatusCode::OK);
    tenant.store.put(card);
    comments::add(tenant, id, caller(asked), comment);
    Ok(answer)
}

/// Changes many tickets alike; 200 with what became of each.
pub fn update_many(tenant: &mut Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let body = asked.json();
    let sent = ticket_of(&body)?;
    comments::sent(tenant, sent)?;
    let ids = asked.ids();
    if ids.is_empty() || ids.len() > MOST_AT_ONCE {
        return Err(invalid("参数 ids 应为 1 至 100 个工单编号"));
    }
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        let errors = match changed(tenant, id, sent) {
            Ok(card) => {
                tenant.store.put(card);
                let comment = comments::sent(tenant, sent)?;
                comments::add(tenant, id, caller(asked), comment);
                String::new()
            }
            Err(wrong) => wrong.unwrap_or_else(|| "工单不存在".to_owned()),
        };
        results.push(json!({"id": id, "success": errors.is_empty(), "errors": errors}));
    }
    Ok(Answer::json(json!({"results": results}).to_string()))
}

/// The ticket as the request would have it; an error without text for one that is not there.
fn changed(tenant: &Tenant, id: u64, sent: &Map<String, Value>) -> Result<Ticket, Option<String>> {
    let mut card = tenant.store.get(id).ok_or(None)?.clone();
    let mut ticket = Object::parse(&card.text).map_err(|wrong| Some(wrong.to_string()))?;
    apply(tenant, &mut ticket, &mut card, sent, tenant.clock.now())?;
    card.text = Bytes::from(ticket.render());
    Ok(card)
}

/// Sets what both create and update may set, or says why not.
fn apply(
    tenant: &Tenant,
    ticket: &mut Object,
    card: &mut Ticket,
    sent: &Map<String, Value>,
    now: i64,
) -> Result<(), String> {
    let given = |key: &str| sent.get(key).filter(|value| !value.is_null());
    if let Some(title) = given("title") {
        let title = title.as_str().filter(|title| !title.is_empty()).ok_or("标题不能为空")?;
        ticket.set_text("title", title);
    }
    for (key, allowed) in [("type", TYPES.as_slice()), ("priority", &PRIORITIES), ("status", &STATUSES)] {
        if let Some(value) = given(key) {
            let word = value.as_str().filter(|word| allowed.contains(word));
            ticket.set_text(key, word.ok_or_else(|| format!("参数 {key} 可选值:{}", allowed.join("、")))?);
        }
    }
    card.is_problem = ticket.text("type").as_deref() == Some("problem");
    if let Some(id) = given("assignee_id") {
        let agent = number(id).and_then(agent).ok_or("受理客服不存在")?;
        assign(ticket, card, Some(agent), now);
    }
    if let Some(id) = given("group_id") {
        let id = number(id).filter(|id| GROUPS.iter().any(|(group, _)| group == id));
        ticket.set("group_id", &id.ok_or("受理客服组不存在")?.to_string());
    }
    if let Some(id) = given("problem_id") {
        let problem = number(id).filter(|id| tenant.store.get(*id).is_some_and(|card| card.is_problem));
        if ticket.text("type").as_deref() != Some("incident") {
            return Err("只有事务类型的工单可以关联故障工单".to_owned());
        }
        card.problem = problem.ok_or("关联的故障工单不存在")?;
        ticket.set("problem_id", &card.problem.to_string());
    }
    if let Some(due) = given("due_at") {
        if ticket.text("type").as_deref() != Some("task") {
            return Err("只有任务类型的工单可以设置截止时间".to_owned());
        }
        let due = plain(due).and_then(|text| read_bound(&text)).ok_or("截止时间格式不正确")?;
        ticket.set_text("due_date", &written(due));
    }
    for key in ["tags", "collaborator_ids"] {
        if let Some(list) = given(key) {
            let list = list.as_array().ok_or_else(|| format!("参数 {key} 应为数组"))?;
            ticket.set(key, &Value::from(list.clone()).to_string());
        }
    }
    if let Some(entries) = given("custom_fields") {
        for entry in entries.as_array().ok_or("参数 custom_fields 应为数组")? {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or("");
            let field = tenant.fields.iter().find(|field| field.name == name);
            let field = field.ok_or_else(|| format!("自定义字段 {name} 不存在"))?;
            let value = entry.get("value").unwrap_or(&Value::Null);
            if !fits(field, value) {
                let title = field.definition.text("agent_title").unwrap_or_default();
                return Err(format!("{title} 格式不正确"));
            }
            if let Some((parent, option)) = field.parent.as_ref().filter(|_| !value.is_null() && value != "")
            {
                let parent = tenant.fields.iter().find(|other| other.id == *parent);
                let chosen = parent.and_then(|parent| custom(ticket, &parent.name)).unwrap_or_default();
                if chosen != *option {
                    let title = field.definition.text("agent_title").unwrap_or_default();
                    return Err(format!("{title} 只能在所属选项下填写"));
                }
            }
            set_custom(ticket, name, &value.to_string());
        }
    }
    set_status(ticket, card, now)?;
    card.updated = Some(now);
    ticket.set_text("updated_at", &written(now));
    Ok(())
}

/// Gives a ticket to an agent.
pub fn assign(ticket: &mut Object, card: &mut Ticket, agent: Option<&Agent>, now: i64) {
    let Some(agent) = agent else { return };
    card.assignee = agent.id;
    ticket.set("assignee_id", &agent.id.to_string());
    ticket.set("group_id", &agent.group.to_string());
    if ticket.get("assigneed_at") == Some("null") {
        ticket.set_text("assigneed_at", &written(now));
    }
}

/// What is written down when a ticket is solved.
pub fn solve(ticket: &mut Object, card: &Ticket, now: i64) {
    ticket.set_text("resolved_at", &written(now));
    if let Some(created) = card.created {
        ticket.set("process_second", &(now - created).max(0).to_string());
    }
}

/// Follows a change of status with what hangs on it.
fn set_status(ticket: &mut Object, card: &mut Ticket, now: i64) -> Result<(), String> {
    let status = ticket.text("status").unwrap_or_default();
    let Some(place) = STATUSES.iter().position(|known| *known == status) else {
        return Ok(());
    };
    let before = std::mem::replace(&mut card.status, u8::try_from(place).unwrap_or(0));
    if card.status == SOLVED && card.assignee == 0 {
        return Err(NO_ASSIGNEE.to_owned());
    }
    if card.status != before {
        match card.status {
            SOLVED => solve(ticket, card, now),
            CLOSED => ticket.set_text("closed_at", &written(now)),
            _ => {
                ticket.set("resolved_at", "null");
                ticket.set("closed_at", "null");
            }
        }
    }
    Ok(())
}

/// Whether a value may stand in a field; empty ones always may.
fn fits(field: &Field, value: &Value) -> bool {
    let Some(text) = plain(value) else {
        return match value {
            Value::Array(path) if matches!(field.kind, Kind::Cascade3 | Kind::Multi) => {
                let labels: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
                path.is_empty() || (labels.len() == path.len() && is_path(field, &labels.join(",")))
            }
            Value::Array(_) => field.kind == Kind::Other,
            Value::Object(_) => field.kind == Kind::Other,
            Value::Bool(_) => field.kind == Kind::Checkbox,
            _ => true,
        };
    };
    text.is_empty()
        || match field.kind {
            Kind::Int => text.parse::<i64>().is_ok(),
            Kind::Decimal => text.parse::<f64>().is_ok_and(f64::is_finite),
            Kind::Date => text.parse::<jiff::civil::Date>().is_ok(),
            Kind::Checkbox => matches!(text.as_str(), "0" | "1" | "true" | "false"),
            Kind::Select | Kind::Cascade3 | Kind::Multi => is_path(field, &text),
            Kind::Regexp | Kind::Text => matches_pattern(field, &text),
            _ => true,
        }
}

/// Whether labels, joined by commas, are an option of the field, or lead to one.
fn is_path(field: &Field, labels: &str) -> bool {
    let leads = |choice: &String| choice.strip_prefix(labels).is_some_and(|rest| rest.starts_with(','));
    field.choices.iter().any(|choice| choice == labels || (field.kind != Kind::Select && leads(choice)))
}

/// Whether a text is what the field's regular expression asks for; one that cannot be read asks for nothing.
fn matches_pattern(field: &Field, text: &str) -> bool {
    let pattern = field.definition.get("regexp_for_validation").unwrap_or("null");
    let patterns = match serde_json::from_str::<Value>(pattern) {
        Ok(Value::String(pattern)) => vec![pattern],
        Ok(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let fits = |pattern: &String| {
        let built = regex::RegexBuilder::new(pattern).unicode(false).size_limit(1 << 20).build();
        built.map_or(true, |regex| regex.is_match(text))
    };
    patterns.iter().filter(|pattern| !pattern.is_empty()).all(fits)
}

/// The value of a ticket's custom field as JSON without white space.
fn custom(ticket: &Object, name: &str) -> Option<String> {
    let entries: Vec<Object> = serde_json::from_str(ticket.get("custom_fields")?).ok()?;
    let entry = entries.into_iter().find(|entry| entry.text("name").as_deref() == Some(name))?;
    let value: Value = serde_json::from_str(entry.get("value")?).ok()?;
    Some(value.to_string())
}

/// Deletes tickets; those that are not there are passed over, unless nothing is left.
pub fn delete(tenant: &mut Tenant, ids: &[u64]) -> Result<Answer, Answer> {
    if ids.len() > MOST_AT_ONCE {
        return Err(invalid("参数 ids 应为 1 至 100 个工单编号"));
    }
    let gone = ids.iter().filter_map(|id| tenant.store.remove(*id)).count();
    if gone == 0 {
        return Err(not_found());
    }
    Ok(Answer::json(""))
}

/// Deletes a definition; tickets keep their values.
pub fn delete_field(tenant: &mut Tenant, id: u64) -> Result<Answer, Answer> {
    let place = tenant.fields.iter().position(|field| field.id == id).ok_or_else(not_found)?;
    tenant.fields.remove(place);
    Ok(Answer::json(""))
}
