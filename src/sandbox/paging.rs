//! Which tickets a page holds: filters, order, page number.

use super::quirks::{ListOrder, Quirks};
use super::store::{Entry, Order, Ticket, TicketStore};

/// A stretch of Unix seconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub until: i64,
}

/// All of time.
pub const ALWAYS: Span = Span { from: i64::MIN, until: i64::MAX };

/// Below this part of all tickets, sorting the few is cheaper than passing over the many.
const NARROW: usize = 8;

/// What a list request wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub created: Span,
    pub updated: Span,
    pub order: Order,
    pub descending: bool,
    /// An order that nobody asked for, in place of the one above.
    pub odd: Option<ListOrder>,
    pub page: u64,
    pub per_page: u64,
}

impl Wanted {
    /// Rows before the page, and rows of it.
    fn place(&self) -> (usize, usize) {
        let skip = self.page.saturating_sub(1).saturating_mul(self.per_page);
        let number = |rows| usize::try_from(rows).unwrap_or(usize::MAX);
        (number(skip), number(self.per_page))
    }

    /// The page whose rows are shown for this one.
    pub fn shown(&self, quirks: &Quirks) -> Wanted {
        let repeats = quirks.repeat_page == Some(self.page);
        Wanted { page: self.page.saturating_sub(repeats.into()).max(1), ..*self }
    }
}

/// The tickets of the page, and how many there are on all pages.
///
/// Tickets of one second follow each other by id, in the direction of the list.
pub fn page<'a>(
    store: &'a TicketStore,
    wanted: &Wanted,
    keep: Option<&dyn Fn(&Ticket) -> bool>,
) -> (Vec<&'a Ticket>, usize) {
    let (entries, created, updated) = match wanted.order {
        Order::Created if wanted.created != ALWAYS => {
            (within(store, Order::Created, wanted.created), ALWAYS, wanted.updated)
        }
        Order::Updated if wanted.updated != ALWAYS => {
            (within(store, Order::Updated, wanted.updated), wanted.created, ALWAYS)
        }
        order => (store.sequence(order), wanted.created, wanted.updated),
    };
    let (skip, take) = wanted.place();
    let place = |index: usize| if wanted.descending { entries.len() - 1 - index } else { index };
    if let Some(odd) = wanted.odd {
        let found = entries.iter().filter_map(|entry| store.card(entry));
        let mut cards: Vec<&Ticket> = found.filter(|card| fits(wanted, keep, card)).collect();
        cards.sort_by_key(|card| odd.place_of(card));
        return (slice(&cards, wanted), cards.len());
    }
    if keep.is_none() && created == ALWAYS && updated == ALWAYS {
        let end = skip.saturating_add(take).min(entries.len());
        let cards = (skip.min(end)..end).filter_map(|index| entries.get(place(index)));
        return (cards.filter_map(|entry| store.card(entry)).collect(), entries.len());
    }
    let fits = |card: &&Ticket| fits(wanted, keep, card);
    let narrow = narrowest(store, wanted.created, wanted.updated);
    if narrow.len() < entries.len() / NARROW {
        let mut cards: Vec<&Ticket> =
            narrow.iter().filter_map(|entry| store.card(entry)).filter(fits).collect();
        cards.sort_unstable_by_key(|card| wanted.order.place_of(card));
        if wanted.descending {
            cards.reverse();
        }
        return (slice(&cards, wanted), cards.len());
    }
    let mut total = 0;
    let mut cards = Vec::new();
    let found = (0..entries.len()).filter_map(|index| store.card(entries.get(place(index))?));
    for card in found.filter(fits) {
        if total >= skip && cards.len() < take {
            cards.push(card);
        }
        total += 1;
    }
    (cards, total)
}

fn fits(wanted: &Wanted, keep: Option<&dyn Fn(&Ticket) -> bool>, card: &Ticket) -> bool {
    holds(wanted.created, card.created)
        && holds(wanted.updated, card.updated)
        && keep.is_none_or(|keep| keep(card))
}

/// The shortest run of tickets in which all that lie in both spans are found.
fn narrowest(store: &TicketStore, created: Span, updated: Span) -> &[Entry] {
    let spans = [(Order::Created, created), (Order::Updated, updated)];
    let runs = spans.into_iter().filter(|(_, span)| *span != ALWAYS);
    let runs = runs.map(|(order, span)| store.between(order, span.from, span.until));
    runs.min_by_key(|run| run.len()).unwrap_or(store.sequence(Order::Id))
}

/// A page of rows that are in their final order already.
pub fn slice<T: Copy>(rows: &[T], wanted: &Wanted) -> Vec<T> {
    let (skip, take) = wanted.place();
    rows.iter().skip(skip).take(take).copied().collect()
}

fn within(store: &TicketStore, order: Order, span: Span) -> &[Entry] {
    store.between(order, span.from, span.until)
}

/// Whether a time lies in a span; without a time only in all of time.
fn holds(span: Span, second: Option<i64>) -> bool {
    match second {
        Some(second) => (span.from..=span.until).contains(&second),
        None => span == ALWAYS,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn card(id: u64, created: Option<i64>, updated: i64) -> Ticket {
        Ticket { id, created, updated: Some(updated), ..Ticket::default() }
    }

    fn store() -> TicketStore {
        let mut cards: Vec<Ticket> =
            (1..=10).map(|id| card(id, Some(100 + id as i64 / 2), 200 - id as i64)).collect();
        cards.push(card(11, None, 150));
        TicketStore::filled(cards)
    }

    fn ids(wanted: Wanted, keep: Option<&dyn Fn(&Ticket) -> bool>) -> (Vec<u64>, usize) {
        let store = store();
        let (cards, total) = page(&store, &wanted, keep);
        (cards.iter().map(|card| card.id).collect(), total)
    }

    const FIRST: Wanted = Wanted {
        created: ALWAYS,
        updated: ALWAYS,
        order: Order::Id,
        descending: false,
        odd: None,
        page: 1,
        per_page: 4,
    };

    #[test]
    fn pages_follow_each_other_and_end_empty() {
        assert_eq!(ids(FIRST, None), (vec![1, 2, 3, 4], 11));
        assert_eq!(ids(Wanted { page: 3, ..FIRST }, None), (vec![9, 10, 11], 11));
        assert_eq!(ids(Wanted { page: 4, ..FIRST }, None), (vec![], 11));
        assert_eq!(ids(Wanted { page: u64::MAX, ..FIRST }, None), (vec![], 11));
        let descending = Wanted { descending: true, ..FIRST };
        assert_eq!(ids(descending, None).0, [11, 10, 9, 8]);
    }

    #[test]
    fn bounds_count_and_a_ticket_without_time_is_not_found_by_time() {
        let created = Span { from: 102, until: 104 };
        for order in [Order::Id, Order::Created] {
            let wanted = Wanted { created, order, per_page: 100, ..FIRST };
            assert_eq!(ids(wanted, None), (vec![4, 5, 6, 7, 8, 9], 6));
        }
        let early = Span { from: i64::MIN, until: 101 };
        for order in [Order::Id, Order::Created] {
            let wanted = Wanted { created: early, order, ..FIRST };
            assert_eq!(ids(wanted, None), (vec![1, 2, 3], 3));
        }
        let both =
            Wanted { created, updated: Span { from: 194, until: i64::MAX }, order: Order::Updated, ..FIRST };
        assert_eq!(ids(both, Some(&|card| card.id != 5)), (vec![6, 4], 2));
    }

    proptest! {
        /// Whatever way is taken through the indices, the page is that of filtering and sorting everything.
        #[test]
        fn every_way_finds_the_same(
            times in vec((option::of(0..40_i64), 0..40_i64), 1..80),
            created in (0..40_i64, 0..40_i64),
            updated in (0..40_i64, 0..40_i64),
            bounded in (any::<bool>(), any::<bool>()),
            order in prop_oneof![Just(Order::Id), Just(Order::Created), Just(Order::Updated)],
            descending in any::<bool>(),
            (page_number, per_page) in (1..5_u64, 1..20_u64),
        ) {
            let cards: Vec<Ticket> = (1..).zip(&times).map(|(id, (created, updated))| card(id, *created, *updated)).collect();
            let store = TicketStore::filled(cards.clone());
            let span = |wanted: bool, (from, until)| if wanted { Span { from, until } } else { ALWAYS };
            let (created, updated) = (span(bounded.0, created), span(bounded.1, updated));
            let wanted = Wanted { created, updated, order, descending, odd: None, page: page_number, per_page };
            let mut all: Vec<&Ticket> = cards.iter().filter(|card| holds(created, card.created) && holds(updated, card.updated)).collect();
            all.sort_by_key(|card| order.place_of(card));
            if descending {
                all.reverse();
            }
            let expected: Vec<u64> = slice(&all, &wanted).iter().map(|card| card.id).collect();
            let (found, total) = page(&store, &wanted, None);
            prop_assert_eq!(found.iter().map(|card| card.id).collect::<Vec<_>>(), expected);
            prop_assert_eq!(total, all.len());
        }
    }
}
