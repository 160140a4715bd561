//! The report as one page: tables in HTML, charts drawn by Apache ECharts in the browser, everything in one file.
//!
//! The page loads nothing: its policy forbids every request, and runs the two built-in scripts and no other, whatever a
//! label holds.

mod drawing;
mod markup;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use self::{
    drawing::Drawing,
    markup::{escaped, table, week},
};
use super::{
    Report, Style,
    sections::{Chart, Headline, Section, Table, headline, sections, warnings},
};
use crate::messages::{Lang, report as say};

const ECHARTS: &str = include_str!("page/echarts/echarts.common.min.js");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");
/// Tables of more rows are folded.
const OPEN_ROWS: usize = 12;

/// A whole HTML document.
pub fn page(report: &Report, style: &Style) -> String {
    let lang = style.lang;
    let mut drawings: Vec<Drawing> = Vec::new();
    let mut body = String::new();
    for part in sections(report, lang) {
        body += &section(&part, &mut drawings, lang);
    }
    let top = headline(report, style);
    let policy = format!(
        "default-src 'none'; script-src '{}' '{}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(ECHARTS),
        hash(SCRIPT)
    );
    format!(
        r#"<!doctype html>
<html lang="{tag}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="ticketlake {version}">
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>{title}</h1>
{lines}{warning}{tiles}</header>
<main>
{body}</main>
<footer><p>{made_by}</p></footer>
<script type="application/json" id="data">{data}</script>
<script>{ECHARTS}</script>
<script>{SCRIPT}</script>
</body>
</html>
"#,
        tag = lang.tag(),
        version = env!("CARGO_PKG_VERSION"),
        title = escaped(&top.title),
        lines = paragraphs(&top.lines),
        warning = warning(report, lang),
        tiles = tiles(&top, lang),
        made_by = escaped(&say::MADE_BY.with(lang, &[("version", env!("CARGO_PKG_VERSION"))])),
        data = inert(&serde_json::to_string(&drawings).unwrap_or_default()),
    )
}

fn paragraphs(lines: &[String]) -> String {
    lines.iter().map(|line| format!("<p>{}</p>\n", prose(line))).collect()
}

/// A sentence; what stands in back-ticks is code.
fn prose(line: &str) -> String {
    let parts = line.split('`').enumerate();
    let part = |(at, part): (usize, &str)| match at % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    };
    parts.map(part).collect()
}

/// That the lake is not complete, and why.
fn warning(report: &Report, lang: Lang) -> String {
    let why = warnings(report, lang);
    if why.is_empty() || !report.freshness.exists {
        return String::new();
    }
    let items: String = why.iter().map(|why| format!("<li>{}</li>\n", escaped(why))).collect();
    let told = escaped(say::INCOMPLETE.text(lang));
    format!("<div class=\"warning\" role=\"alert\"><b>{told}</b>\n<ul>\n{items}</ul></div>\n")
}

/// The main figures, large; below each the one of the days before.
fn tiles(top: &Headline, lang: Lang) -> String {
    if top.figures.is_empty() {
        return String::new();
    }
    let tile = |(name, now, before): &(String, _, Option<_>)| {
        let now: &super::sections::Item = now;
        let before = before.as_ref().map(|before| Headline::compared(now, before, lang));
        let before = before.map(|before| format!("<span>{}</span>", escaped(&before))).unwrap_or_default();
        format!("<li><span>{}</span><b>{}</b>{before}</li>\n", escaped(name), escaped(&now.shown(lang)))
    };
    let figures: String = top.figures.iter().map(tile).collect();
    let below = top.below.map(|below| format!("<p>{}</p>\n", escaped(below))).unwrap_or_default();
    format!("<h2>{}</h2>\n<ul class=\"tiles\">\n{figures}</ul>\n{below}", escaped(&top.about))
}

fn section(part: &Section, drawings: &mut Vec<Drawing>, lang: Lang) -> String {
    let mut inside = format!("<h2>{}</h2>\n", escaped(&part.title));
    let over_time = |chart: &Chart| matches!(chart, Chart::Time { .. } | Chart::Week(_));
    let columns = part.tables.iter().map(|table| table.head.len()).max().unwrap_or_default();
    for chart in part.charts.iter().filter(|chart| over_time(chart)) {
        match chart {
            Chart::Week(hours) => inside += &week(hours, lang),
            _ => inside += &place(chart, part, drawings, lang),
        }
    }
    let several = part.tables.len() > 2;
    inside += match columns {
        _ if !several => "",
        0..=3 => "<div class=\"cards\">\n",
        _ => "<div class=\"cards broad\">\n",
    };
    for (number, told) in part.tables.iter().enumerate() {
        inside += "<div>\n";
        let own = |chart: &&Chart| matches!(chart, Chart::Rows { table, .. } if *table == number);
        inside +=
            &part.charts.iter().find(own).map(|chart| place(chart, part, drawings, lang)).unwrap_or_default();
        let rows = table(told, lang);
        let summary = say::AS_TABLE.count(lang, told.rows.len() as u64, &[]);
        inside += &match is_folded(told) {
            true => format!("<details><summary>{summary}</summary>\n{rows}</details>\n"),
            false => rows,
        };
        inside += "</div>\n";
    }
    inside += if several { "</div>\n" } else { "" };
    inside += &paragraphs(&part.notes);
    let wide = columns > 5 || several || part.charts.iter().any(over_time);
    let folded = part.charts.is_empty() && !part.tables.is_empty() && part.tables.iter().all(is_folded);
    let class = format!("{}{}", if wide { "wide" } else { "" }, if folded { " folded" } else { "" });
    format!("<section class=\"{}\">\n{inside}</section>\n", class.trim())
}

fn is_folded(table: &Table) -> bool {
    table.latest || table.rows.len() > OPEN_ROWS
}

/// Where the script draws a chart.
fn place(chart: &Chart, part: &Section, drawings: &mut Vec<Drawing>, lang: Lang) -> String {
    let Some(drawing) = drawing::drawing(chart, part, lang) else { return String::new() };
    let number = drawings.len();
    drawings.push(drawing);
    let label = escaped(&say::CHART.with(lang, &[("title", &part.title)]));
    let caption = match chart {
        Chart::Time { caption, .. } => format!("<p class=\"caption\">{}</p>\n", escaped(caption)),
        Chart::Week(_) | Chart::Rows { .. } => String::new(),
    };
    format!(
        "<div class=\"chart\" id=\"chart-{number}\" role=\"img\" aria-label=\"{label}\"></div>\n{caption}"
    )
}

/// JSON that a page may hold in a script element: no text in it can end the element.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// How a policy names a script.
fn hash(script: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_leaves_its_place() {
        let hostile = r#"</script><script>alert("1")</script>&'"#;
        let json = inert(&serde_json::to_string(hostile).expect("JSON"));
        assert!(!json.contains('<') && !json.contains('&'), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).expect("the same"), hostile);
        assert_eq!(escaped("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }

    #[test]
    fn scripts_do_not_end_early() {
        for script in [ECHARTS, SCRIPT] {
            let lower = script.to_lowercase();
            assert!(!lower.contains("</script") && !lower.contains("<!--"));
        }
    }
}
