//! `ticketlake report`: figures of the lake for a manager.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use jiff::{ToSpan, Zoned, civil::Date, tz::TimeZone};

use super::{Context, looking, output};
use crate::{
    error::Error,
    exit::Exit,
    messages::Lang,
    report::{self, Asked, Style, Window},
};

const AFTER_HELP: &str = "\
Reads only the lake: no source is asked and no secret is needed. With --lake no configuration
is needed either. Days and hours are in the lake's time zone. Tickets deleted at the source are
left out. A figure that no ticket has is `not known`, in JSON null.

Without --since, --until or --last all tickets are counted, and the last 30 days are compared
with the 30 before. A satisfaction word without a known rank is left out of the average; give
it one with `rating_scale = { Great = 5 }` in its [[source]].

Examples:
  ticketlake report
  ticketlake report --last 7d
  ticketlake report --since 2024-01-01 --until 2024-07-01
  ticketlake report --source support --group-by 问题类型
  ticketlake report --group-by priority --json | jq '.groups.shown[] | {value, tickets}'
  ticketlake report --html desk.html --title \"Support, week 23\"
  ticketlake report --html - --lang zh | mail -a 'Content-Type: text/html' ops@example.com";

/// Report volumes, backlog, times, SLA and satisfaction: as text, or as a page with charts
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Only tickets created from this day on: a date, `yesterday` or `today`
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub since: Option<Day>,

    /// Only tickets created before this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<Day>,

    /// Only tickets created in the last whole days, without today: `7d`, `4w`
    #[arg(long, value_name = "DAYS", value_parser = days, conflicts_with_all = ["since", "until"])]
    pub last: Option<i64>,

    /// Break the main figures down by a column, or by a custom field's label
    #[arg(long, value_name = "COLUMN")]
    pub group_by: Option<String>,

    /// Write a page with charts that needs no network; `-` is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,

    /// The title on top
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// The language of text and page [default: `language` of the lake's configuration, else en]
    #[arg(long, value_name = "LANG", value_enum)]
    pub lang: Option<Lang>,
}

/// A day as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    Date(Date),
    Today,
    Yesterday,
}

/// Prints the report, or writes the page.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let to_stdout = args.html.as_deref() == Some(Path::new("-"));
    if to_stdout && context.global.json {
        return Err(Error::Usage(
            "--html - and --json both write to standard output; leave one of them out".to_owned(),
        ));
    }
    let offline = context.offline()?;
    let (lake, zone, names) = looking::lake_and_sources(context)?;
    let window = window(args, &zone)?;
    let asked = Asked { window, group_by: args.group_by.clone(), scales: offline.rating_scales };
    let style = Style { lang: args.lang.unwrap_or(offline.language), title: args.title.clone() };
    // Reading and counting keep a processor busy, and Polars waits in threads of its own.
    let told = tokio::task::spawn_blocking(move || report::read(&lake, &zone, &names, &asked));
    let told = told.await.map_err(|why| Error::Unexpected(why.to_string()))??;
    match &args.html {
        Some(_) if to_stdout => output::print(report::page(&told, &style))?,
        Some(file) => output::put(file, report::page(&told, &style).as_bytes())?,
        None => {}
    }
    match &args.html {
        _ if context.global.json => output::print_json(&told)?,
        Some(file) if !to_stdout => {
            output::print(format!("wrote {}; open it in a browser\n", file.display()))?
        }
        Some(_) => {}
        None => output::print(report::render(&told, &style))?,
    }
    Ok(Exit::Complete)
}

fn day(text: &str) -> Result<Day, String> {
    match text {
        "today" => return Ok(Day::Today),
        "yesterday" => return Ok(Day::Yesterday),
        _ => {}
    }
    let form = || "write a date as 2024-01-31, `yesterday` or `today`".to_owned();
    let date = Date::strptime("%Y-%m-%d", text).map_err(|_| form())?;
    // `2024-1-31` would be read too.
    if date.to_string() == text { Ok(Day::Date(date)) } else { Err(form()) }
}

fn days(text: &str) -> Result<i64, String> {
    let form = || "write a number of days or weeks, as 7d or 4w".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(form)?;
    let length = match unit {
        "d" => 1,
        "w" => 7,
        _ => return Err(form()),
    };
    let number: u16 = number.parse().map_err(|_| form())?;
    if number == 0 { Err(form()) } else { Ok(i64::from(number) * length) }
}

fn window(args: &Args, zone: &TimeZone) -> Result<Window, Error> {
    let today = Zoned::now().with_time_zone(zone.clone()).date();
    let before = |days: i64| today.checked_sub(days.days()).unwrap_or(today);
    if let Some(days) = args.last {
        return Ok(Window { since: Some(before(days)), until: Some(today) });
    }
    let date = |day: Day| match day {
        Day::Date(date) => date,
        Day::Today => today,
        Day::Yesterday => before(1),
    };
    match (args.since.map(date), args.until.map(date)) {
        (Some(since), Some(until)) if since >= until => Err(Error::Usage(format!(
            "--since {since} is not before --until {until}; the day of --until is left out: for one day, give the next one"
        ))),
        (since, until) => Ok(Window { since, until }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates_or_words() {
        assert_eq!(day("2024-01-31"), Ok(Day::Date(jiff::civil::date(2024, 1, 31))));
        assert_eq!((day("today"), day("yesterday")), (Ok(Day::Today), Ok(Day::Yesterday)));
        for wrong in ["2024-1-31", "tomorrow", "", "2024-02-30"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
        assert_eq!((days("7d"), days("4w"), days("65535w")), (Ok(7), Ok(28), Ok(458_745)));
        for wrong in ["", "7", "d", "0d", "-1d", "7y", "七天", "1.5d"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
