//! The filters that are kept at a source: by which number a name goes, and which there are.

use super::fault::PullError;
use crate::{
    fetch::{Client, FetchError, fetch},
    json::Json,
    source::{self, Ask, Slice},
};

/// As many of them are named in a message.
const MOST_NAMED: usize = 20;

/// Number and name of each, as the source lists them; none where it keeps no such list.
pub async fn read(client: &Client, agent: Option<u64>) -> Result<Vec<(u64, String)>, FetchError> {
    let kind = client.config.kind;
    let Some(listing) = source::filters(kind, agent) else { return Ok(Vec::new()) };
    let page =
        fetch(client, &Ask::Listed { listing, slice: Slice::default(), page: 1, per_page: 100 }).await?;
    let text = |row: &std::ops::Range<usize>| {
        page.body.get(row.clone()).and_then(|row| std::str::from_utf8(row).ok())
    };
    let filters = page.rows.iter().filter_map(text).filter_map(|text| Json::parse(text).ok());
    Ok(filters.filter_map(|json| source::filter(kind, &json)).collect())
}

/// The number of the filter of this name.
pub async fn find(client: &Client, name: &str, agent: Option<u64>) -> Result<u64, PullError> {
    let filters = read(client, agent).await?;
    let mut named = filters.iter().filter(|(_, known)| known == name);
    match (named.next(), named.next()) {
        (Some((id, _)), None) => Ok(*id),
        (Some((one, _)), Some((other, _))) => Err(PullError::Usage(format!(
            "--filter: several filters have the name \"{name}\"; give the number of one: {one}, {other}, …"
        ))),
        (None, _) => {
            let what = format!("--filter: the source has no filter \"{name}\"; {}", describe(&filters));
            Err(PullError::Usage(what))
        }
    }
}

/// Which there are, as an advice.
pub fn describe(filters: &[(u64, String)]) -> String {
    if filters.is_empty() {
        return "it lists none".to_owned();
    }
    let some: Vec<String> =
        filters.iter().take(MOST_NAMED).map(|(id, name)| format!("{id} ({name})")).collect();
    let more = if filters.len() > MOST_NAMED { ", …" } else { "" };
    format!("it has {}{more}", some.join(", "))
}
