//! What a run is told: the lake, the sources, their limits and their secrets, checked once.

mod cascades;
mod credentials;
mod document;
pub mod draft;
mod endpoint;
mod fault;
mod lake;
mod mask;
mod place;
pub mod quantity;
mod source;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::tz::TimeZone;
use reqwest::Url;

pub use self::{
    fault::{Fault, Faults, did_you_mean},
    place::{Bucket, Place, StoreKind},
};
use crate::{messages::Lang, secret::Secret};

/// The configuration of a run that names none, in its working folder.
pub const DEFAULT_FILE: &str = "ticketlake.toml";

/// A configuration in which nothing is wrong.
#[derive(Debug, Clone)]
pub struct Config {
    pub lake: LakeConfig,
    /// Of reports, column comments and headings.
    pub language: Lang,
    /// The selected sources, in the order of the file.
    pub sources: Vec<SourceConfig>,
}

/// Where the lake lies and how it is cut.
#[derive(Debug, Clone)]
pub struct LakeConfig {
    pub place: Place,
    /// Decides `created_date`.
    pub timezone: TimeZone,
    pub partition: PartitionBy,
}

/// The span of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartitionBy {
    Day,
    Month,
}

/// The vendor a source speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Kf5,
    Udesk,
}

impl Kind {
    /// Every vendor, in the order of documents.
    pub const ALL: [Self; 2] = [Self::Kf5, Self::Udesk];

    /// Its name in the configuration, in summaries and in the metadata of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kf5 => "kf5",
            Self::Udesk => "udesk",
        }
    }
}

/// One account of a help desk.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    pub name: String,
    pub kind: Kind,
    /// Scheme, host and port only.
    pub base_url: Url,
    pub credentials: Credentials,
    /// The zone of times that carry none.
    pub timezone: TimeZone,
    /// `None` is unlimited.
    pub rate: Option<Rate>,
    pub concurrency: usize,
    /// Rows asked for per page, 1 to 100.
    pub page_size: u32,
    /// For a whole response, body included.
    pub timeout: Duration,
    /// Retries of one request, the first attempt not counted.
    pub max_retries: u32,
    /// How far before its cursor an incremental run starts again.
    pub overlap: Duration,
    /// How often the whole tenant is read again.
    pub reconcile_every: Duration,
    /// The share of rows (0 to 1) that one run may mark as deleted.
    pub delete_brake: f64,
    /// A ticket filter that lists recently updated tickets.
    pub incremental_filter: Option<u64>,
    /// Labels of paths that the source cannot tell.
    pub cascades: Option<Cascades>,
    /// What must not reach the lake.
    pub masks: Masks,
    /// Ranks of words of satisfaction, 1 (worst) to 5 (best), beside those that the vendor documents.
    pub rating_scale: BTreeMap<String, i64>,
}

/// Columns whose values must not reach the lake as they are.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    pub columns: BTreeMap<String, Method>,
    /// Of the hashes.
    pub key: Option<Secret>,
}

/// What stands in the lake in place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A keyed hash: equal values stay equal, and nobody without the key can tell which they were.
    Hash,
    /// A mark that there was a value.
    Redact,
    /// Nothing.
    Drop,
}

impl Method {
    /// Every method, from the one that tells most to the one that tells nothing.
    pub const ALL: [Self; 3] = [Self::Hash, Self::Redact, Self::Drop];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Redact => "redact",
            Self::Drop => "drop",
        }
    }
}

/// How a source is asked.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Basic, user `email`.
    Password { email: String, password: Secret },
    /// Basic, user `email/token`.
    Token { email: String, token: Secret },
    /// A shared key that signs each request.
    Signed { secret: Secret },
}

/// At most `requests` in any span of `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub requests: NonZeroU32,
    pub per: Duration,
}

/// Field name → index path (`"0,1"`) → label.
pub type Cascades = BTreeMap<String, BTreeMap<String, String>>;

/// What the command line says over the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// In place of `[lake] path`; relative to the working folder.
    pub lake: Option<PathBuf>,
    /// The sources to use; empty is all.
    pub sources: Vec<String>,
}

/// What can be known of a configuration without its secrets: enough to look at the lake.
#[derive(Debug, Clone)]
pub struct Offline {
    pub lake: LakeConfig,
    /// Name and kind of the selected sources, in the order of the file; empty without a file.
    pub sources: Vec<(String, Kind)>,
    pub language: Lang,
    /// By source.
    pub rating_scales: BTreeMap<String, BTreeMap<String, i64>>,
}

/// Reads and checks the file at `path`. Relative paths in it start from its own folder. Only the secrets of the selected
/// sources are fetched. The error holds every fault there is.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Config, Faults> {
    read(path, overrides, true)
}

/// As [`load`], but no secret is fetched and no cascade map read. A named lake needs no configuration, when the default
/// file is not there.
pub fn load_offline(path: &Path, overrides: &Overrides) -> Result<Offline, Faults> {
    if let Some(lake) = lake::alone(path, overrides) {
        return Ok(Offline {
            lake,
            sources: Vec::new(),
            language: Lang::default(),
            rating_scales: BTreeMap::new(),
        });
    }
    let config = read(path, overrides, false)?;
    let sources = config.sources.iter().map(|source| (source.name.clone(), source.kind)).collect();
    let rating_scales = config.sources.into_iter().map(|source| (source.name, source.rating_scale)).collect();
    Ok(Offline { lake: config.lake, sources, language: config.language, rating_scales })
}

/// Which sources a run takes, and whether it will speak to them.
struct Selection<'a> {
    names: &'a [String],
    online: bool,
}

impl Selection<'_> {
    fn takes(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|selected| selected == name)
    }

    fn reject_unknown(&self, known: &[&str], faults: &mut Faults) {
        for name in self.names.iter().filter(|name| !known.contains(&name.as_str())) {
            let message = format!(
                "the configuration has no source \"{name}\";{} known: {}",
                fault::did_you_mean(name, known.iter().copied()),
                known.join(", "),
            );
            faults.add("--source", None, message);
        }
    }
}

fn read(path: &Path, overrides: &Overrides, online: bool) -> Result<Config, Faults> {
    let mut faults = Faults::default();
    let name = path.display().to_string();
    let text = match crate::files::read_text(path) {
        Ok(text) => text,
        Err(why) => {
            let hint =
                "name another with --config FILE or $TICKETLAKE_CONFIG, or write one with `ticketlake init`";
            faults.add(name, None, format!("cannot be read: {why}; {hint}"));
            return Err(faults);
        }
    };
    parse(path, &text, overrides, online)
}

/// Reads the text of the file at `path`.
fn parse(path: &Path, text: &str, overrides: &Overrides, online: bool) -> Result<Config, Faults> {
    let mut faults = Faults::default();
    let name = path.display().to_string();
    let folder = path.parent().unwrap_or(Path::new(""));
    let (document, root) = document::parse(&name, text, &mut faults);
    let root = document.root(&root);
    root.only(&["lake", "source"], &[], &mut faults);
    let lake = lake::read(&root, folder, overrides.lake.as_deref(), &mut faults);
    let language = lake::language(&root, &mut faults);
    let selection = Selection { names: &overrides.sources, online };
    let sources = source::read_all(&root, folder, &selection, &mut faults);
    match lake {
        Some(lake) if faults.is_empty() => Ok(Config { lake, language, sources }),
        _ => Err(faults.in_reading_order()),
    }
}
