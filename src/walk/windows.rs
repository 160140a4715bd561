//! Windows of time that are read side by side, and how an idle worker gets one: the widest unread stretch is cut in two.

use std::ops::Range;

use super::Span;

/// Pages that a worker reads of a large partition before another one goes on behind it: each cut costs about a request.
const SHARE_PAGES: f64 = 50.0;

/// A window and how far it has been read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// What it still has to read: `from` moves on as it is read.
    pub rest: Span,
    /// Rows that are probably left, where that is known.
    pub expected: Option<f64>,
    /// A worker is on its way.
    pub busy: bool,
}

/// Where and whether a window is cut.
pub struct Cutting<'a> {
    /// Rows that must be left in it.
    pub worthwhile: f64,
    /// Unix seconds; stands for an open end.
    pub now: i64,
    /// The seconds of the partition that holds a second: cuts are rounded down to its start where that falls inside.
    pub partition: &'a dyn Fn(i64) -> Range<i64>,
    /// Partitions of so many rows are read one after another, each by all workers: side by side they could not wait in memory
    /// until they are whole.
    pub large: f64,
    pub workers: usize,
    pub page_rows: f64,
}

/// Cuts the window with the most rows left, if that pays, and returns its later part as a window of its own.
pub fn cut(windows: &mut [Window], cutting: &Cutting) -> Option<Window> {
    let open = |window: &Window| Some((window.rest.from?, window.rest.to.unwrap_or(cutting.now)));
    let widest = windows
        .iter_mut()
        .filter(|window| {
            window.expected.is_some_and(|rows| rows >= cutting.worthwhile)
                && open(window).is_some_and(|(from, to)| from + 2 <= to)
        })
        .max_by(|a, b| a.expected.unwrap_or(0.0).total_cmp(&b.expected.unwrap_or(0.0)))?;
    let (from, to) = open(widest)?;
    let rows = widest.expected?;
    // Until they were looked at, rows are taken to lie evenly.
    let part = cutting.share(rows / (to - from) as f64, from).filter(|share| 2.0 * share <= rows);
    let part = part.map_or(0.5, |share| share / rows);
    let at = (from + ((to - from) as f64 * part) as i64).clamp(from + 1, to - 1);
    let rounded = (cutting.partition)(at).start;
    let at = if from + 1 < rounded && rounded < to { rounded } else { at };
    widest.expected = Some(rows * part);
    let later = Window {
        rest: Span { from: Some(at), to: widest.rest.to },
        expected: Some(rows * (1.0 - part)),
        busy: false,
    };
    widest.rest.to = Some(at);
    Some(later)
}

impl Cutting<'_> {
    /// The rows of a worker's share of the partition at `from`, where it is large; `density`: rows a second.
    fn share(&self, density: f64, from: i64) -> Option<f64> {
        let partition = (self.partition)(from);
        let rows = density * (partition.end - partition.start) as f64;
        (rows >= self.large).then(|| (rows / self.workers as f64).max(SHARE_PAGES * self.page_rows))
    }
}

/// What of `range` is left when the spans of `done` are taken out, earliest first.
pub fn left(range: Span, done: &[Span]) -> Vec<Span> {
    let mut left = vec![range];
    for done in done.iter().filter(|done| !done.is_empty()) {
        left =
            left.into_iter().flat_map(|span| without(span, *done)).filter(|span| !span.is_empty()).collect();
    }
    left.retain(|span| !span.is_empty());
    left.sort_by_key(|span| span.from.unwrap_or(i64::MIN));
    left
}

fn without(span: Span, done: Span) -> [Span; 2] {
    const NOTHING: Span = Span { from: Some(0), to: Some(0) };
    let earlier = |a: Option<i64>, b: Option<i64>| a.map_or(b, |a| b.map_or(Some(a), |b| Some(a.min(b))));
    let later = |a: Option<i64>, b: Option<i64>| a.max(b);
    let before =
        if done.from.is_none() { NOTHING } else { Span { from: span.from, to: earlier(span.to, done.from) } };
    let after =
        if done.to.is_none() { NOTHING } else { Span { from: later(span.from, done.to), to: span.to } };
    [before, after]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn left_and_done_make_the_range(bounds in prop::collection::vec((prop::option::of(0i64..50), prop::option::of(0i64..50)), 1..6), second in 0i64..50) {
            let spans: Vec<Span> = bounds.iter().map(|&(from, to)| Span { from, to }).collect();
            let (range, done) = spans.split_first().unwrap();
            let left = left(*range, done);
            let expected = range.holds(second) && !done.iter().any(|span| !span.is_empty() && span.holds(second));
            prop_assert_eq!(left.iter().filter(|span| span.holds(second)).count(), usize::from(expected));
        }
    }

    #[test]
    fn the_widest_is_cut_at_a_boundary() {
        let window = |from, to, expected| Window {
            rest: Span { from: Some(from), to },
            expected: Some(expected),
            busy: false,
        };
        let mut windows = [window(0, Some(100), 500.0), window(100, None, 900.0)];
        let later = cut(&mut windows, &CUTTING).unwrap();
        assert_eq!((windows[1].rest.to, later.rest), (Some(180), Span { from: Some(180), to: None }));
        assert_eq!(cut(&mut windows, &CUTTING), None);
    }

    const CUTTING: Cutting<'static> = Cutting {
        worthwhile: 800.0,
        now: 300,
        partition: &|second| second - second % 60..second - second % 60 + 60,
        large: f64::INFINITY,
        workers: 4,
        page_rows: 100.0,
    };

    #[test]
    fn workers_stay_together_in_a_large_partition() {
        let whole = Span { from: Some(0), to: Some(86_400) };
        let partition = |second: i64| {
            let start = second - second.rem_euclid(43_200);
            start..start + 43_200
        };
        let cutting = Cutting { large: 40_000.0, partition: &partition, now: 86_400, ..CUTTING };
        let mut windows = vec![Window { rest: whole, expected: Some(80_000.0), busy: true }];
        let starts =
            |windows: &[Window]| windows.iter().filter_map(|window| window.rest.from).collect::<Vec<_>>();
        for _ in 0..3 {
            let later = cut(&mut windows, &cutting).unwrap();
            windows.push(later);
        }
        assert_eq!(starts(&windows), [0, 10_800, 21_600, 32_400]);
        assert_eq!(windows.iter().map(|window| window.expected.unwrap()).sum::<f64>(), 80_000.0);
        // A share goes no further than its partition.
        windows[3].rest.from = Some(37_000);
        let later = cut(&mut windows, &cutting).unwrap();
        assert_eq!((windows[3].rest.to, later.rest.from), (Some(43_200), Some(43_200)));
        // The last stretch is cut in the middle, so that all end at once.
        let mut last =
            [Window { rest: Span { from: Some(70_000), to: None }, expected: Some(12_000.0), busy: true }];
        assert_eq!(cut(&mut last, &cutting).unwrap().rest.from, Some(78_200));
    }
}
