//! What stands on top: the title, when and of what, whether the lake is complete, and the figures that matter most.

use super::{Item, Section, Style, Table, date, moment, shown};
use crate::{
    figures::count,
    messages::{Lang, Message, report as say},
    report::{Figures, Report, Times},
    status::SourceStatus,
    summary::Outcome,
};

/// The top of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    pub title: String,
    /// Date, zone, what is counted and what is left out.
    pub lines: Vec<String>,
    /// What the figures are about.
    pub about: String,
    /// Each with the figure of the days before, where there are such.
    pub figures: Vec<(String, Item, Option<Item>)>,
    /// What the rest is about, if that is not the same.
    pub below: Option<&'static str>,
}

pub fn headline(report: &Report, style: &Style) -> Headline {
    let lang = style.lang;
    let title = style.title.as_deref().map(shown).unwrap_or_else(|| say::TITLE.text(lang).to_owned());
    let lake = shown(&report.lake);
    if !report.freshness.exists {
        let lines = vec![say::NO_LAKE.with(lang, &[("lake", &lake)])];
        return Headline { title, lines, about: String::new(), figures: Vec::new(), below: None };
    }
    let at = moment(report, report.at);
    let day = date(lang, at.date());
    let at = format!("{day}{}{}", if lang == Lang::En { ", " } else { " " }, at.strftime("%H:%M"));
    let what = what(report, lang);
    let mut lines = vec![
        say::AT.with(lang, &[("at", &at), ("zone", &report.timezone)]),
        say::IN_LAKE.with(lang, &[("what", &what), ("lake", &lake)]),
    ];
    if report.deleted > 0 {
        lines.push(say::DELETED.count(lang, report.deleted, &[]));
    }
    let (about, now, before) = match &report.recent {
        Some(recent) => {
            let last = date(lang, recent.until.yesterday().unwrap_or(recent.until));
            let about = say::RECENT.count(lang, recent.days.into(), &[("last", &last)]);
            (about, &recent.figures, Some(&recent.before))
        }
        None => (what, &report.all, None),
    };
    let figures = MEASURES.iter().zip(measures(now)).enumerate().map(|(at, (name, item))| {
        let before = before.and_then(|before| measures(before).into_iter().nth(at));
        (labelled(*name, now, lang), item, before)
    });
    let figures: Vec<_> = figures.filter(|_| report.all.tickets > 0).collect();
    let below = report.recent.is_some().then(|| say::BELOW.text(lang)).filter(|_| !figures.is_empty());
    Headline { title, lines, about, figures, below }
}

/// Which tickets are counted.
fn what(report: &Report, lang: Lang) -> String {
    let day = |day| date(lang, day);
    match (report.window.since, report.window.until) {
        (None, None) => say::ALL_TICKETS.text(lang).to_owned(),
        (Some(since), None) => say::SINCE.with(lang, &[("since", &day(since))]),
        (None, Some(until)) => say::UNTIL.with(lang, &[("until", &day(until))]),
        (Some(since), Some(until)) => {
            let last = day(until.yesterday().unwrap_or(until));
            say::BETWEEN.with(lang, &[("since", &day(since)), ("last", &last)])
        }
    }
}

/// The main figures, in the order of [`measures`].
pub const MEASURES: [Message; 8] = [
    say::TICKETS,
    say::OPEN,
    say::FIRST_ASSIGNMENT,
    say::FIRST_ASSIGNMENT_P90,
    say::RESOLUTION,
    say::RESOLUTION_P90,
    say::ATTAINMENT,
    say::RATING,
];

pub fn measures(of: &Figures) -> [Item; 8] {
    let spans = |times: &Option<Times>| {
        let of = |seconds: fn(&Times) -> Option<f64>| Item::Seconds(times.as_ref().and_then(seconds));
        [of(|times| times.median_seconds), of(|times| times.p90_seconds)]
    };
    let [assigned, assigned_p90] = spans(&of.first_assignment);
    let [resolved, resolved_p90] = spans(&of.resolution);
    [
        Item::count(of.tickets),
        Item::Count(of.open),
        assigned,
        assigned_p90,
        resolved,
        resolved_p90,
        Item::Share(of.sla.as_ref().and_then(|sla| sla.attainment)),
        Item::Rating(of.satisfaction.as_ref().and_then(|ratings| ratings.mean)),
    ]
}

/// The name of a figure; that of the rating says how many it leaves out.
fn labelled(name: Message, of: &Figures, lang: Lang) -> String {
    let left = of.satisfaction.as_ref().map_or(0, |ratings| ratings.rated - ratings.scored);
    let text = name.text(lang);
    if name != say::RATING || left == 0 {
        return text.to_owned();
    }
    format!("{text}{}{}", if lang == Lang::En { ", " } else { "，" }, say::LEFT_OUT.count(lang, left, &[]))
}

/// How much a figure differs from the one before: `+12%`, `−0.20`.
fn change(now: &Item, before: &Item, lang: Lang) -> Option<String> {
    let (new, old) = (now.size()?, before.size()?);
    let told = match now {
        Item::Share(_) => say::POINTS.with(lang, &[("n", &format!("{:+.1}", (new - old) * 100.0))]),
        Item::Rating(_) => format!("{:+.2}", new - old),
        _ if old > 0.0 => format!("{:+.0}%", (new / old - 1.0) * 100.0),
        _ => return None,
    };
    Some(told.replace('-', "−"))
}

impl Headline {
    /// What stands below a figure: the one before, and the change.
    pub fn compared(now: &Item, before: &Item, lang: Lang) -> String {
        let told = say::BEFORE.with(lang, &[("value", &before.shown(lang))]);
        match change(now, before, lang) {
            Some(change) => format!("{told} · {change}"),
            None => told,
        }
    }

    /// The figures as a table.
    pub fn section(&self, lang: Lang) -> Section {
        let row = |(name, now, before): &(String, Item, Option<Item>)| {
            let mut row = vec![Item::text(name), Item::text(now.shown(lang))];
            if let Some(before) = before {
                row.push(Item::text(before.shown(lang)));
                row.push(Item::text(change(now, before, lang).unwrap_or_default()));
            }
            row
        };
        let head = [say::FIGURE, say::NOW, say::EARLIER, say::CHANGE];
        let columns = if self.figures.iter().any(|(_, _, before)| before.is_some()) { 4 } else { 2 };
        let rows = self.figures.iter().map(row).collect();
        let table = Table { whole: true, ..Table::new(lang, head.get(..columns).unwrap_or_default(), rows) };
        let section = Section::new(&self.about).table(table);
        self.below.into_iter().fold(section, |section, below| section.note(below))
    }
}

pub fn outcome(outcome: Outcome) -> Message {
    match outcome {
        Outcome::Complete => say::COMPLETE,
        Outcome::Incomplete => say::RUN_INCOMPLETE,
        Outcome::Failed => say::FAILED,
        Outcome::Interrupted => say::INTERRUPTED,
        Outcome::Running => say::RUNNING,
        Outcome::Died => say::DIED,
    }
}

/// Why the lake is not complete; empty if it is.
pub fn warnings(report: &Report, lang: Lang) -> Vec<String> {
    let of = |source: &SourceStatus| {
        let name = [("source", source.name.as_str())];
        let last = source.last_run.as_ref().map(|run| run.outcome);
        let mut why = Vec::new();
        if source.whole_at.is_none() {
            why.push(say::NEVER_COMPLETE.with(lang, &name));
        }
        if let Some(last) = last.filter(|last| !matches!(last, Outcome::Complete | Outcome::Running)) {
            why.push(say::LAST_RUN_WAS.with(lang, &[name[0], ("outcome", outcome(last).text(lang))]));
        }
        if source.missing.tickets > 0 {
            why.push(say::MISSING.count(lang, source.missing.tickets, &name));
        }
        why
    };
    report.freshness.sources.iter().flat_map(of).collect()
}

/// The note on ratings whose word has no rank.
pub fn unranked(of: &Figures, lang: Lang) -> Option<String> {
    let ratings = of.satisfaction.as_ref()?;
    let left = ratings.rated - ratings.scored;
    (left > 0).then(|| say::UNRANKED.count(lang, left, &[("rated", &count(ratings.rated))]))
}
