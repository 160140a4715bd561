//! Windows of time that are read side by side, and how an idle worker gets one: the widest unread stretch is cut in two.

use super::Span;

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

/// Cuts off the later half of the window with the most rows left and returns it as a window of its own, if at least `worthwhile` rows are left.
/// `now` stands for an open end; cuts are rounded down to a partition's start by `boundary` where that falls inside.
pub fn cut(
    windows: &mut [Window],
    worthwhile: f64,
    now: i64,
    boundary: &dyn Fn(i64) -> i64,
) -> Option<Window> {
    let open = |window: &Window| Some((window.rest.from?, window.rest.to.unwrap_or(now)));
    let widest = windows
        .iter_mut()
        .filter(|window| {
            window.expected.is_some_and(|rows| rows >= worthwhile)
                && open(window).is_some_and(|(from, to)| from + 2 <= to)
        })
        .max_by(|a, b| a.expected.unwrap_or(0.0).total_cmp(&b.expected.unwrap_or(0.0)))?;
    let (from, to) = open(widest)?;
    let middle = from + (to - from) / 2;
    let rounded = boundary(middle);
    let middle = if from + 1 < rounded && rounded < to { rounded } else { middle };
    // Until they were looked at, each half has half of the rows.
    widest.expected = widest.expected.map(|rows| rows / 2.0);
    let later = Window {
        rest: Span { from: Some(middle), to: widest.rest.to },
        expected: widest.expected,
        busy: false,
    };
    widest.rest.to = Some(middle);
    Some(later)
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
        let later = cut(&mut windows, 800.0, 300, &|second| second - second % 60).unwrap();
        assert_eq!((windows[1].rest.to, later.rest), (Some(180), Span { from: Some(180), to: None }));
        assert_eq!(cut(&mut windows, 800.0, 300, &|second| second), None);
    }
}
