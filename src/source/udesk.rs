//! Udesk, Open API v1: signed queries, a result code inside an HTTP 200, lists with `total` and `total_pages`.

pub mod fields;
pub mod list;
pub mod ticket;

use md5::{Digest, Md5};

use super::{
    Ask, Page, Refusal, Reply, Verdict,
    envelope::{self, Element},
    excerpt,
};
use crate::{config::SourceConfig, secret::Secret};

/// Tickets are asked for one by one.
pub const MOST_IDS: usize = 1;

const SIGNATURE_WRONG: i64 = 2002;
const TICKET_UNKNOWN: i64 = 1003;
/// Codes of wrong arguments: asking again gives the same answer.
const ARGUMENT_WRONG: std::ops::RangeInclusive<i64> = 1001..=1013;

/// Path and query of a request, without the signature; keys ascending.
pub fn target(ask: &Ask) -> (String, String) {
    match ask {
        // The definitions come in one piece: the endpoint knows no pages.
        // Nor is there one for an account, which nobody asks for here.
        Ask::Fields { .. } | Ask::Account => ("/api/v2/ticket_fields.json".into(), String::new()),
        Ask::Tickets { slice, page, per_page } => {
            let path = match slice.filter {
                Some(filter) => format!("/api/v1/ticket_filters/{filter}/tickets.json"),
                None => "/api/v1/tickets.json".into(),
            };
            (path, format!("page={page}&per_page={per_page}"))
        }
        Ask::Listed { listing, page, per_page, .. } => {
            let mut query = envelope::query(&listing.query);
            match listing.is_paged {
                true => query.push_str(&format!("page={page}&per_page={per_page}")),
                false => drop(query.pop()),
            }
            (listing.path.clone(), query)
        }
        Ask::One(id) => (format!("/api/v1/tickets/{id}.json"), String::new()),
        Ask::Ids(ids) => {
            (format!("/api/v1/tickets/{}.json", ids.first().copied().unwrap_or_default()), String::new())
        }
    }
}

/// `query` and its signature: MD5 over the very bytes that are sent, `&`, and the shared secret; an empty query has no `&`.
pub fn signed(query: &str, secret: &Secret) -> String {
    let mut hash = Md5::new();
    if !query.is_empty() {
        hash.update(query);
        hash.update("&");
    }
    hash.update(secret.reveal());
    let sign: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if query.is_empty() { format!("sign={sign}") } else { format!("{query}&sign={sign}") }
}

/// A page or a refusal, where the body tells; else the HTTP status decides.
pub fn judge(config: &SourceConfig, ask: &Ask, reply: Reply<'_>, element: &mut Element) -> Option<Verdict> {
    let one = matches!(ask, Ask::One(_) | Ask::Ids(_));
    let list = match ask {
        Ask::Fields { .. } | Ask::Account => "ticket_fields",
        Ask::Tickets { .. } | Ask::Listed { .. } | Ask::One(_) | Ask::Ids(_) => "contents",
    };
    let envelope = envelope::open(reply.body, list, element)?;
    let code: Option<i64> = envelope.number("status");
    let message = envelope.text("message").or_else(|| envelope.text("error")).unwrap_or_default();
    let why = || format!("HTTP {}: {}", reply.status, excerpt(config, reply.body));
    match code {
        Some(SIGNATURE_WRONG) => return Some(Verdict::Refused(Refusal::Credentials { why: why() })),
        Some(TICKET_UNKNOWN) if one => return Some(Verdict::Page(Page::default())),
        Some(code) if ARGUMENT_WRONG.contains(&code) => {
            return Some(Verdict::Refused(Refusal::Request { why: why() }));
        }
        None if parameter_wrong(&envelope) => return Some(Verdict::Refused(Refusal::Request { why: why() })),
        // No code for "too often" is documented; the word for "frequent" tells it.
        code if code != Some(0) && message.contains('频') => {
            return Some(Verdict::Later { why: why(), throttled: true, after: None });
        }
        Some(0) if (200..300).contains(&reply.status) => {}
        _ => return None,
    }
    let page = match ask {
        Ask::Fields { .. } | Ask::Tickets { .. } | Ask::Listed { .. } | Ask::Account => {
            let pages = envelope.number("total_pages");
            let more = match ask {
                Ask::Tickets { page, .. } | Ask::Listed { page, .. } => {
                    pages.map(|pages: u64| u64::from(*page) < pages)
                }
                _ => Some(false),
            };
            let total = envelope.number("total");
            Page { body: reply.body.clone(), rows: envelope.rows?, total, pages, more }
        }
        Ask::One(_) | Ask::Ids(_) if envelope.is_null(list) => Page::default(),
        Ask::One(_) | Ask::Ids(_) => {
            let rows = vec![envelope.object(reply.body, list, element)?];
            Page { body: reply.body.clone(), rows, total: Some(1), pages: None, more: Some(false) }
        }
    };
    Some(Verdict::Page(page))
}

/// Whether the answer has no code, and an `error` that names a missing or wrong parameter: the same request will never be
/// answered otherwise.
fn parameter_wrong(envelope: &envelope::Envelope<'_>) -> bool {
    const WORDS: [&str; 5] = ["is missing", "should be", "must be", "mutually exclusive", "invalid"];
    envelope.text("error").is_some_and(|error| WORDS.iter().any(|word| error.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Kind,
        source::{
            Slice, Wish, filters,
            fixture::{judged, udesk},
            listing, request,
        },
    };

    fn list(page: u32) -> Ask {
        Ask::Tickets { slice: Slice::default(), page, per_page: 100 }
    }

    #[test]
    fn signatures_agree_with_the_vendor() {
        let secret = Secret::new("99d80d18b0b9a994a8d0283e830e5099");
        assert_eq!(
            signed("page=1&per_page=10", &secret),
            "page=1&per_page=10&sign=b48d4134e7d13839b09b5423e300c352"
        );
        assert_eq!(signed("", &secret), "sign=e9fb0570fe9265fd55ea8b84f8fbcbbb");
        let request = request(&udesk(), &list(2));
        assert_eq!(
            request.url().as_str(),
            "http://127.0.0.1:9/api/v1/tickets.json?page=2&per_page=100&sign=6d78c061d048e37455ed4712a6d75686"
        );
        assert_eq!(
            request.to_string(),
            "GET http://127.0.0.1:9/api/v1/tickets.json?page=2&per_page=100&sign=***"
        );
    }

    #[test]
    fn a_customers_tickets_are_posted_for_and_a_filters_are_signed_with_the_agent() {
        let listed = |wish: &Wish| {
            let listing = listing(Kind::Udesk, wish).unwrap();
            request(&udesk(), &Ask::Listed { listing, slice: Slice::default(), page: 1, per_page: 100 })
        };
        let posted = listed(&Wish::Customer("o'hara@sample.com".into()));
        assert_eq!(posted.json(), Some(r#"{"email":"o'hara@sample.com"}"#));
        let ask = Ask::Listed {
            listing: filters(Kind::Udesk, None).unwrap(),
            slice: Slice::default(),
            page: 1,
            per_page: 100,
        };
        let Verdict::Page(page) = judged(&udesk(), &ask, 200, r#"{"status":0,"contents":[{"id":1}]}"#) else {
            panic!()
        };
        assert_eq!((page.rows.len(), page.more), (1, None));
        assert_eq!(
            posted.to_string(),
            "POST http://127.0.0.1:9/api/v1/tickets/get.json?page=1&per_page=100&sign=***"
        );
        assert!(posted.url().as_str().ends_with("sign=aeef943db3a889ed76eb882b4f90ea71"));
        let got = listed(&Wish::Filter { id: 12, agent: Some(760) });
        assert!(got.url().path().ends_with("/ticket_filters/12/tickets.json") && got.json().is_none());
        assert!(got.url().query().unwrap().starts_with("agent_id=760&page=1&per_page=100&sign="));
        assert_eq!(listing(Kind::Udesk, &Wish::Problems), None);
        let filters = filters(Kind::Udesk, None).unwrap();
        let asked = Ask::Listed { listing: filters, slice: Slice::default(), page: 1, per_page: 100 };
        let url = request(&udesk(), &asked).url().to_string();
        assert!(url.ends_with("/api/v1/ticket_filters.json?sign=e9fb0570fe9265fd55ea8b84f8fbcbbb"), "{url}");
    }

    #[test]
    fn a_page_needs_the_code_and_the_array() {
        let body =
            r#"{"status":0,"message":"成功","size":1,"total":201,"total_pages":3,"contents":[{"id":1}]}"#;
        let Verdict::Page(page) = judged(&udesk(), &list(3), 200, body) else { panic!() };
        assert_eq!(page.rows.iter().map(|row| &page.body[row.clone()]).collect::<Vec<_>>(), [b"{\"id\":1}"]);
        assert_eq!((page.total, page.pages, page.more), (Some(201), Some(3), Some(false)));
        for body in [
            r#"{"contents":[]}"#,
            r#"{"status":0}"#,
            r#"{"status":0,"contents":{}}"#,
            r#"{"status":5,"contents":[]}"#,
            r#"{"error":"x"}"#,
        ] {
            assert!(
                matches!(judged(&udesk(), &list(1), 200, body), Verdict::Later { throttled: false, .. }),
                "{body}"
            );
        }
    }

    #[test]
    fn codes_inside_a_200() {
        let code = |ask: &Ask, body: &str| judged(&udesk(), ask, 200, body);
        assert!(matches!(
            code(&list(1), r#"{"status":2002,"message":"签名错"}"#),
            Verdict::Refused(Refusal::Credentials { .. })
        ));
        assert!(matches!(
            code(&list(1), r#"{"status":1001,"message":"x"}"#),
            Verdict::Refused(Refusal::Request { .. })
        ));
        assert!(matches!(
            code(&list(1), r#"{"status":9,"message":"访问过于频繁"}"#),
            Verdict::Later { throttled: true, .. }
        ));
        assert_eq!(
            code(&Ask::Ids(vec![4]), r#"{"status":1003,"message":"未找到相应工单"}"#),
            Verdict::Page(Page::default())
        );
        let Verdict::Page(page) = code(&Ask::Ids(vec![4]), r#"{"status":0,"contents":{"id":4}}"#) else {
            panic!()
        };
        assert_eq!(&page.body[page.rows[0].clone()], b"{\"id\":4}");
    }
}
