//! The tickets of a page as rows, made while the page is opened.

use std::sync::Arc;

use arrow::error::ArrowError;
use jiff::{Timestamp, tz::TimeZone};

use super::{reading::Rows, unchanged::Unchanged};
use crate::{
    fetch::Opening,
    json::{Cursor, Malformed},
    source::Page,
    ticket::{Decoded, Decoder, Layout},
    walk::Key,
};

/// A page on its way into rows, but for the tickets whose rows are in the lake as they were sent.
pub struct Decoding {
    layout: Arc<Layout>,
    timezone: TimeZone,
    unchanged: Option<Arc<Unchanged>>,
    decoding: Option<Decoder>,
    /// Tickets that are known are decoded only where they hold rescued values, to count these.
    counting: Option<Decoder>,
    same: Vec<Option<Key>>,
    /// Of what was decoded.
    digests: Vec<u64>,
}

/// The digest of a ticket, and its key where its row is in the lake, with whether that holds rescued values; neither where
/// there is nothing to compare with.
type Looked = (Option<u64>, Option<(Key, bool)>);

/// Rows, and the digests of those that were decoded; an error is a fault of the program.
type Made = Result<(Rows, Vec<u64>), ArrowError>;

impl Decoding {
    /// For a page of tickets whose zoneless times are local to `timezone`.
    pub fn new(layout: Arc<Layout>, timezone: TimeZone, unchanged: Option<Arc<Unchanged>>) -> Self {
        Self {
            layout,
            timezone,
            unchanged,
            decoding: None,
            counting: None,
            same: Vec::new(),
            digests: Vec::new(),
        }
    }

    fn digest(&self, ticket: &str) -> Option<u64> {
        Some(self.unchanged.as_ref()?.digest(&self.timezone, &self.layout, ticket))
    }

    /// What is known of the next ticket. The cursor may have passed it.
    fn look_up(&self, cursor: &mut Cursor<'_>) -> Result<Looked, Malformed> {
        let Some(unchanged) = self.unchanged.as_ref().filter(|unchanged| unchanged.has_any()) else {
            return Ok((None, None));
        };
        let start = cursor.offset();
        cursor.pass()?;
        let ticket = cursor.since(start);
        let digest = self.digest(ticket);
        Ok((digest, digest.and_then(|digest| unchanged.key(&self.layout, ticket, digest))))
    }
}

impl Opening for Decoding {
    type Made = (Page, Made);

    fn element(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let start = cursor.offset();
        let (digest, known) = self.look_up(cursor)?;
        let decoder = || Decoder::new(Arc::clone(&self.layout), self.timezone.clone());
        match known {
            Some((_, false)) => {}
            Some((_, true)) => {
                cursor.back_to(start);
                self.counting.get_or_insert_with(decoder).push(cursor)?;
            }
            None => {
                cursor.back_to(start);
                self.decoding.get_or_insert_with(decoder).push(cursor)?;
                let digest = digest.or_else(|| self.digest(cursor.since(start)));
                self.digests.extend(digest);
            }
        }
        self.same.push(known.map(|(key, _)| key));
        Ok(())
    }

    fn made(self, page: Page) -> (Page, Made) {
        let now = Timestamp::now().as_microsecond();
        let finish = |decoder: Option<Decoder>| decoder.map(|decoder| decoder.finish(now)).transpose();
        let made = finish(self.decoding).and_then(|decoded| Ok((decoded, finish(self.counting)?)));
        let made = made.map(|(decoded, counted)| {
            let rescued_before = counted.map(rescues).unwrap_or_default();
            let rows = Rows { decoded, same: self.same, rescued_before, bytes: page.body.len() };
            (rows, self.digests)
        });
        (page, made)
    }
}

/// Id and key of each rescued value.
fn rescues(decoded: Decoded) -> Vec<(i64, String)> {
    let ids: Vec<i64> = decoded.ids.into_iter().flatten().collect();
    decoded.rescued.into_iter().filter_map(|(row, key)| Some((*ids.get(row)?, key))).collect()
}
