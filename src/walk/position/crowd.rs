//! Seconds with more rows than a page, and what came behind the windows while they were read.

use super::{Next, Reading, Stop, Walk, Window, ask};
use crate::walk::{
    Journal, Key, Reader, Sink, Span,
    pages::{self, Asked},
};

/// Pages of one second from which on its reading is shared among workers, which costs some ten requests.
const LONG_PAGES: u64 = 40;
/// Answers in a row from one second after which its rows are counted.
const LOOKED_AT: u32 = 2;

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Walk<'_, R, S> {
    /// More rows than a page share a second: page numbers count within that second, proven as any list of pages is.
    pub(super) async fn crowd(
        &mut self,
        reading: &mut Reading,
        second: i64,
    ) -> Result<Result<Next, Stop>, E> {
        let rest = reading.window.rest;
        // As narrow as the server's bounds allow: rows of one second stand by id, most likely.
        let margin = i64::from(self.inclusive != Some(true));
        let slice = self.slice(Some(second - margin), Some(second + margin));
        let asked = Asked {
            reader: self.reader,
            sink: self.sink,
            slice,
            workers: self.plan.workers.max(1),
            wanted: (self.plan.by, rest),
            tells: false,
        };
        let mut inner = Journal::default();
        pages::walk(&asked, &mut inner, self.plan.per_page).await?;
        if margin == 0 && Some(second) == self.newest {
            self.crowd |= &inner.ids;
        }
        let is_empty = inner.ids.is_empty() && inner.nameless == 0;
        self.journal.absorb(inner);
        if is_empty {
            // A page full of its rows has just been seen.
            return Ok(Err(Stop::Useless));
        }
        let next = second + 1;
        if !self.silent {
            self.sink
                .done(Span { from: rest.from, to: Some(rest.to.map_or(next, |to| to.min(next))) })
                .await?;
        }
        let rest = Span { from: Some(next), to: rest.to };
        if rest.is_empty() {
            reading.window.rest = Span { from: rest.to, to: rest.to };
            return Ok(Ok(Next::Done));
        }
        *reading = Reading { window: Window { rest, ..reading.window }, ..Reading::new(rest) };
        Ok(Ok(Next::Read))
    }

    /// Keeps the ids of rows that stand at the newest second, and behind it.
    pub(super) fn note_newest(&mut self, keys: &[Key]) {
        let Some(newest) = self.newest else { return };
        for key in keys {
            let Some((second, id)) = self.time(key).zip(key.id) else { continue };
            if second == newest {
                self.crowd.insert(id.cast_unsigned());
            } else if second > newest && self.silent {
                self.behind.insert(id.cast_unsigned());
            }
        }
    }

    /// Rows that changed while windows were read moved behind what was newest then, perhaps out of a window that was read
    /// later: reads on from there. A crowd is not read again if its count says that nothing came to it.
    pub(super) async fn behind(&mut self, newest: i64) -> Result<Option<Stop>, E> {
        if self.crowd.len() >= u64::from(self.plan.per_page) {
            // Counted first: what leaves the crowd later is behind it then, and makes the count too large.
            let count = self.count(newest).await?;
            if let Some(stop) = self.tail(newest + 1).await? {
                return Ok(Some(stop));
            }
            if count == Some((&self.crowd - &self.behind).len()) {
                return Ok(None);
            }
        }
        self.tail(newest).await
    }

    /// Whether the second is so full that several workers are better than one that goes on page by page; `left` are the rows
    /// that the list still has, where the server tells.
    pub(super) async fn is_long(
        &mut self,
        reading: &Reading,
        second: i64,
        left: Option<u64>,
    ) -> Result<bool, E> {
        let many = LONG_PAGES * u64::from(self.plan.per_page);
        if reading.crowded != LOOKED_AT || self.plan.workers < 2 || left.is_none_or(|left| left < many) {
            return Ok(false);
        }
        Ok(self.count(second).await?.is_some_and(|rows| rows >= many))
    }

    /// Rows of a second, where the server tells.
    async fn count(&mut self, second: i64) -> Result<Option<u64>, E> {
        self.journal.tally.pages += 1;
        let one = self.slice(Some(second), Some(second));
        Ok(self.reader.read(&one, 1, 1).await?.total)
    }

    /// Reads from a second on, when all windows are done.
    async fn tail(&mut self, from: i64) -> Result<Option<Stop>, E> {
        let mut open = Reading::new(Span { from: Some(from), to: None });
        self.silent = true;
        loop {
            let (bound, slot) = open.next(self.inclusive, self.plan.per_page);
            let slice = self.slice(bound, None);
            let (slice, slot, _, answer) = ask(self.reader, slice, slot, None).await?;
            match self.land(&mut open, (slice, slot), answer).await? {
                Err(stop) => return Ok(Some(stop)),
                Ok(Next::Read) => {}
                Ok(Next::Done) => return Ok(None),
            }
        }
    }
}
