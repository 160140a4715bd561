//! What Udesk answers to reading requests: lists, single tickets, field definitions, filters.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::{Route, Tenant, not_found, refused, wrong};
use crate::sandbox::answer::{Answer, Asked};
use crate::sandbox::clock::written;
use crate::sandbox::object::Object;
use crate::sandbox::paging::{ALWAYS, Wanted, page};
use crate::sandbox::people::{AGENTS, agent};
use crate::sandbox::quirks::ListOrder;
use crate::sandbox::store::{Order, Ticket};

const USUAL_PER_PAGE: u64 = 20;
const MOST_PER_PAGE: u64 = 100;
const WEEK: i64 = 7 * 86_400;
const RESOLVED: u8 = 2;
/// The filter that an incremental run reads.
const RECENT: u64 = 12;
const NO_FILTER: &str = "未找到指定过滤器, 或指定客服无权限使用该过滤器";

/// A saved search: its number, name, description, and the only agent who may use it.
struct Filter {
    id: u64,
    name: &'static str,
    description: Option<&'static str>,
    active: bool,
    agent: Option<u64>,
}

/// A saved search as it is answered.
#[derive(Serialize)]
struct FilterShown<'a> {
    id: u64,
    name: &'a str,
    description: Option<&'a str>,
    active: bool,
    permission: &'a str,
    created_at: &'a str,
    updated_at: &'a str,
    tickets_url: String,
}

const FILTERS: &[Filter] = &[
    Filter { id: 1, name: "我的未解决工单", description: None, active: true, agent: None },
    Filter {
        id: 2, name: "全部未解决工单", description: Some("打开与解决中"), active: true, agent: None
    },
    Filter { id: 7, name: "客服1号的工单", description: None, active: true, agent: Some(760) },
    Filter { id: 9, name: "旧过滤器", description: Some("已停用"), active: false, agent: None },
    Filter { id: RECENT, name: "最近7天更新的工单", description: None, active: true, agent: None },
];

/// Answers a reading request.
pub fn answer(tenant: &Tenant, route: &Route, asked: &Asked) -> Answer {
    let answer = match route {
        Route::List => all(tenant, asked),
        Route::OfCustomer => of_customer(tenant, asked),
        Route::Show(id) => show(tenant, *id),
        Route::Fields => Ok(fields(tenant)),
        Route::Filters => filters(tenant, asked),
        Route::FilterTickets(id) => of_filter(tenant, *id, asked),
        _ => Err(not_found()),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// Page, size and order of a list request.
fn wanted(tenant: &Tenant, asked: &Asked) -> Result<Wanted, Answer> {
    let number = |key: &str, usual: u64| match asked.param(key) {
        None => Some(usual),
        Some(text) => text.parse::<u64>().ok(),
    };
    let per_page = number("per_page", USUAL_PER_PAGE).filter(|size| (1..=MOST_PER_PAGE).contains(size));
    let per_page = per_page.ok_or_else(|| wrong("per_page should be between 1 and 100"))?;
    let page = number("page", 1).filter(|page| *page > 0);
    let page = page.ok_or_else(|| wrong("page should be greater than 0"))?;
    if tenant.quirks.max_page.is_some_and(|last| page > last) {
        return Err(refused(1, "page is too large"));
    }
    let (order, descending, odd) = match tenant.quirks.order {
        None | Some(ListOrder::Id) => (Order::Id, false, None),
        Some(ListOrder::IdDesc) => (Order::Id, true, None),
        Some(ListOrder::CreatedDesc) => (Order::Created, true, None),
        Some(ListOrder::UpdatedDesc) => (Order::Updated, true, None),
        odd @ Some(ListOrder::Shuffled) => (Order::Id, false, odd),
    };
    Ok(Wanted {
        created: ALWAYS,
        updated: ALWAYS,
        order,
        descending,
        odd,
        page,
        per_page: per_page.min(tenant.quirks.page_cap.unwrap_or(MOST_PER_PAGE).max(1)),
    })
}

/// A page in its envelope.
fn listed(tenant: &Tenant, wanted: &Wanted, keep: Option<&dyn Fn(&Ticket) -> bool>) -> Answer {
    let (cards, total) = page(&tenant.store, &wanted.shown(&tenant.quirks), keep);
    let total = tenant.quirks.count.unwrap_or(total as u64);
    let pages = total.div_ceil(wanted.per_page);
    let size = cards.len();
    let before = format!(
        r#"{{"status":0,"message":"成功","size":{size},"total":{total},"total_pages":{pages},"contents":"#
    );
    Answer::page(&before, &cards, "}")
}

fn all(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let wanted = wanted(tenant, asked)?;
    if tenant.quirks.break_page.is_some_and(|first| wanted.page >= first) {
        let body = r#"{"message":"internal error"}"#;
        return Err(Answer::status(StatusCode::INTERNAL_SERVER_ERROR, body));
    }
    Ok(listed(tenant, &wanted, None))
}

fn of_customer(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let wanted = wanted(tenant, asked)?;
    let body = asked.json();
    let email = body.get("email").and_then(Value::as_str).filter(|email| !email.is_empty());
    let email = email.ok_or_else(|| wrong("email is missing"))?;
    let customer = tenant.people.by_email(email).map(|customer| customer.id);
    let is_theirs = |card: &Ticket| match customer {
        Some(id) => card.person == id,
        // Tickets that were put from outside name their customer only in their text.
        None => Object::parse(&card.text).is_ok_and(|t| t.text("user_email").as_deref() == Some(email)),
    };
    if customer.is_none() && !tenant.store.cards().any(is_theirs) {
        return Err(refused(1002, "未找到相应客户"));
    }
    Ok(listed(tenant, &wanted, Some(&is_theirs)))
}

fn show(tenant: &Tenant, id: u64) -> Result<Answer, Answer> {
    let card = tenant.store.get(id).ok_or_else(|| refused(1003, "未找到相应工单"))?;
    let before = r#"{"status":0,"message":"成功","contents":"#;
    let body = [before.as_bytes(), &card.text, b"}"].concat();
    Ok(Answer { ids: vec![card.id], ..Answer::json(body) })
}

fn fields(tenant: &Tenant) -> Answer {
    let fields: Vec<String> = tenant.fields.iter().map(|field| field.definition.render()).collect();
    Answer::json(format!(r#"{{"status":0,"message":"success","ticket_fields":[{}]}}"#, fields.join(",")))
}

/// The agent of `agent_id`, the administrator when there is none.
fn asking_agent(asked: &Asked) -> Result<u64, Answer> {
    match asked.param("agent_id") {
        None => Ok(AGENTS.first().map_or(0, |agent| agent.id)),
        Some(id) => {
            let agent = id.parse().ok().and_then(agent);
            agent.map(|agent| agent.id).ok_or_else(|| refused(1001, "未找到客服"))
        }
    }
}

fn filters(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let agent = asking_agent(asked)?;
    let all = asked.param("agent_id").is_none();
    let made = format!("{} +0800", written(tenant.clock.start() - 60 * WEEK));
    let shown = |filter: &Filter| FilterShown {
        id: filter.id,
        name: filter.name,
        description: filter.description,
        active: filter.active,
        permission: if filter.agent.is_none() { "All" } else { "Agent" },
        created_at: &made,
        updated_at: &made,
        tickets_url: format!("{}/api/v1/ticket_filters/{}/tickets", asked.origin(), filter.id),
    };
    let usable = FILTERS.iter().filter(|filter| all || filter.agent.is_none_or(|only| only == agent));
    let contents: Vec<FilterShown> = usable.map(shown).collect();
    let count = contents.len();
    let contents = serde_json::to_string(&contents).unwrap_or_default();
    Ok(Answer::json(format!(r#"{{"status":0,"message":"成功","count":{count},"contents":{contents}}}"#)))
}

fn of_filter(tenant: &Tenant, id: u64, asked: &Asked) -> Result<Answer, Answer> {
    let mut wanted = wanted(tenant, asked)?;
    let quirks = &tenant.quirks;
    let id = if quirks.filter_id == Some(id) { RECENT } else { id };
    if id == RECENT && quirks.filter_agent.is_some() && quirks.filter_agent != asked.param("agent_id") {
        return Err(refused(1001, NO_FILTER));
    }
    if id == RECENT && quirks.filter_since.is_some() {
        (wanted.order, wanted.descending, wanted.odd) = (Order::Updated, true, None);
    }
    let agent = if quirks.filter_agent.is_some() { 0 } else { asking_agent(asked)? };
    let filter =
        FILTERS.iter().find(|filter| filter.id == id && filter.agent.is_none_or(|only| only == agent));
    let filter = filter.ok_or_else(|| refused(1001, NO_FILTER))?;
    let recent = quirks.filter_since.unwrap_or_else(|| tenant.clock.now() - WEEK);
    let keep = |card: &Ticket| match filter.id {
        1 => card.assignee == agent && card.status < RESOLVED,
        2 | 9 => card.status < RESOLVED,
        RECENT => card.updated.is_some_and(|updated| updated >= recent),
        _ => Some(card.assignee) == filter.agent,
    };
    Ok(listed(tenant, &wanted, Some(&keep)))
}
