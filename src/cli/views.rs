//! `ticketlake views`: the lake as DuckDB views, for a DuckDB that starts in any folder.

use serde::Serialize;

use super::{Context, looking, output};
use crate::{
    config::Place,
    error::Error,
    exit::Exit,
    lake::{self, views::ViewContext},
    source, sync,
};

const AFTER_HELP: &str = "\
Every sync leaves the same SQL as views.sql in the lake's folder. No source is asked and no secret
is needed. With --lake no configuration is needed either.

Examples:
  duckdb -init <(ticketlake views --absolute)
  ticketlake views --absolute > tickets.sql       then .read tickets.sql
  ticketlake views --absolute --source support";

/// Print SQL that makes DuckDB views of the lake, custom columns under their labels
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Name files by their whole path: the views load from any folder, not only from the lake's
    #[arg(long)]
    pub absolute: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Views {
    lake: String,
    absolute: bool,
    sql: String,
}

/// Prints the views.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let (lake, _, names) = looking::lake_and_sources(context)?;
    let folder = match lake.place() {
        Place::Folder(root) if args.absolute => Some(whole_path(root)?),
        Place::Folder(_) => None,
        // An address is whole.
        place @ Place::Bucket(_) => args.absolute.then(|| place.to_string()),
    };
    let view = ViewContext { uniform: &|source| sync::is_uniform(&lake, source), origin: &source::origin };
    let sql = lake::views::text(&lake, &names, view, folder.as_deref())?;
    match context.global.json {
        true => {
            let lake = lake.place().to_string();
            output::print_json(&Views { lake, absolute: args.absolute, sql })?;
        }
        false => output::print(sql)?,
    }
    Ok(Exit::Complete)
}

/// The path from the root on, as SQL can name it.
fn whole_path(folder: &std::path::Path) -> Result<String, Error> {
    let shown = || folder.display();
    let whole = std::path::absolute(folder)
        .map_err(|why| Error::Io { what: format!("cannot tell the whole path of {}", shown()), why })?;
    whole.into_os_string().into_string().map_err(|_| {
        Error::Usage(format!(
            "--absolute: the path of {} is no text that SQL can name; rename the folder",
            shown()
        ))
    })
}
