//! An answer is opened beside the threads that wait for answers: reading what is in it is most of a run's work.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, LazyLock},
    thread,
};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use tokio::sync::oneshot;

use crate::{
    config::SourceConfig,
    json::{Cursor, Malformed},
    source::{self, Ask, Page, Reply, Verdict},
};

/// Bytes of an answer from which it is opened aside: to hand over fewer costs as much.
const LARGE: usize = 16 << 10;

type Work = Box<dyn FnOnce() + Send>;

/// Threads that open answers, as many as there are processors: more would only hold memory, with sixteen requests at a time
/// 6 MB. One that is done begins with what waits, and nobody else needs to wake up for it.
static OPENERS: LazyLock<crossbeam_channel::Sender<Work>> = LazyLock::new(|| {
    let (sender, receiver) = crossbeam_channel::unbounded::<Work>();
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        let receiver = receiver.clone();
        let work = move || receiver.into_iter().for_each(|work| work());
        // Where no thread can be had, whoever asks does the work.
        let _ = thread::Builder::new().name("opener".to_owned()).spawn(work);
    }
    sender
});

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
            Verdict::Forbidden { why, after } => Verdict::Forbidden { why, after },
            Verdict::Refused(refusal) => Verdict::Refused(refusal),
        }
    };
    if !is_large {
        return judge();
    }
    let (give, opened) = oneshot::channel();
    // Nobody may be waiting any more, then what was made is dropped; the threads last as long as the process.
    let work = move || drop(give.send(catch_unwind(AssertUnwindSafe(judge))));
    if let Err(refused) = OPENERS.send(Box::new(work)) {
        refused.into_inner()();
    }
    // A panic there is a bug, and goes on as one.
    opened.await.expect("an opener answers").unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::source::{Slice, fixture};

    struct Failing;

    impl Opening for Failing {
        type Made = ();

        fn element(&mut self, _: &mut Cursor<'_>) -> Result<(), Malformed> {
            panic!("as told")
        }

        fn made(self, _: Page) {}
    }

    async fn opened<O: Opening>(opening: O) -> Verdict<O::Made> {
        let subject = "长".repeat(LARGE);
        let body =
            format!(r#"{{"status":0,"total":1,"total_pages":1,"contents":[{{"id":1,"s":"{subject}"}}]}}"#);
        let received =
            Received { status: 200, headers: HeaderMap::new(), body: body.into(), at: Timestamp::UNIX_EPOCH };
        let ask = Ask::Tickets { slice: Slice::default(), page: 1, per_page: 10 };
        open(&Arc::new(fixture::udesk()), &ask, received, opening).await
    }

    #[tokio::test]
    async fn answers_that_nobody_asks_for_keep_none_waiting() {
        let mut others: Vec<_> = (0..64).map(|_| Box::pin(opened(Whole))).collect();
        others.iter_mut().for_each(|other| drop(other.as_mut().now_or_never()));
        assert!(matches!(opened(Whole).await, Verdict::Page(page) if page.rows.len() == 1));
    }

    #[tokio::test]
    async fn a_panic_is_that_of_whoever_asked() {
        for _ in 0..16 {
            let panic = AssertUnwindSafe(opened(Failing)).catch_unwind().await.err().unwrap();
            assert_eq!(panic.downcast_ref(), Some(&"as told"));
        }
        assert!(matches!(opened(Whole).await, Verdict::Page(_)));
    }
}
