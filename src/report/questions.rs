//! What the report says of a frame of tickets, beside the main figures.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use polars::prelude::{ChunkCompareIneq, DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    frame::{
        Cell, Figures, Ratings, Sla, counts, figures, groups, known, measured, only, ratings, sla,
        true_and_false,
    },
    rows::{PEOPLE, Words, kept::*},
};
use crate::when::civil_date;

/// Values that are listed; the others are only counted.
pub const TOP: usize = 100;

/// When tickets were created.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Volume {
    /// Days with tickets; the others have none.
    pub days: Vec<DayCount>,
    /// Monday to Sunday, each with 24 hours from 0 on.
    pub weekday_hours: [[u64; 24]; 7],
    /// Tickets of which it is not known when they were created.
    pub undated: u64,
}

/// A day and its tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayCount {
    pub date: Date,
    pub tickets: u64,
}

pub fn volume(rows: &DataFrame, words: &Words) -> PolarsResult<Volume> {
    let mut volume = Volume::default();
    for ([day], tickets) in counts(rows, words, [DAY])? {
        match day.int().and_then(date) {
            Some(date) => volume.days.push(DayCount { date, tickets }),
            None => volume.undated += tickets,
        }
    }
    volume.days.sort_by_key(|day| day.date);
    for ([hour], tickets) in counts(rows, words, [WEEK_HOUR])? {
        let at = hour.int().and_then(|hour| usize::try_from(hour).ok());
        if let Some(count) = at.and_then(|at| volume.weekday_hours.as_flattened_mut().get_mut(at)) {
            *count = tickets;
        }
    }
    Ok(volume)
}

/// The date of a number of days since 1970.
fn date(days: i64) -> Option<Date> {
    civil_date(i32::try_from(days).ok()?)
}

/// The number of days since 1970.
fn day_number(date: Date) -> i32 {
    date.duration_since(jiff::civil::date(1970, 1, 1))
        .as_hours()
        .div_euclid(24)
        .try_into()
        .unwrap_or(i32::MAX)
}

/// Days in a row and the same number of days before them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recent {
    pub since: Date,
    /// Left out itself.
    pub until: Date,
    pub days: u32,
    pub figures: Figures,
    pub before: Figures,
}

/// The figures of so many days before `until`, against as many before them.
pub fn recent(rows: &DataFrame, until: Date, days: u32) -> PolarsResult<Recent> {
    let end = day_number(until);
    let length = i32::try_from(days).unwrap_or(i32::MAX);
    let created = |from: i32, to: i32| {
        let days =
            |rows: &DataFrame| Ok(rows.column(DAY)?.i32()?.gt_eq(from) & rows.column(DAY)?.i32()?.lt(to));
        figures(&only(&measured(rows, [DAY])?, days)?)
    };
    let begin = end.saturating_sub(length);
    Ok(Recent {
        since: civil_date(begin).unwrap_or(until),
        until,
        days,
        figures: created(begin, end)?,
        before: created(begin.saturating_sub(length), begin)?,
    })
}

/// How many tickets were open at the end of each day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backlog {
    /// Days on which something changed; a day between is as the one before it. Null where no source tells.
    pub days: Option<Vec<DayOpen>>,
    /// Sources that do not say when work on a ticket ended; the days are without their tickets.
    pub unknown_sources: Vec<String>,
    /// Tickets of the other sources that are done, but not since when; the days are without them.
    pub end_unknown: u64,
}

/// A day of the backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayOpen {
    pub date: Date,
    pub created: u64,
    /// Tickets that were resolved or closed, whichever came first.
    pub ended: u64,
    /// Open at the end of the day.
    pub open: u64,
}

/// Days from `until` on are left out.
pub fn backlog(rows: &DataFrame, words: &Words, until: Option<Date>) -> PolarsResult<Backlog> {
    // Without a day of creation a ticket has no place in time.
    let dated = rows.select([SOURCE, DAY, END_DAY, DONE])?;
    let dated = only(&dated, |rows| Ok(rows.column(DAY)?.is_not_null()))?;
    let mut backlog = Backlog { days: None, unknown_sources: Vec::new(), end_unknown: 0 };
    let mut days: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for ([source], rows) in groups(&dated, words, [SOURCE], usize::MAX)?.0 {
        let placed = only(&rows, |rows| {
            let done = rows.column(DONE)?.bool()?;
            Ok(rows.column(END_DAY)?.is_not_null() | done.is_null() | !done)
        })?;
        let end_unknown = (rows.height() - placed.height()) as u64;
        if end_unknown > 0 && !rows.column(END_DAY)?.is_not_null().any() {
            backlog.unknown_sources.extend(source.text());
            continue;
        }
        backlog.end_unknown += end_unknown;
        for ([day], tickets) in counts(&placed, words, [DAY])? {
            day.int().into_iter().for_each(|day| days.entry(day).or_default().0 += tickets);
        }
        for ([day], tickets) in counts(&placed, words, [END_DAY])? {
            day.int().into_iter().for_each(|day| days.entry(day).or_default().1 += tickets);
        }
    }
    backlog.unknown_sources.sort_unstable();
    let mut open = 0_u64;
    let days = days.into_iter().filter_map(|(day, (created, ended))| {
        // No ticket ends before its creation, so this never falls below 0.
        open = (open + created).saturating_sub(ended);
        Some(DayOpen { date: date(day)?, created, ended, open })
    });
    let days: Vec<_> = days.take_while(|day| until.is_none_or(|until| day.date < until)).collect();
    backlog.days = (!days.is_empty()).then_some(days);
    Ok(backlog)
}

/// Tickets of a source with a status, and with a priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub source: String,
    /// Null for tickets that have none.
    pub status: Option<String>,
    pub priority: Option<String>,
    pub tickets: u64,
}

/// Of each source the most frequent first.
pub fn standings(rows: &DataFrame, words: &Words) -> PolarsResult<Vec<Standing>> {
    let told = |([source, status, priority], tickets): ([Cell<'_>; 3], u64)| Standing {
        source: source.text().unwrap_or_default(),
        status: status.text(),
        priority: priority.text(),
        tickets,
    };
    let mut standings: Vec<_> =
        counts(rows, words, [SOURCE, STATUS, PRIORITY])?.into_iter().map(told).collect();
    standings.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(standings)
}

/// A policy and how it was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    /// Its title; null for tickets with an agreement that has none.
    pub policy: Option<String>,
    /// Tickets under it.
    pub tickets: u64,
    #[serde(flatten)]
    pub sla: Sla,
}

/// The largest policy first; `None` where no ticket has an agreement.
pub fn policies(rows: &DataFrame, words: &Words) -> PolarsResult<Option<Vec<Policy>>> {
    let parts = groups(&known(rows, [POLICY, BREACHED])?, words, [POLICY], usize::MAX)?.0.into_iter();
    let told: PolarsResult<Vec<_>> = parts
        .map(|([policy], rows)| {
            Ok(Policy { policy: policy.text(), tickets: rows.height() as u64, sla: sla(&rows)? })
        })
        .collect();
    told.map(|told| (!told.is_empty()).then_some(told))
}

/// A reason to pause the SLA clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Null where none was given.
    pub reason: Option<String>,
    /// Tickets whose last action on the clock has this reason.
    pub tickets: u64,
    /// Of those, the ones whose clock is paused now.
    pub paused: u64,
}

/// The most frequent reason first; `None` where no ticket has any.
pub fn pauses(rows: &DataFrame, words: &Words) -> PolarsResult<Option<Vec<Pause>>> {
    let parts =
        groups(&known(rows, [PAUSE_REASON, PAUSED])?, words, [PAUSE_REASON], usize::MAX)?.0.into_iter();
    let told: PolarsResult<Vec<_>> = parts
        .map(|([reason], rows)| {
            let (paused, _) = true_and_false(&rows, PAUSED)?;
            Ok(Pause { reason: reason.text(), tickets: rows.height() as u64, paused })
        })
        .collect();
    told.map(|told| (!told.is_empty()).then_some(told))
}

/// Ratings of all tickets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Satisfaction {
    /// The most frequent word first.
    pub words: Vec<Word>,
    /// The one with the most ratings first.
    pub groups: Vec<Rated>,
    pub assignees: Vec<Rated>,
}

/// A rating as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Word {
    pub label: Option<String>,
    /// 1 to 5; null for a word without a known rank.
    pub score: Option<i64>,
    pub tickets: u64,
}

/// Whose work was rated. Without an id and a name: unassigned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rated {
    pub source: String,
    pub id: Option<i64>,
    /// Where there were several, the one with the most tickets.
    pub name: Option<String>,
    pub tickets: u64,
    #[serde(flatten)]
    pub ratings: Ratings,
}

/// `None` where no ticket was rated.
pub fn satisfaction(rows: &DataFrame, words: &Words) -> PolarsResult<Option<Satisfaction>> {
    let told = counts(&known(rows, [RATING, SCORE])?, words, [RATING, SCORE])?.into_iter();
    let told: Vec<_> = told
        .map(|([word, score], tickets)| Word { label: word.text(), score: score.int(), tickets })
        .collect();
    if told.is_empty() {
        return Ok(None);
    }
    let [of_groups, of_assignees] = PEOPLE.map(|(id, name)| rated(rows, words, id, name));
    Ok(Some(Satisfaction { words: told, groups: of_groups?, assignees: of_assignees? }))
}

/// People by source and id, or by their name where they have no id.
fn rated(rows: &DataFrame, words: &Words, id: &str, name: &str) -> PolarsResult<Vec<Rated>> {
    let rows = rows.select([SOURCE, id, name, RATING, SCORE])?;
    let told = |source: Cell<'_>, id: Cell<'_>, name: Option<String>, rows: &DataFrame| {
        let tickets = rows.height() as u64;
        let of = |ratings| Rated {
            source: source.text().unwrap_or_default(),
            id: id.int(),
            name,
            tickets,
            ratings,
        };
        PolarsResult::Ok(ratings(rows)?.map(of))
    };
    let mut all = Vec::new();
    let with_id = only(&rows, |rows| Ok(rows.column(id)?.is_not_null()))?;
    for ([source, id], rows) in groups(&with_id, words, [SOURCE, id], usize::MAX)?.0 {
        let names = counts(&rows, words, [name])?;
        let most = names.into_iter().find_map(|([name], _)| name.text());
        all.extend(told(source, id, most, &rows)?);
    }
    let without = only(&rows, |rows| Ok(rows.column(id)?.is_null()))?;
    for ([source, name], rows) in groups(&without, words, [SOURCE, name], usize::MAX)?.0 {
        all.extend(told(source, Cell::Null, name.text(), &rows)?);
    }
    all.sort_by(|a, b| {
        b.ratings.rated.cmp(&a.ratings.rated).then_with(|| (&a.source, a.id).cmp(&(&b.source, b.id)))
    });
    Ok(all)
}

/// The values of a column, the most frequent first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Top {
    /// Tickets that have a value.
    pub tickets: u64,
    /// Different values.
    pub distinct: u64,
    /// At most a hundred.
    pub values: Vec<Count>,
}

/// A value and its tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    pub value: String,
    pub tickets: u64,
}

/// The most frequent of counted values.
pub fn top(tickets: u64, counted: &HashMap<u32, u64>, words: &Words) -> Top {
    let value =
        |(value, tickets): (&u32, &u64)| Count { value: words.text(*value).to_owned(), tickets: *tickets };
    let mut values: Vec<Count> = counted.iter().map(value).collect();
    values.sort_by(|a, b| b.tickets.cmp(&a.tickets).then_with(|| a.value.cmp(&b.value)));
    values.truncate(TOP);
    Top { tickets, distinct: counted.len() as u64, values }
}

/// A field and what was chosen in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    pub source: String,
    pub column: String,
    /// What the help desk calls the field.
    pub label: String,
    #[serde(flatten)]
    pub top: Top,
}

/// A field and how often it is filled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fill {
    pub source: String,
    pub column: String,
    /// What the help desk calls it; null for a column that every source has.
    pub label: Option<String>,
    /// Tickets with a value that is neither an empty text nor an empty list.
    pub filled: u64,
    /// Of all tickets of the source, 0 to 1; null without tickets.
    pub share: Option<f64>,
}

/// Values of a source that no column took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rescued {
    pub source: String,
    /// Tickets that have any.
    pub tickets: u64,
    /// Tickets by key; of custom fields `custom_fields.NAME`.
    pub by_key: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    #[test]
    fn a_day_has_what_came_less_what_went() {
        let rows = df!(
            SOURCE => ["a"; 7].iter().zip([0, 0, 0, 0, 0, 1, 1]).map(|(_, n)| n as i64).collect::<Vec<_>>(),
            DAY => [Some(0_i32), Some(0), Some(2), Some(2), None, Some(1), Some(1)],
            END_DAY => [Some(2_i32), None, None, Some(2), None, None, None],
            DONE => [Some(true), Some(false), Some(true), Some(true), Some(false), Some(true), Some(false)],
        );
        let backlog = backlog(&rows.unwrap(), &Words::default(), None).unwrap();
        let days = backlog.days.expect("known");
        let shown: Vec<_> =
            days.iter().map(|day| (day.date.day(), day.created, day.ended, day.open)).collect();
        assert_eq!(shown, [(1, 2, 0, 2), (3, 1, 2, 1)]);
        assert_eq!(backlog.end_unknown, 1);
    }

    #[test]
    fn days_are_compared_with_those_before_them() {
        let none: Vec<Option<i64>> = vec![None; 4];
        let nothing: Vec<Option<bool>> = vec![None; 4];
        let rows = df!(
            DAY => [9_i32, 10, 11, 12], DONE => nothing.clone(), BREACHED => nothing,
            TO_ASSIGNMENT => none.clone(), TO_RESOLUTION => none.clone(), SCORE => none.clone(), RATING => none,
        );
        let told = recent(&rows.unwrap(), jiff::civil::date(1970, 1, 13), 2).unwrap();
        assert_eq!(
            (told.since, told.figures.tickets, told.before.tickets),
            (jiff::civil::date(1970, 1, 11), 2, 1)
        );
    }
}
