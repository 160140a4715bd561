//! Rows as Arrow batches: brought to one schema, and merged so that each id keeps its newest row. No I/O.

use arrow::error::ArrowError;

mod conform;
mod differ;
mod gather;
mod known;
mod merge;
mod text;
mod weave;

pub use conform::{conform, conform_column};
pub use gather::{gather, joined};
pub use known::{digest, digests, id_values, ids_of, instant, instants_of};
pub use merge::{Counts, Ids, Merge};
pub use text::as_text;
#[cfg(test)]
pub use weave::tests::woven;
pub use weave::{Block, Pairs, Weave, Weaving};

/// The column that tells rows apart and sorts them.
pub const ID: &str = "id";
/// The column that says which of two copies is newer.
pub const UPDATED_AT: &str = "updated_at";
/// The column that says when a row was read; it does not make two rows different.
pub const SYNCED_AT: &str = "_synced_at";

/// The column, only in memory, that tells whether an answer is the one that the row came from; it does not make two rows
/// different.
pub const DIGEST: &str = "_digest";

/// Why rows could not be brought together.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("column `{column}` cannot be turned from {from} into {to}")]
    Widen { column: String, from: String, to: String },
    #[error("column `{column}` is missing or is not {wanted}")]
    Column { column: &'static str, wanted: &'static str },
    #[error("its rows are not sorted by id: {before} comes before {after}")]
    Unsorted { before: i64, after: i64 },
    #[error("{0}")]
    Arrow(#[from] ArrowError),
}
