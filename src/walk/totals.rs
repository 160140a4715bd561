//! What a server says of a list's length, answer by answer, against the rows that were found.

#[derive(Debug, Default)]
pub struct Totals {
    /// The smallest and the largest.
    seen: Option<(u64, u64)>,
    pub last: Option<u64>,
    pub answers: u64,
}

impl Totals {
    pub fn note(&mut self, total: Option<u64>) {
        self.answers += 1;
        if let Some(total) = total {
            let (least, most) = self.seen.unwrap_or((total, total));
            self.seen = Some((least.min(total), most.max(total)));
            self.last = Some(total);
        }
    }

    /// A reason for doubt, where `found` rows are not what the server says.
    pub fn contradict(&self, found: u64) -> Option<String> {
        let (least, most) = self.seen?;
        match least == most && found > least {
            true => (found - least > tolerated(least)).then(|| contradiction(least, found)),
            false => self.lacking(found),
        }
    }

    /// A reason for doubt, where `found` rows cannot be all.
    pub fn lacking(&self, found: u64) -> Option<String> {
        let (least, most) = self.seen?;
        // A list that changed may hold rows that came after their place was read: one for each answer.
        let unseen = if least == most { 0 } else { self.answers };
        (found + unseen + tolerated(least) < least).then(|| contradiction(least, found))
    }
}

/// Rows by which a length may be wrong for good: a list that was read to its end is right then, and the run says so. A list
/// that breaks off lacks more.
pub fn tolerated(total: u64) -> u64 {
    const FEW: u64 = 5;
    FEW.max(total / 100)
}

/// The reason, for people.
pub fn contradiction(total: u64, found: u64) -> String {
    format!("the server says that the list has {total} rows, {found} were found")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(totals: &[u64]) -> Totals {
        let mut seen = Totals::default();
        totals.iter().for_each(|total| seen.note(Some(*total)));
        seen
    }

    #[test]
    fn a_length_that_does_not_move_must_nearly_be_met() {
        assert_eq!(Totals::default().contradict(7), None);
        assert_eq!(told(&[9, 9]).contradict(9), None);
        assert!(told(&[29, 29]).contradict(23).is_some() && told(&[29, 29]).contradict(35).is_some());
        assert!(told(&[29, 29]).lacking(23).is_some() && told(&[29, 29]).lacking(30).is_none());
        assert!(told(&[29, 30]).contradict(22).is_none() && told(&[29, 30]).contradict(21).is_some());
        assert!(told(&[29, 30]).contradict(50).is_none());
        // A length that is wrong by a few is no reason for doubt.
        assert!(told(&[29, 29]).contradict(24).is_none() && told(&[29, 29]).contradict(34).is_none());
    }
}
