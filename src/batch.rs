//! Rows as Arrow batches: brought to one schema, interleaved, and merged so that each id keeps its newest row. No I/O.

use arrow::error::ArrowError;

mod conform;
mod interleave;
mod key_columns;
mod merge_plan;
mod text;

pub use conform::{conform, conform_column};
pub use interleave::interleave;
pub use key_columns::{id_values, ids_of, instant, instants_of};
pub use merge_plan::{Incoming, MergePlan, PlanBuilder, row_bytes};
pub use text::as_text;

/// The primary key: unique in its source, and what files are sorted by.
pub const ID: &str = "id";
/// The column that says which of two versions of a row is newer.
pub const UPDATED_AT: &str = "updated_at";
/// When a row was read; two rows that differ in nothing else are equal.
pub const SYNCED_AT: &str = "_synced_at";

/// Why rows could not be merged.
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
