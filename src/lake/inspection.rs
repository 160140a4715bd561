//! What a file promises to its readers, as a careful reader finds it: compression, statistics, indexes, filters.

use std::collections::BTreeSet;

use parquet::{
    basic::{Compression, Repetition, Type},
    bloom_filter::Sbbf,
    file::{metadata::ColumnChunkMetaData, statistics::Statistics},
};

use super::{LakeError, file_schema::INDEXED_ROWS, reader::ParquetFile};
use crate::batch::ID;

/// What a file promises.
pub struct Inspection {
    /// Whether the schema forbids a row without an `id`; `None` for a file without that column.
    pub id_required: Option<bool>,
    /// Columns of which some part is compressed by another codec than Zstandard.
    pub other_compression: Vec<String>,
    pub without_statistics: Vec<String>,
    /// Only of files that must have a page index.
    pub without_page_index: Vec<String>,
    pub groups: Vec<RowGroup>,
}

/// A row group, and what may be skipped because of what it says.
pub struct RowGroup {
    pub rows: u64,
    /// The bounds of `id` by its statistics.
    pub ids: Option<(i64, i64)>,
    filter: Option<Sbbf>,
}

impl RowGroup {
    /// Whether the Bloom filter lets a look-up of `id` through; `None` without a filter.
    pub fn filter_finds(&self, id: i64) -> Option<bool> {
        self.filter.as_ref().map(|filter| filter.check(&id))
    }
}

impl Inspection {
    /// Reads everything but the rows of a file.
    pub fn of(file: &ParquetFile) -> Result<Self, LakeError> {
        let metadata = file.parquet();
        let columns = metadata.file_metadata().schema_descr().columns();
        let id = columns.iter().position(|column| column.path().parts() == [ID]);
        let required = |at: usize| {
            let info = columns.get(at)?.self_type().get_basic_info();
            Some(info.has_repetition() && info.repetition() == Repetition::REQUIRED)
        };
        let mut groups = Vec::with_capacity(metadata.num_row_groups());
        for (number, group) in metadata.row_groups().iter().enumerate() {
            let filter = match id {
                Some(id) => file.read(|builder| builder.get_row_group_column_bloom_filter(number, id))?,
                None => None,
            };
            let ids = id.and_then(|id| group.columns().get(id)).and_then(bounds);
            groups.push(RowGroup { rows: group.num_rows().max(0) as u64, ids, filter });
        }
        let with = |lacks: fn(&ColumnChunkMetaData) -> bool| columns_with(file, lacks);
        let is_indexed = file.rows() >= INDEXED_ROWS;
        Ok(Self {
            id_required: id.and_then(required),
            other_compression: with(|chunk| {
                !matches!(chunk.compression(), Compression::ZSTD(_) | Compression::UNCOMPRESSED)
            }),
            without_statistics: with(|chunk| chunk.statistics().is_none()),
            // A text whose values are very long may go without bounds, not without the offsets of its pages.
            without_page_index: with(|chunk| {
                let bounds = chunk.column_index_offset().is_some();
                chunk.offset_index_offset().is_none() || !(bounds || chunk.column_type() == Type::BYTE_ARRAY)
            })
            .into_iter()
            .filter(|_| is_indexed)
            .collect(),
            groups,
        })
    }

    /// Whether the file must have a Bloom filter on `id` and lacks it.
    pub fn lacks_bloom_filter(&self) -> bool {
        let rows: u64 = self.groups.iter().map(|group| group.rows).sum();
        rows >= INDEXED_ROWS && self.groups.iter().any(|group| group.rows > 0 && group.filter.is_none())
    }
}

fn columns_with(file: &ParquetFile, lacks: fn(&ColumnChunkMetaData) -> bool) -> Vec<String> {
    let chunks = file.parquet().row_groups().iter().flat_map(|group| group.columns());
    let names: BTreeSet<String> =
        chunks.filter(|chunk| lacks(chunk)).map(|chunk| chunk.column_path().string()).collect();
    names.into_iter().collect()
}

fn bounds(chunk: &ColumnChunkMetaData) -> Option<(i64, i64)> {
    match chunk.statistics()? {
        Statistics::Int64(ids) => Some((*ids.min_opt()?, *ids.max_opt()?)),
        _ => None,
    }
}
