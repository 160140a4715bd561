//! Udesk's lists besides the whole one: the tickets of a filter, those of a customer, the filters themselves.

use crate::{
    json::Json,
    source::list::{Listing, Wish},
};

/// The list for a wish, as far as the vendor documents one.
pub fn listing(wish: &Wish) -> Option<Listing> {
    Some(match wish {
        Wish::Filter { id, agent } => Listing {
            query: by_agent(*agent),
            ..Listing::new(wish, format!("/api/v1/ticket_filters/{id}/tickets.json"))
        },
        Wish::Customer(email) => Listing {
            body: Some(serde_json::json!({ "email": email }).to_string()),
            ..Listing::new(wish, "/api/v1/tickets/get.json")
        },
        Wish::Search { .. } | Wish::Problems | Wish::IncidentsOf(_) | Wish::AssignedTo(_) => return None,
    })
}

/// All filters of the company, or those that an agent may use.
pub fn filters(agent: Option<u64>) -> Listing {
    Listing {
        query: by_agent(agent),
        is_paged: false,
        ..Listing::new("the ticket filters", "/api/v1/ticket_filters.json")
    }
}

/// Number and name of a filter.
pub fn filter(json: &Json) -> Option<(u64, String)> {
    let text = |key| Some(json.get(key)?.scalar_text()?.into_owned());
    Some((text("id")?.parse().ok()?, text("name").unwrap_or_default()))
}

fn by_agent(agent: Option<u64>) -> Vec<(&'static str, String)> {
    agent.iter().map(|agent| ("agent_id", agent.to_string())).collect()
}
