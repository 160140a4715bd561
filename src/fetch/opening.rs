//! An answer is opened beside the threads that wait for answers: reading what is in it is most of a run's work.

use std::{panic::resume_unwind, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::HeaderMap;

use crate::{
    config::SourceConfig,
    json::{Cursor, Malformed},
    source::{self, Ask, Page, Reply, Verdict},
};

/// Bytes of an answer from which it is opened aside: to hand over fewer costs as much.
const LARGE: usize = 16 << 10;

/// What is made of a page while it is opened: each element is read once.
pub trait Opening: Send + 'static {
    type Made: Send + 'static;

    /// Reads an element of the list, to its end. An error: it is no JSON, so the answer is no page.
    fn element(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed>;

    /// What was made, once it is known that the answer is a page.
    fn made(self, page: Page) -> Self::Made;
}

/// The page itself, its elements checked.
pub struct Whole;

impl Opening for Whole {
    type Made = Page;

    fn element(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        cursor.skip()
    }

    fn made(self, page: Page) -> Page {
        page
    }
}

/// An answer as it was received.
pub(super) struct Received {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub at: Timestamp,
}

/// What an answer means, and what is made of it.
pub(super) async fn open<O: Opening>(
    config: &Arc<SourceConfig>,
    ask: &Ask,
    received: Received,
    opening: O,
) -> Verdict<O::Made> {
    let (config, ask) = (Arc::clone(config), ask.clone());
    let is_large = received.body.len() >= LARGE;
    let judge = move || {
        let Received { status, headers, body, at } = &received;
        let reply = Reply { status: *status, headers, body, received: *at };
        let mut opening = opening;
        match source::judge(&config, &ask, reply, &mut |cursor| opening.element(cursor)) {
            Verdict::Page(page) => Verdict::Page(opening.made(page)),
            Verdict::Later { why, throttled, after } => Verdict::Later { why, throttled, after },
            Verdict::Refused(refusal) => Verdict::Refused(refusal),
        }
    };
    if !is_large {
        return judge();
    }
    // A panic there is a bug, and goes on as one.
    tokio::task::spawn_blocking(judge).await.unwrap_or_else(|failed| resume_unwind(failed.into_panic()))
}
