//! How far a reading by page numbers came, so that a later one goes on.

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::order::Sorting;

/// The part of a list that is known whole, by its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    pub order: Sorting,
    /// Lowest first. The list's own ends are open: more rows may come there.
    pub stretches: Vec<Known>,
    /// The same without what the walk was told of an earlier one.
    #[serde(skip)]
    pub fresh: Vec<Known>,
    /// Rows of the list, when the source told that last.
    pub length: Option<u64>,
}

/// A stretch of places that was read whole, and where in the list it stood then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub from: i64,
    pub to: i64,
    /// The offset of its first row.
    pub start: u64,
    /// The offset after its last row.
    pub next: u64,
}

/// What a later reading needs: how far an earlier one came, and the ids of all rows that it met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    #[serde(flatten)]
    pub reached: Reached,
    #[serde(with = "crate::bitmap")]
    pub ids: RoaringTreemap,
}

impl Reached {
    /// The list turned out not to be in this order.
    pub fn nothing(order: Sorting) -> Self {
        Self { order, stretches: Vec::new(), fresh: Vec::new(), length: None }
    }

    /// Rows that need not be read again.
    pub fn rows(&self) -> u64 {
        let rows: u64 = self.stretches.iter().map(|known| known.next.saturating_sub(known.start)).sum();
        self.length.map_or(rows, |length| rows.min(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bookmark_is_kept_as_small_text() {
        let reached = Reached {
            order: Sorting::ALL[1],
            stretches: vec![Known { from: -9, to: -1, start: 0, next: 9 }],
            fresh: Vec::new(),
            length: Some(20),
        };
        let bookmark = Bookmark { reached, ids: (0..1_000_000).collect() };
        let text = serde_json::to_string(&bookmark).unwrap();
        assert!(text.len() < 200_000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Bookmark>(&text).unwrap(), bookmark);
        assert_eq!(bookmark.reached.rows(), 9);
        assert!(serde_json::from_str::<Bookmark>(&text.replace("\"ids\":\"", "\"ids\":\"!")).is_err());
    }
}
