//! What a run is told: the lake, the sources, their limits and their secrets, checked once.

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf, time::Duration};

use jiff::tz::TimeZone;
use reqwest::Url;

use crate::secret::Secret;

/// A configuration in which nothing is wrong.
#[derive(Debug, Clone)]
pub struct Config {
    pub lake: LakeConfig,
    /// The selected sources, in the order of the file.
    pub sources: Vec<SourceConfig>,
}

/// Where the lake lies and how it is cut.
#[derive(Debug, Clone)]
pub struct LakeConfig {
    pub path: PathBuf,
    /// Decides `created_date`.
    pub timezone: TimeZone,
    pub partition: PartitionBy,
}

/// The span of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
