//! The tickets of a page as rows, made while the page is opened.

use std::sync::Arc;

use arrow::error::ArrowError;
use jiff::{Timestamp, tz::TimeZone};

use super::reading::Rows;
use crate::{
    fetch::Opening,
    json::{Cursor, Malformed},
    source::Page,
    ticket::{Decoder, Layout},
};

/// A page on its way into rows.
pub struct Decoding {
    layout: Arc<Layout>,
    timezone: TimeZone,
    decoder: Option<Decoder>,
}

impl Decoding {
    /// For a page of tickets whose zoneless times are local to `timezone`.
    pub fn new(layout: Arc<Layout>, timezone: TimeZone) -> Self {
        Self { layout, timezone, decoder: None }
    }
}

impl Opening for Decoding {
    type Made = (Page, Result<Rows, ArrowError>);

    fn element(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        let decoder = || Decoder::new(Arc::clone(&self.layout), self.timezone.clone());
        self.decoder.get_or_insert_with(decoder).push(cursor)
    }

    fn made(self, page: Page) -> Self::Made {
        let now = Timestamp::now().as_microsecond();
        let decoded = self.decoder.map(|decoder| decoder.finish(now)).transpose();
        let rows = decoded.map(|decoded| Rows { decoded, bytes: page.body.len(), parts: Vec::new() });
        (page, rows)
    }
}
