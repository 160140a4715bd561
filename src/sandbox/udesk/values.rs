//! What Udesk's custom fields hold: texts, and indices of options; ordinary values only.

use std::fmt::Write;

use fastrand::Rng;

use super::fields::{Field, Kind};
use crate::sandbox::clock::{local, push_date, push_time, two};
use crate::sandbox::words::{PLACES, SENTENCES, pick};

const DAY: i64 = 86_400;

/// Appends the value of a field as JSON; about one in six is empty. `at` is a Unix second near which dates lie.
pub fn push_value(out: &mut String, rng: &mut Rng, field: &Field, at: i64) {
    match rng.u8(..12) {
        0 => return out.push_str("\"\""),
        1 => return out.push_str("null"),
        _ => out.push('"'),
    }
    let near = at + rng.i64(-20 * DAY..20 * DAY);
    let any = |rng: &mut Rng| field.options.get(rng.usize(..field.options.len().max(1)));
    let _ = match field.kind {
        Kind::Text if field.name == "TextField_1" => {
            write!(out, "DD{}", rng.u64(20_240_000_000_000..20_270_000_000_000))
        }
        Kind::Text | Kind::Other => out.write_str(pick(rng, PLACES)),
        Kind::AreaText => write!(out, "{}\\r\\n{}", pick(rng, SENTENCES), pick(rng, SENTENCES)),
        Kind::Date => {
            push_date(out, local(near).date());
            Ok(())
        }
        Kind::Time => {
            two(out, rng.i8(0..24));
            out.push(':');
            two(out, rng.i8(0..60));
            out.push(':');
            two(out, rng.i8(0..60));
            Ok(())
        }
        Kind::DateTime => {
            push_time(out, near);
            out.truncate(out.len() - ":00".len());
            Ok(())
        }
        Kind::Link => write!(out, "https://shop.example.com/item/{}?from=kefu", rng.u32(1_000..1_000_000)),
        Kind::Number => write!(out, "{}", rng.u32(1..400)),
        Kind::Numeric => write!(out, "{}.{:02}", rng.u32(1..20_000), rng.u8(..100)),
        Kind::Select | Kind::Chained => out.write_str(any(rng).map_or("", |(index, _)| index)),
        Kind::Several => {
            let chosen = rng.usize(1..4);
            let from = rng.usize(..field.options.len().max(1));
            let indices = field.options.iter().skip(from).take(chosen).map(|(index, _)| index.as_str());
            for (place, index) in indices.enumerate() {
                if place > 0 {
                    out.push(',');
                }
                out.push_str(index);
            }
            Ok(())
        }
    };
    out.push('"');
}
