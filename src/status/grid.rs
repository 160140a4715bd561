//! A reading that was left, as a row of cells: what is done and what is left of its range of time.

use crate::walk::{Span, left};

const CELLS: i64 = 40;

/// `█` done, `▒` done in part, `░` left. `earliest` and `latest` stand for bounds that the range does not have; all are
/// Unix seconds.
pub fn grid(range: Span, done: &[Span], earliest: i64, latest: i64) -> String {
    let from = range.from.unwrap_or(earliest);
    let to = range.to.unwrap_or(latest).max(from + 1);
    let bound = |cell: i64| from + (to - from) * cell / CELLS;
    let cell = |number: i64| {
        let cell = Span { from: Some(bound(number)), to: Some(bound(number + 1).max(bound(number) + 1)) };
        match left(cell, done).as_slice() {
            [] => '█',
            [whole] if *whole == cell => '░',
            _ => '▒',
        }
    };
    (0..CELLS).map(cell).collect()
}

/// The same of a list of which so many rows are done; nobody knows which.
pub fn share(done: u64, of: u64) -> String {
    let cells = CELLS.unsigned_abs();
    let full = done.saturating_mul(cells).checked_div(of).unwrap_or(cells).min(cells);
    (0..cells).map(|cell| if cell < full { '█' } else { '░' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_tell_done_from_left() {
        let span = |from: i64, to: i64| Span { from: Some(from), to: Some(to) };
        let shown = grid(span(0, 400), &[span(0, 100), span(205, 210)], 0, 0);
        assert_eq!(shown, format!("{}{}▒{}", "█".repeat(10), "░".repeat(10), "░".repeat(19)));
        let open = grid(Span::default(), &[Span { from: None, to: Some(20) }], 0, 40);
        assert_eq!(open, format!("{}{}", "█".repeat(20), "░".repeat(20)));
    }

    #[test]
    fn a_share_fills_cells_from_the_left() {
        assert_eq!(share(300, 400), format!("{}{}", "█".repeat(30), "░".repeat(10)));
        assert_eq!([share(0, 0), share(9, 5)], ["█".repeat(40), "█".repeat(40)]);
    }
}
