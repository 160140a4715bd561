//! Agreements, and what customers say.

use super::{Item, Section, Table};
use crate::report::{Rated, Report};

pub fn policies(report: &Report) -> Option<Section> {
    let title = "Are agreements kept?";
    let Some(policies) = &report.sla else {
        return (report.all.tickets > 0)
            .then(|| Section::unknown(title, "Not known: no ticket has an agreement."));
    };
    let rows = policies.iter().map(|policy| {
        vec![
            Item::Value(policy.policy.clone()),
            Item::count(policy.tickets),
            Item::count(policy.sla.kept),
            Item::count(policy.sla.breached),
            Item::Share(policy.sla.attainment),
        ]
    });
    let mut section = Section::new(title);
    let head = ["policy", "tickets", "kept", "breached", "share kept"];
    section.drawn(Table::new(head, rows.collect()).bar(4), &[2, 3]);
    Some(section)
}

pub fn pauses(report: &Report) -> Option<Section> {
    let rows = report.pauses.as_ref()?.iter().map(|pause| {
        vec![Item::Value(pause.reason.clone()), Item::count(pause.tickets), Item::count(pause.paused)]
    });
    let mut section = Section::new("Why are clocks stopped?");
    section.drawn(Table::new(["reason", "tickets", "paused now"], rows.collect()).bar(1), &[1]);
    Some(section)
}

pub fn satisfaction(report: &Report) -> Option<Section> {
    let title = "Are customers content?";
    let Some(satisfaction) = &report.satisfaction else {
        return (report.all.tickets > 0).then(|| Section::unknown(title, "Not known: no ticket was rated."));
    };
    let rows = satisfaction.words.iter().map(|word| {
        let score = word.score.map(|score| score as f64);
        vec![Item::Value(word.label.clone()), Item::Rating(score), Item::count(word.tickets)]
    });
    let mut section = Section::new(title);
    section.drawn(Table::new(["rating", "of 5", "tickets"], rows.collect()).bar(2), &[2]);
    section.drawn(people("group", &satisfaction.groups), &[4]);
    section.drawn(people("assignee", &satisfaction.assignees), &[4]);
    Some(section)
}

fn people(what: &str, rated: &[Rated]) -> Table {
    let row = |of: &Rated| {
        let name = match (&of.name, of.id) {
            (Some(name), _) => Item::Value(Some(name.clone())),
            (None, Some(id)) => Item::text(id.to_string()),
            (None, None) => Item::text("nobody yet"),
        };
        vec![
            Item::text(&of.source),
            name,
            Item::count(of.tickets),
            Item::count(of.ratings.rated),
            Item::Rating(of.ratings.mean),
        ]
    };
    Table::new(["source", what, "tickets", "rated", "rating of 5"], rated.iter().map(row).collect()).bar(4)
}
