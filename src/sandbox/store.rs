//! The ticket store: their bytes, and the three orders in which lists are read.
//!
//! A list answer must cost about a page, whatever the size of the world, so the orders by id, creation and
//! update are kept sorted all the time; a filter on the time that also orders the list is a binary search.

use bytes::Bytes;
use fastrand::Rng;

/// The first ticket of an empty world comes after this number.
const LEAST_ID: u64 = 1_000;

/// One ticket as it is served, with the few facts by which lists choose.
#[derive(Debug, Clone, Default)]
pub struct Ticket {
    pub id: u64,
    /// Unix seconds; none when the ticket's own `created_at` is missing or unreadable.
    pub created: Option<i64>,
    pub updated: Option<i64>,
    /// An older version that lists show beside the current one.
    pub is_double: bool,
    /// Place in the vendor's life cycle of a ticket.
    pub status: u8,
    pub assignee: u64,
    /// The customer it belongs to.
    pub person: u64,
    /// The problem ticket it hangs on; 0 for none.
    pub problem: u64,
    pub is_problem: bool,
    pub text: Bytes,
}

/// By what a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Id,
    Created,
    Updated,
}

impl Order {
    /// By what tickets are compared: the time, then the id.
    pub fn place_of(self, card: &Ticket) -> (i64, u64) {
        let key = match self {
            Order::Id => 0,
            Order::Created => card.created.unwrap_or(i64::MIN),
            Order::Updated => card.updated.unwrap_or(i64::MIN),
        };
        (key, card.id)
    }
}

/// A ticket's place in one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    key: i64,
    id: u64,
    slot: u32,
}

/// All tickets of one vendor.
#[derive(Debug, Default)]
pub struct TicketStore {
    slots: Vec<Option<Ticket>>,
    by_id: Vec<Entry>,
    by_created: Vec<Entry>,
    by_updated: Vec<Entry>,
}

impl TicketStore {
    /// Puts many tickets at once; of two with one id the later wins.
    pub fn filled(cards: Vec<Ticket>) -> TicketStore {
        let mut store = TicketStore::default();
        for (slot, card) in (0_u32..).zip(&cards) {
            store.by_id.push(entry(Order::Id, card, slot));
            store.by_created.push(entry(Order::Created, card, slot));
            store.by_updated.push(entry(Order::Updated, card, slot));
        }
        store.slots = cards.into_iter().map(Some).collect();
        store.by_id.sort_unstable();
        store.by_created.sort_unstable();
        store.by_updated.sort_unstable();
        store
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The id at a place in the order of ids.
    pub fn id_at(&self, place: usize) -> Option<u64> {
        self.by_id.get(place).map(|entry| entry.id)
    }

    /// A number above every ticket's, with a gap by chance.
    pub fn next_id(&self, rng: &mut Rng) -> u64 {
        self.by_id.last().map_or(LEAST_ID, |entry| entry.id) + 1 + rng.u64(..3)
    }

    pub fn get(&self, id: u64) -> Option<&Ticket> {
        self.card(&self.current(id)?)
    }

    /// The place of the current version of a ticket.
    fn current(&self, id: u64) -> Option<Entry> {
        let start = self.by_id.partition_point(|entry| entry.id < id);
        let entries = self.by_id.get(start..)?.iter().take_while(|entry| entry.id == id);
        entries.copied().find(|entry| self.card(entry).is_some_and(|card| !card.is_double))
    }

    /// Puts a ticket, in place of the one with its id if there is one; a double stands beside it.
    pub fn put(&mut self, card: Ticket) {
        if !card.is_double {
            self.remove(card.id);
        }
        let Ok(slot) = u32::try_from(self.slots.len()) else {
            return;
        };
        for order in [Order::Id, Order::Created, Order::Updated] {
            let entry = entry(order, &card, slot);
            let sequence = self.sequence_mut(order);
            let place = sequence.partition_point(|other| *other < entry);
            sequence.insert(place, entry);
        }
        self.slots.push(Some(card));
    }

    /// Takes a ticket away.
    pub fn remove(&mut self, id: u64) -> Option<Ticket> {
        let slot = self.current(id)?.slot;
        self.take(slot)
    }

    /// Takes all doubles away.
    pub fn remove_doubles(&mut self) {
        let is_double = |(slot, card): (u32, &Option<Ticket>)| card.as_ref()?.is_double.then_some(slot);
        let doubles: Vec<u32> = (0..).zip(&self.slots).filter_map(is_double).collect();
        for slot in doubles {
            self.take(slot);
        }
    }

    fn take(&mut self, slot: u32) -> Option<Ticket> {
        let card = self.slots.get_mut(slot as usize)?.take()?;
        for order in [Order::Id, Order::Created, Order::Updated] {
            let entry = entry(order, &card, slot);
            let sequence = self.sequence_mut(order);
            if let Ok(place) = sequence.binary_search(&entry) {
                sequence.remove(place);
            }
        }
        Some(card)
    }

    /// All places in an order, ascending; tickets without the time come first.
    pub fn sequence(&self, order: Order) -> &[Entry] {
        match order {
            Order::Id => &self.by_id,
            Order::Created => &self.by_created,
            Order::Updated => &self.by_updated,
        }
    }

    /// The part of a time order whose seconds lie in `from..=until`.
    pub fn between(&self, order: Order, from: i64, until: i64) -> &[Entry] {
        let sequence = self.sequence(order);
        let from = from.max(i64::MIN + 1);
        let start = sequence.partition_point(|entry| entry.key < from);
        let end = sequence.partition_point(|entry| entry.key <= until);
        sequence.get(start..end).unwrap_or(&[])
    }

    /// The ticket at a place.
    pub fn card(&self, entry: &Entry) -> Option<&Ticket> {
        self.slots.get(entry.slot as usize)?.as_ref()
    }

    /// Every ticket, by id.
    pub fn cards(&self) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.by_id.iter().filter_map(|entry| self.card(entry)).filter(|card| !card.is_double)
    }

    fn sequence_mut(&mut self, order: Order) -> &mut Vec<Entry> {
        match order {
            Order::Id => &mut self.by_id,
            Order::Created => &mut self.by_created,
            Order::Updated => &mut self.by_updated,
        }
    }
}

fn entry(order: Order, card: &Ticket, slot: u32) -> Entry {
    let (key, id) = order.place_of(card);
    Entry { key, id, slot }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(id: u64, created: Option<i64>, updated: i64) -> Ticket {
        Ticket { id, created, updated: Some(updated), ..Ticket::default() }
    }

    fn ids(store: &TicketStore, entries: &[Entry]) -> Vec<u64> {
        let cards = entries.iter().filter_map(|entry| store.card(entry));
        cards.map(|card| card.id).collect()
    }

    #[test]
    fn orders_hold_through_puts_and_removals() {
        let mut store = TicketStore::filled(vec![card(3, Some(10), 90), card(1, Some(20), 30)]);
        store.put(card(2, None, 50));
        store.put(card(4, Some(10), 50));
        assert_eq!(ids(&store, store.sequence(Order::Created)), [2, 3, 4, 1]);
        assert_eq!(ids(&store, store.sequence(Order::Updated)), [1, 2, 4, 3]);
        assert_eq!(ids(&store, store.between(Order::Created, i64::MIN, 10)), [3, 4]);
        store.put(card(3, Some(10), 10));
        store.remove(1);
        assert_eq!(ids(&store, store.sequence(Order::Updated)), [3, 2, 4]);
        assert_eq!(store.len(), 3);
        assert!(store.next_id(&mut Rng::with_seed(1)) > 4);
        assert!(store.get(1).is_none());
    }
}
