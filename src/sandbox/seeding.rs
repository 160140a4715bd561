//! How the tickets of a seed become a store: each from a random sequence of its own, one in 25 awkward.

use bytes::Bytes;
use fastrand::Rng;

use super::object::Object;
use super::options::Options;
use super::store::{Ticket, TicketStore};
use super::timeline::{Lifecycle, Timeline};

/// Tickets whose bytes lie in one piece of memory, so that big worlds cost few allocations.
const CHUNK: usize = 2_048;
const TYPICAL_BYTES: usize = 1_700;
const AWKWARD_EVERY: usize = 25;
const LONG_SENTENCE: &str = "这是一段很长的聊天记录。\n";

/// What a vendor knows about its tickets.
pub struct Vendor<Push, Spoil> {
    /// Tells the random sequences of the vendors apart.
    pub salt: u64,
    /// The key of the text that `longest_description` lengthens.
    pub long_key: &'static str,
    /// Appends an ordinary ticket; the last argument is its place in the seed.
    pub push: Push,
    /// Makes a ticket awkward; the last argument counts the awkward ones.
    pub spoil: Spoil,
}

/// All tickets of the seed as they stand at `now`, in Unix seconds.
pub fn store<Push, Spoil>(options: &Options, now: i64, vendor: &Vendor<Push, Spoil>) -> TicketStore
where
    Push: Fn(&mut String, &mut Rng, &Lifecycle, usize) -> Ticket,
    Spoil: Fn(&mut Object, &Lifecycle, usize),
{
    let timeline = Timeline::new(options.tickets, now, options.burst);
    let mut cards = Vec::with_capacity(options.tickets);
    for from in (0..options.tickets).step_by(CHUNK) {
        let places = from..(from + CHUNK).min(options.tickets);
        let mut text = String::with_capacity(places.len() * TYPICAL_BYTES);
        let mut chunk = Vec::with_capacity(places.len());
        for place in places {
            let mut rng = Rng::with_seed(
                (options.seed ^ vendor.salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ place as u64,
            );
            let mut life = timeline.life(place, &mut rng);
            if options.plain {
                life.created = Some(life.opened);
            }
            let start = text.len();
            let card = (vendor.push)(&mut text, &mut rng, &life, place);
            let awkward = place % AWKWARD_EVERY == 7 || life.created.is_none();
            if awkward && !options.plain {
                edit(&mut text, start, |ticket| (vendor.spoil)(ticket, &life, place / AWKWARD_EVERY));
            }
            if place + 1 == options.tickets && options.longest_description > 0 {
                let times = options.longest_description.div_ceil(LONG_SENTENCE.len());
                edit(&mut text, start, |ticket| {
                    ticket.set_text(vendor.long_key, &LONG_SENTENCE.repeat(times))
                });
            }
            chunk.push((card, start..text.len()));
        }
        let bytes = Bytes::from(text);
        cards.extend(chunk.into_iter().map(|(card, range)| Ticket { text: bytes.slice(range), ..card }));
    }
    TicketStore::filled(cards)
}

/// Edits the ticket that ends the text.
fn edit(text: &mut String, start: usize, change: impl FnOnce(&mut Object)) {
    if let Ok(mut ticket) = Object::parse(text.get(start..).unwrap_or("").as_bytes()) {
        change(&mut ticket);
        text.truncate(start);
        text.push_str(&ticket.render());
    }
}
