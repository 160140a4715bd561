//! The text of `views.sql`. Paths are relative to the lake's folder, where it lies; in an object store they are whole
//! addresses, for nothing there is relative to a file.

use std::fmt::Write;

use super::{
    super::Cut,
    names::{Names, names},
};
use crate::columns::{Column, DELETED_AT, LAST, TICKET_FIELD_OPTIONS, TICKET_FIELDS, TICKETS, Type};

/// What the views need to know of a source.
#[derive(Debug, Clone)]
pub struct SourceView {
    pub source: String,
    /// What stands before the paths of tables: nothing, or the lake's address and a slash.
    pub root: String,
    /// How its tickets are cut; `None` without a file.
    pub cut: Option<Cut>,
    /// The columns of its tickets; `None` without a file.
    pub columns: Option<Vec<String>>,
    pub custom: Vec<Custom>,
    /// Whether all of its files have these columns.
    pub uniform: bool,
    pub has_fields: bool,
    pub has_options: bool,
}

/// A custom field that has a column.
#[derive(Debug, Clone)]
pub struct Custom {
    pub column: String,
    pub field: String,
    pub label: Option<String>,
    pub vendor_type: Option<String>,
    pub description: Option<String>,
    pub twin: bool,
}

const HEAD: &str =
    "-- The lake as DuckDB views. Made by ticketlake at every run: what is changed here is lost.\n";
const FROM_FOLDER: &str = "-- From this folder: duckdb -init views.sql\n";
const FROM_ANYWHERE: &str = "\
-- From anywhere, once DuckDB knows the credentials (CREATE SECRET): duckdb -init views.sql
";

/// The columns that lie in paths.
const SOURCE: &str = "source";
const PARTITIONS: [&str; 2] = ["created_date", "created_month"];

/// The whole file.
pub fn text(views: &[SourceView], relative: bool) -> String {
    let mut text = HEAD.to_owned();
    text += if relative { FROM_FOLDER } else { FROM_ANYWHERE };
    for view in views {
        if let (Some(cut), Some(columns)) = (view.cut, &view.columns) {
            source_view(&mut text, view, cut, columns);
        }
    }
    let told = "Tickets of all sources that are still there: the columns that every source has.";
    all_tickets(&mut text, views, "tickets", told, true);
    let told = "Tickets of all sources, also those that are gone from their source.";
    all_tickets(&mut text, views, "tickets_all", told, false);
    let told = "Custom-field definitions of all sources.";
    small_table(&mut text, "ticket_fields", TICKET_FIELDS, told, views, |view| view.has_fields);
    let told = "Options of the custom fields of all sources.";
    small_table(&mut text, "ticket_field_options", TICKET_FIELD_OPTIONS, told, views, |view| {
        view.has_options
    });
    text
}

fn source_view(text: &mut String, view: &SourceView, cut: Cut, columns: &[String]) {
    let name = source_view_name(&view.source);
    let known = |column: &&Column| columns.iter().any(|present| present == column.name);
    let mut list: Vec<String> = TICKETS.iter().filter(known).map(|column| identifier(column.name)).collect();
    let custom = names(&view.custom, &reserved());
    for (field, names) in view.custom.iter().zip(&custom) {
        list.push(format!("{} AS {}", identifier(&field.column), identifier(&names.column)));
        if let Some(twin) = &names.twin {
            list.push(format!("{} AS {}", identifier(&format!("{}__raw", field.column)), identifier(twin)));
        }
    }
    list.extend(LAST.iter().filter(known).map(|column| identifier(column.name)));
    list.extend([identifier(SOURCE), identifier(cut.column())]);
    let query = format!(
        "SELECT\n    {}\nFROM {}\nWHERE {} IS NULL",
        list.join(",\n    "),
        tickets(view, cut),
        identifier(DELETED_AT)
    );
    let told = format!("Tickets of {} that are still there, custom columns under their labels.", view.source);
    create(text, &name, &query, &told);
    for column in TICKETS.iter().chain(LAST).filter(known) {
        comment(text, &name, column.name, column.meaning);
    }
    comment_paths(text, &name, &[cut.column()]);
    for (field, names) in view.custom.iter().zip(&custom) {
        comment_field(text, &name, field, names);
    }
}

/// The view of a source; the one of all tickets has its name first.
fn source_view_name(source: &str) -> String {
    match source {
        "all" => "tickets_all (source)".to_owned(),
        _ => format!("tickets_{source}"),
    }
}

/// No label may be taken for one of these.
fn reserved() -> Vec<&'static str> {
    let own = TICKETS.iter().chain(LAST).map(|column| column.name);
    own.chain([SOURCE]).chain(PARTITIONS).collect()
}

fn tickets(view: &SourceView, cut: Cut) -> String {
    let union = if view.uniform { "" } else { ", union_by_name = true" };
    let of = match cut {
        Cut::Day => "DATE",
        Cut::Month => "VARCHAR",
    };
    format!(
        "read_parquet({}, hive_partitioning = true, hive_types = {{'source': VARCHAR, '{}': {of}}}{union})",
        string(&format!("{}tickets/source={}/**/*.parquet", view.root, view.source)),
        cut.column(),
    )
}

fn all_tickets(text: &mut String, views: &[SourceView], name: &str, told: &str, present_only: bool) {
    let filter = format!("\nWHERE {} IS NULL", identifier(DELETED_AT));
    let filter = if present_only { &filter } else { "" };
    let mut cuts: Vec<&str> = Vec::new();
    let mut parts = Vec::new();
    for view in views {
        let (Some(cut), Some(columns)) = (view.cut, &view.columns) else { continue };
        if !cuts.contains(&cut.column()) {
            cuts.push(cut.column());
        }
        let column = |column: &Column| match columns.iter().any(|present| present == column.name) {
            true => identifier(column.name),
            // A file of an older program; the view has the same columns all the same.
            false => null(column),
        };
        let list: Vec<String> = TICKETS.iter().chain(LAST).map(column).collect();
        parts.push(format!(
            "SELECT {}, {}, {}\nFROM {}{filter}",
            list.join(", "),
            identifier(SOURCE),
            identifier(cut.column()),
            tickets(view, cut)
        ));
    }
    let query = if parts.is_empty() {
        no_rows(TICKETS.iter().chain(LAST))
    } else {
        parts.join("\nUNION ALL BY NAME\n")
    };
    create(text, name, &query, told);
    for column in TICKETS.iter().chain(LAST) {
        comment(text, name, column.name, column.meaning);
    }
    comment_paths(text, name, &cuts);
}

fn small_table(
    text: &mut String,
    table: &str,
    columns: &[Column],
    told: &str,
    views: &[SourceView],
    has: impl Fn(&SourceView) -> bool,
) {
    let file =
        |view: &SourceView| string(&format!("{}{table}/source={}/part-0.parquet", view.root, view.source));
    let files: Vec<String> = views.iter().filter(|view| has(view)).map(file).collect();
    let query = if files.is_empty() {
        no_rows(columns.iter())
    } else {
        let list: Vec<String> = columns.iter().map(|column| identifier(column.name)).collect();
        format!(
            "SELECT {}, {}\nFROM read_parquet([{}], hive_partitioning = true, hive_types = {{'source': VARCHAR}}, union_by_name = true)",
            identifier(SOURCE),
            list.join(", "),
            files.join(", ")
        )
    };
    create(text, table, &query, told);
    for column in columns {
        comment(text, table, column.name, column.meaning);
    }
    comment_paths(text, table, &[]);
}

/// A query with the columns and no rows, for a lake in which nothing is yet.
fn no_rows<'a>(columns: impl Iterator<Item = &'a Column>) -> String {
    let list: Vec<String> = columns.map(null).collect();
    format!("SELECT {}, CAST(NULL AS VARCHAR) AS {}\nWHERE false", list.join(", "), identifier(SOURCE))
}

fn null(column: &Column) -> String {
    let of = match column.of {
        Type::Text => "VARCHAR",
        Type::Int64 => "BIGINT",
        Type::Int8 => "TINYINT",
        Type::Float64 => "DOUBLE",
        Type::Bool => "BOOLEAN",
        Type::Date => "DATE",
        Type::Time => "TIME",
        Type::Instant => "TIMESTAMP WITH TIME ZONE",
        Type::TextList => "VARCHAR[]",
        Type::Int64List => "BIGINT[]",
    };
    format!("CAST(NULL AS {of}) AS {}", identifier(column.name))
}

fn create(text: &mut String, view: &str, query: &str, told: &str) {
    let view = identifier(view);
    // Writing to a String cannot fail.
    let _ = write!(text, "\nCREATE OR REPLACE VIEW {view} AS\n{query};\n");
    let _ = writeln!(text, "COMMENT ON VIEW {view} IS {};", string(told));
}

fn comment(text: &mut String, view: &str, column: &str, told: &str) {
    let place = format!("{}.{}", identifier(view), identifier(column));
    let _ = writeln!(text, "COMMENT ON COLUMN {place} IS {};", string(told));
}

fn comment_paths(text: &mut String, view: &str, cuts: &[&str]) {
    comment(text, view, SOURCE, "The source's name in the configuration; from the path.");
    for cut in cuts {
        comment(
            text,
            view,
            cut,
            "When it was created, in the lake's time zone; from the path, so a filter on it reads only those files.",
        );
    }
}

fn comment_field(text: &mut String, view: &str, field: &Custom, names: &Names) {
    let label = field.label.as_deref().map(str::trim).filter(|label| !label.is_empty());
    let label = label.unwrap_or(&field.field);
    let of = field.vendor_type.as_deref().map(|of| format!(" ({of})")).unwrap_or_default();
    let mut told = format!("{label}. Field {}{of}, column {} of the files.", field.field, field.column);
    if let Some(description) = field.description.as_deref().filter(|text| !text.trim().is_empty()) {
        let _ = write!(told, " {description}");
    }
    comment(text, view, &names.column, &told);
    if let Some(twin) = &names.twin {
        comment(
            text,
            view,
            twin,
            &format!(
                "{label}, exactly as sent. Field {}{of}, column {}__raw of the files.",
                field.field, field.column
            ),
        );
    }
}

/// A name as SQL takes it, whatever it holds.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL takes it; it cannot hold a NUL.
fn string(text: &str) -> String {
    format!("'{}'", text.replace('\0', "\u{fffd}").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(source: &str, cut: Option<Cut>) -> SourceView {
        let columns = TICKETS.iter().chain(LAST).map(|column| column.name.to_owned()).collect();
        SourceView {
            source: source.to_owned(),
            root: String::new(),
            cut,
            columns: cut.map(|_| columns),
            custom: Vec::new(),
            uniform: true,
            has_fields: true,
            has_options: false,
        }
    }

    #[test]
    fn every_source_has_a_view_and_none_takes_the_name_of_another() {
        let text = text(
            &[view("all", Some(Cut::Day)), view("help-desk", Some(Cut::Month)), view("new", None)],
            true,
        );
        for name in ["tickets_all (source)", "tickets_help-desk", "tickets", "tickets_all", "ticket_fields"] {
            assert_eq!(text.matches(&format!("VIEW \"{name}\" AS")).count(), 1, "{name}");
        }
        assert!(!text.contains("tickets_new"));
        assert!(text.contains("read_parquet(['ticket_fields/source=all/part-0.parquet', "));
    }

    #[test]
    fn a_lake_without_files_has_views_without_rows() {
        let text = text(&[], true);
        assert!(text.contains("CAST(NULL AS BIGINT) AS \"id\"") && !text.contains("read_parquet"));
    }

    #[test]
    fn labels_and_texts_are_quoted() {
        assert_eq!(identifier("a\"b;\n--"), "\"a\"\"b;\n--\"");
        assert_eq!(string("it's\0"), "'it''s\u{fffd}'");
    }
}
