//! The columns of a source as the run knows them by now: they grow when a ticket carries a field that no definition
//! names.

use std::sync::{Arc, PoisonError, RwLock};

use crate::{
    fields::Fields,
    lake::{FileMeta, FileSchema, LakeError, SCHEMA_VERSION},
    ticket::{Layout, Mapping},
};

/// The current layout of a source, and the schema of its files.
pub struct TableSchema {
    mapping: &'static Mapping,
    meta: FileMeta,
    now: RwLock<(Arc<Layout>, Arc<FileSchema>)>,
}

/// What all files of a source say of their origin.
pub fn file_meta(kind: crate::config::Kind) -> FileMeta {
    FileMeta { schema_version: SCHEMA_VERSION, source_kind: kind.name().to_owned() }
}

impl TableSchema {
    /// The layout for the fields that are known at the start.
    pub fn new(mapping: &'static Mapping, meta: FileMeta, fields: Arc<Fields>) -> Result<Self, LakeError> {
        let now = make(mapping, &meta, fields)?;
        Ok(Self { mapping, meta, now: RwLock::new(now) })
    }

    /// What new tickets are read with.
    pub fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// What files are written with.
    pub fn file_schema(&self) -> Arc<FileSchema> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Adds columns for fields that no definition names.
    pub fn learn(&self, undefined: &[String]) -> Result<(), LakeError> {
        if undefined.is_empty() {
            return Ok(());
        }
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(fields) = now.0.fields.with_undefined(undefined.iter().map(String::as_str)) {
            *now = make(self.mapping, &self.meta, Arc::new(fields))?;
        }
        Ok(())
    }
}

fn make(
    mapping: &'static Mapping,
    meta: &FileMeta,
    fields: Arc<Fields>,
) -> Result<(Arc<Layout>, Arc<FileSchema>), LakeError> {
    let layout = Layout::new(mapping, fields);
    let schema = FileSchema::new(&layout.schema, meta)?;
    Ok((Arc::new(layout), Arc::new(schema)))
}
