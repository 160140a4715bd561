//! The tickets of a page as rows, made beside the threads that wait for answers: decoding is most of a run's work.

use std::sync::Arc;

use arrow::error::ArrowError;
use jiff::{Timestamp, tz::TimeZone};

use super::{reading::Rows, unchanged::Unchanged};
use crate::{
    json::Malformed,
    source::Page,
    ticket::{Decoded, Decoder, Layout},
};

/// Pages of fewer tickets are decoded where they are: handing them over costs as much.
const FEW: usize = 10;

/// All that decoding depends on.
pub struct Decoding {
    pub layout: Arc<Layout>,
    pub timezone: TimeZone,
    pub unchanged: Option<Arc<Unchanged>>,
}

/// Rows, and the digests of those that were decoded; an error is a fault of the program.
type Made = Result<(Rows, Vec<u64>), ArrowError>;

impl Decoding {
    /// Decodes a page on a thread that may take its time.
    pub async fn decode_aside(self, page: Page) -> Result<(Page, Made), Malformed> {
        let is_small = page.rows.len() < FEW;
        let decode = move || {
            let made = self.decode(&page)?;
            Ok((page, made))
        };
        if is_small {
            return decode();
        }
        let decoded = tokio::task::spawn_blocking(decode).await;
        // A panic there is a bug, and goes on as one.
        decoded.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
    }

    /// Decodes the tickets of a page, but for those whose rows are in the lake as they were sent; with the digests of
    /// what was decoded.
    fn decode(&self, page: &Page) -> Result<Made, Malformed> {
        let decoder = || Decoder::new(Arc::clone(&self.layout), self.timezone.clone(), page.rows.len());
        let (mut decoding, mut counting): (Option<Decoder>, Option<Decoder>) = (None, None);
        let mut same = Vec::with_capacity(page.rows.len());
        let mut digests = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let bytes = page.body.get(row.clone()).unwrap_or_default();
            let malformed = |_| Malformed { at: row.start, expected: "UTF-8" };
            let ticket = simdutf8::basic::from_utf8(bytes).map_err(malformed)?;
            let digest = self
                .unchanged
                .as_ref()
                .map(|unchanged| unchanged.digest(&self.timezone, &self.layout, ticket));
            let known = self.unchanged.as_ref().zip(digest);
            let found = known.and_then(|(unchanged, digest)| unchanged.key(&self.layout, ticket, digest));
            match found {
                Some((_, true)) => counting.get_or_insert_with(decoder).push(ticket)?,
                Some((_, false)) => {}
                None => {
                    decoding.get_or_insert_with(decoder).push(ticket)?;
                    digests.extend(digest);
                }
            }
            same.push(found.map(|(key, _)| key));
        }
        let now = Timestamp::now().as_microsecond();
        let finish = |decoder: Option<Decoder>| decoder.map(|decoder| decoder.finish(now)).transpose();
        let made = finish(decoding).and_then(|decoded| Ok((decoded, finish(counting)?)));
        Ok(made.map(|(decoded, counted)| {
            let rescued_before = counted.map(rescues).unwrap_or_default();
            (Rows { decoded, same, rescued_before, bytes: page.body.len() }, digests)
        }))
    }
}

/// Id and key of each rescued value.
fn rescues(decoded: Decoded) -> Vec<(i64, String)> {
    let ids: Vec<i64> = decoded.ids.into_iter().flatten().collect();
    decoded.rescued.into_iter().filter_map(|(row, key)| Some((*ids.get(row)?, key))).collect()
}
