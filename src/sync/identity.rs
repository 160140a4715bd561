//! Whether a source and a lake are the ones that the last run knew: another account, vendor, zone or partitioning would mix
//! what must not be mixed. What needs no request is checked for all sources before any is asked.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use roaring::RoaringTreemap;

use super::{
    decoding::Decoding,
    reading::{ReadError, keys},
    source_run::Task,
    source_state::{Account, Checkpoint, SourceState},
    stop_reason::StopReason,
    table_schema::{TableSchema, file_meta},
};
use crate::{
    batch::{ID, id_values, instant, instants_of},
    config::{LakeConfig, SourceConfig},
    fetch::{Client, FetchError, fetch_as},
    fields::Fields,
    lake::{self, Calendar, Cut, Lake, LakeError, PartitionKey},
    source::{self, Ask},
};

/// Tickets that are asked for to know an account again: by many at a time, else one by one.
const PROBES: usize = 20;
const PROBES_ONE_BY_ONE: usize = 5;

/// Checks what needs no request; gives what keeps the run from beginning, and how to go on, in words.
pub fn check(
    lake: &Lake,
    config: &LakeConfig,
    source: &SourceConfig,
    task: Task,
) -> Result<Option<String>, LakeError> {
    let name = &source.name;
    let state = lake::state::load::<SourceState>(lake, name)?.map(|(_, state)| state).unwrap_or_default();
    let keys = lake::partitions(lake, name)?;
    let cut = config.partition;
    if let Some(found) = keys.iter().find(|key| key.cut() != cut) {
        return Ok(other(format!(
            "source {name}: {} is partitioned by {} ({}), `partition` says {}",
            config.place,
            by(found.cut()),
            found.folder(),
            by(cut)
        )));
    }
    let Some(known) = &state.account else {
        if let Some(why) = of_others(lake, config, name)? {
            return Ok(Some(why));
        }
        return of_files(lake, config, name, Some(source.kind.name()), &keys);
    };
    if let Some(why) = of_account(known, config, name, Some(source.kind.name())) {
        return Ok(Some(why));
    }
    let reads_everything = matches!(task, Task::Sync { whole: true, .. });
    if !is_same_zone(&known.timezone, &source.timezone) && !reads_everything {
        return Ok(Some(format!(
            "source {name}: its times were read as {}, `timezone` says {}; run `ticketlake sync --full --source {name}` once \
             to read every ticket under the new zone, or set `timezone` back",
            known.timezone,
            zone_name(&source.timezone)
        )));
    }
    Ok(None)
}

fn other(what: String) -> Option<String> {
    Some(format!("{what}; choose another folder for the new lake with `path` or --lake"))
}

/// Whether the lake that a state remembers is the one that the configuration describes, and of the same vendor where that is
/// known; if not, why.
pub fn of_account(known: &Account, config: &LakeConfig, name: &str, kind: Option<&str>) -> Option<String> {
    let (place, cut) = (&config.place, by(config.partition));
    if let Some(kind) = kind.filter(|kind| known.kind != *kind) {
        return other(format!(
            "source {name}: the lake {place} holds tickets of {}, `kind` says {kind}",
            known.kind
        ));
    }
    if known.partition != cut {
        let found = &known.partition;
        return other(format!("source {name}: {place} is partitioned by {found}, `partition` says {cut}"));
    }
    if !is_same_zone(&known.lake_timezone, &config.timezone) {
        return other(format!(
            "the lake {place} is partitioned by dates of {}, `timezone` under [lake] says {}",
            known.lake_timezone,
            zone_name(&config.timezone)
        ));
    }
    None
}

/// The same for a source that the lake does not know yet: its zone and partitioning are those of the others.
fn of_others(lake: &Lake, config: &LakeConfig, name: &str) -> Result<Option<String>, LakeError> {
    for other in lake::sources(lake)?.into_iter().filter(|other| other != name) {
        let state = match lake::state::load::<SourceState>(lake, &other) {
            Err(why) if why.is_damage() => continue,
            state => state?,
        };
        let account = state.and_then(|(_, state)| state.account);
        if let Some(why) = account.and_then(|account| of_account(&account, config, &other, None)) {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// The same for a lake of an earlier version, or one that lost its state: the files say what they can.
pub fn of_files(
    lake: &Lake,
    config: &LakeConfig,
    name: &str,
    kind: Option<&str>,
    keys: &[PartitionKey],
) -> Result<Option<String>, LakeError> {
    let mut dated = keys.iter().filter(|key| !matches!(key, PartitionKey::Default(_)));
    let ends = [dated.next(), dated.next_back()];
    for key in ends.into_iter().flatten() {
        let at = lake::ticket_file(lake, name, *key);
        // A file that cannot be read says nothing; the run moves it aside.
        let Ok(Some(file)) = lake::open(&at) else { continue };
        if let (Some(found), Some(kind)) = (file.source_kind(), kind)
            && found != kind
        {
            return Ok(other(format!("source {name}: {at} holds tickets of {found}, `kind` says {kind}")));
        }
        let mut calendar = Calendar::new(config.timezone.clone(), config.partition);
        let Ok(batches) = file.columns(&["created_at"]) else { continue };
        for batch in batches.map_while(Result::ok) {
            let created = instants_of(&batch, "created_at");
            if (0..batch.num_rows()).any(|row| calendar.key(instant(created, row)) != *key) {
                return Ok(Some(format!(
                    "source {name}: {at} holds tickets of other dates in {}; set `timezone` under [lake] to the zone that the \
                     lake was made with, or choose another folder",
                    zone_name(&config.timezone)
                )));
            }
        }
    }
    Ok(None)
}

/// What the state remembers of a source and a lake that were accepted.
pub fn account(config: &LakeConfig, source: &SourceConfig) -> Account {
    Account {
        kind: source.kind.name().to_owned(),
        base_url: source.base_url.to_string(),
        timezone: zone_name(&source.timezone),
        lake_timezone: zone_name(&config.timezone),
        partition: by(config.partition).to_owned(),
    }
}

/// Checks that another `base_url` leads to the same account: most of some known tickets must be there, created when the lake
/// says. A lake without tickets takes any.
pub async fn check_address(checkpoint: &Checkpoint, client: &Client) -> Result<(), StopReason> {
    let config = &client.config;
    let known = checkpoint.with(|state| state.account.as_ref().map(|account| account.base_url.clone()));
    if known.as_deref().is_none_or(|known| known == config.base_url.as_str()) {
        return Ok(());
    }
    let known = known.unwrap_or_default();
    let most = source::most_ids(config.kind);
    let created = probes(checkpoint, if most > 1 { PROBES } else { PROBES_ONE_BY_ONE })?;
    if created.is_empty() {
        return Ok(());
    }
    let schema =
        TableSchema::new(source::ticket(config.kind), file_meta(config.kind), Fields::default().into());
    let layout = schema.map_err(ReadError::from)?.layout();
    let ids: Vec<i64> = created.keys().copied().collect();
    let (mut found, mut same) = (0, 0);
    let mut left: Vec<Vec<i64>> = ids.chunks(most).map(<[i64]>::to_vec).collect();
    while let Some(some) = left.pop() {
        let ask = match some.as_slice() {
            [id] => Ask::One(*id),
            _ => Ask::Ids(some.clone()),
        };
        let begin = || Decoding::new(layout.clone(), config.timezone.clone());
        let rows = match fetch_as(client, &ask, begin).await {
            Ok((_, rows)) => rows,
            // One that is gone may be a refusal of all: each is asked for alone.
            Err(FetchError::Refused { .. }) => {
                if some.len() > 1 {
                    left.extend(some.into_iter().map(|id| vec![id]));
                }
                continue;
            }
            Err(why) => return Err(ReadError::from(why).into()),
        };
        for key in keys(&rows.map_err(ReadError::arrow)?) {
            let Some(known) = key.id.and_then(|id| created.get(&id)) else { continue };
            found += 1;
            same += usize::from(*known == key.created);
        }
    }
    if same * 2 > found {
        tracing::warn!(
            source = config.name,
            "`base_url` is {} now, it was {known}: the same account",
            config.base_url
        );
        return Ok(());
    }
    Err(StopReason::OtherAccount {
        source_name: config.name.clone(),
        base_url: config.base_url.to_string(),
        known,
        asked: ids.len(),
        same,
    })
}

/// Some live tickets of the lake, the newest, the oldest and some between, with the second of their creation.
fn probes(checkpoint: &Checkpoint, count: usize) -> Result<HashMap<i64, Option<i64>>, LakeError> {
    let table = &checkpoint.table;
    let live = table.manifest(|manifest| {
        let live = manifest.partitions.values().map(|partition| &partition.ids - &partition.deleted);
        live.fold(RoaringTreemap::new(), |all, live| all | live)
    });
    let last = live.len().saturating_sub(1);
    let steps = count.saturating_sub(1).max(1) as u64;
    let wanted: RoaringTreemap =
        (0..=steps).filter_map(|step| live.select(last.saturating_mul(step) / steps)).collect();
    let mut created = HashMap::new();
    for (key, ids) in table.manifest(|manifest| manifest.holding(&wanted)) {
        let Some(file) = table.open(key)? else { continue };
        for batch in file.columns(&[ID, "created_at"])? {
            let batch = batch?;
            let times = instants_of(&batch, "created_at");
            let rows = id_values(&batch).iter().enumerate();
            let rows = rows.filter(|(_, id)| ids.contains(id.cast_unsigned()));
            created
                .extend(rows.map(|(row, id)| (*id, instant(times, row).map(|at| at.div_euclid(1_000_000)))));
        }
    }
    Ok(created)
}

fn by(cut: Cut) -> &'static str {
    match cut {
        Cut::Day => "day",
        Cut::Month => "month",
    }
}

/// The name of a zone in the IANA database.
fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// Whether a name means a zone: itself, or an alias with the same clock changes.
fn is_same_zone(name: &str, zone: &TimeZone) -> bool {
    if zone.iana_name() == Some(name) {
        return true;
    }
    let Ok(known) = TimeZone::get(name) else { return false };
    // The clock changes of two centuries, and the offset between them.
    let first = Timestamp::UNIX_EPOCH.saturating_sub(SignedDuration::from_hours(24 * 365 * 100));
    let Ok(first) = first else { return false };
    let changes = |zone: &TimeZone| {
        let changes =
            zone.following(first).take_while(|change| change.timestamp().as_second() < 4_102_444_800);
        let changes: Vec<_> = changes.map(|change| (change.timestamp(), change.offset())).collect();
        (zone.to_offset(first), changes)
    };
    changes(&known) == changes(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_of_one_zone_are_equal() {
        let zone = |name| TimeZone::get(name).unwrap();
        assert!(is_same_zone("PRC", &zone("Asia/Shanghai")) && is_same_zone("Asia/Chongqing", &zone("PRC")));
        assert!(!is_same_zone("Asia/Hong_Kong", &zone("Asia/Shanghai")));
        assert!(!is_same_zone("UTC", &zone("Asia/Shanghai")) && is_same_zone("Etc/UTC", &zone("UTC")));
    }
}
