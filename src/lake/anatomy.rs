//! What a file is made of, as a careful reader finds it: compression, statistics, indexes, filters, and then its rows.

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    basic::{Compression, Repetition, Type},
    bloom_filter::Sbbf,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData},
        statistics::Statistics,
    },
};

use super::{Footer, LakeError, Location, read};
use crate::batch::ID;

/// What a file promises to its readers.
pub struct Anatomy {
    pub footer: Footer,
    /// Whether the schema forbids a row without an `id`; `None` for a file without that column.
    pub id_required: Option<bool>,
    /// Columns of which some part is not compressed as it should be, lacks statistics, or lacks a page index.
    pub other_compression: Vec<String>,
    pub without_statistics: Vec<String>,
    pub without_page_index: Vec<String>,
    pub groups: Vec<Group>,
}

/// A row group, and what may be skipped because of what it says.
pub struct Group {
    pub rows: u64,
    /// The bounds of `id` by its statistics.
    pub ids: Option<(i64, i64)>,
    filter: Option<Sbbf>,
}

impl Group {
    /// Whether the Bloom filter lets a look-up of `id` through; `None` without a filter.
    pub fn filter_finds(&self, id: i64) -> Option<bool> {
        self.filter.as_ref().map(|filter| filter.check(&id))
    }
}

/// Reads everything but the rows of the file at `path`; `None` if it is not there.
pub fn anatomy(path: &Location) -> Result<Option<Anatomy>, LakeError> {
    let Some(content) = path.open()? else {
        return Ok(None);
    };
    read::guarded(path, &content.io_error(), || {
        let bytes = content.bytes();
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(content, options)?;
        let metadata = builder.metadata().clone();
        let columns = metadata.file_metadata().schema_descr().columns();
        let id = columns.iter().position(|column| column.path().parts() == [ID]);
        let required = |at: usize| {
            let info = columns.get(at)?.self_type().get_basic_info();
            Some(info.has_repetition() && info.repetition() == Repetition::REQUIRED)
        };
        let mut groups = Vec::with_capacity(metadata.num_row_groups());
        for (number, group) in metadata.row_groups().iter().enumerate() {
            let filter = match id {
                Some(id) => builder.get_row_group_column_bloom_filter(number, id)?,
                None => None,
            };
            let ids = id.and_then(|id| group.columns().get(id)).and_then(bounds);
            groups.push(Group { rows: group.num_rows().max(0) as u64, ids, filter });
        }
        let lacking = |lacks: fn(&ColumnChunkMetaData) -> bool| columns_that(&metadata, lacks);
        Ok(Anatomy {
            footer: read::told(&metadata, builder.schema(), bytes),
            id_required: id.and_then(required),
            other_compression: lacking(|chunk| !matches!(chunk.compression(), Compression::ZSTD(_))),
            without_statistics: lacking(|chunk| chunk.statistics().is_none()),
            // A text whose values are very long may go without bounds, not without the places of its pages.
            without_page_index: lacking(|chunk| {
                let bounds = chunk.column_index_offset().is_some();
                chunk.offset_index_offset().is_none() || !(bounds || chunk.column_type() == Type::BYTE_ARRAY)
            }),
            groups,
        })
    })
    .map(Some)
}

fn columns_that(metadata: &ParquetMetaData, lacks: fn(&ColumnChunkMetaData) -> bool) -> Vec<String> {
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let mut names: Vec<String> =
        chunks.filter(|chunk| lacks(chunk)).map(|chunk| chunk.column_path().string()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn bounds(chunk: &ColumnChunkMetaData) -> Option<(i64, i64)> {
    match chunk.statistics()? {
        Statistics::Int64(ids) => Some((*ids.min_opt()?, *ids.max_opt()?)),
        _ => None,
    }
}

/// The rows of the file at `path`, batch by batch, under the schema that the file has; none if it is not there.
/// Every page of every column is decoded.
pub fn batches(
    path: &Location,
) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch, LakeError>> + use<>), LakeError> {
    match read::rows(path)? {
        Some(rows) => Ok((rows.footer.schema.clone(), rows)),
        None => Err(LakeError::reading(path, ParquetError::General("it is not there".to_owned()))),
    }
}
