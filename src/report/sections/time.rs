//! When tickets come in, and how many are open.

use super::{Chart, Item, POINTS, Section, Table};
use crate::{
    figures::count,
    report::{
        Report,
        series::{Joined, series},
    },
};

pub fn volume(report: &Report) -> Option<Section> {
    let days: Vec<_> = report.volume.days.iter().map(|day| (day.date, day.tickets)).collect();
    let mut section = Section::new("How many tickets come in?");
    if !days.is_empty() {
        section.charts.push(Chart::Bars { name: "tickets", series: series(&days, Joined::Sum, POINTS) });
        let rows = days.iter().map(|(day, tickets)| vec![Item::Day(*day), Item::count(*tickets)]).collect();
        section.tables.push(Table { latest: true, ..Table::new(["day", "tickets"], rows).bar(1) });
    }
    if report.volume.undated > 0 {
        let undated = count(report.volume.undated);
        section.notes.push(format!("Tickets that do not tell when they were created: {undated}."));
    }
    Some(section)
}

pub fn hours(report: &Report) -> Option<Section> {
    let hours = &report.volume.weekday_hours;
    if hours.iter().flatten().all(|tickets| *tickets == 0) {
        return None;
    }
    let mut section = Section::new("At which hours of the week?");
    section.charts.push(Chart::Week(Box::new(*hours)));
    let most = hours.iter().flatten().copied().max().unwrap_or_default();
    section.notes.push(format!("The most in one hour of the week: {}.", count(most)));
    Some(section)
}

pub fn backlog(report: &Report) -> Option<Section> {
    let backlog = &report.backlog;
    let title = "How many are open at the end of the day?";
    let mut section = match &backlog.days {
        None if report.all.tickets == 0 => return None,
        None => Section::unknown(title, "Not known: no source tells when tickets were resolved or closed."),
        Some(days) => {
            let open: Vec<_> = days.iter().map(|day| (day.date, day.open)).collect();
            let mut section = Section::new(title);
            section.charts.push(Chart::Line { name: "open", series: series(&open, Joined::Last, POINTS) });
            let row = |day: &crate::report::DayOpen| {
                vec![
                    Item::Day(day.date),
                    Item::count(day.created),
                    Item::count(day.ended),
                    Item::count(day.open),
                ]
            };
            let table = Table::new(["day", "created", "ended", "open"], days.iter().map(row).collect());
            section.tables.push(Table { latest: true, ..table.bar(3) });
            section
        }
    };
    if report.window.is_limited() {
        section
            .notes
            .push("Of the tickets that were created in the window; older ones are not counted.".to_owned());
    }
    if backlog.days.is_some() && !backlog.unknown_sources.is_empty() {
        section.notes.push(format!("Not known of {}, and left out.", backlog.unknown_sources.join(", ")));
    }
    if backlog.end_unknown > 0 {
        let unknown = count(backlog.end_unknown);
        section.notes.push(format!("Left out, since they are done and do not tell since when: {unknown}."));
    }
    Some(section)
}
