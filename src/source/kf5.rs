//! KF5, REST API v2: Basic authentication, lists with or without `count` and `next_page`, bounds as Unix seconds.

pub mod fields;
pub mod list;
pub mod ticket;

use std::fmt::Write;

use super::{
    Account, Ask, Clock, Order, Page, Reply, Slice, Verdict,
    envelope::{self, Element},
};
use crate::json::Json;

/// The vendor's limit of `show_many`.
pub const MOST_IDS: usize = 100;

/// Path and query of a request.
pub fn target(ask: &Ask) -> (String, String) {
    match ask {
        Ask::Fields { page, per_page } => {
            ("/apiv2/ticket_fields.json".into(), format!("page={page}&per_page={per_page}"))
        }
        Ask::Tickets { slice, page, per_page } => {
            ("/apiv2/tickets.json".into(), list_query(slice, *page, *per_page))
        }
        Ask::Listed { listing, slice, page, per_page } => {
            let mut query = envelope::query(&listing.query);
            query.push_str(&list_query(slice, *page, *per_page));
            (listing.path.clone(), query)
        }
        Ask::One(id) => (format!("/apiv2/tickets/{id}.json"), String::new()),
        Ask::Ids(ids) => {
            let ids: Vec<_> = ids.iter().map(i64::to_string).collect();
            ("/apiv2/tickets/show_many.json".into(), format!("ids={}", ids.join(",")))
        }
        Ask::Account => ("/apiv2/users/me.json".into(), String::new()),
    }
}

/// Bounds are sent as Unix seconds, which leaves no doubt about the zone.
fn list_query(slice: &Slice, page: u32, per_page: u32) -> String {
    let mut query = String::new();
    if let Some(by) = slice.by {
        let by = match by {
            Clock::Created => "created",
            Clock::Updated => "updated",
        };
        let order = match slice.order {
            Order::Asc => "asc",
            Order::Desc => "desc",
        };
        for (edge, second) in [("start", slice.from), ("end", slice.to)] {
            if let Some(second) = second {
                let _ = write!(query, "{by}_{edge}={second}&");
            }
        }
        let _ = write!(query, "{by}_order={order}&");
    }
    let _ = write!(query, "page={page}&per_page={per_page}");
    query
}

/// A page, where the reply is one; else the status decides.
pub fn judge(ask: &Ask, reply: Reply<'_>, element: &mut Element) -> Option<Verdict> {
    if !(200..300).contains(&reply.status) {
        return None;
    }
    let list = match ask {
        Ask::Fields { .. } => "ticket_fields",
        Ask::Tickets { .. } | Ask::Ids(_) | Ask::Listed { .. } => "tickets",
        Ask::One(_) => "ticket",
        Ask::Account => "user",
    };
    let envelope = envelope::open(reply.body, list, element)?;
    let rows = match ask {
        // No ticket in its place: it is gone.
        Ask::One(_) if envelope.is_null(list) => Vec::new(),
        Ask::One(_) | Ask::Account => vec![envelope.object(reply.body, list, element)?],
        _ => envelope.rows.clone()?,
    };
    let next = envelope.text("next_page").filter(|next| !next.is_empty());
    // Pages are counted, never followed: behind a proxy the address may be anybody's.
    Some(Verdict::Page(Page {
        body: reply.body.clone(),
        total: envelope.number("count"),
        pages: None,
        // `null` ends a list; a missing key says nothing.
        more: envelope.get("next_page").map(|_| next.is_some()),
        rows,
    }))
}

/// The vendor's roles are `admin`, `agent` and `end_user`; the ticket list is for the first.
pub fn account(json: &Json) -> Option<Account> {
    let Json::Text(role) = json.get("role")? else { return None };
    Some(Account { role: role.decoded().into_owned(), sees_all: role.is("admin") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Kind,
        source::{
            Refusal, Request, Wish,
            fixture::{judged, kf5},
            listing, request,
        },
    };

    const LIST: Ask = Ask::Tickets {
        slice: Slice { by: None, from: None, to: None, order: Order::Asc, filter: None },
        page: 2,
        per_page: 100,
    };

    #[test]
    fn requests_as_documented() {
        let path = |ask: &Ask| request(&kf5(), ask).url().to_string().split_off("http://127.0.0.1:9".len());
        assert_eq!(path(&LIST), "/apiv2/tickets.json?page=2&per_page=100");
        let slice = Slice {
            by: Some(Clock::Updated),
            from: Some(10),
            to: Some(20),
            order: Order::Desc,
            filter: None,
        };
        let ask = Ask::Tickets { slice, page: 1, per_page: 50 };
        assert_eq!(
            path(&ask),
            "/apiv2/tickets.json?updated_start=10&updated_end=20&updated_order=desc&page=1&per_page=50"
        );
        assert_eq!(path(&Ask::Ids(vec![1, 2])), "/apiv2/tickets/show_many.json?ids=1,2");
        assert_eq!(path(&Ask::One(7)), "/apiv2/tickets/7.json");
        let listed = |wish: &Wish, slice| {
            path(&Ask::Listed { listing: listing(Kind::Kf5, wish).unwrap(), slice, page: 1, per_page: 20 })
        };
        let search = Wish::Search {
            text: Some("退款 & more".into()),
            status: Some("open,solved".into()),
            field_value: Some("a=b".into()),
        };
        assert_eq!(
            listed(&search, Slice::default()),
            "/apiv2/tickets/search.json?created_order=asc&fieldvalue=a%3Db&query=%E9%80%80%E6%AC%BE+%26+more\
             &status=open%2Csolved&page=1&per_page=20"
        );
        assert_eq!(
            listed(&Wish::AssignedTo(733), slice),
            "/apiv2/users/733/tickets.json?updated_start=10&updated_end=20&updated_order=desc&page=1&per_page=20"
        );
        let incidents = listed(&Wish::IncidentsOf(5), Slice::default());
        assert_eq!(incidents, "/apiv2/tickets/5/incidents.json?page=1&per_page=20");
        assert_eq!(listing(Kind::Kf5, &Wish::Customer("a@b".into())), None);
        let request: Request = request(&kf5(), &LIST);
        assert_eq!(request.basic().map(|(user, _)| user), Some("agent@example.com"));
        assert!(!format!("{request:?} {request}").contains("pa\"ss"));
    }

    #[test]
    fn envelopes_bare_and_full() {
        let Verdict::Page(page) = judged(&kf5(), &LIST, 200, r#"{"tickets":[{"id":1}, 2]}"#) else {
            panic!()
        };
        assert_eq!(
            page.rows.iter().map(|row| &page.body[row.clone()]).collect::<Vec<_>>(),
            [&b"{\"id\":1}"[..], b"2"]
        );
        assert_eq!((page.total, page.more), (None, None));
        let body = "\u{feff}{\"count\":\"7\",\"next_page\":null,\"tickets\":[]}";
        let Verdict::Page(page) = judged(&kf5(), &LIST, 200, body) else { panic!() };
        assert_eq!((page.total, page.more), (Some(7), Some(false)));
        let body = r#"{"next_page":"http://127.0.0.1:9/apiv2/tickets.json?page=3","tickets":[]}"#;
        let Verdict::Page(page) = judged(&kf5(), &LIST, 200, body) else { panic!() };
        assert_eq!(page.more, Some(true));
    }

    #[test]
    fn levels_are_counted_from_the_ticket() {
        let body =
            |levels| format!(r#"{{"tickets":[{{"id":{}1{}}}]}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(matches!(judged(&kf5(), &LIST, 200, &body(255)), Verdict::Page(_)));
        assert!(matches!(judged(&kf5(), &LIST, 200, &body(256)), Verdict::Later { .. }));
    }

    #[test]
    fn next_page_counts_wherever_it_leads() {
        for next in ["https://support.kf5.com/x", "//elsewhere.example/x", "x"] {
            let body = format!(r#"{{"tickets":[],"next_page":"{next}"}}"#);
            let Verdict::Page(page) = judged(&kf5(), &LIST, 200, &body) else { panic!("{next}") };
            assert_eq!(page.more, Some(true));
        }
    }

    #[test]
    fn a_ticket_that_is_not_in_its_answer_is_gone() {
        let one = Ask::One(7);
        for (status, body) in
            [(404, ""), (410, "gone"), (200, r#"{"ticket":null}"#), (200, r#"{"ticket":[]}"#)]
        {
            let Verdict::Page(page) = judged(&kf5(), &one, status, body) else { panic!("{status} {body}") };
            assert!(page.rows.is_empty());
        }
        for body in ["{}", r#"{"error":500}"#, ""] {
            assert!(matches!(judged(&kf5(), &one, 200, body), Verdict::Later { .. }), "{body}");
        }
        // Of several, who knows which are meant.
        let some = Ask::Ids(vec![1, 2]);
        assert!(matches!(judged(&kf5(), &some, 404, ""), Verdict::Refused(Refusal::Request { .. })));
        assert!(matches!(judged(&kf5(), &one, 403, ""), Verdict::Forbidden { .. }));
    }

    #[test]
    fn what_is_no_page() {
        for body in [
            "",
            "<html>busy</html>",
            r#"{"error":"x"}"#,
            r#"{"tickets":[{"id":1},"#,
            r#"{"tickets":null}"#,
            r#"{"tickets":{}}"#,
            r#"{"tickets":[{"id":1}],"tickets":[]}"#,
            r#"{"tickets":[{"id":01}]}"#,
            "[]",
        ] {
            assert!(
                matches!(judged(&kf5(), &LIST, 200, body), Verdict::Later { throttled: false, .. }),
                "{body}"
            );
        }
        assert!(matches!(judged(&kf5(), &LIST, 429, ""), Verdict::Later { throttled: true, .. }));
        assert!(matches!(judged(&kf5(), &LIST, 502, ""), Verdict::Later { throttled: false, .. }));
        assert!(matches!(judged(&kf5(), &LIST, 401, ""), Verdict::Refused(Refusal::Credentials { .. })));
        assert!(matches!(judged(&kf5(), &LIST, 404, ""), Verdict::Refused(Refusal::Request { .. })));
        assert!(matches!(judged(&kf5(), &LIST, 302, ""), Verdict::Refused(Refusal::Request { .. })));
    }
}
