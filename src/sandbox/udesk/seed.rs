//! The Udesk tickets of the seed: ordinary ones here, the awkward few through `quirks`.

use std::fmt::Write;

use fastrand::Rng;

use super::fields::Field;
use super::quirks;
use super::values::push_value;
use crate::sandbox::clock::push_time;
use crate::sandbox::object::{Object, quoted};
use crate::sandbox::options::Options;
use crate::sandbox::people::{AGENTS, People, group_name};
use crate::sandbox::seeding::{self, Vendor};
use crate::sandbox::store::{Ticket, TicketStore};
use crate::sandbox::timeline::Lifecycle;
use crate::sandbox::words::{PROBLEMS, PRODUCTS, pick, push_sentences};

/// Statuses, English and Chinese, in the order of a ticket's life.
pub const STATUSES: [(&str, &str); 4] =
    [("open", "打开"), ("solving", "解决中"), ("resolved", "已解决"), ("closed", "已关闭")];

/// Priorities, English and Chinese.
pub const PRIORITIES: [(&str, &str); 4] =
    [("urgency", "紧急"), ("high", "高"), ("medium", "标准"), ("low", "低")];

const PLATFORMS: &[&str] =
    &["邮件", "微博", "微信", "即时聊天", "电话", "反馈标签", "帮助中心", "手工录入", "API"];
/// All tickets of the seed.
pub fn store(options: &Options, fields: &[Field], people: &People, now: i64) -> TicketStore {
    let vendor = Vendor {
        salt: 0x5544_4553_4B00,
        long_key: "content",
        push: |out: &mut String, rng: &mut Rng, life: &Lifecycle, place| {
            push_ticket(out, rng, life, fields, people, place)
        },
        spoil: |ticket: &mut Object, life: &Lifecycle, turn| quirks::spoil(ticket, fields, life, turn),
    };
    seeding::store(options, now, &vendor)
}

/// Appends one ordinary ticket; the card comes without its text.
pub fn push_ticket(
    out: &mut String,
    rng: &mut Rng,
    life: &Lifecycle,
    fields: &[Field],
    people: &People,
    place: usize,
) -> Ticket {
    let customer = people.get(people.any(rng)).unwrap_or_default();
    let agent = AGENTS.get(rng.usize(..AGENTS.len())).filter(|_| life.assigned.is_some());
    let html = rng.u8(..8) == 0;
    let status = life.stage.saturating_sub(1);
    let status = if life.stage == 2 { 1 } else { status };
    let _ = write!(out, "{{\"id\":{},\"subject\":\"", life.id);
    out.push_str(pick(rng, PRODUCTS));
    out.push_str(pick(rng, PROBLEMS));
    out.push_str("\",\"content\":\"");
    let sentences = 1 + rng.usize(..4);
    if html {
        out.push_str("<p>");
    }
    push_sentences(out, rng, sentences);
    out.push_str(if html { "</p>\",\"content_type\":\"html\"" } else { "\",\"content_type\":\"text\"" });
    push_word(out, "platform", Some(pick(rng, PLATFORMS)));
    push_word(out, "priority", Some(pick(rng, &["紧急", "高", "标准", "标准", "标准", "低"])));
    push_word(out, "status", STATUSES.get(status as usize).map(|(name, _)| *name));
    push_word(out, "user", Some(&customer.name));
    push_word(out, "user_email", customer.email.as_deref());
    push_word(out, "user_cellphone", customer.phone.as_deref());
    push_word(out, "assignee", agent.map(|agent| agent.name));
    match agent {
        Some(agent) => {
            let _ = write!(out, ",\"assignee_id\":{},\"user_group_id\":{}", agent.id, agent.group);
        }
        None => out.push_str(",\"assignee_id\":null,\"user_group_id\":null"),
    }
    push_word(out, "user_group_name", agent.and_then(|agent| group_name(agent.group)));
    push_moment(out, "solving_at", life.assigned);
    match (agent, rng.u8(..3)) {
        (Some(agent), 0..2) => {
            let _ = write!(out, ",\"replied_by\":\"agent_{}\"", agent.id);
        }
        (_, 2) => {
            let _ = write!(out, ",\"replied_by\":\"customer_{}\"", customer.id);
        }
        _ => out.push_str(",\"replied_by\":null"),
    }
    push_custom(out, rng, fields, life.opened, place);
    push_moment(out, "created_at", Some(life.opened));
    push_moment(out, "updated_at", Some(life.updated));
    out.push('}');
    Ticket {
        id: life.id,
        created: life.created,
        updated: Some(life.updated),
        status,
        assignee: agent.map_or(0, |agent| agent.id),
        person: customer.id,
        ..Ticket::default()
    }
}

fn push_word(out: &mut String, key: &str, word: Option<&str>) {
    for part in [",\"", key, "\":"] {
        out.push_str(part);
    }
    match word {
        // Names that a client wrote may hold anything.
        Some(word) if word.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') => {
            out.push_str(&quoted(word))
        }
        Some(word) => {
            for part in ["\"", word, "\""] {
                out.push_str(part);
            }
        }
        None => out.push_str("null"),
    }
}

/// A time with its offset; an empty string when there is none.
fn push_moment(out: &mut String, key: &str, second: Option<i64>) {
    for part in [",\"", key, "\":\""] {
        out.push_str(part);
    }
    if let Some(second) = second {
        push_time(out, second);
        out.push_str(" +0800");
    }
    out.push('"');
}

fn push_custom(out: &mut String, rng: &mut Rng, fields: &[Field], at: i64, place: usize) {
    out.push_str(",\"custom_fields\":{");
    let extra = fields.iter().filter(|field| field.extra).count();
    let mut first = true;
    let mut extra_place = 0;
    for field in fields {
        if field.extra {
            extra_place += 1;
            if place % extra != extra_place - 1 {
                continue;
            }
        } else if rng.u8(..20) >= 15 {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        for part in ["\"", &field.name, "\":"] {
            out.push_str(part);
        }
        push_value(out, rng, field, at);
    }
    out.push('}');
}
