//! The tickets of a source: one file for each partition, replaced only when a row in it changed.

use arrow::{
    array::{AsArray, BooleanArray, Int64Array, RecordBatch},
    compute::filter_record_batch,
    datatypes::Int64Type,
};

use super::{
    FileForm, Lake, LakeError, Location, PartitionKey, Written,
    again::{self, Change},
    digests,
    form::ROW_GROUP_ROWS,
    old::Old,
    partition::Cut,
    patch, read,
    store::{self, Content, Seen},
    woven,
};
use crate::{
    batch::{BatchError, Counts, Ids, Merge, conform},
    columns::of_schema,
};

const FILE: &str = "part-0.parquet";
/// A file of few rows but more bytes is woven too: each row may have a megabyte.
const AT_ONCE_BYTES: u64 = 16 * 1024 * 1024;

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
    let folders = store::folders_with(lake, &source_key(source), FILE)?;
    let mut keys: Vec<_> = folders.iter().filter_map(|folder| PartitionKey::parse(folder)).collect();
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
    let _turn = store::turn(lake)?;
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
    let is_empty = reads.iter().all(|batch| batch.num_rows() == 0);
    if is_empty && growing {
        return Ok(Upserted::default());
    }
    let content = path.open()?;
    if is_empty {
        // Its row groups may still be small ones.
        let merge = Merge::new(form.carried(), &[]).map_err(LakeError::rows(&path))?;
        return woven::upsert(lake, (&file, content), merge, form, growing, ROW_GROUP_ROWS);
    }
    let whole = content.as_ref().and_then(|content| patch::Whole::new(&path, content, form));
    if let Some(upserted) = whole.map(|whole| whole.upsert(lake, &file, reads)).transpose()?.flatten() {
        return Ok(upserted);
    }
    let mut merge = Merge::new(form.carried(), reads).map_err(LakeError::rows(&path))?;
    if content.is_none() && FileForm::is_small(merge.rows()) {
        let rows = merge.all();
        let written =
            store::put_over(lake, &file, Seen::Nothing, |staged| form.write_new(staged, &path, &rows))?;
        return Ok(upserted(merge, Some(written)));
    }
    let bytes = content.as_ref().map_or(0, Content::bytes);
    let existing = content.clone().map(|content| digests::rows_of(&path, content)).transpose()?;
    let expected = existing.as_ref().map_or(0, |existing| existing.rows) + merge.rows();
    let Some(existing) = existing.filter(|_| FileForm::is_small(expected) && bytes <= AT_ONCE_BYTES) else {
        return woven::upsert(lake, (&file, content), merge, form, growing, ROW_GROUP_ROWS);
    };
    let seen = existing.seen.clone();
    let (mut rows, mut changed): (Vec<RecordBatch>, bool) = (Vec::new(), false);
    for batch in existing {
        let step = merge.step(&batch?).map_err(LakeError::rows(&path))?;
        changed |= step.changed;
        rows.push(step.batch);
    }
    let last = merge.rest(usize::MAX).map_err(LakeError::rows(&path))?;
    if !changed && last.is_none() {
        return Ok(upserted(merge, None));
    }
    rows.extend(last);
    let written = store::put_over(lake, &file, seen, |staged| {
        let mut out = form.writer(staged, &path, expected)?;
        rows.iter().try_for_each(|batch| out.write(batch))?;
        out.finish()
    })?;
    Ok(upserted(merge, Some(written)))
}

fn upserted(mut merge: Merge, written: Option<Written>) -> Upserted {
    Upserted { counts: merge.counts(), ids: merge.take_ids(), written, in_parts: false }
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
    let Some(rows) = read::rows(&path)? else {
        return Ok(None);
    };
    // A label that changed is no reason to write again: the metadata of a column says what held when it was written.
    if of_schema(&rows.footer.schema) == of_schema(form.schema()) {
        return Ok(None);
    }
    if !FileForm::is_small(rows.footer.rows) {
        drop(rows);
        return again(lake, &file, form, &Change::Columns);
    }
    let written = store::put_over(lake, &file, rows.seen.clone(), |staged| {
        let mut out = form.writer(staged, &path, rows.footer.rows)?;
        for batch in rows {
            out.write(&batch?)?;
        }
        out.finish()
    })?;
    Ok(Some(written))
}

/// Writes a large file again; `None` if there is none.
fn again(lake: &Lake, key: &str, form: &FileForm, change: &Change) -> Result<Option<Written>, LakeError> {
    let path = store::path(lake, key);
    let Some(content) = path.open()? else { return Ok(None) };
    let old = Old::new(&path, content)?;
    if let Change::Rows(stay) = change {
        old.check_rows(stay.len())?;
    }
    again::write(lake, key, &old, form, change).map(Some)
}

/// Puts a file without rows into the default partition: so a source without tickets can be read too.
/// `None` if a file is there already.
pub fn put_empty(lake: &Lake, source: &str, form: &FileForm) -> Result<Option<Written>, LakeError> {
    let file = file_key(source, PartitionKey::Default(lake.partition.into()));
    let path = store::path(lake, &file);
    if store::exists(lake, &file)? {
        return Ok(None);
    }
    store::put_over(lake, &file, Seen::Nothing, |staged| form.writer(staged, &path, 0)?.finish()).map(Some)
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
    let _turn = store::turn(lake)?;
    let file = file_key(source, key);
    let path = store::path(lake, &file);
    let marks = super::marks(lake, source, key)?;
    let stay = marks.iter().filter(|mark| !moved(mark.id)).count();
    if stay == marks.len() {
        return Ok(None);
    }
    // The rows that moved must stand where they went before they vanish here.
    store::settle(lake)?;
    if !FileForm::is_small(stay as u64) {
        let stays = marks.iter().map(|mark| Some(!moved(mark.id))).collect();
        return again(lake, &file, form, &Change::Rows(stays));
    }
    let rows = digests::rows(&path)?;
    let seen = rows.as_ref().map_or(Seen::Nothing, |rows| rows.seen.clone());
    store::put_over(lake, &file, seen, |staged| {
        let mut out = form.writer(staged, &path, stay as u64)?;
        for batch in rows.into_iter().flatten() {
            let batch = batch?;
            let stays = |ids: &Int64Array| {
                ids.iter().map(|id| Some(!id.is_some_and(moved))).collect::<BooleanArray>()
            };
            let ids = batch.column_by_name("id").and_then(|column| column.as_primitive_opt::<Int64Type>());
            let kept = match ids {
                Some(ids) => filter_record_batch(&batch, &stays(ids)).map_err(BatchError::from),
                None => Err(BatchError::Column { column: "id", wanted: "a column of integers" }),
            };
            out.write(&kept.map_err(LakeError::rows(&path))?)?;
        }
        out.finish()
    })
    .map(Some)
}
