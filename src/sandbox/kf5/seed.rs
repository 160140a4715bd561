//! The KF5 tickets of the seed: ordinary ones here, the awkward few through `quirks`.

use std::collections::BTreeMap;
use std::fmt::Write;

use fastrand::Rng;

use super::fields::Field;
use super::quirks;
use super::values::push_value;
use crate::sandbox::clock::push_time;
use crate::sandbox::object::Object;
use crate::sandbox::options::Options;
use crate::sandbox::people::{AGENTS, People, organization};
use crate::sandbox::seeding::{self, Vendor};
use crate::sandbox::store::{Ticket, TicketStore};
use crate::sandbox::timeline::Lifecycle;
use crate::sandbox::words::{PROBLEMS, PRODUCTS, RATINGS, SLA_REASONS, TAGS, pick, push_sentences};

/// Statuses in the order of a ticket's life.
pub const STATUSES: [&str; 5] = ["new", "open", "pending", "solved", "closed"];

const SOURCES: &[&str] = &["web", "tab", "chat", "email", "mobile", "weibo", "api"];
const SCORES: &[&str] = &["Very Poor", "Poor", "Fair", "Very good", "Excellent", "Great"];
/// All tickets of the seed.
pub fn store(options: &Options, fields: &[Field], people: &People, now: i64) -> TicketStore {
    let desk = Desk { fields, people, origin: &options.origin, now };
    let vendor = Vendor {
        salt: 0x4B46_3500,
        long_key: "description",
        push: |out: &mut String, rng: &mut Rng, life: &Lifecycle, place| {
            push_ticket(out, rng, life, &desk, place)
        },
        spoil: |ticket: &mut Object, life: &Lifecycle, turn| quirks::spoil(ticket, fields, life, turn),
    };
    seeding::store(options, now, &vendor)
}

/// What tickets of a tenant are made of.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    pub fields: &'a [Field],
    pub people: &'a People,
    /// The address that a ticket's `url` names.
    pub origin: &'a str,
    pub now: i64,
}

/// Appends one ordinary ticket; the card comes without its text.
pub fn push_ticket(
    out: &mut String,
    rng: &mut Rng,
    life: &Lifecycle,
    desk: &Desk<'_>,
    place: usize,
) -> Ticket {
    let Desk { fields, people, origin, now } = *desk;
    let requester = people.any(rng);
    let agent = AGENTS.get(rng.usize(..AGENTS.len())).filter(|_| life.assigned.is_some());
    let assignee = agent.map_or(0, |agent| agent.id);
    let source = pick(rng, SOURCES);
    // 0: a problem, 1 and 2: incidents of one, the others neither.
    let kind = match (life.is_problem, rng.u8(1..20)) {
        (true, _) => 0,
        (false, 1 | 2) if life.problem.is_none() => 3,
        (false, kind) => kind,
    };
    let problem = if matches!(kind, 1 | 2) { life.problem.unwrap_or(0) } else { 0 };
    let id = life.id;
    let _ = write!(out, r#"{{"id":{id},"url":"{origin}/apiv2/tickets/{id}.json","title":""#);
    out.push_str(pick(rng, PRODUCTS));
    out.push_str(pick(rng, PROBLEMS));
    out.push_str(r#"","description":""#);
    let sentences = 1 + rng.usize(..4);
    push_sentences(out, rng, sentences);
    out.push_str(r#"","type":"#);
    out.push_str(match kind {
        0 => r#""problem""#,
        1 | 2 => r#""incident""#,
        3..=4 => r#""task""#,
        5..=12 => r#""question""#,
        _ => "null",
    });
    push_word(out, "status", STATUSES.get(life.stage as usize).copied().unwrap_or("new"));
    push_word(out, "priority", pick(rng, &["low", "low", "medium", "medium", "medium", "high", "urgent"]));
    out.push_str(if source == "email" {
        r#","recipient":"support@example.com""#
    } else {
        r#","recipient":null"#
    });
    push_number(out, "requester_id", requester);
    push_number(out, "assignee_id", assignee);
    push_number(out, "organization_id", organization(requester).unwrap_or(0));
    push_number(out, "group_id", agent.map_or(0, |agent| agent.group));
    push_number(out, "problem_id", problem);
    push_moment(out, "due_date", (3..=4).contains(&kind).then_some(life.opened + 259_200));
    push_moment(out, "created_at", Some(life.opened));
    push_moment(out, "updated_at", Some(life.updated));
    push_moment(out, "assigneed_at", life.assigned);
    push_moment(out, "resolved_at", life.resolved);
    push_moment(out, "closed_at", life.closed);
    push_word(out, "source", source);
    push_number(out, "chat_id", if source == "chat" { life.id * 7 } else { 0 });
    push_collaborators(out, rng, place);
    push_tags(out, rng);
    push_custom(out, rng, fields, life.opened, place);
    push_satisfaction(out, rng, life);
    push_sla(out, rng, life, now);
    push_number(out, "creator_id", if source == "api" { 733 } else { requester });
    out.push('}');
    Ticket {
        id,
        created: life.created,
        updated: Some(life.updated),
        status: life.stage,
        assignee,
        person: requester,
        problem,
        is_problem: kind == 0,
        ..Ticket::default()
    }
}

fn push_word(out: &mut String, key: &str, word: &str) {
    for part in [",\"", key, "\":\"", word, "\""] {
        out.push_str(part);
    }
}

/// A number, null for 0.
fn push_number(out: &mut String, key: &str, number: u64) {
    for part in [",\"", key, "\":"] {
        out.push_str(part);
    }
    match number {
        0 => out.push_str("null"),
        _ => {
            let _ = write!(out, "{number}");
        }
    }
}

fn push_moment(out: &mut String, key: &str, second: Option<i64>) {
    for part in [",\"", key, "\":"] {
        out.push_str(part);
    }
    match second {
        Some(second) => {
            out.push('"');
            push_time(out, second);
            out.push('"');
        }
        None => out.push_str("null"),
    }
}

fn push_collaborators(out: &mut String, rng: &mut Rng, place: usize) {
    match place % 6 {
        0 => {
            let _ = write!(out, r#","collaborator_ids":[{},{}]"#, 733 + rng.u32(..3), 741);
        }
        _ => out.push_str(r#","collaborator_ids":[]"#),
    }
}

fn push_tags(out: &mut String, rng: &mut Rng) {
    out.push_str(",\"tags\":[");
    for count in 0..rng.u8(..4) {
        out.push_str(if count == 0 { "\"" } else { ",\"" });
        out.push_str(pick(rng, TAGS));
        out.push('"');
    }
    out.push(']');
}

fn push_custom(out: &mut String, rng: &mut Rng, fields: &[Field], at: i64, place: usize) {
    out.push_str(",\"custom_fields\":[");
    let (mut first, mut chosen) = (true, BTreeMap::new());
    let usual = fields.iter().take_while(|field| field.id < 2_000).count();
    // Extra fields are filled in turn, each by some tickets.
    let extra = fields.get(usual..).unwrap_or(&[]);
    let turn = extra.get(place % extra.len().max(1));
    for field in fields.iter().take(usual).chain(turn) {
        let wanted = if field.active { 8 } else { 2 };
        let is_chosen = match &field.parent {
            Some((parent, option)) => chosen.get(parent).is_some_and(|value| value == option),
            None => true,
        };
        if !is_chosen || (rng.u8(..20) >= wanted && field.id < 2_000 && !field.required) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        for part in ["{\"name\":\"", &field.name, "\",\"value\":"] {
            out.push_str(part);
        }
        let start = out.len();
        push_value(out, rng, field, at);
        if fields.iter().any(|other| other.parent.as_ref().is_some_and(|(parent, _)| *parent == field.id)) {
            chosen.insert(field.id, out.get(start..).unwrap_or_default().to_owned());
        }
        out.push('}');
    }
    out.push(']');
}

fn push_satisfaction(out: &mut String, rng: &mut Rng, life: &Lifecycle) {
    match life.resolved {
        Some(_) if rng.u8(..3) == 0 => {
            let _ = write!(out, r#","satisfaction_rating":{{"id":{},"#, life.id / 3);
            let _ = write!(out, r#""score":"{}","#, pick(rng, SCORES));
            match rng.u8(..3) {
                0 => out.push_str("\"comment\":null}"),
                1 => out.push_str("\"comment\":\"\"}"),
                _ => {
                    let _ = write!(out, r#""comment":"{}"}}"#, pick(rng, RATINGS));
                }
            }
        }
        _ => out.push_str(",\"satisfaction_rating\":null"),
    }
}

fn push_sla(out: &mut String, rng: &mut Rng, life: &Lifecycle, now: i64) {
    if life.stage == 2 && rng.bool() {
        let paused = rng.u8(..2);
        let _ = write!(out, r#","sla_event":{{"paused":{paused},"created_at":""#);
        push_time(out, life.opened + 600);
        let _ = write!(out, r#"","reason":"{}"}}"#, pick(rng, SLA_REASONS));
    } else {
        out.push_str(",\"sla_event\":null");
    }
    let due = life.opened + 8 * 3_600;
    // Of an open ticket it is told as of now.
    let end = life.resolved.unwrap_or(now);
    match rng.u8(..3) {
        0 if end > due && life.stage > 2 => {
            // No longer under an agreement, with the last breach of one.
            out.push_str(",\"slax\":null");
            push_moment(out, "absolute_slax_time_at", Some(due));
            out.push_str(",\"sla_status\":1");
        }
        0 => out.push_str(",\"slax\":null,\"absolute_slax_time_at\":null,\"sla_status\":null"),
        kind => {
            let _ = write!(
                out,
                r#","slax":{{"id":{kind},"title":"{}","diff_second":{},"slax_time_at":""#,
                if kind == 1 { "标准客户8小时解决" } else { "大客户响应" },
                end - due,
            );
            push_time(out, due);
            out.push_str("\"}");
            push_moment(out, "absolute_slax_time_at", Some(due));
            let _ = write!(out, ",\"sla_status\":{}", u8::from(end > due));
        }
    }
    match life.resolved {
        Some(resolved) => {
            let _ = write!(out, ",\"process_second\":{}", resolved - life.opened);
        }
        None => out.push_str(",\"process_second\":null"),
    }
}
