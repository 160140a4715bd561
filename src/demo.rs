//! The demo: a sandbox in this process, a configuration for it, and a tour of the lake that a sync makes of it.

mod answers;
mod folder;
mod tables;

use std::{io, path::Path, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    config::{self, Config, Overrides},
    error::Error,
    lake::{self, Lake},
    sandbox::{self, Options},
};

/// What the demo shows.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Where its lake and its configuration go.
    pub folder: &'a Path,
    /// Of each vendor.
    pub tickets: usize,
    pub seed: u64,
}

/// A help desk that answers as long as this lives, and what a sync of it needs.
#[derive(Debug)]
pub struct Desk {
    pub config: Config,
    pub address: String,
    served: JoinHandle<io::Result<()>>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// Empties the demo's folder, opens the help desk and writes the configuration.
pub async fn open(settings: Settings<'_>) -> Result<Desk, Error> {
    folder::empty(settings.folder)?;
    let cannot = |why| Error::Io { what: "cannot listen on 127.0.0.1".to_owned(), why };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
    let place = listener.local_addr().map_err(cannot)?;
    let file = folder::furnish(settings, place.port())?;
    let options = Options {
        seed: settings.seed,
        tickets: settings.tickets,
        rate: None,
        latency: Duration::ZERO,
        ..Options::default()
    };
    let served = tokio::spawn(sandbox::serve(listener, options));
    let config = config::load(&file, &Overrides::default())?;
    Ok(Desk { config, address: format!("http://{place}"), served })
}

/// What there is to see in the demo's lake, as text of several lines.
pub fn tour(lake: &Lake, folder: &Path) -> Result<String, Error> {
    let sources = lake::sources(lake)?;
    let answers = answers::ask(lake, &sources)?;
    let mut text = format!("\nThe lake\n{}", folder::tree(lake, &sources)?);
    text += &tables::render(&answers);
    text += &format!(
        "\nGo on in DuckDB:\n  cd {} && duckdb -init views.sql\n  D SELECT source, status, count(*) FROM tickets GROUP BY ALL ORDER BY ALL;\n",
        lake.place()
    );
    text += &format!(
        "\nOr look closer:\n  ticketlake status --lake {0}\n  ticketlake fields --lake {0}\n  {1} is a configuration to start from\n",
        lake.place(),
        folder.join(config::DEFAULT_FILE).display()
    );
    Ok(text)
}
