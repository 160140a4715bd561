//! Putting files right from the lake itself: rows are sorted, moved home and made unique, columns made the same. What
//! cannot be put right that way is named.

use std::path::Path;

use serde::Serialize;

use super::{
    blocking::Abandoned,
    check::{Checked, SMALL_TABLES, SourceFiles},
    columns,
    home::Home,
    remembered,
};
use crate::{
    fields::rows,
    lake::{self, FileForm, FileMeta, Lake, LakeError},
    sync::{Checkpoint, CommitError, SCHEMA_VERSION},
};

/// What was done, and what was not, in words.
#[derive(Debug, Default, Serialize)]
pub struct Repaired {
    pub done: Vec<String>,
    pub left: Vec<String>,
}

/// Repairs the files of all sources that were checked. Only for the holder of the lake.
pub fn repair_files(
    lake: &Lake,
    run_id: &str,
    checked: &Checked,
    abandoned: &Abandoned,
) -> Result<Repaired, CommitError> {
    let mut repaired = Repaired::default();
    let swept = lake::sweep(lake)?;
    if swept > 0 {
        repaired.done.push(format!("files of runs that died, swept: {swept}"));
    }
    for files in &checked.sources {
        repair_source(lake, run_id, files, checked, abandoned, &mut repaired)?;
        if abandoned.is() {
            return Ok(repaired);
        }
    }
    for stray in &checked.inventory.strays {
        let aside = lake::set_aside(lake, run_id, stray)?;
        repaired.done.push(format!("{} is moved to {}", stray.display(), aside.display()));
    }
    for absent in &checked.inventory.absent {
        let path = absent.path();
        let folder = path.parent().unwrap_or(&path);
        // A trace of what is missing stays until the source was asked.
        let lost = |files: &SourceFiles| files.name == absent.source && files.lost.contains(&absent.key);
        if checked.sources.iter().any(lost) {
            repaired
                .left
                .push(format!("{} has no file; its tickets are at the source only", folder.display()));
        } else if lake::remove_empty(lake, folder)? {
            repaired.done.push(format!("{}, which held nothing, is removed", folder.display()));
        }
    }
    Ok(repaired)
}

fn repair_source(
    lake: &Lake,
    run_id: &str,
    files: &SourceFiles,
    checked: &Checked,
    abandoned: &Abandoned,
    repaired: &mut Repaired,
) -> Result<(), CommitError> {
    let name = &files.name;
    if files.state_unreadable {
        let aside = lake::set_aside(lake, run_id, &files.state())?;
        let aside = aside.display();
        repaired
            .done
            .push(format!("{name}: its state is moved to {aside}; the next sync reads everything again"));
    }
    if files.ahead {
        remembered::forget_times(lake, name)?;
        repaired.done.push(format!("{name}: its cursor is forgotten; the next sync reads everything again"));
    }
    for key in &files.unreadable {
        let path = lake::TicketFile { source: name.clone(), key: *key }.path();
        repaired.left.push(format!("{} cannot be read; its tickets are at the source only", path.display()));
    }
    for table in &files.tables_unreadable {
        let aside = lake::set_aside(lake, run_id, &table.path())?;
        let (path, aside) = (table.path(), aside);
        let what = format!("{} is moved to {}", path.display(), aside.display());
        repaired.done.push(format!("{what}; the next sync writes it anew"));
    }
    let strays = checked.inventory.strays.iter().map(AsRef::as_ref);
    let strays: Vec<&Path> = strays.filter(|stray| is_of(stray, name)).collect();
    if !files.tables_to_rewrite.is_empty() {
        rewrite_tables(lake, files, repaired)?;
    }
    if files.rewrite.is_empty() && files.scattered.is_empty() && strays.is_empty() {
        return Ok(());
    }
    let cut = lake.calendar().key(None).cut();
    if files.keys.iter().any(|key| key.cut() != cut) {
        repaired.left.push(format!("{name}: set `partition` under [lake] to what the lake has first"));
        return Ok(());
    }
    let Some(form) = uniform(lake, files, repaired)? else { return Ok(()) };
    let home = Home { lake, files, form, abandoned };
    let mut written = home.bring_to_form()?;
    written += home.send_home(repaired)?;
    for stray in strays {
        home.take_in(stray, repaired)?;
    }
    home.keep_newest(repaired)?;
    if written > 0 {
        repaired.done.push(format!("{name}: files written anew: {written}"));
    }
    Ok(())
}

fn is_of(stray: &Path, source: &str) -> bool {
    stray.starts_with(Path::new("tickets").join(format!("source={source}")))
}

/// The form that all files of the source can have; the state is told where that is another than it says.
fn uniform(
    lake: &Lake,
    files: &SourceFiles,
    repaired: &mut Repaired,
) -> Result<Option<FileForm>, CommitError> {
    let name = &files.name;
    let Some(meta) = meta(lake, files, repaired) else { return Ok(None) };
    let memory = if files.state_unreadable { None } else { remembered::memory(lake, name)? };
    let settled = memory.and_then(|memory| memory.columns);
    let mut custom = settled.clone().unwrap_or_default();
    for schema in &files.schemas {
        columns::join(&mut custom, schema);
    }
    let form = FileForm::new(&columns::schema(&custom), &meta)?;
    if settled.is_some_and(|settled| settled != custom) {
        let checkpoint = Checkpoint::load(lake, name)?;
        checkpoint.with(|memory| memory.columns = Some(custom));
        checkpoint.commit()?;
        repaired.done.push(format!("{name}: its state knows the columns that the files have"));
    }
    Ok(Some(form))
}

/// Writes small tables anew from their rows.
fn rewrite_tables(lake: &Lake, files: &SourceFiles, repaired: &mut Repaired) -> Result<(), LakeError> {
    let Some(meta) = meta(lake, files, repaired) else { return Ok(()) };
    for file in &files.tables_to_rewrite {
        let columns = SMALL_TABLES.iter().find(|(table, _)| *table == file.table);
        let schema = rows::schema(columns.map_or(&[], |(_, columns)| columns));
        lake::rewrite_table(lake, file, &FileForm::new(&schema, &meta)?)?;
        repaired.done.push(format!("{} is written anew", file.path().display()));
    }
    Ok(())
}

/// What the source's files say of their origin; `None`, and said so, where nobody knows it.
fn meta(lake: &Lake, files: &SourceFiles, repaired: &mut Repaired) -> Option<FileMeta> {
    let kind = files.kind.clone().or_else(|| kind_of_files(lake, files));
    if kind.is_none() {
        let why = "no file tells the kind of the source; name its configuration with --config";
        repaired.left.push(format!("{}: {why}", files.name));
    }
    kind.map(|source_kind| FileMeta { schema_version: SCHEMA_VERSION, source_kind })
}

fn kind_of_files(lake: &Lake, files: &SourceFiles) -> Option<String> {
    files.readable().find_map(|key| {
        let footer = lake::footer(&lake::ticket_file(lake, &files.name, key)).ok()??;
        let told = footer.metadata.into_iter().find(|(key, _)| key == "ticketlake.source_kind");
        told.map(|(_, kind)| kind)
    })
}
