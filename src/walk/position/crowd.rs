//! Seconds with more rows than a page, and what came behind the windows while they were read.

use super::{Crowd, Next, Reading, Stop, Walk, Window, lower};
use crate::walk::{
    Journal, Reader, Sink, Span,
    pages::{self, Asked},
};

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
        let is_whole = margin == 0 && inner.nameless == 0 && inner.unproven.is_none();
        if is_whole && self.crowd.as_ref().is_none_or(|last| last.second <= second) {
            self.crowd = Some(Crowd { second, ids: inner.ids.clone() });
        }
        self.journal.absorb(inner);
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

    /// Rows that changed while windows were read moved behind what was newest then, perhaps out of a window that was read
    /// later: reads on from there. A crowd is not read again if its count says that nothing came to it.
    pub(super) async fn behind(&mut self, newest: i64) -> Result<Option<Stop>, E> {
        if let Some(crowd) = self.crowd.take().filter(|crowd| crowd.second == newest) {
            // Counted first: what leaves the crowd later is behind it then, and makes the count too large.
            let one = self.slice(Some(newest), Some(newest));
            self.journal.tally.pages += 1;
            let count = self.reader.read(&one, 1, 1).await?.total;
            if let Some(stop) = self.tail(newest + 1).await? {
                return Ok(Some(stop));
            }
            if count == Some((&crowd.ids - &self.behind).len()) {
                return Ok(None);
            }
        }
        self.tail(newest).await
    }

    /// Reads from a second on, when all windows are done.
    async fn tail(&mut self, from: i64) -> Result<Option<Stop>, E> {
        let mut open = Reading::new(Span { from: Some(from), to: None });
        self.silent = true;
        loop {
            let slice = self.slice(lower(&open, self.inclusive), None);
            let answer = self.reader.read(&slice, 1, self.plan.per_page).await?;
            match self.step(&mut open, slice, answer).await? {
                Err(stop) => return Ok(Some(stop)),
                Ok(Next::Read) => {}
                Ok(Next::Done) => return Ok(None),
            }
        }
    }
}
