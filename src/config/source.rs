//! What a `[[source]]` may say, and what holds when it says nothing.

use std::{collections::BTreeMap, ops::RangeInclusive, path::Path, time::Duration};

use super::{
    Kind, Selection, SourceConfig, cascades, credentials,
    document::{At, Section},
    endpoint,
    fault::Faults,
    lake, mask, quantity,
};

const SHARED_KEYS: [&str; 15] = [
    "name",
    "kind",
    "base_url",
    "timezone",
    "rate",
    "concurrency",
    "page_size",
    "timeout",
    "max_retries",
    "overlap",
    "reconcile_every",
    "delete_brake",
    "mask",
    "mask_key",
    "rating_scale",
];
const KF5_KEYS: [&str; 3] = ["email", "password", "token"];
const UDESK_KEYS: [&str; 3] = ["secret", "incremental_filter", "cascades"];

const CONCURRENCY: RangeInclusive<u64> = 1..=64;
const PAGE_SIZE: RangeInclusive<u64> = 1..=100;
const RETRIES: RangeInclusive<u64> = 0..=1000;
const RANKS: RangeInclusive<u64> = 1..=5;

/// Reads every `[[source]]`. `Some` only for those that are selected and whole.
pub(super) fn read_all(
    root: &Section<'_>,
    folder: &Path,
    selection: &Selection<'_>,
    faults: &mut Faults,
) -> Vec<SourceConfig> {
    let mut sections = root.tables("source", faults);
    if sections.is_empty() && root.is_empty("source") {
        root.missing("[[source]]", "one [[source]] for each account", faults);
    }
    let mut names: Vec<At<&str>> = Vec::new();
    let mut sources = Vec::new();
    for section in &mut sections {
        let name = name(section, &names, faults);
        let selected = name.as_ref().is_some_and(|name| selection.takes(name.value));
        if let Some(name) = &name {
            names.push(At { value: name.value, line: name.line });
        }
        let source =
            read(section, folder, name.map_or("", |name| name.value), selected && selection.online, faults);
        sources.extend(source.filter(|_| selected));
    }
    let names: Vec<&str> = names.iter().map(|name| name.value).collect();
    selection.reject_unknown(&names, faults);
    sources
}

fn read(
    section: &Section<'_>,
    folder: &Path,
    name: &str,
    resolve: bool,
    faults: &mut Faults,
) -> Option<SourceConfig> {
    let kind = kind(section, faults);
    only_own_keys(section, kind, faults);
    let base_url = endpoint::read(section, faults);
    let timezone = lake::zone(section, faults);
    let rate = section.parsed("rate", faults, quantity::rate);
    let concurrency = section.integer("concurrency", CONCURRENCY, faults).unwrap_or(4);
    let page_size = section.integer("page_size", PAGE_SIZE, faults).unwrap_or(100);
    let max_retries = section.integer("max_retries", RETRIES, faults).unwrap_or(8);
    let timeout = section.parsed("timeout", faults, quantity::positive_duration);
    let overlap = section.parsed("overlap", faults, quantity::duration);
    let reconcile_every = section.parsed("reconcile_every", faults, quantity::positive_duration);
    let delete_brake = section.parsed("delete_brake", faults, quantity::share);
    let incremental_filter = section.integer("incremental_filter", 1..=i64::MAX as u64, faults);
    let masks = mask::read(section, folder, resolve, faults);
    let cascades = cascades::read(section, folder, resolve, faults);
    let credentials = kind.and_then(|kind| credentials::read(section, kind, folder, resolve, faults));
    Some(SourceConfig {
        name: name.to_owned(),
        kind: kind?,
        base_url: base_url?,
        credentials: credentials?,
        timezone: timezone?,
        rate: rate.unwrap_or_else(|| quantity::rate("60/min").ok().flatten()),
        concurrency: usize::try_from(concurrency).ok()?,
        page_size: u32::try_from(page_size).ok()?,
        timeout: timeout.unwrap_or(Duration::from_secs(30)),
        max_retries: u32::try_from(max_retries).ok()?,
        overlap: overlap.unwrap_or(Duration::from_secs(10 * 60)),
        reconcile_every: reconcile_every.unwrap_or(Duration::from_secs(7 * 86_400)),
        delete_brake: delete_brake.unwrap_or(0.05),
        incremental_filter,
        cascades,
        masks,
        rating_scale: rating_scale(section, faults),
    })
}

fn rating_scale(section: &Section<'_>, faults: &mut Faults) -> BTreeMap<String, i64> {
    let table = section.table("rating_scale", "rating_scale = { Great = 5 }", faults);
    let Some(table) = table else { return BTreeMap::new() };
    let table = table.titled(format!("`rating_scale` of {}", section.title));
    let words: Vec<&str> = table.keys().map(|word| word.value).collect();
    let rank = |word: &str| Some((word.to_owned(), i64::try_from(table.integer(word, RANKS, faults)?).ok()?));
    words.into_iter().filter_map(rank).collect()
}

/// The name, which from here on also titles the section's faults.
fn name<'a>(section: &mut Section<'a>, taken: &[At<&str>], faults: &mut Faults) -> Option<At<&'a str>> {
    if !section.has("name") {
        section.missing("`name`", "name = \"NAME\": it becomes a folder of the lake", faults);
    }
    let name = section.text("name", faults)?;
    if let Err(why) = folder_name(name.value) {
        section.fault(name.line, format!("`name` in {} {why}", section.title), faults);
        return None;
    }
    section.title = format!("[[source]] \"{}\"", name.value);
    if let Some(first) = taken.iter().find(|first| first.value == name.value) {
        let message = format!(
            "the name \"{}\" is already taken on line {}; each [[source]] needs a name of its own",
            name.value, first.line,
        );
        section.fault(name.line, message, faults);
    }
    Some(name)
}

/// Takes a name that can be a folder of the lake. The error says what would be right.
pub(super) fn folder_name(name: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts_well && name.bytes().all(legal) {
        return Ok(());
    }
    Err(format!(
        "is \"{name}\"; write small letters, digits, _ and -, a letter or digit first: it becomes a folder of the lake"
    ))
}

fn kind(section: &Section<'_>, faults: &mut Faults) -> Option<Kind> {
    if !section.has("kind") {
        section.missing("`kind`", "kind = \"kf5\" or kind = \"udesk\"", faults);
    }
    section.parsed("kind", faults, |text| match text {
        "kf5" => Ok(Kind::Kf5),
        "udesk" => Ok(Kind::Udesk),
        _ => Err(format!("is \"{text}\"; write \"kf5\" or \"udesk\"")),
    })
}

fn only_own_keys(section: &Section<'_>, kind: Option<Kind>, faults: &mut Faults) {
    let (own, foreign, why): (Vec<&str>, &[&str], &str) = match kind {
        Some(Kind::Kf5) => (
            KF5_KEYS.to_vec(),
            &UDESK_KEYS,
            "is for kind = \"udesk\", and this is kind = \"kf5\"; take it out (kf5 logs in with `email` and `password` or `token`)",
        ),
        Some(Kind::Udesk) => (
            UDESK_KEYS.to_vec(),
            &KF5_KEYS,
            "is for kind = \"kf5\", and this is kind = \"udesk\"; take it out (udesk signs with `secret`)",
        ),
        None => ([KF5_KEYS, UDESK_KEYS].concat(), &[], ""),
    };
    for At { value: key, line } in section.keys().filter(|key| foreign.contains(&key.value)) {
        section.fault(line, format!("`{key}` in {} {why}", section.title), faults);
    }
    let allowed: Vec<&str> = SHARED_KEYS.into_iter().chain(own).collect();
    section.only(&allowed, foreign, faults);
}
