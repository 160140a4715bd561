//! The questions that the report asks of a frame: counts, groups, sums, means and quantiles, all by Polars.
//!
//! Only the eager part of Polars is built. The lazy one would make the program's first build minutes longer.

use polars::prelude::{
    AnyValue, BooleanChunked, ChunkAgg, ChunkCompareIneq, ChunkFilter, ChunkQuantile, DataFrame,
    ExplodeOptions, GroupsIndicator, IdxCa, NewChunkedArray, PolarsError, PolarsResult, QuantileMethod,
};
use serde::Serialize;

use super::rows::{Words, kept::*};

/// A value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'a str),
}

impl<'a> Cell<'a> {
    fn of(value: &AnyValue<'_>, words: &'a Words) -> Self {
        match value {
            AnyValue::Boolean(bool) => Self::Bool(*bool),
            AnyValue::UInt32(number) => Self::Text(words.text(*number)),
            other => other.extract::<i64>().map_or(Self::Null, Self::Int),
        }
    }

    pub fn int(self) -> Option<i64> {
        if let Self::Int(int) = self { Some(int) } else { None }
    }

    pub fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text.to_owned()) } else { None }
    }
}

/// Groups of rows, each with its key.
pub type Groups<'a, const N: usize> = Vec<([Cell<'a>; N], DataFrame)>;

/// The rows of each combination of values in these columns, the largest group first; at most `most` groups, and how many
/// there are.
pub fn groups<'a, const N: usize>(
    rows: &DataFrame,
    words: &'a Words,
    keys: [&str; N],
    most: usize,
) -> PolarsResult<(Groups<'a, N>, u64)> {
    let groups = rows.group_by(keys)?;
    let positions: Vec<_> = groups.get_groups().iter().collect();
    let mut found: Vec<_> = cells(&groups.keys(), words)?.into_iter().zip(positions).collect();
    found.sort_by(|(a, of_a), (b, of_b)| of_b.len().cmp(&of_a.len()).then_with(|| a.cmp(b)));
    let rows_of = |at: GroupsIndicator<'_>| match at {
        GroupsIndicator::Idx((_, all)) => rows.take(&IdxCa::from_slice("".into(), all.as_slice())),
        GroupsIndicator::Slice([first, length]) => Ok(rows.slice(i64::from(first), length as usize)),
    };
    let distinct = found.len() as u64;
    let told = found.into_iter().take(most).map(|(key, at)| Ok((key, rows_of(at)?)));
    Ok((told.collect::<PolarsResult<_>>()?, distinct))
}

/// How many rows have which values in these columns, the most frequent first.
pub fn counts<'a, const N: usize>(
    rows: &DataFrame,
    words: &'a Words,
    keys: [&str; N],
) -> PolarsResult<Vec<([Cell<'a>; N], u64)>> {
    let groups = rows.group_by(keys)?;
    let sizes: Vec<u64> = groups.get_groups().iter().map(|group| group.len() as u64).collect();
    let mut told: Vec<_> = cells(&groups.keys(), words)?.into_iter().zip(sizes).collect();
    told.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    Ok(told)
}

fn cells<'a, const N: usize>(
    keys: &[polars::prelude::Column],
    words: &'a Words,
) -> PolarsResult<Vec<[Cell<'a>; N]>> {
    let rows = keys.first().map_or(0, polars::prelude::Column::len);
    let mut all = vec![[Cell::Null; N]; rows];
    for (at, column) in keys.iter().enumerate() {
        for (row, cells) in all.iter_mut().enumerate() {
            if let Some(cell) = cells.get_mut(at) {
                *cell = Cell::of(&column.get(row)?, words);
            }
        }
    }
    Ok(all)
}

/// A row for each value of the group; a row without any stays one, with null.
pub fn by_value(rows: &DataFrame) -> PolarsResult<DataFrame> {
    rows.explode([GROUP], ExplodeOptions { empty_as_null: true, keep_nulls: true })
}

/// The rows in which this mask is true.
pub fn only(
    rows: &DataFrame,
    mask: impl FnOnce(&DataFrame) -> PolarsResult<BooleanChunked>,
) -> PolarsResult<DataFrame> {
    rows.filter(&mask(rows)?)
}

/// The columns that figures are made of, and these others: what is copied for a group is no more.
pub fn measured<const N: usize>(rows: &DataFrame, others: [&str; N]) -> PolarsResult<DataFrame> {
    let columns = [DONE, TO_ASSIGNMENT, TO_RESOLUTION, BREACHED, RATING, SCORE];
    rows.select(columns.into_iter().chain(others))
}

/// These columns of the rows with a value in one of them.
pub fn known(rows: &DataFrame, columns: [&str; 2]) -> PolarsResult<DataFrame> {
    let [first, second] = columns;
    only(&rows.select(columns)?, |rows| {
        Ok(rows.column(first)?.is_not_null() | rows.column(second)?.is_not_null())
    })
}

/// How many rows have true in a column, and how many have false.
pub fn true_and_false(rows: &DataFrame, column: &str) -> PolarsResult<(u64, u64)> {
    let column = rows.column(column)?.bool()?;
    let yes = column.sum().map_or(0, u64::from);
    Ok((yes, (column.len() - column.null_count()) as u64 - yes))
}

/// The main figures of some tickets. What no ticket says is null, not 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    pub tickets: u64,
    /// Tickets whose status says that something is left to do.
    pub open: Option<u64>,
    /// From creation until an agent first took it.
    pub first_assignment: Option<Times>,
    /// From creation until it was resolved.
    pub resolution: Option<Times>,
    pub sla: Option<Sla>,
    pub satisfaction: Option<Ratings>,
}

/// How long something took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// Tickets that took some time; the other figures are of these.
    pub tickets: u64,
    pub median_seconds: Option<f64>,
    /// The 90th percentile.
    pub p90_seconds: Option<f64>,
    /// Tickets left out because they ended before they were created.
    pub before_creation: u64,
}

/// Agreements kept and breached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sla {
    pub kept: u64,
    pub breached: u64,
    /// The share that was kept, 0 to 1; null where neither is known.
    pub attainment: Option<f64>,
}

/// What customers said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ratings {
    /// Tickets that were rated, in a word or a number.
    pub rated: u64,
    /// Of those, the ones whose word has a known rank.
    pub scored: u64,
    /// Of the ranks, 1 (worst) to 5 (best).
    pub mean: Option<f64>,
}

pub fn figures(rows: &DataFrame) -> PolarsResult<Figures> {
    let (done, open) = true_and_false(rows, DONE)?;
    let sla = sla(rows)?;
    Ok(Figures {
        tickets: rows.height() as u64,
        open: (done + open > 0).then_some(open),
        first_assignment: times(rows, TO_ASSIGNMENT)?,
        resolution: times(rows, TO_RESOLUTION)?,
        sla: (sla.kept + sla.breached > 0).then_some(sla),
        satisfaction: ratings(rows)?,
    })
}

/// Exact quantiles, as SQL's `quantile_cont`. `None` where nothing is known.
fn times(rows: &DataFrame, column: &str) -> PolarsResult<Option<Times>> {
    const MICROS: f64 = 1e6;
    let spans = rows.column(column)?.i64()?;
    let kept = spans.filter(&spans.gt_eq(0))?;
    let before_creation = spans.lt(0).sum().map_or(0, u64::from);
    let tickets = (kept.len() - kept.null_count()) as u64;
    if tickets + before_creation == 0 {
        return Ok(None);
    }
    let [median_seconds, p90_seconds] = [0.5, 0.9].map(|share| {
        Ok::<_, PolarsError>(kept.quantile(share, QuantileMethod::Linear)?.map(|micros| micros / MICROS))
    });
    let (median_seconds, p90_seconds) = (median_seconds?, p90_seconds?);
    Ok(Some(Times { tickets, median_seconds, p90_seconds, before_creation }))
}

pub fn sla(rows: &DataFrame) -> PolarsResult<Sla> {
    let (breached, kept) = true_and_false(rows, BREACHED)?;
    Ok(Sla { kept, breached, attainment: share(kept, kept + breached) })
}

/// `None` where no ticket was rated.
pub fn ratings(rows: &DataFrame) -> PolarsResult<Option<Ratings>> {
    let scores = rows.column(SCORE)?.i64()?;
    let rated = known(rows, [RATING, SCORE])?.height() as u64;
    let scored = (scores.len() - scores.null_count()) as u64;
    Ok((rated > 0).then(|| Ratings { rated, scored, mean: scores.mean() }))
}

/// A part of a whole, 0 to 1; `None` of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    #[test]
    fn times_are_exact() {
        let of = |seconds: &[i64]| {
            let micros: Vec<Option<i64>> =
                seconds.iter().map(|second| Some(second * 1_000_000)).chain([None]).collect();
            times(&df!("t" => micros).unwrap(), "t").unwrap()
        };
        let shown = |seconds: &[i64]| of(seconds).map(|times| (times.median_seconds, times.p90_seconds));
        assert_eq!(of(&[]), None);
        assert_eq!(shown(&[7]), Some((Some(7.0), Some(7.0))));
        assert_eq!(shown(&[4, 1]), Some((Some(2.5), Some(3.7))));
        assert_eq!(shown(&[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]), Some((Some(50.0), Some(90.0))));
        let impossible = of(&[-1]).unwrap();
        assert_eq!((impossible.tickets, impossible.before_creation, impossible.median_seconds), (0, 1, None));
    }

    #[test]
    fn the_largest_group_comes_first() {
        let rows =
            df!("a" => [Some(2_i64), None, Some(2), Some(1)], "b" => [true, false, true, false]).unwrap();
        let words = Words::default();
        let told = counts(&rows, &words, ["a", "b"]).unwrap();
        let two = [Cell::Int(2), Cell::Bool(true)];
        assert_eq!(
            told,
            [(two, 2), ([Cell::Null, Cell::Bool(false)], 1), ([Cell::Int(1), Cell::Bool(false)], 1)]
        );
        let (parts, distinct) = groups(&rows, &words, ["a"], 1).unwrap();
        assert_eq!((parts.len(), parts[0].0, parts[0].1.height(), distinct), (1, [Cell::Int(2)], 2, 3));
    }
}
