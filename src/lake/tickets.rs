//! The tickets of a source: one file for each partition, replaced only when a row in it changed.

use arrow::array::RecordBatch;

use super::{
    FileForm, Lake, LakeError, Location, PartitionKey, Written,
    again::{self, Change},
    form::Sizes,
    partition::Cut,
    patch, read,
    store::{self, Expected},
    woven,
};
use crate::{
    batch::{Counts, Ids, Merge, conform},
    columns::of_schema,
};

const FILE: &str = "part-0.parquet";

/// What an upsert did to a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upserted {
    pub counts: Counts,
    pub ids: Ids,
    /// The new file, or `None` if nothing changed and the old one stands.
    pub written: Option<Written>,
    /// Whether it has row groups that were left apart because it grows.
    pub in_parts: bool,
}

/// Where the file of a partition lies.
pub fn ticket_file(lake: &Lake, source: &str, key: PartitionKey) -> Location {
    store::path(lake, &file_key(source, key))
}

fn source_key(source: &str) -> String {
    format!("tickets/source={source}")
}

pub(super) fn file_key(source: &str, key: PartitionKey) -> String {
    format!("{}/{}/{FILE}", source_key(source), key.folder())
}

/// The partitions that hold a file, sorted. Fails if the lake is cut in another way than the configuration says.
pub fn partitions(lake: &Lake, source: &str) -> Result<Vec<PartitionKey>, LakeError> {
    let keys = held(lake, source)?;
    let cut = Cut::from(lake.partition);
    match keys.iter().find(|key| key.cut() != cut) {
        None => Ok(keys),
        Some(other) => Err(LakeError::Cut {
            at: store::path(lake, &source_key(source)).to_string(),
            found: other.folder(),
            wanted: cut,
        }),
    }
}

/// The partitions that hold a file, sorted, however the lake is cut.
pub fn held(lake: &Lake, source: &str) -> Result<Vec<PartitionKey>, LakeError> {
    let folder = source_key(source);
    let files = store::files(lake, &folder)?;
    let mut keys: Vec<_> = files
        .iter()
        .filter_map(|(key, _)| key.strip_prefix(&folder)?.strip_prefix('/')?.split_once('/'))
        .filter_map(|(folder, file)| PartitionKey::parse(folder).filter(|_| file == FILE))
        .collect();
    keys.sort_unstable();
    Ok(keys)
}

/// Some columns of a partition, batch by batch, sorted by id; none if there is no file. A name that the file lacks is
/// left out.
pub fn columns(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    names: &[&str],
) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>>, LakeError> {
    Ok(read::columns(&ticket_file(lake, source, key), names)?.into_iter().flatten())
}

/// Brings rows that were read into a partition. `reads` are in the order of reading, in any order of ids; an id may
/// occur more than once. Per id the newest `updated_at` stays, of equal or unknown times the later read.
/// The file is replaced as a whole, or left alone if no row in it changed. Memory is bounded by the reads and the file's
/// widest column, not by the file. While a partition is `growing`, more rows are to come soon, and its row groups may stay
/// small; once it is not, they are put together, also without reads.
pub fn upsert(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    reads: &[RecordBatch],
    form: &FileForm,
    growing: bool,
) -> Result<Upserted, LakeError> {
    /// Another worker may bring rows to the same partition: those without a time of creation.
    const TRIES: usize = 10;
    let _turn = store::lock_partitions(lake)?;
    for _ in 1..TRIES {
        match upsert_once(lake, source, key, reads, form, growing) {
            Err(LakeError::Overtaken { .. }) => {}
            upserted => return upserted,
        }
    }
    upsert_once(lake, source, key, reads, form, growing)
}

fn upsert_once(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    reads: &[RecordBatch],
    form: &FileForm,
    growing: bool,
) -> Result<Upserted, LakeError> {
    let file = file_key(source, key);
    let path = store::path(lake, &file);
    // Once a partition does not grow, its row groups may be small ones also where nothing came.
    if growing && reads.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(Upserted::default());
    }
    let content = path.open()?;
    let whole = content.as_ref().and_then(|content| patch::Whole::new(&path, content, form));
    if let Some(upserted) = whole.map(|whole| whole.upsert(lake, &file, reads)).transpose()?.flatten() {
        return Ok(upserted);
    }
    let merge = Merge::new(form.carried(), reads).map_err(LakeError::rows(&path))?;
    woven::upsert(lake, (&file, content), merge, form, growing, Sizes::OURS)
}

/// Writes the file of a partition again under the form's schema. `None` if there is no file, or if it has that schema.
pub fn rewrite(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    form: &FileForm,
) -> Result<Option<Written>, LakeError> {
    let file = file_key(source, key);
    let path = store::path(lake, &file);
    // A label that changed is no reason to write again: the metadata of a column says what held when it was written.
    match read::schema_of(&path)? {
        Some(schema) if of_schema(&schema) != of_schema(form.schema()) => {
            again::write(lake, &file, form, &Change::Columns)
        }
        _ => Ok(None),
    }
}

/// Puts a file without rows into the default partition: so a source without tickets can be read too.
/// `None` if a file is there already.
pub fn put_empty(lake: &Lake, source: &str, form: &FileForm) -> Result<Option<Written>, LakeError> {
    let file = file_key(source, PartitionKey::Default(lake.partition.into()));
    let path = store::path(lake, &file);
    if store::exists(lake, &file)? {
        return Ok(None);
    }
    let written =
        store::put(lake, &file, &Expected::Nothing, |staged| form.writer(staged, &path, 0)?.finish())?;
    Ok(Some(written.0))
}

/// Takes away a partition's file, as for a partition that became empty. Gives false if there is none.
pub fn remove(lake: &Lake, source: &str, key: PartitionKey) -> Result<bool, LakeError> {
    store::delete(lake, &file_key(source, key))
}

/// The rows of a partition, batch by batch, sorted by id, under the form's schema; none if there is no file.
pub fn rows(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    form: &FileForm,
) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>>, LakeError> {
    let path = ticket_file(lake, source, key);
    let schema = form.schema().clone();
    let rows = read::rows(&path)?.into_iter().flatten();
    Ok(rows.map(move |batch| conform(&batch?, &schema).map_err(LakeError::rows(&path))))
}

/// Takes rows out of a partition, as when their tickets moved to another one. `None` if it held none of them.
pub fn take_out(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    moved: &dyn Fn(i64) -> bool,
    form: &FileForm,
) -> Result<Option<Written>, LakeError> {
    let _turn = store::lock_partitions(lake)?;
    let file = file_key(source, key);
    let marks = super::marks(lake, source, key)?;
    if !marks.iter().any(|mark| moved(mark.id)) {
        return Ok(None);
    }
    // The rows that moved must stand where they went before they vanish here.
    store::sync_folders(lake)?;
    let stays = marks.iter().map(|mark| Some(!moved(mark.id))).collect();
    again::write(lake, &file, form, &Change::Rows(stays))
}
