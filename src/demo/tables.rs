//! How the answers look: small tables, aligned by the width of what is shown, with a bar where numbers compare.

use comfy_table::{Cell, Table};

use super::answers::{Answers, Choices};
use crate::{
    figures,
    report::bar,
    tables::{plain, right},
};

/// The longest bar, in columns of the terminal.
const BAR: u64 = 24;
/// Options that are told one by one.
const TOP: usize = 6;

/// Text of several lines, the last one ended; no colours.
pub fn render(answers: &Answers) -> String {
    let mut text = String::new();
    let mut add = |title: &str, table: Option<Table>| {
        if let Some(table) = table {
            text += &format!("\n{title}\n{table}\n");
        }
    };
    add("Where do tickets stand?", statuses(answers));
    add("How many came in on the last days?", days(answers));
    for choices in &answers.choices {
        let title = format!("{}: what was chosen in {} ({})?", choices.source, choices.label, choices.column);
        add(&title, options(choices));
    }
    add("Are agreements kept, and customers content?", service(answers));
    text
}

fn statuses(answers: &Answers) -> Option<Table> {
    let most = answers.statuses.values().max()?;
    let mut table = plain(["source", "status", "tickets", ""]);
    for ((source, status), count) in &answers.statuses {
        table.add_row([
            Cell::new(source),
            Cell::new(status),
            right(figures::count(*count)),
            Cell::new(bar(*count, *most, BAR)),
        ]);
    }
    Some(table)
}

fn days(answers: &Answers) -> Option<Table> {
    let most = answers.days.values().max()?;
    let mut table = plain(["day", "tickets", ""]);
    for (day, count) in &answers.days {
        table.add_row([Cell::new(day), right(figures::count(*count)), Cell::new(bar(*count, *most, BAR))]);
    }
    Some(table)
}

fn options(choices: &Choices) -> Option<Table> {
    let mut counts: Vec<_> = choices.counts.iter().collect();
    counts.sort_by_key(|(label, count)| (std::cmp::Reverse(**count), *label));
    let most = *counts.first()?.1;
    let mut table = plain(["option", "tickets", ""]);
    for (label, count) in counts.into_iter().take(TOP) {
        table.add_row([Cell::new(label), right(figures::count(*count)), Cell::new(bar(*count, most, BAR))]);
    }
    Some(table)
}

fn service(answers: &Answers) -> Option<Table> {
    let mut told = answers.service.iter().filter(|(_, told)| told.breached.1 + told.ratings.1 > 0).peekable();
    told.peek()?;
    let mut table =
        plain(["priority", "tickets", "median hours to resolve", "agreements kept", "rating of 5"]);
    for (priority, service) in told {
        let (breached, agreed) = service.breached;
        let (sum, rated) = service.ratings;
        let of = |number: Option<String>| right(number.unwrap_or_else(|| "–".to_owned()));
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        table.add_row([
            Cell::new(priority),
            right(figures::count(service.tickets)),
            of(service.median_hours().map(|hours| format!("{hours:.1}"))),
            of(share(agreed - breached, agreed).map(|share| format!("{:.0} %", share * 100.0))),
            of(share(sum, rated).map(|rating| format!("{rating:.2}"))),
        ]);
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn tables_line_up_whatever_the_script() {
        let counts =
            [("咨询", 7), ("Refund", 24), ("投诉、建议", 1)].map(|(label, count)| (label.to_owned(), count));
        let choices = Choices {
            source: "s".to_owned(),
            label: "类型".to_owned(),
            column: "cf_1".to_owned(),
            counts: counts.into(),
        };
        let text = options(&choices).expect("a table").to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| line.width() == lines[0].width()), "{text}");
        assert!(text.find("Refund") < text.find("咨询"), "{text}");
        assert!(text.contains(&"█".repeat(24)), "{text}");
    }

    #[test]
    fn nothing_known_is_nothing_shown() {
        assert_eq!(render(&Answers::default()), "");
    }
}
