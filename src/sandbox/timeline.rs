//! Ids and times of the seed's tickets: the same for the same seed, size and now, whoever asks first.
//!
//! Ids ascend with gaps and, late in the history, jump above 2^53, as after a move to another id service.
//! Creation follows the ids except for a few imported tickets; some groups share one second.

use fastrand::Rng;

use super::calendar::Calendar;

const FIRST_ID: u64 = 1_000;
const FIRST_LONG_ID: u64 = (1 << 53) + 1;
/// Of so many tickets one is a problem; no awkward one is (every 25th, from the 7th on).
const PROBLEM_EVERY: usize = 20;
const PROBLEM_AT: usize = 3;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The life of one ticket in Unix seconds.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    pub id: u64,
    /// None for the few tickets without a readable creation time.
    pub created: Option<i64>,
    /// A time at or after which the ticket came in, also for those.
    pub opened: i64,
    pub assigned: Option<i64>,
    pub resolved: Option<i64>,
    pub closed: Option<i64>,
    pub updated: i64,
    /// Stage 0 to 4: new, open, waiting, solved, closed.
    pub stage: u8,
    /// Whether it is a problem ticket, and the one before it: incidents belong to that.
    pub is_problem: bool,
    pub problem: Option<u64>,
}

/// What decides all lives of a world.
#[derive(Debug)]
pub struct Timeline {
    calendar: Calendar,
    pub tickets: usize,
    pub now: i64,
    burst: usize,
}

impl Timeline {
    pub fn new(tickets: usize, now: i64, burst: usize) -> Timeline {
        Timeline { calendar: Calendar::until(now), tickets, now, burst }
    }

    /// The life of the ticket at `place`; `rng` is that ticket's own.
    pub fn life(&self, place: usize, rng: &mut Rng) -> Lifecycle {
        let mut opened = self.opened(place);
        if place % 499 == 250 {
            opened -= rng.i64(HOUR..3 * DAY);
        }
        let readable = place % 1_499 != 700 && place % 2_999 != 1_300;
        let mut life = self.stages(opened, rng);
        life.id = self.id(place);
        life.is_problem = place % PROBLEM_EVERY == PROBLEM_AT;
        let last =
            place.checked_sub(PROBLEM_AT + 1).map(|place| place / PROBLEM_EVERY * PROBLEM_EVERY + PROBLEM_AT);
        life.problem = last.map(|place| self.id(place));
        life.created = readable.then_some(opened);
        let middle = self.tickets / 2 + self.burst;
        if (middle..middle + self.burst).contains(&place) {
            life.updated = life.updated.max(self.opened(self.tickets.saturating_sub(1)));
        }
        life
    }

    /// A life that begins now.
    pub fn newborn(id: u64, now: i64, problem: Option<u64>) -> Lifecycle {
        Lifecycle {
            id,
            created: Some(now),
            opened: now,
            assigned: None,
            resolved: None,
            closed: None,
            updated: now,
            stage: 0,
            is_problem: false,
            problem,
        }
    }

    fn id(&self, place: usize) -> u64 {
        let place = place as u64;
        let gap = (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % 3;
        let tickets = self.tickets as u64;
        if place >= tickets - tickets / 200 {
            FIRST_LONG_ID + place * 4 + gap
        } else {
            FIRST_ID + place * 3 + gap
        }
    }

    fn opened(&self, place: usize) -> i64 {
        let middle = self.tickets / 2;
        let block = place / 16;
        let together = block % 41 == 20;
        let place = if (middle..middle + self.burst).contains(&place) {
            middle
        } else if together {
            block * 16
        } else {
            place
        };
        self.calendar.second(place as f64 / self.tickets.max(1) as f64)
    }

    fn stages(&self, opened: i64, rng: &mut Rng) -> Lifecycle {
        let age = self.now - opened;
        let wait = HOUR / 12 + rng.i64(0..4 * HOUR);
        let work = HOUR / 4 + rng.i64(0..3 * DAY) * rng.i64(1..4) / 2;
        let assigned = (rng.u8(..20) > 0 && age > wait).then_some(opened + wait);
        let done = assigned.filter(|_| rng.u8(..12) > 0 && age > wait + work);
        let resolved = done.map(|at| at + work);
        let closed = resolved.map(|at| at + 3 * DAY).filter(|at| *at < self.now && rng.u8(..6) > 0);
        let stage = match (assigned, resolved, closed) {
            (_, _, Some(_)) => 4,
            (_, Some(_), _) => 3,
            (Some(_), _, _) => 1 + rng.u8(..2),
            _ => 0,
        };
        let last = closed.or(resolved).or(assigned).unwrap_or(opened);
        let touched = last + if rng.u8(..3) == 0 { rng.i64(0..2 * DAY) } else { 0 };
        Lifecycle {
            id: 0,
            created: None,
            opened,
            assigned,
            resolved,
            closed,
            updated: touched.min(self.now - 1),
            stage,
            is_problem: false,
            problem: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_beyond_what_a_float_holds() {
        let timeline = Timeline::new(1_000, 1_760_000_000, 150);
        let lives: Vec<Lifecycle> =
            (0..1_000).map(|place| timeline.life(place, &mut Rng::with_seed(place as u64))).collect();
        assert!(lives.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert_eq!(lives.iter().filter(|life| life.id > 1 << 53).count(), 5);
        assert!(lives.iter().all(|life| life.updated >= life.opened && life.updated < timeline.now));
        let second = lives[500].opened;
        assert!(lives.iter().filter(|life| life.opened == second).count() >= 149);
    }
}
