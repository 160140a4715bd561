//! Whether the bounds that a server is asked with mean the times that its rows tell.

use super::{Stop, Walk};
use crate::{
    source::{Order, Slice},
    walk::{Reader, Sink},
};

/// Seconds behind the range's start in which a row shows that they do: zones are a quarter of an hour apart or more.
pub const NEAR: i64 = 900;

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Walk<'_, R, S> {
    /// A run that begins at a bound loses rows in silence when bounds mean other times than rows: the newest row tells.
    pub(super) async fn calibrate(&mut self) -> Result<Option<Stop>, E> {
        if self.plan.range.from.is_none() {
            return Ok(None);
        }
        for _ in 0..3 {
            let Some(second) = self.ask_newest().await? else { return Ok(None) };
            self.newest = self.newest.or(Some(second));
            let after = self.reader.read(&self.slice(Some(second - 1), None), 1, 1).await?;
            self.journal.tally.pages += 2;
            match after.keys.first().and_then(|key| self.time(key)) {
                Some(found) if found >= second - 1 => return Ok(None),
                // Rows older than the bound: reading will tell a shift from a filter that is ignored.
                Some(_) => return Ok(None),
                None => {}
            }
        }
        Ok(Some(Stop::Shifted(0)))
    }

    /// The time of the list's newest row; none where there is no row, or it has no time.
    pub(super) async fn ask_newest(&self) -> Result<Option<i64>, E> {
        let last = Slice { order: Order::Desc, ..self.slice(None, None) };
        Ok(self.reader.read(&last, 1, 1).await?.keys.first().and_then(|key| self.time(key)))
    }
}
