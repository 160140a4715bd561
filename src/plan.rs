//! What a run must read, from what is remembered, what is asked and what time it is.

mod cost;
mod forecast;
mod table;
pub mod units;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    forecast::{Forecast, Given, Preview, RowsFrom, Window, forecast},
    table::render,
};

/// How much of a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Everything; what the lake has and the source has not is looked for.
    Whole { because: Because },
    /// What changed since then, from the source's own list of changes.
    Since(Timestamp),
    /// What the source's filter of recent changes lists; it says itself how far back it goes.
    Filter(u64),
}

/// Why everything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// It was asked for.
    Asked,
    /// One was begun and not finished.
    Unfinished,
    /// Rows may have been written under another mask.
    MaskChanged,
    /// No complete reading is remembered.
    First,
    /// The last one is as old as `reconcile_every`.
    Due,
    /// The source cannot tell what changed.
    NoChanges,
    /// The source counts another number of tickets.
    Counts,
    /// Files were lost, and the list takes fewer requests than asking for each ticket.
    Lost,
}

impl Because {
    /// The reason, for people.
    pub fn text(self) -> &'static str {
        match self {
            Because::Asked => "--full was given",
            Because::Unfinished => "an earlier reading of everything is not finished",
            Because::MaskChanged => "`mask` has changed since everything was read",
            Because::First => "no complete reading is remembered",
            Because::Due => "the last complete reading is as old as `reconcile_every`",
            Because::Counts => "the source counts another number of tickets than the lake has",
            Because::Lost => {
                "tickets of the lake were lost, and the list takes fewer requests than asking for each"
            }
            Because::NoChanges => "the source cannot list what changed (`incremental_filter` would help)",
        }
    }
}

/// What a source can do, and what is remembered of it.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    pub asked_whole: bool,
    /// A reading of everything was begun and not finished.
    pub unfinished: bool,
    /// The mask is not the one that everything was read under.
    pub mask_differs: bool,
    /// When the last complete reading began.
    pub whole_at: Option<Timestamp>,
    /// Everything that changed before is in the lake.
    pub cursor: Option<Timestamp>,
    pub overlap: Duration,
    pub reconcile_every: Duration,
    /// Whether the ticket list can be bounded by the time of change.
    pub lists_changes: bool,
    pub filter: Option<u64>,
}

/// Decides how much is read at `now`.
pub fn decide(situation: &Situation, now: Timestamp) -> Reading {
    let whole = |because| Reading::Whole { because };
    if situation.asked_whole {
        return whole(Because::Asked);
    }
    if situation.unfinished {
        return whole(Because::Unfinished);
    }
    let Some(whole_at) = situation.whole_at else { return whole(Because::First) };
    if situation.mask_differs {
        return whole(Because::MaskChanged);
    }
    // A clock that was set back makes a reading due, rather than never due.
    let age = now.duration_since(whole_at);
    if age.is_negative() || age.unsigned_abs() >= situation.reconcile_every {
        return whole(Because::Due);
    }
    match (situation.lists_changes, situation.filter, situation.cursor) {
        (true, _, Some(cursor)) => Reading::Since(before(cursor, situation.overlap)),
        (true, _, None) => whole(Because::First),
        (false, Some(filter), _) => Reading::Filter(filter),
        (false, None, _) => whole(Because::NoChanges),
    }
}

fn before(cursor: Timestamp, overlap: Duration) -> Timestamp {
    let overlap = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::MAX);
    cursor.checked_sub(overlap).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn nightly() -> Situation {
        Situation {
            asked_whole: false,
            unfinished: false,
            mask_differs: false,
            whole_at: Some(at("2026-11-20T00:00:00Z")),
            cursor: Some(at("2026-11-21T23:00:00Z")),
            overlap: Duration::from_secs(600),
            reconcile_every: Duration::from_secs(7 * 86_400),
            lists_changes: true,
            filter: None,
        }
    }

    #[test]
    fn a_nightly_run_reads_what_changed_with_an_overlap() {
        let now = at("2026-11-22T00:00:00Z");
        assert_eq!(decide(&nightly(), now), Reading::Since(at("2026-11-21T22:50:00Z")));
        let no_list = Situation { lists_changes: false, ..nightly() };
        assert_eq!(decide(&no_list, now), Reading::Whole { because: Because::NoChanges });
        assert_eq!(decide(&Situation { filter: Some(12), ..no_list }, now), Reading::Filter(12));
    }

    #[test]
    fn everything_is_read_first_when_due_and_when_asked() {
        let whole = |because| Reading::Whole { because };
        let now = at("2026-11-22T00:00:00Z");
        assert_eq!(decide(&Situation { whole_at: None, ..nightly() }, now), whole(Because::First));
        assert_eq!(decide(&Situation { asked_whole: true, ..nightly() }, now), whole(Because::Asked));
        assert_eq!(decide(&Situation { unfinished: true, ..nightly() }, now), whole(Because::Unfinished));
        assert_eq!(decide(&Situation { mask_differs: true, ..nightly() }, now), whole(Because::MaskChanged));
        assert_eq!(decide(&nightly(), at("2026-11-27T00:00:00Z")), whole(Because::Due));
        assert_eq!(decide(&nightly(), at("2026-11-19T00:00:00Z")), whole(Because::Due));
    }
}
