//! When tickets come in, and how many are open.

use jiff::civil::Date;

use super::{Chart, Item, Section, Table};
use crate::{
    figures::count,
    messages::{Lang, report as say},
    report::{
        DayOpen, Report,
        series::{Joined, Unit, series},
    },
};

/// Points of a chart over time.
const POINTS: usize = 72;

pub fn volume(report: &Report, lang: Lang) -> Section {
    let mut section = Section::new(say::CREATED.text(lang));
    let days: Vec<_> = report.volume.days.iter().map(|day| (day.date, day.tickets)).collect();
    if !days.is_empty() {
        section.charts.push(chart(&days, Joined::Sum, report, lang));
        let rows = days.iter().map(|(day, tickets)| vec![Item::Day(*day), Item::count(*tickets)]).collect();
        section =
            section.table(Table { latest: true, ..Table::new(lang, &[say::DAY, say::TICKETS], rows).bar(1) });
    }
    match report.volume.undated {
        0 => section,
        undated => section.note(say::UNDATED.count(lang, undated, &[])),
    }
}

fn chart(days: &[(Date, u64)], joined: Joined, report: &Report, lang: Lang) -> Chart {
    let series = series(days, joined, POINTS, report.as_of);
    let (is_line, name) = match joined {
        Joined::Sum => (false, say::TICKETS),
        Joined::Last => (true, say::OPEN),
    };
    let what = match (series.unit, is_line) {
        (Unit::Day, false) => say::PER_DAY,
        (Unit::Week, false) => say::PER_WEEK,
        (Unit::Month, false) => say::PER_MONTH,
        (Unit::Year, false) => say::PER_YEAR,
        (Unit::Day, true) => say::END_OF_DAY,
        (Unit::Week, true) => say::END_OF_WEEK,
        (Unit::Month, true) => say::END_OF_MONTH,
        (Unit::Year, true) => say::END_OF_YEAR,
    };
    let [first, last] = [series.begins.first(), series.begins.last()]
        .map(|day| day.map(ToString::to_string).unwrap_or_default());
    let most = count(series.values.iter().copied().max().unwrap_or_default());
    let values = [("what", what.text(lang)), ("first", &first), ("last", &last), ("n", &most)];
    let mut caption = say::FROM_TO.with(lang, &values);
    if series.unfinished {
        caption += if lang == Lang::En { "; " } else { "；" };
        caption += &say::UNFINISHED.with(lang, &[("last", &last)]);
    }
    Chart::Time { is_line, name: name.text(lang), caption, series }
}

pub fn hours(report: &Report, lang: Lang) -> Section {
    let mut section = Section::new(say::HOURS.text(lang));
    let hours = &report.volume.weekday_hours;
    match hours.iter().flatten().copied().max().unwrap_or_default() {
        0 => section,
        most => {
            section.charts.push(Chart::Week(Box::new(*hours)));
            section.note(say::MOST_IN_AN_HOUR.count(lang, most, &[]))
        }
    }
}

pub fn backlog(report: &Report, lang: Lang) -> Section {
    let backlog = &report.backlog;
    let mut section = Section::new(say::BACKLOG.text(lang));
    match &backlog.days {
        None if report.all.tickets == 0 => return section,
        None => section = section.note(say::NO_ENDS.text(lang)),
        Some(days) => {
            let open: Vec<_> = days.iter().map(|day| (day.date, day.open)).collect();
            section.charts.push(chart(&open, Joined::Last, report, lang));
            let row = |day: &DayOpen| {
                let counts = [day.created, day.ended, day.open].map(Item::count);
                [Item::Day(day.date)].into_iter().chain(counts).collect()
            };
            let head = [say::DAY, say::DAY_CREATED, say::DAY_ENDED, say::OPEN];
            let table = Table::new(lang, &head, days.iter().map(row).collect()).bar(3);
            section = section.table(Table { latest: true, ..table });
            if !backlog.unknown_sources.is_empty() {
                let sources = lang.list(&backlog.unknown_sources);
                section = section.note(say::NO_ENDS_OF.with(lang, &[("sources", &sources)]));
            }
        }
    }
    if report.window.is_limited() {
        section = section.note(say::IN_WINDOW.text(lang));
    }
    match backlog.end_unknown {
        0 => section,
        unknown => section.note(say::END_UNKNOWN.count(lang, unknown, &[])),
    }
}
