//! The main figures, by source and by group, and where tickets stand.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Item, Section, Table};
use crate::report::{Figures, Report, Times};

pub fn desk(report: &Report) -> Section {
    let mut rows: Vec<_> =
        report.sources.iter().map(|source| row(Item::text(&source.name), &source.figures)).collect();
    if report.sources.len() != 1 {
        rows.push(row(Item::text("all"), &report.all));
    }
    let mut section = Section::new("How is the desk doing?");
    section.tables.push(Table { whole: true, ..table("source", rows) });
    section
}

pub fn groups(report: &Report) -> Option<Section> {
    let (by, groups) = (report.group_by.as_ref()?, report.groups.as_ref()?);
    let rows = groups.shown.iter().map(|group| row(Item::Value(group.value.clone()), &group.figures));
    let asked = super::shown(&by.asked);
    let mut section = Section::new(format!("By {asked}"));
    let of = groups.distinct;
    section.drawn(Table { of, ..table(&asked, rows.collect()) }, &[1]);
    let missing: Vec<&str> =
        by.columns.iter().filter(|(_, column)| column.is_none()).map(|(source, _)| source.as_str()).collect();
    if !missing.is_empty() {
        section
            .notes
            .push(format!("No such column in {}; its tickets are under (none).", missing.join(", ")));
    }
    Some(section)
}

fn table(first: &str, rows: Vec<Vec<Item>>) -> Table {
    Table::new(
        [
            first,
            "tickets",
            "open",
            "first assignment",
            "9 of 10 within",
            "resolution",
            "9 of 10 within",
            "SLA kept",
            "rating of 5",
        ],
        rows,
    )
}

fn row(name: Item, figures: &Figures) -> Vec<Item> {
    let spans = |times: &Option<Times>| {
        let of = |seconds: fn(&Times) -> Option<f64>| Item::Seconds(times.as_ref().and_then(seconds));
        [of(|times| times.median_seconds), of(|times| times.p90_seconds)]
    };
    let mut row = vec![name, Item::count(figures.tickets), Item::Count(figures.open)];
    row.extend(spans(&figures.first_assignment));
    row.extend(spans(&figures.resolution));
    row.push(Item::Share(figures.sla.as_ref().and_then(|sla| sla.attainment)));
    row.push(Item::Rating(figures.satisfaction.as_ref().and_then(|ratings| ratings.mean)));
    row
}

pub fn statuses(report: &Report) -> Option<Section> {
    let mut counts: BTreeMap<(&str, &Option<String>), u64> = BTreeMap::new();
    for standing in &report.standings {
        *counts.entry((&standing.source, &standing.status)).or_default() += standing.tickets;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|((source, _), tickets)| (*source, Reverse(*tickets)));
    let row = |((source, status), tickets): ((&str, &Option<String>), u64)| {
        vec![Item::text(source), Item::Value(status.clone()), Item::count(tickets)]
    };
    let table = Table::new(["source", "status", "tickets"], counts.into_iter().map(row).collect());
    let mut section = Section::new("Where do tickets stand?");
    section.drawn(Table { whole: true, ..table.bar(2) }, &[2]);
    Some(section)
}

pub fn priorities(report: &Report) -> Option<Section> {
    let mut counts: BTreeMap<&Option<String>, u64> = BTreeMap::new();
    for standing in &report.standings {
        *counts.entry(&standing.priority).or_default() += standing.tickets;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, tickets)| Reverse(*tickets));
    let rows =
        counts.into_iter().map(|(name, tickets)| vec![Item::Value(name.clone()), Item::count(tickets)]);
    let mut section = Section::new("How urgent are they?");
    section.drawn(Table::new(["priority", "tickets"], rows.collect()).bar(1), &[1]);
    Some(section)
}
