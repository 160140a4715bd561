//! When a request is refused or spoilt: the budget of an account, and faults by chance.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::options::{Fault, FaultKind, Rate};

/// A budget over a sliding window: no stretch of `per` ever holds more than `requests` admitted ones.
#[derive(Debug)]
pub struct Budget {
    rate: Option<Rate>,
    admitted: Mutex<VecDeque<Instant>>,
}

impl Budget {
    pub fn new(rate: Option<Rate>) -> Budget {
        Budget { rate, admitted: Mutex::new(VecDeque::new()) }
    }

    /// Admits a request, or says how long the account must wait; a refused request does not count.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.rate else {
            return Ok(());
        };
        let Ok(mut admitted) = self.admitted.lock() else {
            return Ok(());
        };
        while let Some(first) = admitted.front() {
            if now.duration_since(*first) < rate.per {
                break;
            }
            admitted.pop_front();
        }
        match admitted.front() {
            Some(first) if admitted.len() >= rate.requests as usize => {
                Err(rate.per.saturating_sub(now.duration_since(*first)))
            }
            _ => {
                admitted.push_back(now);
                Ok(())
            }
        }
    }
}

/// The chance of every fault, drawn from a seeded sequence.
#[derive(Debug)]
pub struct Chance {
    faults: Vec<Fault>,
    rng: Mutex<fastrand::Rng>,
}

impl Chance {
    pub fn new(faults: Vec<Fault>, seed: u64) -> Chance {
        Chance { faults, rng: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    /// What goes wrong with this request, if anything; the first fault that comes up is it.
    pub fn draw(&self) -> Option<FaultKind> {
        if self.faults.is_empty() {
            return None;
        }
        let mut rng = self.rng.lock().ok()?;
        self.faults.iter().find(|fault| rng.f64() < fault.probability).map(|fault| fault.kind)
    }

    /// A number below `end`, from the same sequence.
    pub fn below(&self, end: usize) -> usize {
        self.rng.lock().map_or(0, |mut rng| rng.usize(..end.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let rate = Rate { requests: 2, per: Duration::from_secs(10) };
        let budget = Budget::new(Some(rate));
        let start = Instant::now();
        let at = |second| budget.admit(start + Duration::from_secs(second));
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(4), Ok(()));
        assert_eq!(at(5), Err(Duration::from_secs(5)));
        assert_eq!(at(10), Ok(()));
        assert_eq!(at(13), Err(Duration::from_secs(1)));
    }

    #[test]
    fn faults_come_as_often_as_asked() {
        let chance = Chance::new(vec!["reset:0.25".parse().unwrap()], 7);
        let hits = (0..10_000).filter(|_| chance.draw().is_some()).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }
}
