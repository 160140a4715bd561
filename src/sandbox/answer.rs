//! An answer before it is sent, and a request as far as the vendors look at it.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::store::Ticket;

/// A request whose body has been read; `path` is split, without a closing `.json`.
#[derive(Debug)]
pub struct Asked {
    pub method: Method,
    /// The path as sent.
    pub path: String,
    pub segments: Vec<String>,
    /// The query as sent, without the question mark.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    /// Path and query as sent.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The decoded value of the first `key` in the query; an empty one counts as absent.
    pub fn param(&self, key: &str) -> Option<String> {
        self.params().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value)
    }

    /// All decoded pairs of the query, in the order sent.
    pub fn params(&self) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(self.query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
    }

    /// `http://HOST` by which the client reached us.
    pub fn origin(&self) -> String {
        let host = self.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        format!("http://{}", host.unwrap_or("localhost"))
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The ids of `ids=1,2,3`; what is no id is left out.
    pub fn ids(&self) -> Vec<u64> {
        let ids = self.param("ids").unwrap_or_default();
        ids.split(',').filter_map(|id| id.trim().parse().ok()).collect()
    }
}

/// Status, headers beside the usual ones, and body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub content_type: &'static str,
    pub body: Bytes,
    /// The tickets that it holds.
    pub ids: Vec<u64>,
}

/// The media type of almost every answer.
pub const JSON: &str = "application/json; charset=utf-8";

impl Answer {
    /// A 200 with a JSON body.
    pub fn json(body: impl Into<Bytes>) -> Answer {
        Answer::status(StatusCode::OK, body)
    }

    pub fn status(status: StatusCode, body: impl Into<Bytes>) -> Answer {
        Answer { status, headers: Vec::new(), content_type: JSON, body: body.into(), ids: Vec::new() }
    }

    /// A page of tickets: `before`, a JSON array, `after`.
    pub fn page(before: &str, cards: &[&Ticket], after: &str) -> Answer {
        let ids = cards.iter().map(|card| card.id).collect();
        Answer { ids, ..Answer::json(around(before, cards, after)) }
    }

    /// An HTML page, as a proxy or a login wall gives it.
    pub fn html(status: StatusCode, title: &str) -> Answer {
        let page = format!(
            "<!DOCTYPE html>\r\n<html><head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center><hr></body></html>\r\n"
        );
        Answer { content_type: "text/html; charset=utf-8", ..Answer::status(status, page) }
    }

    pub fn with(mut self, name: HeaderName, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

/// `before`, the tickets as a JSON array, `after`.
fn around(before: &str, cards: &[&Ticket], after: &str) -> Bytes {
    let size: usize = cards.iter().map(|card| card.text.len() + 1).sum();
    let mut out = BytesMut::with_capacity(before.len() + size + after.len() + 2);
    out.put_slice(before.as_bytes());
    out.put_u8(b'[');
    for (index, card) in cards.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        out.put_slice(&card.text);
    }
    out.put_u8(b']');
    out.put_slice(after.as_bytes());
    out.freeze()
}
