//! KF5's lists of tickets besides the whole one: search, problems, incidents, an agent's tickets.

use crate::source::list::{Listing, Wish};

/// The list for a wish, as far as the vendor documents one.
pub fn listing(wish: &Wish) -> Option<Listing> {
    let at = |path: String| Listing::new(wish, format!("/apiv2/{path}.json"));
    Some(match wish {
        Wish::Search { text, status, field_value } => {
            // The default is newest first, where each new ticket would move all others.
            let order = Some("asc".to_owned());
            let pairs =
                [("created_order", &order), ("fieldvalue", field_value), ("query", text), ("status", status)];
            let given = pairs.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
            Listing { query: given.collect(), ..at("tickets/search".to_owned()) }
        }
        // The vendor's samples of these two show a ticket's title under another key than everywhere else.
        Wish::Problems => Listing { whole_rows: false, ..at("tickets/problems".to_owned()) },
        Wish::IncidentsOf(id) => Listing { whole_rows: false, ..at(format!("tickets/{id}/incidents")) },
        Wish::AssignedTo(id) => Listing { takes_slices: true, ..at(format!("users/{id}/tickets")) },
        Wish::Filter { .. } | Wish::Customer(_) => return None,
    })
}
