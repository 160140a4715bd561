//! What is dear to make and used again and again, by one user at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things that nobody uses now: never more than were in use at once.
#[derive(Debug)]
pub struct Spare<T>(Mutex<Vec<T>>);

impl<T> Spare<T> {
    /// None yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// One that was used before, if there is one, for a user that cannot borrow it.
    pub fn take(&self) -> Option<T> {
        self.held().pop()
    }

    /// Keeps what is no longer in use.
    pub fn give(&self, item: T) {
        self.held().push(item);
    }

    fn held(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_were_in_use_at_once() {
        let spare: Spare<Vec<u8>> = Spare::new();
        for _ in 0..3 {
            let (mut one, mut two) = (spare.take().unwrap_or_default(), spare.take().unwrap_or_default());
            one.push(1);
            two.push(2);
            spare.give(one);
            spare.give(two);
        }
        let held = spare.held();
        assert_eq!(held.len(), 2);
        assert_eq!(held.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
    }
}
