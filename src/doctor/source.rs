//! A source: whether it answers, lets us in, shows every ticket, keeps the time, and bears the rate.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::Check;
use crate::{
    config::{LakeConfig, SourceConfig},
    exit::Exit,
    fetch::{Client, FetchError, fetch},
    figures,
    json::Json,
    lake::Lake,
    progress::{Progress, Style},
    source::{self, Account, Ask, Slice},
    sync::{self, Afresh, Checkpoint, FirstPage, ReadError, StopReason},
};

/// Somebody waits for the answer.
const RETRIES: u32 = 2;
/// Answers tell whole seconds and take some time to come.
const CLOCK_MAY_DIFFER: Duration = Duration::from_secs(30);
/// From here on the times that a run writes are wrong.
const CLOCK_IS_WRONG: Duration = Duration::from_secs(300);

/// Bytes of a key; shorter ones are found by trying.
const SHORT_KEY: usize = 16;

const CREDENTIALS: &str =
    "check `email` with `password` or `token`, or `secret`, and that the account may use the API";
const ADMIN: &str = "give the account the role of an administrator, or log in with one that has it: to any other the \
                     source shows only a part of the tickets";

/// The checks of one source; nothing is written.
pub async fn checks(lake: &LakeConfig, config: &SourceConfig) -> Vec<Check> {
    let about = config.name.as_str();
    let mut asking = config.clone();
    asking.max_retries = asking.max_retries.min(RETRIES);
    let client = match Client::new(asking) {
        Ok(client) => Arc::new(client),
        Err(why) => {
            let todo = "see that this system lets programs open TLS connections";
            return vec![Check::failed(about, "connection", Exit::Incomplete, why.to_string(), todo)];
        }
    };
    let account = account(&client).await;
    let meter = Progress::new(Style::None).source(about);
    let opened = match Lake::open(lake) {
        Ok(lake) => sync::read_afresh_with(&lake, Arc::clone(&client), &meter).await,
        Err(why) => Err(why.into()),
    };
    let (mut checks, afresh) = match opened {
        Ok(afresh) => (let_in(about, &client), Some(afresh)),
        Err(why) => (refused(about, &client, account.as_ref(), &why), None),
    };
    let mut rows = None;
    if let Some(afresh) = &afresh {
        checks.extend(role(about, config, account.as_ref()));
        checks.push(fields(about, afresh));
        checks.extend(mask(about, config));
        match afresh.first_page().await {
            Ok(page) => {
                checks.push(first_page(about, config, &page));
                rows = page.total;
            }
            Err(why) => checks.push(not_read(about, &why)),
        }
    }
    if afresh.is_some() {
        if let Some(number) = config.incremental_filter {
            checks.push(filter(about, &client, number).await);
        }
        checks.extend(same_account(lake, &client).await);
    }
    if client.server_ahead().is_some() || afresh.is_some() {
        checks.push(clock(about, &client));
        checks.push(rate(about, &client, rows));
    }
    checks
}

async fn account(client: &Client) -> Option<Account> {
    if !source::tells_account(client.config.kind) {
        return None;
    }
    // Where it is refused, the list that a sync needs says why.
    let page = fetch(client, &Ask::Account).await.ok()?;
    let row = page.body.get(page.rows.first()?.clone())?;
    source::account(client.config.kind, &Json::parse(std::str::from_utf8(row).ok()?).ok()?)
}

fn let_in(about: &str, client: &Client) -> Vec<Check> {
    let host = client.config.base_url.origin().ascii_serialization();
    vec![
        Check::ok(about, "connection", format!("{host} answers")),
        Check::ok(about, "credentials", "accepted"),
    ]
}

/// What the failure of the first requests says.
fn refused(about: &str, client: &Client, account: Option<&Account>, why: &StopReason) -> Vec<Check> {
    let host = client.config.base_url.origin().ascii_serialization();
    let answers = Check::ok(about, "connection", format!("{host} answers"));
    let fetched = match why {
        StopReason::Read(ReadError::Fetch(why)) => Some(why),
        _ => None,
    };
    match (fetched, account) {
        (Some(FetchError::Credentials { why, .. }), Some(account)) => {
            let found = format!("`{}` may not read what a sync needs ({why})", account.role);
            vec![
                answers,
                Check::ok(about, "credentials", "accepted"),
                Check::failed(about, "role", Exit::Credentials, found, ADMIN),
            ]
        }
        (Some(FetchError::Credentials { why, .. }), None) => {
            vec![answers, Check::failed(about, "credentials", Exit::Credentials, why, CREDENTIALS)]
        }
        (Some(FetchError::GaveUp { why, .. }), None) if client.server_ahead().is_none() => {
            let todo =
                "check `base_url`, the name's resolution, the way through firewall and proxy, and `timeout`";
            vec![
                Check::failed(about, "connection", Exit::Incomplete, format!("{host}: {why}"), todo),
                Check::skipped(about, "credentials", "there is no connection"),
            ]
        }
        (Some(_), _) => {
            let todo = "see that `base_url` is the address of the help desk itself, and ask again later";
            vec![answers, Check::failed(about, "fields", Exit::Incomplete, why.to_string(), todo)]
        }
        (None, _) => {
            let todo = "the message says what to do";
            let exit = if why.is_damage() { Exit::Damaged } else { Exit::Incomplete };
            vec![answers, Check::failed(about, "fields", exit, why.to_string(), todo)]
        }
    }
}

fn role(about: &str, config: &SourceConfig, account: Option<&Account>) -> Option<Check> {
    if !source::tells_account(config.kind) {
        return None;
    }
    Some(match account {
        Some(account) if account.sees_all => {
            Check::ok(about, "role", format!("`{}`, who may see every ticket", account.role))
        }
        Some(account) => {
            Check::failed(about, "role", Exit::Credentials, format!("`{}`", account.role), ADMIN)
        }
        None => Check::warning(
            about,
            "role",
            "the source does not tell it",
            "see in the help desk that the account is an administrator",
        ),
    })
}

fn fields(about: &str, afresh: &Afresh) -> Check {
    let found = format!("{} definitions", figures::count(afresh.defined()));
    let unnamed = afresh.paths_without_labels();
    if unnamed.is_empty() {
        return Check::ok(about, "fields", found);
    }
    let todo = format!("name a file with their labels in `cascades`: {}", unnamed.join(", "));
    Check::warning(about, "fields", format!("{found}; {} cascades have no labels", unnamed.len()), todo)
}

/// What is masked; that the columns are there has been seen with the definitions.
fn mask(about: &str, config: &SourceConfig) -> Option<Check> {
    let count = config.masks.columns.len();
    let short = config.masks.key.as_ref().is_some_and(|key| key.reveal().len() < SHORT_KEY);
    match (count, short) {
        (0, _) => None,
        (_, true) => {
            let todo = "take a longer `mask_key`, as from `openssl rand -hex 32`: numbers can be guessed under a short one";
            Some(Check::warning(about, "mask", format!("{count} columns; the key is short"), todo))
        }
        (_, false) => Some(Check::ok(about, "mask", format!("{count} columns"))),
    }
}

fn first_page(about: &str, config: &SourceConfig, page: &FirstPage) -> Check {
    let found = match page.total {
        Some(total) => format!("{} of {} tickets read", page.rows, figures::count(total)),
        None => format!("{} tickets read; the source does not tell how many there are", page.rows),
    };
    if page.rows == 0 {
        let todo = "if the help desk has tickets, check the rights of the account";
        return Check::warning(about, "first page", found, todo);
    }
    if page.without_id > 0 {
        let found = format!("{found}; {} have an id that cannot be read", page.without_id);
        return Check::failed(about, "first page", Exit::Incomplete, found, "correct them at the source");
    }
    let size = u64::from(config.page_size);
    if (page.rows as u64) < size && page.total.is_some_and(|total| total > page.rows as u64) {
        let todo = format!("nothing must be done; `page_size = {}` says what is so", page.rows);
        return Check::warning(
            about,
            "first page",
            format!("{found}; the server gives no more than that"),
            todo,
        );
    }
    Check::ok(about, "first page", found)
}

/// The list of changes that a sync would read.
async fn filter(about: &str, client: &Client, number: u64) -> Check {
    let slice = Slice { filter: Some(number), ..Slice::default() };
    match fetch(client, &Ask::Tickets { slice, page: 1, per_page: 1 }).await {
        Ok(page) => {
            let total = page.total.map(|total| format!(" {} tickets", figures::count(total)));
            Check::ok(about, "filter", format!("{number} lists{}", total.unwrap_or_default()))
        }
        Err(why) => {
            let todo = "set `incremental_filter` to one that `ticketlake filters` lists";
            Check::failed(about, "filter", Exit::Incomplete, why.to_string(), todo)
        }
    }
}

/// Whether the account is the one whose tickets the lake holds.
async fn same_account(lake: &LakeConfig, client: &Client) -> Option<Check> {
    let about = client.config.name.as_str();
    let checkpoint = Checkpoint::load(&Lake::open(lake).ok()?, about, "").ok()?;
    let why = sync::check_address(&checkpoint, client).await.err()?;
    let exit = StopReason::exit(std::slice::from_ref(&why));
    Some(Check::failed(about, "identity", exit, why.to_string(), "see what is found"))
}

fn not_read(about: &str, why: &ReadError) -> Check {
    match why {
        ReadError::Fetch(FetchError::Credentials { why, .. }) => Check::failed(
            about,
            "role",
            Exit::Credentials,
            format!("the ticket list is refused ({why})"),
            ADMIN,
        ),
        why => Check::failed(
            about,
            "first page",
            Exit::Incomplete,
            why.to_string(),
            "see what the message says; ask again later",
        ),
    }
}

fn clock(about: &str, client: &Client) -> Check {
    let Some(ahead) = client.server_ahead() else {
        return Check::warning(
            about,
            "clock",
            "the server does not tell its time",
            "see that this machine keeps the time (NTP)",
        );
    };
    let apart = ahead.unsigned_abs();
    let side = if ahead.is_negative() { "ahead of" } else { "behind" };
    let found = match apart <= CLOCK_MAY_DIFFER {
        true => "agrees with the server's".to_owned(),
        false => format!("this machine's is {} {side} the server's", figures::span(apart)),
    };
    let todo = "set this machine's clock, and let NTP keep it: the times that a run notes would be wrong";
    if apart > CLOCK_IS_WRONG {
        return Check::failed(about, "clock", Exit::Incomplete, found, todo);
    }
    if apart > CLOCK_MAY_DIFFER {
        Check::warning(about, "clock", found, todo)
    } else {
        Check::ok(about, "clock", found)
    }
}

fn rate(about: &str, client: &Client, rows: Option<u64>) -> Check {
    let config = &client.config;
    let throttled = client.counts.throttled.load(Relaxed);
    if throttled > 0 {
        let found = format!("the server said {throttled} times that we ask too often");
        let todo = "lower `rate`, or see which other program uses the account";
        return Check::warning(about, "rate", found, todo);
    }
    let requests = rows.map(|rows| rows.div_ceil(u64::from(config.page_size)));
    let Some(rate) = config.rate else {
        let host = config.base_url.host_str().unwrap_or_default();
        if config.base_url.scheme() == "http" {
            return Check::ok(about, "rate", "unlimited, on this machine");
        }
        return Check::warning(
            about,
            "rate",
            format!("unlimited, to {host}"),
            "set `rate` to what the vendor allows",
        );
    };
    let each = rate.per.div_f64(f64::from(rate.requests.get()));
    let whole = requests.map(|requests| {
        let time = each.saturating_mul(u32::try_from(requests).unwrap_or(u32::MAX));
        format!(
            "; a first full reading takes about {} requests, {}",
            figures::count(requests),
            figures::span(time)
        )
    });
    let said = format!("{} requests in {}, none refused", rate.requests, figures::span(rate.per));
    Check::ok(about, "rate", said + &whole.unwrap_or_default())
}
