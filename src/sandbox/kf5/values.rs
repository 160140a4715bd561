//! What customers and agents fill into KF5's custom fields: ordinary values only.

use std::fmt::Write;

use fastrand::Rng;

use super::fields::{Field, Kind};
use crate::sandbox::clock::{local, push_date, two};
use crate::sandbox::words::{PLACES, PRODUCTS, SENTENCES, pick};

const DAY: i64 = 86_400;

/// Appends the value of a field as JSON; about one in six is empty. `at` is a Unix second near which dates lie.
pub fn push_value(out: &mut String, rng: &mut Rng, field: &Field, at: i64) {
    match rng.u8(..12) {
        _ if field.required => {}
        0 => return out.push_str("\"\""),
        1 => return out.push_str("null"),
        _ => {}
    }
    match field.kind {
        Kind::Text | Kind::Other => push_short(out, rng, field.id),
        Kind::Textarea => {
            out.push('"');
            out.push_str(pick(rng, SENTENCES));
            out.push_str("\\r\\n");
            out.push_str(pick(rng, SENTENCES));
            out.push('"');
        }
        Kind::Regexp => {
            let _ = match field.id {
                16 => write!(out, "\"{}\"", rng.u32(100_000..1_000_000)),
                _ => write!(out, "\"1{}\"", rng.u64(3_000_000_000..10_000_000_000)),
            };
        }
        // The vendor's samples carry numbers as strings.
        Kind::Int => {
            let _ = match rng.u8(..4) {
                0 => write!(out, "{}", rng.u32(1..500)),
                _ => write!(out, "\"{}\"", rng.u32(1..500)),
            };
        }
        Kind::Decimal => {
            let cents = rng.u32(100..2_000_000);
            let _ = match rng.u8(..4) {
                0 => write!(out, "{}.{:02}", cents / 100, cents % 100),
                _ => write!(out, "\"{}.{:02}\"", cents / 100, cents % 100),
            };
        }
        Kind::Date => {
            out.push('"');
            push_date(out, local(at + rng.i64(-30..30) * DAY).date());
            out.push('"');
        }
        Kind::Checkbox => out.push_str(pick(rng, &["\"1\"", "\"0\"", "1", "0", "true", "false"])),
        Kind::Select => match field.choices.get(rng.usize(..field.choices.len().max(1))) {
            Some(choice) => push_text(out, choice),
            None => out.push_str("\"\""),
        },
        Kind::Cascade3 | Kind::Multi => match field.choices.get(rng.usize(..field.choices.len().max(1))) {
            Some(path) => {
                for (level, label) in path.split(',').enumerate() {
                    out.push(if level == 0 { '[' } else { ',' });
                    push_text(out, label);
                }
                out.push(']');
            }
            None => out.push_str("[]"),
        },
    }
}

fn push_short(out: &mut String, rng: &mut Rng, id: u64) {
    out.push('"');
    match id {
        8 | 742 => {
            out.push_str("DD");
            let _ = write!(out, "{}", rng.u64(20_240_000_000_000..20_270_000_000_000));
        }
        9 => out.push_str(pick(rng, PRODUCTS)),
        766 => out.push((b'1' + rng.u8(..5)) as char),
        770 => {
            out.push_str("OLD-");
            two(out, rng.i8(0..100));
        }
        _ => out.push_str(pick(rng, PLACES)),
    }
    out.push('"');
}

/// Appends a label that may hold anything.
fn push_text(out: &mut String, label: &str) {
    if label.bytes().any(|byte| byte == b'"' || byte == b'\\' || byte < 0x20) {
        out.push_str(&crate::sandbox::object::quoted(label));
    } else {
        out.push('"');
        out.push_str(label);
        out.push('"');
    }
}
