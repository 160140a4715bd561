//! What each section but those over time says.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    Item, Section, Table,
    headline::{MEASURES, measures, outcome, unranked},
    moment, shown,
};
use crate::{
    messages::{Lang, Message, report as say},
    report::{Figures, Rated, Report, SourceFigures, Times},
    status::SourceStatus,
};

/// Options that are listed for each field.
const OPTIONS: usize = 5;

pub fn overview(report: &Report, lang: Lang) -> Section {
    let row = |source: &SourceFigures| figures(Item::text(&source.name), &source.figures);
    let mut rows: Vec<_> = report.sources.iter().map(row).collect();
    let mut notes = Vec::new();
    if report.sources.len() != 1 {
        rows.push(figures(Item::text(say::ALL_SOURCES.text(lang)), &report.all));
        notes.extend(times_of(report, lang, say::TO_FIRST_ASSIGNMENT, |of| &of.first_assignment));
        notes.extend(times_of(report, lang, say::TO_RESOLUTION, |of| &of.resolution));
    }
    notes.extend(unranked(&report.all, lang));
    let table = Table { whole: true, ..main_table(lang, say::SOURCE, rows) };
    notes.into_iter().fold(Section::new(say::OVERVIEW.text(lang)).table(table), Section::note)
}

/// Whose times those of all sources are, where some have none.
fn times_of(
    report: &Report,
    lang: Lang,
    what: Message,
    times: fn(&Figures) -> &Option<Times>,
) -> Option<String> {
    let with: Vec<_> = report.sources.iter().filter(|source| times(&source.figures).is_some()).collect();
    if with.is_empty() || with.len() == report.sources.len() {
        return None;
    }
    let names = lang.list(with.iter().map(|source| &source.name));
    Some(say::TIMES_OF.with(lang, &[("sources", &names), ("what", what.text(lang))]))
}

pub fn groups(report: &Report, lang: Lang) -> Section {
    let (Some(by), Some(groups)) = (&report.group_by, &report.groups) else { return Section::new("") };
    let asked = shown(&by.asked);
    let rows = groups.shown.iter().map(|group| figures(Item::value(&group.value), &group.figures)).collect();
    let mut table = main_table(lang, say::VALUE, rows);
    table.of = groups.distinct;
    table.head.first_mut().into_iter().for_each(|head| head.clone_from(&asked));
    let section = Section::new(say::BY.with(lang, &[("column", &asked)])).drawn(table, &[1]);
    let missing = by.columns.iter().filter(|(_, column)| column.is_none()).map(|(source, _)| source);
    let missing = lang.list(missing);
    if missing.is_empty() {
        section
    } else {
        section.note(say::NO_COLUMN.with(lang, &[("sources", &missing)]))
    }
}

fn main_table(lang: Lang, first: Message, rows: Vec<Vec<Item>>) -> Table {
    Table::new(lang, &[&[first], MEASURES.as_slice()].concat(), rows)
}

fn figures(name: Item, of: &Figures) -> Vec<Item> {
    [name].into_iter().chain(measures(of)).collect()
}

/// Sums of tickets by a key, the most frequent first.
fn summed<K: Ord>(counts: impl Iterator<Item = (K, u64)>) -> Vec<(K, u64)> {
    let mut sums: BTreeMap<K, u64> = BTreeMap::new();
    counts.for_each(|(key, tickets)| *sums.entry(key).or_default() += tickets);
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, tickets)| Reverse(*tickets));
    sums
}

pub fn statuses(report: &Report, lang: Lang) -> Section {
    let all = report.standings.iter().map(|of| ((&of.source, &of.status), of.tickets));
    let mut counts = summed(all);
    counts.sort_by_key(|((source, _), _)| *source);
    let row = |((source, status), tickets): ((&String, &Option<String>), u64)| {
        vec![Item::text(source), Item::value(status), Item::count(tickets)]
    };
    let head = [say::SOURCE, say::STATUS, say::TICKETS];
    let table = Table::new(lang, &head, counts.into_iter().map(row).collect()).bar(2);
    Section::new(say::STATUSES.text(lang)).drawn(Table { whole: true, ..table }, &[2])
}

pub fn priorities(report: &Report, lang: Lang) -> Section {
    let counts = summed(report.standings.iter().map(|of| (&of.priority, of.tickets)));
    let rows = counts.into_iter().map(|(name, tickets)| vec![Item::value(name), Item::count(tickets)]);
    let table = Table::new(lang, &[say::PRIORITY, say::TICKETS], rows.collect()).bar(1);
    Section::new(say::PRIORITIES.text(lang)).drawn(table, &[1])
}

pub fn policies(report: &Report, lang: Lang) -> Section {
    let section = Section::new(say::SLA.text(lang));
    let Some(policies) = &report.sla else {
        return if report.all.tickets > 0 { section.note(say::NO_SLA.text(lang)) } else { section };
    };
    let rows = policies.iter().map(|policy| {
        let counts = [policy.tickets, policy.sla.kept, policy.sla.breached].map(Item::count);
        let name = [Item::value(&policy.policy)].into_iter().chain(counts);
        name.chain([Item::Share(policy.sla.attainment)]).collect()
    });
    let head = [say::POLICY, say::TICKETS, say::KEPT, say::BREACHED, say::ATTAINMENT];
    section.drawn(Table::new(lang, &head, rows.collect()).bar(4), &[2, 3])
}

pub fn pauses(report: &Report, lang: Lang) -> Section {
    let rows =
        report.pauses.iter().flatten().map(|pause| {
            vec![Item::value(&pause.reason), Item::count(pause.tickets), Item::count(pause.paused)]
        });
    let head = [say::REASON, say::TICKETS, say::PAUSED_NOW];
    Section::new(say::PAUSES.text(lang)).drawn(Table::new(lang, &head, rows.collect()).bar(1), &[1])
}

pub fn satisfaction(report: &Report, lang: Lang) -> Section {
    let section = Section::new(say::SATISFACTION.text(lang));
    let Some(told) = &report.satisfaction else {
        return if report.all.tickets > 0 { section.note(say::NO_RATINGS.text(lang)) } else { section };
    };
    let rows = told.words.iter().map(|word| {
        let rank = word.score.map_or("–".to_owned(), |score| score.to_string());
        vec![Item::value(&word.label), Item::text(rank), Item::count(word.tickets)]
    });
    let words = Table::new(lang, &[say::WORD, say::RANK, say::TICKETS], rows.collect()).bar(2);
    let section = section
        .drawn(words, &[2])
        .drawn(people(lang, say::GROUP, &told.groups), &[4])
        .drawn(people(lang, say::ASSIGNEE, &told.assignees), &[4]);
    unranked(&report.all, lang).into_iter().fold(section, Section::note)
}

fn people(lang: Lang, what: Message, rated: &[Rated]) -> Table {
    let row = |of: &Rated| {
        let name = match (&of.name, of.id) {
            (Some(name), _) => Item::Value(Some(name.clone())),
            (None, Some(id)) => Item::text(id.to_string()),
            (None, None) => Item::text(say::UNASSIGNED.text(lang)),
        };
        let (tickets, rated) = (Item::count(of.tickets), Item::count(of.ratings.rated));
        vec![Item::text(&of.source), name, tickets, rated, Item::Rating(of.ratings.mean)]
    };
    let head = [say::SOURCE, what, say::TICKETS, say::RATED, say::RATING];
    Table::new(lang, &head, rated.iter().map(row).collect()).bar(4)
}

pub fn tags(report: &Report, lang: Lang) -> Section {
    let rows = report.tags.values.iter();
    let rows = rows.map(|tag| vec![Item::Value(Some(tag.value.clone())), Item::count(tag.tickets)]);
    let table = Table::new(lang, &[say::TAG, say::TICKETS], rows.collect()).bar(1);
    Section::new(say::TAGS.text(lang)).drawn(Table { of: report.tags.distinct, ..table }, &[1])
}

pub fn options(report: &Report, lang: Lang) -> Section {
    let mut section = Section::new(say::OPTIONS.text(lang));
    for chosen in &report.options {
        let rows = chosen.top.values.iter().take(OPTIONS);
        let rows =
            rows.map(|option| vec![Item::Value(Some(option.value.clone())), Item::count(option.tickets)]);
        let mut table = Table::new(lang, &[say::FIELD, say::TICKETS], rows.collect()).bar(1);
        table.of = chosen.top.distinct;
        let name = format!("{}: {}", chosen.source, shown(&chosen.label));
        table.head.first_mut().into_iter().for_each(|head| head.clone_from(&name));
        section = section.table(table);
    }
    section
}

pub fn fields(report: &Report, lang: Lang) -> Section {
    let row = |fill: &crate::report::Fill| {
        let name = [Item::text(&fill.source), Item::value(&fill.label), Item::text(&fill.column)];
        name.into_iter().chain([Item::count(fill.filled), Item::Share(fill.share)]).collect()
    };
    let custom = report.fields.iter().filter(|fill| fill.label.is_some() && report.all.tickets > 0);
    let head = [say::SOURCE, say::FIELD, say::COLUMN, say::TICKETS, say::FILLED];
    Section::new(say::FIELDS.text(lang)).table(Table::new(lang, &head, custom.map(row).collect()).bar(4))
}

pub fn rescued(report: &Report, lang: Lang) -> Section {
    let mut rows = Vec::new();
    for rescued in &report.rescued {
        for (key, tickets) in summed(rescued.by_key.iter().map(|(key, tickets)| (key, *tickets))) {
            rows.push(vec![
                Item::text(&rescued.source),
                Item::Value(Some(key.clone())),
                Item::count(tickets),
            ]);
        }
    }
    let section = Section::new(say::RESCUED.text(lang));
    match report.rescued.iter().map(|rescued| rescued.tickets).sum() {
        0 => section,
        tickets => section
            .table(Table::new(lang, &[say::SOURCE, say::KEY, say::TICKETS], rows).bar(2))
            .note(say::RESCUED_IN.count(lang, tickets, &[])),
    }
}

pub fn freshness(report: &Report, lang: Lang) -> Section {
    let at = |at: Option<jiff::Timestamp>| {
        let written = at.map(|at| moment(report, at).strftime("%Y-%m-%d %H:%M").to_string());
        Item::text(written.unwrap_or_else(|| say::NEVER.text(lang).to_owned()))
    };
    let row = |source: &SourceStatus| {
        let run = source.last_run.as_ref();
        let times = [source.complete_at, source.whole_at, run.and_then(|run| run.finished_at)].map(at);
        let outcome = run.map_or("–", |run| outcome(run.outcome).text(lang));
        [Item::text(&source.name)].into_iter().chain(times).chain([Item::text(outcome)]).collect()
    };
    let head = [say::SOURCE, say::UP_TO, say::LAST_FULL_READ, say::LAST_RUN, say::OUTCOME];
    let rows = report.freshness.sources.iter().map(row).collect();
    let table = Table { whole: true, ..Table::new(lang, &head, rows) };
    let left = report.freshness.work_left.iter();
    left.map(|left| say::TO_DO.with(lang, &[("what", &shown(left))]))
        .fold(Section::new(say::FRESHNESS.text(lang)).table(table), Section::note)
}
