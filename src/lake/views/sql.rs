//! The text of `views.sql`: which views there are, and the query of each.

use std::fmt::Write;

use super::{
    super::{Cut, PartitionKey},
    Origin,
    comments::{self, Keys},
    names::names,
};
use crate::columns::{Column, DELETED_AT, LAST, TICKET_FIELD_OPTIONS, TICKET_FIELDS, TICKETS, Type};

/// What the views need to know of a source.
#[derive(Debug, Clone)]
pub struct SourceView {
    pub source: String,
    /// The vendor's short name, as a file says.
    pub kind: Option<String>,
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

/// The columns that lie in paths.
pub(super) const SOURCE: &str = "source";
const PARTITIONS: [&str; 2] = ["created_date", "created_month"];

/// Where the lake's files are for DuckDB: a folder, with `/` behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// The working folder.
    Here,
    At(String),
    InBucket(String),
}

impl Where {
    /// How the file begins.
    fn head(&self) -> String {
        let made = match self {
            Self::At(_) => "views --absolute: it loads from any folder.",
            Self::Here => {
                "at every run: what is changed here is lost.\n-- From this folder: duckdb -init views.sql"
            }
            Self::InBucket(_) => {
                "at every run: what is changed here is lost.\n\
                 -- From anywhere, once DuckDB knows the credentials (CREATE SECRET)."
            }
        };
        format!("-- The lake as DuckDB views. Made by ticketlake {made}\n")
    }

    /// A file of the lake as a literal. Only `below` may hold wildcards; those in the place stand for themselves.
    fn file(&self, below: &str) -> String {
        let (Self::At(folder) | Self::InBucket(folder)) = self else { return string(below) };
        let literal = |c: char| if "*?[".contains(c) { format!("[{c}]") } else { c.to_string() };
        string(&(folder.chars().map(literal).collect::<String>() + below))
    }
}

/// The whole file.
pub fn text(views: &[SourceView], place: &Where, origin: Origin) -> String {
    let mut text = place.head();
    for view in views {
        if let (Some(cut), Some(columns)) = (view.cut, &view.columns) {
            source_view(&mut text, view, cut, columns, (place, origin));
        }
    }
    let told = "Tickets of all sources that are still there: the columns that every source has.";
    all_tickets(&mut text, views, ("tickets", told), true, (place, origin));
    let told = "Tickets of all sources, also those that are gone from their source.";
    all_tickets(&mut text, views, ("tickets_all", told), false, (place, origin));
    let told = "Custom-field definitions of all sources.";
    small_table(&mut text, ("ticket_fields", told), TICKET_FIELDS, views, |view| view.has_fields, place);
    let told = "Options of the custom fields of all sources.";
    let has = |view: &SourceView| view.has_options;
    small_table(&mut text, ("ticket_field_options", told), TICKET_FIELD_OPTIONS, views, has, place);
    text
}

fn source_view(
    text: &mut String,
    view: &SourceView,
    cut: Cut,
    columns: &[String],
    (place, origin): (&Where, Origin),
) {
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
    list.extend([identifier(SOURCE), partition(cut)]);
    let query = format!(
        "SELECT\n    {}\nFROM {}\nWHERE {} IS NULL",
        list.join(",\n    "),
        tickets(view, cut, place),
        identifier(DELETED_AT)
    );
    let told = format!("Tickets of {} that are still there, custom columns under their labels.", view.source);
    create(text, &name, &query, &told);
    let keys = Keys { kinds: view.kind.iter().map(String::as_str).collect(), origin };
    comments::ticket_columns(text, &name, TICKETS.iter().chain(LAST).filter(known), &keys);
    comments::paths(text, &name, &[cut.column()]);
    for (field, names) in view.custom.iter().zip(&custom) {
        comments::custom(text, &name, field, names);
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

fn tickets(view: &SourceView, cut: Cut, place: &Where) -> String {
    let union = if view.uniform { "" } else { ", union_by_name = true" };
    format!(
        "read_parquet({}, hive_partitioning = true, hive_types = {{'source': VARCHAR, '{}': VARCHAR}}{union})",
        place.file(&format!("tickets/source={}/**/*.parquet", view.source)),
        cut.column(),
    )
}

/// The partition column; null for tickets whose time of creation is not known. DuckDB 1.4 has no null for their folder and
/// cannot read its name as a date, so the names are read as text. A filter on the column still opens only the files it matches.
fn partition(cut: Cut) -> String {
    let column = identifier(cut.column());
    match cut {
        Cut::Day => format!("TRY_CAST({column} AS DATE) AS {column}"),
        Cut::Month => format!("NULLIF({column}, '{}') AS {column}", PartitionKey::Default(cut)),
    }
}

fn all_tickets(
    text: &mut String,
    views: &[SourceView],
    (name, told): (&str, &str),
    present_only: bool,
    (place, origin): (&Where, Origin),
) {
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
            partition(cut),
            tickets(view, cut, place)
        ));
    }
    let query = if parts.is_empty() {
        no_rows(TICKETS.iter().chain(LAST))
    } else {
        parts.join("\nUNION ALL BY NAME\n")
    };
    create(text, name, &query, told);
    let mut kinds: Vec<&str> = views.iter().filter_map(|view| view.kind.as_deref()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    comments::ticket_columns(text, name, TICKETS.iter().chain(LAST), &Keys { kinds, origin });
    comments::paths(text, name, &cuts);
}

fn small_table(
    text: &mut String,
    (table, told): (&str, &str),
    columns: &[Column],
    views: &[SourceView],
    has: impl Fn(&SourceView) -> bool,
    place: &Where,
) {
    let file = |view: &SourceView| place.file(&format!("{table}/source={}/part-0.parquet", view.source));
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
        comments::column(text, table, column.name, column.meaning);
    }
    comments::paths(text, table, &[]);
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
    // Writing to a String cannot fail.
    let _ = write!(text, "\nCREATE OR REPLACE VIEW {} AS\n{query};\n", identifier(view));
    comments::view(text, view, told);
}

/// A name as SQL takes it, whatever it holds.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL takes it; it cannot hold a NUL.
pub(super) fn string(text: &str) -> String {
    format!("'{}'", text.replace('\0', "\u{fffd}").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(source: &str, cut: Option<Cut>) -> SourceView {
        let columns = TICKETS.iter().chain(LAST).map(|column| column.name.to_owned()).collect();
        SourceView {
            source: source.to_owned(),
            kind: Some("vendor".to_owned()),
            cut,
            columns: cut.map(|_| columns),
            custom: Vec::new(),
            uniform: true,
            has_fields: true,
            has_options: false,
        }
    }

    fn text(views: &[SourceView]) -> String {
        super::text(views, &Where::Here, &|_, _| None)
    }

    #[test]
    fn every_source_has_a_view_and_none_takes_the_name_of_another() {
        let text =
            text(&[view("all", Some(Cut::Day)), view("help-desk", Some(Cut::Month)), view("new", None)]);
        for name in ["tickets_all (source)", "tickets_help-desk", "tickets", "tickets_all", "ticket_fields"] {
            assert_eq!(text.matches(&format!("VIEW \"{name}\" AS")).count(), 1, "{name}");
        }
        assert!(!text.contains("tickets_new"));
        assert!(text.contains("read_parquet(['ticket_fields/source=all/part-0.parquet', "));
    }

    #[test]
    fn a_lake_without_files_has_views_without_rows() {
        let text = text(&[]);
        assert!(text.contains("CAST(NULL AS BIGINT) AS \"id\"") && !text.contains("read_parquet"));
    }

    #[test]
    fn a_place_is_quoted_and_none_of_its_letters_is_a_wildcard() {
        let place = Where::At("/it's [1]/*/".to_owned());
        assert_eq!(place.file("tickets/**/*.parquet"), "'/it''s [[]1]/[*]/tickets/**/*.parquet'");
        let text = super::text(&[view("all", Some(Cut::Day))], &place, &|_, _| None);
        assert_eq!(text.matches("'/it''s [[]1]/[*]/ticket").count(), 4, "{text}");
    }

    #[test]
    fn labels_and_texts_are_quoted() {
        assert_eq!(identifier("a\"b;\n--"), "\"a\"\"b;\n--\"");
        assert_eq!(string("it's\0"), "'it''s\u{fffd}'");
    }
}
