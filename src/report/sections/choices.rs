//! Tags and options, how well fields are filled, and what fitted no column.

use std::cmp::Reverse;

use super::{Item, Section, Table};
use crate::{figures::count, report::Report};

/// Options that are told of each field.
const OPTIONS: usize = 5;

pub fn tags(report: &Report) -> Option<Section> {
    let rows = report.tags.values.iter();
    let rows = rows.map(|tag| vec![Item::Value(Some(tag.value.clone())), Item::count(tag.tickets)]);
    let mut section = Section::new("Which tags?");
    let table = Table::new(["tag", "tickets"], rows.collect()).bar(1);
    section.drawn(Table { of: report.tags.distinct, ..table }, &[1]);
    Some(section)
}

pub fn options(report: &Report) -> Option<Section> {
    let mut section = Section::new("What is chosen in the fields?");
    for chosen in report.options.iter().filter(|chosen| !chosen.top.values.is_empty()) {
        let rows = chosen.top.values.iter().take(OPTIONS);
        let rows =
            rows.map(|option| vec![Item::Value(Some(option.value.clone())), Item::count(option.tickets)]);
        let head = [&format!("{}: {}", chosen.source, super::shown(&chosen.label)), "tickets"];
        let table = Table::new(head, rows.collect()).bar(1);
        section.tables.push(Table { of: chosen.top.distinct, ..table });
    }
    Some(section)
}

pub fn fields(report: &Report) -> Option<Section> {
    let row = |fill: &crate::report::Fill| {
        vec![
            Item::text(&fill.source),
            Item::Value(fill.label.clone()),
            Item::text(&fill.column),
            Item::count(fill.filled),
            Item::Share(fill.share),
        ]
    };
    let custom = report.fields.iter().filter(|fill| fill.label.is_some());
    let head = ["source", "field", "column", "tickets", "share filled"];
    let mut section = Section::new("How well are custom fields filled?");
    let table = Table::new(head, custom.map(row).collect()).bar(4);
    if !table.rows.is_empty() && report.all.tickets > 0 {
        section.tables.push(table);
    }
    Some(section)
}

pub fn rescued(report: &Report) -> Option<Section> {
    let mut rows = Vec::new();
    for rescued in &report.rescued {
        let mut keys: Vec<_> = rescued.by_key.iter().collect();
        keys.sort_by_key(|(key, tickets)| (Reverse(**tickets), *key));
        let row = |(key, tickets): (&String, &u64)| {
            vec![Item::text(&rescued.source), Item::Value(Some(key.clone())), Item::count(*tickets)]
        };
        rows.extend(keys.into_iter().map(row));
    }
    if rows.is_empty() {
        return None;
    }
    let mut section = Section::new("Which values fitted no column?");
    section.tables.push(Table::new(["source", "key", "tickets"], rows).bar(2));
    let tickets = report.rescued.iter().map(|rescued| rescued.tickets).sum();
    section
        .notes
        .push(format!("Tickets with such values: {}. The column _rescued keeps them.", count(tickets)));
    Some(section)
}
