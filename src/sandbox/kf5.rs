//! KF5 as its documents describe it: who may ask, and which request means what.

/// Broken agreements.
mod breaches;
/// The world's own changes.
pub mod change;
/// Comments and attachments.
mod comments;
/// Users, groups, organizations.
mod directory;
/// Definitions of custom fields.
pub mod fields;
/// Answers that only read.
pub mod list;
mod quirks;
/// The tickets of the seed.
pub mod seed;
mod values;
/// Requests that change tickets.
mod writing;

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::account::{Credentials, Limit};
use super::answer::{Answer, Asked};
use super::clock::Clock;
use super::object::Object;
use super::options::Options;
use super::people::{AGENTS, People};
use super::quirks::Quirks;
use super::store::{Ticket, TicketStore};
use super::vendor::{self, Vendor};
use fields::Field;

/// The KF5 tenant.
#[derive(Debug)]
pub struct Tenant {
    pub store: TicketStore,
    pub fields: Vec<Field>,
    pub people: People,
    pub rng: fastrand::Rng,
    pub clock: Clock,
    /// The address by which the sandbox is reached.
    pub origin: String,
    pub quirks: Quirks,
    /// Comments that were added, by ticket.
    pub comments: HashMap<u64, Vec<Value>>,
    pub uploads: Vec<comments::Upload>,
}

impl Tenant {
    /// The tenant of the seed.
    pub fn new(options: &Options, clock: Clock) -> Tenant {
        let fields = fields::definitions(options.extra_fields, &options.origin);
        let people = People::of(options.tickets);
        Tenant {
            store: seed::store(options, &fields, &people, clock.now()),
            fields,
            people,
            rng: fastrand::Rng::with_seed(options.seed ^ 0x4B46_3500),
            clock,
            origin: options.origin.clone(),
            quirks: Quirks::default().with("kf5", &options.quirks).unwrap_or_default(),
            comments: HashMap::new(),
            uploads: Vec::new(),
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    List,
    UserTickets(u64),
    Search,
    Problems,
    Incidents(u64),
    Collaborators(u64),
    ShowMany,
    Show(u64),
    Create,
    Update(u64),
    UpdateMany,
    Delete(u64),
    DeleteMany,
    Fields,
    ActiveFields,
    Field(u64),
    DeleteField(u64),
    Me,
    Users,
    ShowManyUsers,
    User(u64),
    Groups,
    Organizations,
    Export,
    Breaches,
    TicketBreaches(u64),
    Comments(u64),
    Upload,
    Import,
    Unknown,
}

impl vendor::Route for Route {
    fn of(method: &Method, path: &[&str]) -> Route {
        let number = |text: &str| text.parse::<u64>().ok();
        let get = method == Method::GET;
        let route = match path {
            ["tickets"] if get => Some(Route::List),
            ["tickets"] if method == Method::POST => Some(Route::Create),
            ["tickets", "search"] if get => Some(Route::Search),
            ["tickets", "problems"] if get => Some(Route::Problems),
            ["tickets", "show_many"] if get => Some(Route::ShowMany),
            ["tickets", "update_many"] if method == Method::PUT => Some(Route::UpdateMany),
            ["tickets", "delete_many" | "destroy_many"] if method == Method::DELETE => {
                Some(Route::DeleteMany)
            }
            ["tickets", id] if get => number(id).map(Route::Show),
            ["tickets", id] if method == Method::PUT => number(id).map(Route::Update),
            ["tickets", id] if method == Method::DELETE => number(id).map(Route::Delete),
            ["tickets", id, "incidents"] if get => number(id).map(Route::Incidents),
            ["tickets", id, "collaborators"] if get => number(id).map(Route::Collaborators),
            ["tickets", id, "comments"] if get => number(id).map(Route::Comments),
            ["tickets", id, "slax_constraints"] if get => number(id).map(Route::TicketBreaches),
            ["ticket_slax_constraints"] if get => Some(Route::Breaches),
            ["exports", "tickets"] if get => Some(Route::Export),
            ["imports", "tickets"] if method == Method::POST => Some(Route::Import),
            ["attachments"] if method == Method::POST => Some(Route::Upload),
            ["users"] if get => Some(Route::Users),
            ["groups"] if get => Some(Route::Groups),
            ["organizations"] if get => Some(Route::Organizations),
            ["users", "show_many"] if get => Some(Route::ShowManyUsers),
            ["users", "me"] if get => Some(Route::Me),
            ["users", id] if get => number(id).map(Route::User),
            ["users", id, "tickets"] if get => number(id).map(Route::UserTickets),
            ["ticket_fields"] if get => Some(Route::Fields),
            ["ticket_fields", "active"] if get => Some(Route::ActiveFields),
            ["ticket_fields", id] if get => number(id).map(Route::Field),
            ["ticket_fields", id] if method == Method::DELETE => number(id).map(Route::DeleteField),
            _ => None,
        };
        route.unwrap_or(Route::Unknown)
    }

    fn reads(&self) -> bool {
        !matches!(
            self,
            Route::Create
                | Route::Update(_)
                | Route::UpdateMany
                | Route::Delete(_)
                | Route::DeleteMany
                | Route::DeleteField(_)
                | Route::Upload
                | Route::Import
        )
    }

    fn lists(&self) -> bool {
        matches!(
            self,
            Route::List
                | Route::Export
                | Route::UserTickets(_)
                | Route::Search
                | Route::Problems
                | Route::Incidents(_)
        )
    }
}

impl Route {
    /// Only an administrator may ask this.
    fn needs_admin(&self) -> bool {
        matches!(
            self,
            Route::List
                | Route::UserTickets(_)
                | Route::Delete(_)
                | Route::DeleteMany
                | Route::DeleteField(_)
                | Route::Export
                | Route::Import
                | Route::Breaches
                | Route::TicketBreaches(_)
        )
    }

    /// The name under which a quirk makes it absent or forbidden; those that every account has none.
    fn optional(&self) -> Option<&'static str> {
        Some(match self {
            Route::Users | Route::ShowManyUsers | Route::User(_) => "users",
            Route::Groups => "groups",
            Route::Organizations => "organizations",
            Route::Export => "exports",
            Route::Breaches | Route::TicketBreaches(_) => "slax",
            Route::Import => "imports",
            _ => return None,
        })
    }
}

/// Refuses a request without the credentials of the account: a password, or `email/token` and the token.
fn refuse(asked: &Asked, known: &Credentials) -> Option<Answer> {
    let Credentials { email, password, token, .. } = known;
    let user = sent_credentials(asked);
    let mut allowed = vec![format!("{email}:{password}"), format!("{email}/token:{token}")];
    for agent in AGENTS.get(1..).unwrap_or_default() {
        allowed.push(format!("{}:{password}", agent.email));
    }
    if user.is_some_and(|user| allowed.iter().any(|pair| pair.as_bytes() == user)) {
        return None;
    }
    let refused = problem(StatusCode::UNAUTHORIZED, "Unauthorized", "邮箱或密码错误,认证失败");
    Some(refused.with(header::WWW_AUTHENTICATE, "Basic realm=\"KF5 API\""))
}

/// Refuses what this login may not ask, and what this account does not have.
fn barred(tenant: &Tenant, route: &Route, asked: &Asked) -> Option<Answer> {
    let name = route.optional();
    let named = |list: &[String]| name.is_some_and(|name| list.iter().any(|listed| listed == name));
    let forbidden = || problem(StatusCode::FORBIDDEN, "Forbidden", "没有权限进行此操作");
    if named(&tenant.quirks.absent) {
        return Some(not_found());
    }
    (named(&tenant.quirks.forbidden) || (route.needs_admin() && is_agent(asked))).then(forbidden)
}

/// User and password of a request, joined by a colon.
fn sent_credentials(asked: &Asked) -> Option<Vec<u8>> {
    let (scheme, encoded) = asked.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| BASE64_STANDARD.decode(encoded.trim()).ok())?
}

/// The address in the credentials.
fn login(asked: &Asked) -> Option<String> {
    let pair = String::from_utf8(sent_credentials(asked)?).ok()?;
    let (user, _) = pair.split_once(':')?;
    Some(user.strip_suffix("/token").unwrap_or(user).to_owned())
}

/// Whether an agent asks, not the administrator.
fn is_agent(asked: &Asked) -> bool {
    let agents = AGENTS.get(1..).unwrap_or_default();
    login(asked).is_some_and(|email| agents.iter().any(|agent| agent.email == email))
}

/// Answers a request that changes something.
fn write(tenant: &mut Tenant, route: &Route, asked: &Asked) -> Answer {
    let answer = match route {
        Route::Create => writing::create(tenant, asked),
        Route::Import => writing::import(tenant, asked),
        Route::Upload => Ok(comments::upload(tenant, asked)),
        Route::Update(id) => writing::update(tenant, *id, asked),
        Route::UpdateMany => writing::update_many(tenant, asked),
        Route::Delete(id) => writing::delete(tenant, &[*id]),
        Route::DeleteMany => writing::delete(tenant, &asked.ids()),
        Route::DeleteField(id) => writing::delete_field(tenant, *id),
        _ => Err(not_found()),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

/// An error with its JSON body.
pub fn problem(status: StatusCode, error: &str, message: &str) -> Answer {
    Answer::status(status, json!({"error": error, "message": message}).to_string())
}

pub fn not_found() -> Answer {
    problem(StatusCode::NOT_FOUND, "RecordNotFound", "资源不存在")
}

/// Refuses what cannot be stored.
pub fn invalid(message: &str) -> Answer {
    problem(StatusCode::UNPROCESSABLE_ENTITY, "RecordInvalid", message)
}

impl Vendor for Tenant {
    type Route = Route;

    fn refuse(asked: &Asked, known: &Credentials) -> Option<Answer> {
        refuse(asked, known)
    }

    fn over_limit(limit: &Limit, _: &Quirks, wait: Duration) -> Answer {
        let answer = problem(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "请求过于频繁,请稍后再试");
        limit.dressed(answer, wait)
    }

    fn read(&self, route: &Route, asked: &Asked) -> Answer {
        barred(self, route, asked).unwrap_or_else(|| list::answer(self, route, asked))
    }

    fn write(&mut self, route: &Route, asked: &Asked, _: &Credentials) -> Answer {
        barred(self, route, asked).unwrap_or_else(|| write(self, route, asked))
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
        let place = seed::STATUSES.iter().position(|name| *name == status);
        Ticket {
            status: place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX),
            assignee: text.number("assignee_id").unwrap_or(0),
            problem: text.number("problem_id").unwrap_or(0),
            is_problem: text.text("type").as_deref() == Some("problem"),
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
