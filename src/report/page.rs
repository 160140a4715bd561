//! The report as one page: tables in HTML, charts drawn by Apache ECharts in the browser, everything in one file.
//!
//! The page asks for nothing: its policy forbids every request, and runs the two scripts that were built in and no other,
//! whatever a label holds.

mod drawing;
mod markup;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use self::{
    drawing::Drawing,
    markup::{escaped, table, week},
};
use super::{
    Report,
    sections::{Chart, Item, Section, sections, title},
};

const ECHARTS: &str = include_str!("page/echarts/echarts.common.min.js");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");
/// Tables of more rows are folded.
const OPEN_ROWS: usize = 12;

/// A whole HTML document.
pub fn page(report: &Report) -> String {
    let mut drawings: Vec<Drawing> = Vec::new();
    let mut body = String::new();
    for part in sections(report) {
        body += &section(&part, &mut drawings);
    }
    let heading = match (report.window.since, report.window.until) {
        (None, None) => "How the desk is doing".to_owned(),
        (Some(since), None) => format!("How the desk is doing since {since}"),
        (None, Some(until)) => format!("How the desk did before {until}"),
        (Some(since), Some(until)) => format!("How the desk did from {since} on and before {until}"),
    };
    let lines: String = title(report).iter().map(|line| format!("<p>{}</p>\n", escaped(line))).collect();
    let policy = format!(
        "default-src 'none'; script-src '{}' '{}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(ECHARTS),
        hash(SCRIPT)
    );
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="ticketlake {version}">
<title>{heading}</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>{heading}</h1>
{lines}{tiles}</header>
<main>
{body}</main>
<footer><p>Made by ticketlake {version} at {at}. Charts by Apache ECharts, Apache License 2.0.</p></footer>
<script type="application/json" id="data">{data}</script>
<script>{ECHARTS}</script>
<script>{SCRIPT}</script>
</body>
</html>
"#,
        version = env!("CARGO_PKG_VERSION"),
        tiles = tiles(report),
        at = escaped(&report.at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        data = inert(&serde_json::to_string(&drawings).unwrap_or_default()),
    )
}

/// The main figures, large.
fn tiles(report: &Report) -> String {
    let all = &report.all;
    if all.tickets == 0 {
        return String::new();
    }
    let median =
        |times: &Option<super::Times>| Item::Seconds(times.as_ref().and_then(|times| times.median_seconds));
    let figures = [
        ("tickets", Item::Count(Some(all.tickets))),
        ("open", Item::Count(all.open)),
        ("until first assignment, median", median(&all.first_assignment)),
        ("until resolution, median", median(&all.resolution)),
        ("agreements kept", Item::Share(all.sla.as_ref().and_then(|sla| sla.attainment))),
        ("rating of 5", Item::Rating(all.satisfaction.as_ref().and_then(|ratings| ratings.mean))),
    ];
    let tile = |(name, item): &(&str, Item)| {
        format!("<li><b>{}</b><span>{name}</span></li>\n", escaped(&item.shown()))
    };
    format!("<ul class=\"tiles\">\n{}</ul>\n", figures.iter().map(tile).collect::<String>())
}

fn section(part: &Section, drawings: &mut Vec<Drawing>) -> String {
    let mut inside = format!("<h2>{}</h2>\n", escaped(&part.title));
    let over_time = |chart: &Chart| matches!(chart, Chart::Bars { .. } | Chart::Line { .. } | Chart::Week(_));
    let columns = part.tables.iter().map(|table| table.head.len()).max().unwrap_or_default();
    for chart in part.charts.iter().filter(|chart| over_time(chart)) {
        match chart {
            Chart::Week(hours) => inside += &week(hours),
            _ => inside += &place(chart, part, drawings),
        }
    }
    let several = part.tables.len() > 2;
    inside += if several { "<div class=\"cards\">\n" } else { "" };
    for (number, data) in part.tables.iter().enumerate() {
        inside += "<div>\n";
        let own = |chart: &&Chart| matches!(chart, Chart::Rows { table, .. } if *table == number);
        inside += &part.charts.iter().find(own).map(|chart| place(chart, part, drawings)).unwrap_or_default();
        let rows = table(data);
        let folded = data.latest || data.rows.len() > OPEN_ROWS;
        inside += &match folded {
            true => format!(
                "<details><summary>As a table ({} rows)</summary>\n{rows}</details>\n",
                data.rows.len()
            ),
            false => rows,
        };
        inside += "</div>\n";
    }
    inside += if several { "</div>\n" } else { "" };
    inside += &part.notes.iter().map(|note| format!("<p>{}</p>\n", escaped(note))).collect::<String>();
    let wide = columns > 5 || several || part.charts.iter().any(over_time);
    format!("<section{}>\n{inside}</section>\n", if wide { " class=\"wide\"" } else { "" })
}

/// Where the script draws a chart.
fn place(chart: &Chart, part: &Section, drawings: &mut Vec<Drawing>) -> String {
    let Some(drawing) = drawing::drawing(chart, part) else { return String::new() };
    let number = drawings.len();
    drawings.push(drawing);
    let label = format!("Chart: {} The table below it tells the same.", part.title);
    let caption = match chart {
        Chart::Bars { series, .. } => {
            format!("<p class=\"caption\">one bar for each {}</p>\n", series.unit.name())
        }
        Chart::Line { series, .. } => {
            format!("<p class=\"caption\">at the end of each {}</p>\n", series.unit.name())
        }
        Chart::Week(_) | Chart::Rows { .. } => String::new(),
    };
    format!(
        "<div class=\"chart\" id=\"chart-{number}\" role=\"img\" aria-label=\"{}\"></div>\n{caption}",
        escaped(&label)
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
