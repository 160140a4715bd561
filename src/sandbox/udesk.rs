//! Udesk's first open API as its documents describe it: who may ask, and which request means what.

/// The world's own changes.
pub mod change;
/// What writes are checked for.
mod checks;
/// Definitions of custom fields.
pub mod fields;
/// Answers that only read.
pub mod list;
/// The Open API v2.
mod open_api;
mod quirks;
/// The tickets of the seed.
mod seed;
mod values;
/// Requests that change tickets.
mod writing;

use std::fmt::Write;
use std::time::Duration;

use http::{Method, StatusCode};
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::account::{Credentials, Limit};
use super::answer::{Answer, Asked};
use super::clock::Clock;
use super::object::{Object, quoted};
use super::options::Options;
use super::people::People;
use super::quirks::Quirks;
use super::store::{Ticket, TicketStore};
use super::vendor::{self, Vendor};
use fields::Field;

/// The Udesk tenant.
#[derive(Debug)]
pub struct Tenant {
    pub store: TicketStore,
    pub fields: Vec<Field>,
    pub people: People,
    pub rng: fastrand::Rng,
    pub clock: Clock,
    pub quirks: Quirks,
    pub nonces: open_api::Nonces,
}

impl Tenant {
    /// The tenant of the seed.
    pub fn new(options: &Options, clock: Clock) -> Tenant {
        let fields = fields::definitions(options.extra_fields);
        let people = People::of(options.tickets);
        Tenant {
            store: seed::store(options, &fields, &people, clock.now()),
            fields,
            people,
            rng: fastrand::Rng::with_seed(options.seed ^ 0x5544_4553_4B00),
            clock,
            nonces: open_api::Nonces::new(),
            quirks: Quirks::default().with("udesk", &options.quirks).unwrap_or_default(),
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    List,
    OfCustomer,
    Show(u64),
    Create,
    Update(u64),
    Reply,
    Fields,
    Filters,
    FilterTickets(u64),
    /// What lies below the Open API v2's path.
    OpenApi,
    Unknown,
}

impl vendor::Route for Route {
    /// `/api/v1` and `/api/v2` are versions of one API.
    fn of(method: &Method, path: &[&str]) -> Route {
        let number = |text: &str| text.parse::<u64>().ok();
        let (get, post) = (method == Method::GET, method == Method::POST);
        let route = match path {
            ["open_api_v1", ..] => Some(Route::OpenApi),
            ["tickets"] if get => Some(Route::List),
            ["tickets"] if post => Some(Route::Create),
            ["tickets", "get"] if post => Some(Route::OfCustomer),
            ["tickets", "reply"] if post => Some(Route::Reply),
            // What is no number is no ticket.
            ["tickets", id] if get => Some(Route::Show(number(id).unwrap_or(0))),
            ["tickets", id] if method == Method::PUT => Some(Route::Update(number(id).unwrap_or(0))),
            ["ticket_fields"] if get => Some(Route::Fields),
            ["ticket_filters"] if get => Some(Route::Filters),
            ["ticket_filters", id, "tickets"] if get => number(id).map(Route::FilterTickets),
            _ => None,
        };
        route.unwrap_or(Route::Unknown)
    }

    fn reads(&self) -> bool {
        !matches!(self, Route::Create | Route::Update(_) | Route::Reply | Route::OpenApi)
    }

    fn lists(&self) -> bool {
        matches!(self, Route::List | Route::OfCustomer | Route::FilterTickets(_))
    }
}

/// Refuses a request whose `sign` does not fit its query.
///
/// Clients differ in signing the query as sent or decoded, and the vendor does not say; both are taken.
fn refuse(asked: &Asked, known: &Credentials) -> Option<Answer> {
    if asked.segments.first().is_some_and(|first| first == "open_api_v1") {
        return None; // it has a signature of its own
    }
    let pairs = asked
        .query
        .split('&')
        .filter(|pair| !pair.is_empty() && *pair != "sign" && !pair.starts_with("sign="));
    let as_sent = pairs.collect::<Vec<_>>();
    let sent = asked.param("sign").unwrap_or_default();
    let decoded: Vec<String> = as_sent
        .iter()
        .flat_map(|pair| form_urlencoded::parse(pair.as_bytes()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let decoded: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let fits = sent == sign(&as_sent, &known.secret) || sent == sign(&decoded, &known.secret);
    (!fits).then(|| refused(2002, "签名错,请升级版本后使用!"))
}

/// MD5 over the pairs and the secret, joined by `&`; a key without a value stands as its own value.
fn sign(pairs: &[&str], secret: &str) -> String {
    let mut source = String::new();
    for pair in pairs {
        source.push_str(pair);
        match pair.split_once('=') {
            None => {
                let _ = write!(source, "={pair}");
            }
            Some((key, "")) => source.push_str(key),
            Some(_) => {}
        }
        source.push('&');
    }
    source.push_str(secret);
    Md5::digest(source.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Answers a request that changes something.
fn write(tenant: &mut Tenant, route: &Route, asked: &Asked) -> Answer {
    let answer = match route {
        Route::Create => writing::create(tenant, &asked.json()),
        Route::Update(id) => writing::update(tenant, *id, &asked.json()),
        Route::Reply => writing::reply(tenant, &asked.json()),
        _ => Err(not_found()),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// A refusal with a code and its message; the status is 200 all the same.
pub fn refused(code: u32, message: &str) -> Answer {
    Answer::json(coded(code, message))
}

/// The code first and its message, as the vendor's samples have it.
fn coded(code: u32, message: &str) -> String {
    format!(r#"{{"status":{code},"message":{}}}"#, quoted(message))
}

/// A refusal of parameters, which has neither code nor message.
pub fn wrong(error: &str) -> Answer {
    Answer::json(json!({"error": error}).to_string())
}

fn not_found() -> Answer {
    Answer::status(StatusCode::NOT_FOUND, json!({"error": "Not Found"}).to_string())
}

impl Vendor for Tenant {
    type Route = Route;

    fn refuse(asked: &Asked, known: &Credentials) -> Option<Answer> {
        refuse(asked, known)
    }

    fn over_limit(limit: &Limit, quirks: &Quirks, wait: Duration) -> Answer {
        let message = "访问频率过高,请稍后再试";
        if quirks.limit_in_body {
            return refused(2429, message);
        }
        let answer = Answer::status(StatusCode::TOO_MANY_REQUESTS, coded(2429, message));
        limit.dressed(answer, wait)
    }

    fn read(&self, route: &Route, asked: &Asked) -> Answer {
        list::answer(self, route, asked)
    }

    fn write(&mut self, route: &Route, asked: &Asked, known: &Credentials) -> Answer {
        match route {
            Route::OpenApi => open_api::answer(self, known, asked),
            _ => write(self, route, asked),
        }
    }

    fn insert(&mut self) -> u64 {
        change::insert(self)
    }

    fn update(&mut self, id: u64) {
        change::update(self, id);
    }

    fn change_field(&mut self, change: &Value) -> Result<String, String> {
        change::change_field(self, change)
    }

    fn card(&self, text: &Object) -> Ticket {
        let status = text.text("status").unwrap_or_default();
        let place = seed::STATUSES.iter().position(|(name, _)| *name == status);
        Ticket {
            status: place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX),
            assignee: text.number("assignee_id").unwrap_or(0),
            ..Ticket::default()
        }
    }

    fn put_fields(&mut self, definitions: Vec<Object>) {
        self.fields = definitions.into_iter().map(fields::given).collect();
    }

    fn fields(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.definition.render()).collect()
    }

    fn store(&self) -> &TicketStore {
        &self.store
    }

    fn store_mut(&mut self) -> &mut TicketStore {
        &mut self.store
    }

    fn quirks(&self) -> &Quirks {
        &self.quirks
    }

    fn quirks_mut(&mut self) -> &mut Quirks {
        &mut self.quirks
    }

    fn rng(&mut self) -> &mut fastrand::Rng {
        &mut self.rng
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn signs_agree_with_the_known_ones() {
        let secret = "99d80d18b0b9a994a8d0283e830e5099";
        let sign = |query: &str| {
            let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
            super::sign(&pairs, secret)
        };
        assert_eq!(sign("page=1&per_page=10"), "b48d4134e7d13839b09b5423e300c352");
        assert_eq!(sign("per_page=10&page=1"), "03f67933ec5c7669fd63b35c9c161301");
        assert_eq!(sign("page=2&per_page=100"), "6d78c061d048e37455ed4712a6d75686");
        assert_eq!(sign(""), "e9fb0570fe9265fd55ea8b84f8fbcbbb");
        assert_eq!(sign("key"), sign("key=key"));
        assert_eq!(sign("key="), sign("key=key"));
    }
}
