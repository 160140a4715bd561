//! Comments of KF5's tickets, and the files that are attached to them.

use serde_json::{Map, Value, json};

use super::list::{is_descending, paged, wanted};
use super::{Tenant, invalid, login, not_found};
use crate::sandbox::answer::{Answer, Asked};
use crate::sandbox::clock::written;
use crate::sandbox::object::Object;
use crate::sandbox::people::{AGENTS, agent, agent_by_email};
use crate::sandbox::store::Order;

/// A file that waits for a comment; it stands in an answer as the document has it.
#[derive(Debug, Clone)]
pub struct Upload {
    pub token: String,
    pub shown: Value,
}

/// What a request says of the comment that it adds: its content, and the files it takes.
#[derive(Debug, Default)]
pub struct Sent {
    pub content: String,
    pub is_public: bool,
    pub attachments: Vec<Value>,
}

/// The comment of a request, if one was sent; it must not be empty, and its files must have been uploaded.
pub fn sent(tenant: &Tenant, ticket: &Map<String, Value>) -> Result<Option<Sent>, Answer> {
    let Some(comment) = ticket.get("comment").filter(|comment| !comment.is_null()) else { return Ok(None) };
    let content = comment.get("content").and_then(Value::as_str).filter(|text| !text.is_empty());
    let content = content.ok_or_else(|| invalid("工单回复内容不能为空"))?.to_owned();
    let is_public =
        comment.get("public").is_none_or(|public| *public != json!(false) && *public != json!("false"));
    let mut attachments = Vec::new();
    for token in comment.get("uploads").and_then(Value::as_array).into_iter().flatten() {
        let upload = tenant.uploads.iter().find(|upload| *token == *upload.token);
        attachments.push(upload.ok_or_else(|| invalid("附件 token 不存在"))?.shown.clone());
    }
    Ok(Some(Sent { content, is_public, attachments }))
}

/// Adds a comment of the calling agent to a ticket.
pub fn add(tenant: &mut Tenant, ticket: u64, author: u64, comment: Option<Sent>) {
    let Some(comment) = comment else { return };
    let kept = tenant.comments.values().map(Vec::len).sum::<usize>();
    let shown = json!({
        "id": 5_000_000 + kept,
        "content": comment.content,
        "html_content": comment.content,
        "voice_url": null,
        "public": comment.is_public,
        "author_id": author,
        "author_name": agent(author).map(|agent| agent.name),
        "created_at": written(tenant.clock.now()),
        "attachments": comment.attachments,
    });
    tenant.comments.entry(ticket).or_default().push(shown);
}

/// The comments of a ticket; the first one is its description.
pub fn list(tenant: &Tenant, id: u64, asked: &Asked) -> Result<Answer, Answer> {
    let card = tenant.store.get(id).ok_or_else(not_found)?;
    let wanted = wanted(tenant, asked, Order::Id, false)?;
    let ticket = Object::parse(&card.text).unwrap_or_default();
    let raw = |key: &str| ticket.get(key).unwrap_or("null").to_owned();
    let first = format!(
        r#"{{"id":{id},"content":{text},"html_content":{text},"voice_url":null,"public":true,"author_id":{author},"created_at":{at},"attachments":[]}}"#,
        text = raw("description"),
        author = raw("requester_id"),
        at = raw("created_at"),
    );
    let later = tenant.comments.get(&id).into_iter().flatten().map(Value::to_string);
    let mut all: Vec<String> = std::iter::once(first).chain(later).collect();
    if is_descending(asked, "sort_order")?.unwrap_or(false) {
        all.reverse();
    }
    Ok(paged(tenant, asked, &wanted, "comments", &all))
}

/// Takes a file; its token may be named by a comment.
pub fn upload(tenant: &mut Tenant, asked: &Asked) -> Answer {
    let number = tenant.uploads.len() as u64 + 1;
    let token = format!("{:018x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ tenant.rng.u64(..));
    let name = asked.param("filename").or_else(|| asked.param("name"));
    let shown = json!({
        "id": number,
        "token": token,
        "name": name.unwrap_or_else(|| format!("file-{number}")),
        "size": asked.body.len(),
        "content_url": format!("{}/apiv2/attachments/{number}.json", tenant.origin),
    });
    tenant.uploads.push(Upload { token, shown: shown.clone() });
    Answer::status(http::StatusCode::CREATED, json!({"attachment": shown}).to_string())
}

/// Who asks: the agent whose address is in the credentials.
pub fn caller(asked: &Asked) -> u64 {
    let known = login(asked).as_deref().and_then(agent_by_email);
    known.or(AGENTS.first()).map_or(0, |agent| agent.id)
}
