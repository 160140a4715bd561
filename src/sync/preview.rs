//! What a task would do, found out by looking: at what is remembered, at the lake, and by asking each source once or
//! twice. Nothing is written, and the lake is not held.

use std::sync::Arc;

use futures::future::join_all;
use jiff::{Timestamp, tz::TimeZone};

use super::{
    buffer::meets,
    deletions::live_within,
    reading::{ReadError, TicketReader},
    recover,
    source_run::{Task, read_how, with_lost},
    source_state::{Checkpoint, Unfinished},
    stop_reason::StopReason,
    table_schema::{TableSchema, file_meta},
    walks::{Freshening, freshening},
};
use crate::{
    config::{Config, SourceConfig},
    error::Error,
    fetch::{Client, fetch},
    lake::{Lake, LakeError},
    plan::{self, Forecast, Given, Preview, Reading},
    progress::{Progress, Style},
    source::{self, Ask, Clock, Order, Slice},
    walk::{Reader, Span, left},
};

/// Definitions per page, as a run asks for them.
const FIELDS_PER_PAGE: u32 = 100;

/// What the task would do on all sources of the configuration. Where a source cannot be asked, its part says why, and
/// the reasons are given as values too; an error means that the lake cannot be read.
pub async fn preview(task: Task, config: &Config) -> Result<(Preview, Vec<StopReason>), Error> {
    let lake = Lake::open(&config.lake)?;
    let at = Timestamp::now();
    let zone = &config.lake.timezone;
    let looks = config.sources.iter().map(|source| look(&lake, source, task, (at, zone)));
    let mut sources = Vec::new();
    let mut ends = Vec::new();
    for looked in join_all(looks).await {
        let (forecast, ended) = looked?;
        sources.push(forecast);
        ends.extend(ended);
    }
    let minutes = sources.iter().map(|source| source.minutes).collect::<Option<Vec<f64>>>();
    let minutes = minutes.and_then(|minutes| minutes.into_iter().reduce(f64::max));
    let lake = config.lake.place.to_string();
    Ok((Preview { command: task.name(), at, lake, sources, minutes }, ends))
}

/// One source: what the lake has of it, what it says itself, and what follows.
async fn look(
    lake: &Lake,
    config: &SourceConfig,
    task: Task,
    (at, zone): (Timestamp, &TimeZone),
) -> Result<(Forecast, Option<StopReason>), LakeError> {
    let checkpoint = Checkpoint::load(lake, &config.name, "")?;
    let reading = with_lost(&checkpoint, config, read_how(&checkpoint, config, task, at));
    let range = range(task, reading);
    let whole = matches!(reading, Reading::Whole { .. });
    let is_sync = matches!(task, Task::Sync { .. } | Task::Finish { .. });
    let unfinished = checkpoint.with(|state| state.left_over(range).cloned()).filter(|_| whole);
    let done = unfinished.as_ref().map(Unfinished::read).unwrap_or_default();
    let mut held = Held::count(&checkpoint, range, &done)?;
    let pages = unfinished.as_ref().and_then(|unfinished| unfinished.pages.as_ref());
    let freshening = pages.and(checkpoint.with(|state| freshening(state, config, task)));
    if let Some(pages) = pages.filter(|_| freshening != Some(Freshening::SecondLap)) {
        held.done = pages.reached.rows();
    }
    let told = match Client::new(config.clone()) {
        Ok(client) => ask(&client, reading, range).await,
        Err(why) => Err(why.into()),
    };
    let (told, ended) = match told {
        Ok(told) => (told, None),
        Err(why) => (Told { tickets: None, field_pages: 1, oldest: None }, Some(StopReason::from(why))),
    };
    let given = Given {
        config,
        reading,
        window: matches!(task, Task::Backfill { .. }).then_some(range),
        resumes: unfinished.is_some(),
        second_lap: freshening == Some(Freshening::SecondLap),
        counts: is_sync && checkpoint.with(|state| state.whole_at.is_some()),
        changes_first: is_sync
            && whole
            && source::filters_by_time(config.kind)
            && checkpoint.with(|state| state.cursor.is_some() && !state.replacing),
        left: left(range, &done),
        told: told.tickets.map(|tickets| tickets.saturating_sub(held.done)),
        held: held.left(reading),
        field_pages: told.field_pages,
        partitions: (held.partitions, held.within),
        zone,
        oldest: told.oldest,
        now: at.as_second(),
    };
    let mut forecast = plan::forecast(&given);
    forecast.error = ended.as_ref().map(ToString::to_string);
    forecast.notes.extend(lost(&checkpoint)?);
    Ok((forecast, ended))
}

/// What the lake has lost, and the run would read again.
fn lost(checkpoint: &Checkpoint) -> Result<Option<String>, LakeError> {
    if !checkpoint.has_manifest() {
        return Ok(None);
    }
    let found = recover::diff(checkpoint)?;
    let of_partition = |key| checkpoint.table.manifest(|m| m.partitions.get(key).map_or(0, |p| p.ids.len()));
    let tickets: u64 = found.missing.iter().map(of_partition).sum();
    Ok(match (found.is_empty(), checkpoint.missing()) {
        (true, missing) => missing.map(|missing| format!("{missing}; they are read again first")),
        (false, _) => Some(format!(
            "files are missing or were changed since the last run ({}), {tickets} tickets with them: what is lost is read \
             again first",
            recover::describe(&found)
        )),
    })
}

/// The span that is read, by the time of creation or, of what changed, by that of the change.
fn range(task: Task, reading: Reading) -> Span {
    match (task, reading) {
        (Task::Backfill { range, .. }, _) => range,
        (_, Reading::Since(since)) => Span { from: Some(since.as_second()), to: None },
        _ => Span::default(),
    }
}

/// What the lake has of a source. A ticket that is marked as deleted is none.
#[derive(Default)]
struct Held {
    partitions: u64,
    /// Partitions that may hold a ticket created within the range, and such tickets.
    within: u64,
    tickets: u64,
    /// Tickets that were read and need not be read again.
    done: u64,
}

impl Held {
    fn count(checkpoint: &Checkpoint, range: Span, done: &[Span]) -> Result<Self, LakeError> {
        let calendar = checkpoint.table.lake.calendar();
        let keys = checkpoint.table.partitions();
        let within = keys.iter().filter(|key| meets(&calendar, **key, range)).count() as u64;
        let mut held = Held { partitions: keys.len() as u64, within, ..Held::default() };
        let live = match range == Span::default() {
            true => checkpoint.table.manifest(|manifest| manifest.live()),
            false => live_within(checkpoint, range)?.len(),
        };
        held.tickets = live;
        for span in done {
            held.done += live_within(checkpoint, *span)?.len();
        }
        Ok(held)
    }

    /// Tickets that are left to read, as far as the lake can know: it does not know what changed, nor anything when it
    /// is empty.
    fn left(&self, reading: Reading) -> Option<u64> {
        let knows = matches!(reading, Reading::Whole { .. }) && self.tickets > 0;
        knows.then(|| self.tickets.saturating_sub(self.done))
    }
}

struct Told {
    /// Tickets of the range, where the source says how many there are.
    tickets: Option<u64>,
    field_pages: u64,
    /// When the oldest ticket was created, in Unix seconds, where a reading of everything may be cut by that.
    oldest: Option<i64>,
}

/// Asks for the number of tickets, and of field definitions.
async fn ask(client: &Client, reading: Reading, range: Span) -> Result<Told, ReadError> {
    let by = match reading {
        _ if !source::filters_by_time(client.config.kind) => None,
        Reading::Since(_) => Some(Clock::Updated),
        _ if range != Span::default() => Some(Clock::Created),
        _ => None,
    };
    let slice = match (by, reading) {
        (Some(_), _) => Slice { by, from: range.from, to: range.to, ..Slice::default() },
        (None, Reading::Filter(filter)) => Slice { filter: Some(filter), ..Slice::default() },
        (None, _) => Slice::default(),
    };
    let whole = matches!(reading, Reading::Whole { .. }) && range == Span::default();
    let (tickets, oldest) = match whole && source::filters_by_time(client.config.kind) {
        true => number_and_oldest(client).await?,
        false => (fetch(client, &Ask::Tickets { slice, page: 1, per_page: 1 }).await?.total, None),
    };
    let fields = fetch(client, &Ask::Fields { page: 1, per_page: FIELDS_PER_PAGE }).await?;
    let definitions = fields.total.unwrap_or(fields.rows.len() as u64);
    // A source that does not say whether more follows is asked until a page brings nothing new.
    let last = u64::from(fields.more.is_none() && definitions > 0);
    Ok(Told { oldest, tickets, field_pages: definitions.div_ceil(u64::from(FIELDS_PER_PAGE)).max(1) + last })
}

/// The number of all tickets, and when the oldest was created, by one request.
async fn number_and_oldest(client: &Client) -> Result<(Option<u64>, Option<i64>), ReadError> {
    let kind = client.config.kind;
    let schema = TableSchema::new(source::ticket(kind), file_meta(kind), Arc::default())?;
    let meter = Progress::new(Style::None).source(&client.config.name);
    let reader = TicketReader { client, schema: &schema, meter: &meter, gaps: None, totals: None };
    let slice = Slice { by: Some(Clock::Created), order: Order::Asc, ..Slice::default() };
    // Some may have no time of creation, and those come first.
    let page = reader.read(&slice, 1, client.config.page_size).await?;
    Ok((page.total, page.keys.iter().filter_map(|key| key.created).min()))
}
