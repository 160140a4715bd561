//! What KF5 answers to reading requests: lists with their filters and orders, single tickets, field definitions.

use http::StatusCode;
use serde_json::{Value, json};

use super::comments::caller;
use super::fields::Kind;
use super::seed::STATUSES;
use super::{Route, Tenant, breaches, comments, directory, not_found, problem};
use crate::sandbox::answer::{Answer, Asked};
use crate::sandbox::clock::read_bound;
use crate::sandbox::object::Object;
use crate::sandbox::paging::{ALWAYS, Span, Wanted, page, slice};
use crate::sandbox::people::{AGENTS, agent};
use crate::sandbox::quirks::Envelope;
use crate::sandbox::store::{Order, Ticket};

const MOST_PER_PAGE: u64 = 100;
const MOST_SHOWN: usize = 100;
/// Rows of a page of the export.
const MOST_EXPORTED: u64 = 500;

/// Answers a reading request.
pub fn answer(tenant: &Tenant, route: &Route, asked: &Asked) -> Answer {
    let answer = match route {
        Route::List => tickets(tenant, asked, None),
        Route::UserTickets(id)
            if agent(*id).is_some() || tenant.store.cards().any(|card| card.assignee == *id) =>
        {
            tickets(tenant, asked, Some(*id))
        }
        Route::Search => search(tenant, asked),
        Route::Problems => problems(tenant, asked),
        Route::Incidents(id) => incidents(tenant, *id, asked),
        Route::ShowMany => Ok(show_many(tenant, asked)),
        Route::Show(id) => Ok(show(tenant, *id)),
        Route::Collaborators(id) => Ok(collaborators(tenant, *id)),
        Route::Fields => fields(tenant, asked, false),
        Route::ActiveFields => fields(tenant, asked, true),
        Route::Field(id) => Ok(field(tenant, *id)),
        Route::Me => Ok(directory::show(tenant, caller(asked))),
        Route::Users => directory::users(tenant, asked),
        Route::ShowManyUsers => Ok(directory::show_many(tenant, asked)),
        Route::User(id) => Ok(directory::show(tenant, *id)),
        Route::Groups => directory::groups(tenant, asked),
        Route::Organizations => directory::companies(tenant, asked),
        Route::Export => export(tenant, asked),
        Route::Breaches => breaches::list(tenant, None, asked),
        Route::TicketBreaches(id) => breaches::list(tenant, Some(*id), asked),
        Route::Comments(id) => comments::list(tenant, *id, asked),
        _ => Ok(not_found()),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn bad_request(message: &str) -> Answer {
    problem(StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// Page, size, times and order of a list request.
pub fn wanted(tenant: &Tenant, asked: &Asked, order: Order, descending: bool) -> Result<Wanted, Answer> {
    let number = |key: &str, usual: u64| match asked.param(key) {
        None => Ok(usual),
        Some(text) => match text.parse::<u64>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(bad_request(&format!("参数 {key} 应为正整数"))),
        },
    };
    let cap = tenant.quirks.page_cap.unwrap_or(MOST_PER_PAGE).clamp(1, MOST_PER_PAGE);
    let page = number("page", 1)?;
    if tenant.quirks.max_page.is_some_and(|last| page > last) {
        return Err(bad_request("page 超出允许的最大页码"));
    }
    Ok(Wanted {
        created: span(tenant, asked, "created")?,
        updated: span(tenant, asked, "updated")?,
        order,
        descending,
        odd: tenant.quirks.order,
        page,
        per_page: number("per_page", MOST_PER_PAGE)?.min(cap),
    })
}

fn span(tenant: &Tenant, asked: &Asked, what: &str) -> Result<Span, Answer> {
    let bound = |key: String| match asked.param(&key) {
        None => Ok(None),
        Some(text) => {
            read_bound(&text).map(Some).ok_or_else(|| bad_request(&format!("参数 {key} 不是合法的时间")))
        }
    };
    let (after, before) = (tenant.quirks.start_exclusive, tenant.quirks.end_exclusive);
    let from = bound(format!("{what}_start"))?;
    let until = bound(format!("{what}_end"))?;
    Ok(Span {
        from: from.map_or(ALWAYS.from, |second| second.saturating_add(after.into())),
        until: until.map_or(ALWAYS.until, |second| second.saturating_sub(before.into())),
    })
}

pub fn is_descending(asked: &Asked, key: &str) -> Result<Option<bool>, Answer> {
    match asked.param(key).map(|text| text.to_ascii_lowercase()).as_deref() {
        None => Ok(None),
        Some("asc") => Ok(Some(false)),
        Some("desc") => Ok(Some(true)),
        Some(_) => Err(bad_request(&format!("参数 {key} 可选值:asc、desc"))),
    }
}

fn tickets(tenant: &Tenant, asked: &Asked, assignee: Option<u64>) -> Result<Answer, Answer> {
    let created = is_descending(asked, "created_order")?;
    let updated = is_descending(asked, "updated_order")?;
    let (order, descending) = match (created, updated) {
        (Some(descending), _) => (Order::Created, descending),
        (None, Some(descending)) => (Order::Updated, descending),
        (None, None) => (Order::Id, false),
    };
    let wanted = wanted(tenant, asked, order, descending)?;
    if assignee.is_none() && tenant.quirks.break_page.is_some_and(|first| wanted.page >= first) {
        return Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "ServerError", "internal error"));
    }
    let of_agent = |card: &Ticket| Some(card.assignee) == assignee;
    let keep: Option<&dyn Fn(&Ticket) -> bool> = if assignee.is_some() { Some(&of_agent) } else { None };
    let by_status = is_descending(asked, "status_order")?;
    let by_field = asked.param("field_order");
    if order != Order::Id || (by_status.is_none() && by_field.is_none()) {
        let (cards, total) = page(&tenant.store, &wanted.shown(&tenant.quirks), keep);
        return Ok(listed(tenant, asked, &wanted, &cards, total, assignee));
    }
    let everything = Wanted { page: 1, per_page: u64::MAX, ..wanted };
    let (mut cards, total) = page(&tenant.store, &everything, keep);
    if let Some(descending) = by_status {
        cards.sort_by_key(|card| card.status);
        if descending {
            cards.reverse();
        }
    } else if let Some(spec) = by_field {
        let (name, direction) = spec.rsplit_once('_').unwrap_or((&spec, ""));
        if !matches!(direction, "asc" | "desc") || !tenant.fields.iter().any(|field| field.name == name) {
            return Err(bad_request("参数 field_order 格式为 field_690_asc 或 field_690_desc"));
        }
        let is_number = tenant
            .fields
            .iter()
            .any(|field| field.name == name && matches!(field.kind, Kind::Int | Kind::Decimal));
        cards.sort_by_cached_key(|card| ordered(custom_value(card, name), is_number));
        if direction == "desc" {
            cards.reverse();
        }
    }
    let cards = slice(&cards, &wanted.shown(&tenant.quirks));
    Ok(listed(tenant, asked, &wanted, &cards, total, assignee))
}

/// By what values are compared: numbers as numbers (what is none comes first), texts as texts.
fn ordered(value: String, is_number: bool) -> (i128, String) {
    match value.parse::<f64>() {
        Ok(number) if is_number && number.is_finite() => ((number * 1e6) as i128, String::new()),
        _ if is_number => (i128::MIN, value),
        _ => (0, value),
    }
}

/// The text of a ticket's value in a custom field; empty when there is none.
fn custom_value(card: &Ticket, name: &str) -> String {
    let entries = Object::parse(&card.text).ok();
    let entries =
        entries.and_then(|ticket| serde_json::from_str::<Vec<Object>>(ticket.get("custom_fields")?).ok());
    let value = entries.and_then(|entries| {
        let entry = entries.into_iter().find(|entry| entry.text("name").as_deref() == Some(name))?;
        entry.text("value").or_else(|| entry.get("value").map(str::to_owned))
    });
    value.filter(|value| value != "null").unwrap_or_default()
}

fn search(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let descending = is_descending(asked, "created_order")?.unwrap_or(true);
    let mut wanted = wanted(tenant, asked, Order::Created, descending)?;
    (wanted.created, wanted.updated) = (ALWAYS, ALWAYS);
    let query = asked.param("query").map(|query| query.to_lowercase());
    let value = asked.param("fieldvalue");
    let statuses: Option<Vec<u8>> = asked.param("status").map(|list| {
        let places =
            list.split(',').filter_map(|name| STATUSES.iter().position(|status| *status == name.trim()));
        places.filter_map(|place| u8::try_from(place).ok()).collect()
    });
    let keep = |card: &Ticket| {
        statuses.as_ref().is_none_or(|wanted| wanted.contains(&card.status))
            && query.as_ref().is_none_or(|query| mentions(card, query))
            && value.as_ref().is_none_or(|value| has_value(card, value))
    };
    let (cards, total) = page(&tenant.store, &wanted.shown(&tenant.quirks), Some(&keep));
    Ok(listed(tenant, asked, &wanted, &cards, total, None))
}

/// Whether title, description or number hold the (lowercase) words.
fn mentions(card: &Ticket, query: &str) -> bool {
    let Ok(ticket) = Object::parse(&card.text) else {
        return false;
    };
    let held = |key: &str| ticket.text(key).is_some_and(|text| text.to_lowercase().contains(query));
    held("title") || held("description") || card.id.to_string().contains(query)
}

fn has_value(card: &Ticket, wanted: &str) -> bool {
    let ticket = Object::parse(&card.text).ok();
    let entries =
        ticket.and_then(|ticket| serde_json::from_str::<Vec<Object>>(ticket.get("custom_fields")?).ok());
    entries.unwrap_or_default().iter().any(|entry| match entry.text("value") {
        Some(text) => text == wanted,
        None => match serde_json::from_str::<Vec<Value>>(entry.get("value").unwrap_or("null")) {
            Ok(list) => list.iter().any(|item| item == wanted),
            Err(_) => entry.get("value") == Some(wanted),
        },
    })
}

fn problems(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let wanted = wanted(tenant, asked, Order::Updated, true)?;
    Ok(linked(tenant, asked, &wanted, &|card| card.is_problem, None))
}

fn incidents(tenant: &Tenant, id: u64, asked: &Asked) -> Result<Answer, Answer> {
    tenant.store.get(id).ok_or_else(not_found)?;
    let wanted = wanted(tenant, asked, Order::Id, false)?;
    Ok(linked(tenant, asked, &wanted, &|card| card.problem == id, Some(id)))
}

/// A list of problems, or of the incidents of one.
fn linked(
    tenant: &Tenant,
    asked: &Asked,
    wanted: &Wanted,
    keep: &dyn Fn(&Ticket) -> bool,
    id: Option<u64>,
) -> Answer {
    let unpaged = tenant.quirks.unpaged;
    let whole = Wanted { page: 1, per_page: u64::MAX, ..*wanted };
    let (cards, total) =
        page(&tenant.store, &if unpaged { whole } else { wanted.shown(&tenant.quirks) }, Some(keep));
    let cards: Vec<Ticket> = cards.into_iter().cloned().map(|card| sampled(tenant, card)).collect();
    let cards: Vec<&Ticket> = cards.iter().collect();
    let after = if unpaged { "}".to_owned() } else { envelope(tenant, asked, wanted, total, id) };
    Answer::page("{\"tickets\":", &cards, &after)
}

/// The ticket as the samples of problems and incidents have it.
fn sampled(tenant: &Tenant, card: Ticket) -> Ticket {
    let at = |text: &[u8]| text.windows(7).position(|key| key == b"\"title\"");
    match at(&card.text).filter(|_| tenant.quirks.subject) {
        Some(at) => {
            let (before, after) = card.text.split_at(at);
            let text = [before, b"\"subject\"", after.get(7..).unwrap_or_default()].concat();
            Ticket { text: text.into(), ..card }
        }
        None => card,
    }
}

/// A page in its envelope. `id`: the id in the path, which links to other pages repeat in the query.
fn listed(
    tenant: &Tenant,
    asked: &Asked,
    wanted: &Wanted,
    cards: &[&Ticket],
    total: usize,
    id: Option<u64>,
) -> Answer {
    let after = envelope(tenant, asked, wanted, total, id);
    Answer::page("{\"tickets\":", cards, &after)
}

/// What follows the array: the count and the links, or nothing more than the brace.
fn envelope(tenant: &Tenant, asked: &Asked, wanted: &Wanted, total: usize, id: Option<u64>) -> String {
    let quirks = &tenant.quirks;
    let origin = quirks.next_host.clone().unwrap_or_else(|| asked.origin());
    let link = |page: u64| -> Value {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(asked.params().filter(|(key, _)| key != "page" && (key != "id" || id.is_none())));
        if let Some(id) = id {
            query.append_pair("id", &id.to_string());
        }
        query.append_pair("page", &page.to_string());
        json!(format!("{origin}{}?{}", asked.path, query.finish()))
    };
    let more = wanted.page.saturating_mul(wanted.per_page) < total as u64;
    let next = if more { link(wanted.page + 1) } else { Value::Null };
    let previous = if wanted.page > 1 { link(wanted.page - 1) } else { Value::Null };
    let count = quirks.count.unwrap_or(total as u64);
    match quirks.envelope {
        Envelope::Full => format!(r#","count":{count},"next_page":{next},"previous_page":{previous}}}"#),
        Envelope::Count => format!(r#","count":{count}}}"#),
        Envelope::NextPage => format!(r#","next_page":{next},"previous_page":{previous}}}"#),
        Envelope::Bare => "}".to_owned(),
    }
}

fn show_many(tenant: &Tenant, asked: &Asked) -> Answer {
    let ids = asked.ids();
    let most = tenant.quirks.show_cap.unwrap_or(MOST_SHOWN);
    let cards: Vec<&Ticket> = ids.iter().take(most).filter_map(|id| tenant.store.get(*id)).collect();
    Answer::page("{\"tickets\":", &cards, "}")
}

fn show(tenant: &Tenant, id: u64) -> Answer {
    match tenant.store.get(id) {
        Some(card) => one(card, StatusCode::OK),
        None => not_found(),
    }
}

/// A single ticket in its envelope.
pub fn one(card: &Ticket, status: StatusCode) -> Answer {
    let body = [b"{\"ticket\":".as_slice(), &card.text, b"}"].concat();
    Answer { ids: vec![card.id], ..Answer::status(status, body) }
}

fn collaborators(tenant: &Tenant, id: u64) -> Answer {
    if tenant.store.get(id).is_none() {
        return not_found();
    }
    let users = AGENTS.iter().map(|agent| directory::of_agent(tenant, agent));
    Answer::json(json!({"users": users.collect::<Vec<_>>()}).to_string())
}

/// The export: by creation time, up to 500 rows a page, with the bounds that were asked for.
fn export(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let second = |key: &str| match asked.param(key) {
        None => Ok(None),
        Some(text) => {
            let second = text.parse::<i64>().map_err(|_| bad_request(&format!("参数 {key} 应为时间戳")));
            second.map(Some)
        }
    };
    let (from, until) = (second("start_time")?, second("end_time")?);
    let descending = is_descending(asked, "order")?.unwrap_or(false);
    let mut wanted = wanted(tenant, asked, Order::Id, descending)?;
    let size = asked.param("per_page").and_then(|text| text.parse().ok()).unwrap_or(MOST_EXPORTED);
    wanted.per_page = size.clamp(1, tenant.quirks.page_cap.unwrap_or(MOST_EXPORTED).max(1));
    if from.is_some() || until.is_some() {
        wanted.created = Span { from: from.unwrap_or(i64::MIN), until: until.unwrap_or(tenant.clock.now()) };
    }
    let (cards, total) = page(&tenant.store, &wanted.shown(&tenant.quirks), None);
    let after = envelope(tenant, asked, &wanted, total, None);
    let bounds = format!(
        r#","start_time":{},"end_time":{}}}"#,
        json!(from),
        json!(until.unwrap_or_else(|| tenant.clock.now()))
    );
    let after = after.strip_suffix('}').unwrap_or(&after).to_owned() + &bounds;
    Ok(Answer::page("{\"tickets\":", &cards, &after))
}

/// A page of rows that are no tickets.
pub fn paged(tenant: &Tenant, asked: &Asked, wanted: &Wanted, key: &str, rows: &[String]) -> Answer {
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let page = slice(&rows, wanted);
    let after = envelope(tenant, asked, wanted, rows.len(), None);
    Answer::json(format!("{{\"{key}\":[{}]{after}", page.join(",")))
}

fn fields(tenant: &Tenant, asked: &Asked, active: bool) -> Result<Answer, Answer> {
    let mut wanted = wanted(tenant, asked, Order::Id, false)?;
    wanted.per_page = wanted.per_page.min(tenant.quirks.fields_cap.unwrap_or(MOST_PER_PAGE)).max(1);
    let fields = tenant.fields.iter().filter(|field| field.active || !active);
    let all: Vec<String> = fields.map(|field| field.definition.render()).collect();
    Ok(paged(tenant, asked, &wanted, "ticket_fields", &all))
}

fn field(tenant: &Tenant, id: u64) -> Answer {
    match tenant.fields.iter().find(|field| field.id == id) {
        Some(field) => Answer::json(format!("{{\"ticket_field\":{}}}", field.definition.render())),
        None => not_found(),
    }
}
