//! Tables as HTML.

use crate::{
    figures::count,
    messages::{Lang, report as say},
    report::sections::{Item, Table, WEEKDAYS},
};

/// Text that is only text, inside an element and inside a quoted attribute.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

/// A table that scrolls by itself where the page is narrow.
pub fn table(told: &Table, lang: Lang) -> String {
    let (_, most) = told.bars();
    let numbers: Vec<bool> =
        told.rows.first().map(|row| row.iter().map(Item::is_number).collect()).unwrap_or_default();
    let head = |(at, name): (usize, &String)| {
        let class = if numbers.get(at) == Some(&true) { " class=\"number\"" } else { "" };
        format!("<th scope=\"col\"{class}>{}</th>", escaped(name))
    };
    let cell = |(at, item): (usize, &Item)| {
        let shown = escaped(&item.shown(lang));
        match (item.is_number(), item.size().filter(|_| told.bar == Some(at) && most > 0.0)) {
            (true, Some(size)) => {
                format!(
                    "<td class=\"number bar\" style=\"--part:{:.3}\">{shown}</td>",
                    (size / most).clamp(0.0, 1.0)
                )
            }
            (true, None) => format!("<td class=\"number\">{shown}</td>"),
            (false, _) => format!("<td>{shown}</td>"),
        }
    };
    let row =
        |row: &Vec<Item>| format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>());
    let rows: String = match told.latest {
        true => told.rows.iter().rev().map(row).collect(),
        false => told.rows.iter().map(row).collect(),
    };
    let left = told.of.saturating_sub(told.rows.len() as u64);
    let more =
        if left > 0 { format!("<p>{}</p>\n", say::MORE.count(lang, left, &[])) } else { String::new() };
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n{more}",
        told.head.iter().enumerate().map(head).collect::<String>()
    )
}

/// The hours of a week, the darker the more.
pub fn week(hours: &[[u64; 24]; 7], lang: Lang) -> String {
    let most = hours.iter().flatten().copied().max().unwrap_or_default().max(1);
    let head: String = (0..24).map(|hour| format!("<th scope=\"col\"><span>{hour}</span></th>")).collect();
    let mut rows = String::new();
    for (name, day) in WEEKDAYS.map(|name| name.text(lang)).into_iter().zip(hours) {
        let cell = |(hour, tickets): (usize, &u64)| {
            let part = *tickets as f64 / most as f64;
            let told = count(*tickets);
            format!(
                "<td style=\"--part:{part:.3}\" title=\"{name} {hour}:00: {told}\"><span class=\"unseen\">{told}</span></td>"
            )
        };
        let cells: String = day.iter().enumerate().map(cell).collect();
        let sum = count(day.iter().sum());
        rows += &format!("<tr><th scope=\"row\">{name}</th>{cells}<td class=\"number\">{sum}</td></tr>\n");
    }
    format!(
        "<table class=\"week\">\n<thead><tr><th></th>{head}<th class=\"number\" scope=\"col\">{all}</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n",
        all = say::SUM.text(lang)
    )
}
