//! People and teams of KF5: users, groups, organizations.

use serde_json::{Value, json};

use super::list::{paged, wanted};
use super::{Tenant, not_found};
use crate::sandbox::answer::{Answer, Asked};
use crate::sandbox::clock::written;
use crate::sandbox::people::{AGENTS, Agent, Customer, GROUPS, agent, organization, organizations};
use crate::sandbox::store::Order;

const MOST_SHOWN: usize = 100;
const YEAR: i64 = 365 * 86_400;

/// All users by id, agents first; `role` chooses end users, agents or administrators.
pub fn users(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let wanted = wanted(tenant, asked, Order::Id, false)?;
    let role = asked.param("role");
    let agents = AGENTS.iter().map(|agent| of_agent(tenant, agent));
    let customers = tenant.people.all().map(|customer| of_customer(tenant, &customer));
    let is_wanted = |user: &Value| role.as_ref().is_none_or(|role| user["role"] == **role);
    let all: Vec<String> = agents.chain(customers).filter(is_wanted).map(|user| user.to_string()).collect();
    Ok(paged(tenant, asked, &wanted, "users", &all))
}

/// Those of the ids that are users.
pub fn show_many(tenant: &Tenant, asked: &Asked) -> Answer {
    let users: Vec<Value> = asked.ids().iter().take(MOST_SHOWN).filter_map(|id| user(tenant, *id)).collect();
    Answer::json(json!({"users": users}).to_string())
}

/// One user.
pub fn show(tenant: &Tenant, id: u64) -> Answer {
    match user(tenant, id) {
        Some(user) => Answer::json(json!({"user": user}).to_string()),
        None => not_found(),
    }
}

fn user(tenant: &Tenant, id: u64) -> Option<Value> {
    match agent(id) {
        Some(agent) => Some(of_agent(tenant, agent)),
        None => tenant.people.get(id).map(|customer| of_customer(tenant, &customer)),
    }
}

/// An agent as a user; the first one is the administrator.
pub fn of_agent(tenant: &Tenant, agent: &Agent) -> Value {
    let role = if AGENTS.first().is_some_and(|admin| admin.id == agent.id) { "admin" } else { "agent" };
    let (email, group) = (Some(agent.email), Some(agent.group));
    described(tenant, agent.id, agent.name, email, None, role, group)
}

fn of_customer(tenant: &Tenant, customer: &Customer) -> Value {
    let (email, phone) = (customer.email.as_deref(), customer.phone.as_deref());
    described(tenant, customer.id, &customer.name, email, phone, "end_user", None)
}

fn described(
    tenant: &Tenant,
    id: u64,
    name: &str,
    email: Option<&str>,
    phone: Option<&str>,
    role: &str,
    group: Option<u64>,
) -> Value {
    let joined = written(tenant.clock.start() - YEAR - (id % 1_000).cast_signed() * 3_600);
    json!({
        "id": id,
        "url": format!("{}/apiv2/users/{id}.json", tenant.origin),
        "name": name,
        "email": email,
        "phone": phone,
        "role": role,
        "status": if id.is_multiple_of(97) { "suspended" } else { "active" },
        "organization_id": if group.is_none() { organization(id) } else { None },
        "group_ids": group.into_iter().collect::<Vec<u64>>(),
        "created_at": joined,
        "updated_at": joined,
        "user_fields": [],
    })
}

/// The teams with their agents.
pub fn groups(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let wanted = wanted(tenant, asked, Order::Id, false)?;
    let all: Vec<String> = GROUPS
        .iter()
        .map(|(id, name)| {
            let members = AGENTS.iter().filter(|agent| agent.group == *id);
            let agents: Vec<Value> =
                members.map(|agent| json!({"id": agent.id, "name": agent.name})).collect();
            json!({
                "id": id,
                "url": format!("{}/apiv2/groups/{id}.json", tenant.origin),
                "name": name,
                "created_at": written(tenant.clock.start() - 2 * YEAR),
                "agents": agents,
            })
            .to_string()
        })
        .collect();
    Ok(paged(tenant, asked, &wanted, "groups", &all))
}

/// The companies that customers belong to.
pub fn companies(tenant: &Tenant, asked: &Asked) -> Result<Answer, Answer> {
    let wanted = wanted(tenant, asked, Order::Id, false)?;
    let all: Vec<String> = organizations()
        .map(|id| {
            json!({
                "id": id,
                "url": format!("{}/apiv2/organizations/{id}.json", tenant.origin),
                "name": format!("{}号客户公司", id - organizations().start + 1),
                "created_at": written(tenant.clock.start() - 2 * YEAR + (id % 40).cast_signed() * 86_400),
            })
            .to_string()
        })
        .collect();
    Ok(paged(tenant, asked, &wanted, "organizations", &all))
}
