//! What Udesk checks of a write: agents and groups by their names, options, links, replies; each with its message.

use serde_json::{Map, Value};

use super::fields::{Field, Kind};
use super::writing::{needed, part};
use super::{Tenant, refused};
use crate::sandbox::answer::Answer;
use crate::sandbox::object::quoted;
use crate::sandbox::people::{AGENTS, Agent, GROUPS, agent, agent_by_email};

/// The agent by name, email or both; each way of missing has its own message.
pub fn find_assignee(sent: &Map<String, Value>) -> Result<Option<&'static Agent>, Answer> {
    let (name, email) = (part(sent, "name"), part(sent, "email"));
    let message = match (&name, &email) {
        (None, None) => return Ok(None),
        (Some(_), None) => "客服姓名错误",
        (None, Some(_)) => "客服邮箱错误",
        (Some(_), Some(_)) => "客服信息错误",
    };
    let fits = |agent: &&Agent| {
        name.as_deref().is_none_or(|name| name == agent.name)
            && email.as_deref().is_none_or(|email| email == agent.email)
    };
    AGENTS.iter().find(fits).map(Some).ok_or_else(|| refused(1001, message))
}

pub fn group_by_name(name: &str) -> Result<u64, Answer> {
    let group = GROUPS.iter().find(|(_, known)| *known == name);
    group.map(|(id, _)| *id).ok_or_else(|| refused(1001, "客服组错误"))
}

pub fn known_field<'a>(tenant: &'a Tenant, name: &str) -> Result<&'a Field, Answer> {
    let field = tenant.fields.iter().find(|field| field.name == name);
    field.ok_or_else(|| refused(1001, &format!("自定义字段 {name} 不存在")))
}

fn label_of(field: &Field) -> String {
    field.definition.text("field_label").unwrap_or_default()
}

/// Checks a text against the format of its field; an empty one is always right.
pub fn check_format(field: &Field, value: &Value) -> Result<(), Answer> {
    check_link(field, value)?;
    let number;
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(_) => {
            number = value.to_string();
            &number
        }
        _ => "",
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = match field.kind {
        Kind::Date => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        Kind::Time => text.len() == 8 && text.parse::<jiff::civil::Time>().is_ok(),
        Kind::DateTime => text.len() == 16 && jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M", text).is_ok(),
        Kind::Number => digits(text) && text.bytes().any(|byte| byte != b'0'),
        Kind::Numeric => {
            let (whole, part) = text.strip_prefix('-').unwrap_or(text).split_once('.').unwrap_or((text, "0"));
            digits(whole.trim_start_matches('-')) && digits(part)
        }
        _ => true,
    };
    if fits || text.is_empty() {
        return Ok(());
    }
    Err(refused(1001, &format!("验证失败: {} 格式不正确", label_of(field))))
}

fn check_link(field: &Field, value: &Value) -> Result<(), Answer> {
    let link = value.as_str().unwrap_or("");
    let allowed = ["http://", "https://", "ftp://"].iter().any(|scheme| link.starts_with(scheme));
    if field.kind == Kind::Link && !link.is_empty() && !allowed {
        let label = label_of(field);
        let message = format!("验证失败: {label} 不是正确的网址格式, 仅支持http, https 或 ftp 开头的网址");
        return Err(refused(1001, &message));
    }
    Ok(())
}

/// The first of the comma-separated parts that no option has; `side` says whether indices or names are meant.
pub fn unknown_option<'a>(
    field: &Field,
    parts: &'a str,
    side: impl Fn(&(String, String)) -> &String,
) -> Option<&'a str> {
    let mut parts = match field.kind {
        Kind::Chained if !parts.is_empty() => {
            let is_known = field.options.iter().any(|(path, _)| path == parts);
            return (!is_known).then_some(parts);
        }
        Kind::Select | Kind::Several if !parts.is_empty() => parts.split(','),
        _ => return None,
    };
    parts.find(|part| !field.options.iter().any(|option| side(option) == part))
}

pub fn no_option(field: &Field, unknown: &str) -> Answer {
    refused(1001, &format!("{} 没有选项 {unknown}", label_of(field)))
}

/// Who is to answer from now on, and in which group.
pub fn new_assignee(
    sent: &Map<String, Value>,
    present: u64,
) -> Result<(Option<&'static Agent>, Option<u64>), Answer> {
    let assignee = match (part(sent, "agent_email"), part(sent, "agent_id")) {
        (Some(email), _) => {
            let found = agent_by_email(&email);
            Some(found.ok_or_else(|| refused(1008, &format!("未找到邮箱为{email}的客服")))?)
        }
        (None, Some(id)) => {
            let found = id.parse().ok().and_then(agent);
            Some(found.ok_or_else(|| refused(1001, "未找到客服"))?)
        }
        (None, None) => None,
    };
    let group = match (part(sent, "agent_group_name"), part(sent, "agent_group_id")) {
        (Some(name), _) => Some(group_by_name(&name)?),
        (None, Some(id)) => {
            let known = GROUPS.iter().find(|(group, _)| group.to_string() == id);
            Some(known.ok_or_else(|| refused(1001, "客服组错误"))?.0)
        }
        (None, None) => None,
    };
    // Also the agent who has the ticket already must belong to its new group.
    if let (Some(agent), Some(group)) = (assignee.or_else(|| agent(present)), group)
        && agent.group != group
    {
        return Err(refused(1010, "指定的客服不属于给定的员工组"));
    }
    Ok((assignee, group))
}

/// A value given by option names as it is stored: by indices.
pub fn indices_of(field: &Field, value: &Value) -> Result<String, Answer> {
    let names = value.as_str().unwrap_or("");
    match field.kind {
        Kind::Chained if path_of(field, names).is_none() => return Err(no_option(field, names)),
        Kind::Chained => {}
        _ => {
            if let Some(unknown) = unknown_option(field, names, |(_, label)| label) {
                return Err(no_option(field, unknown));
            }
        }
    }
    let index_of =
        |name: &str| field.options.iter().find(|(_, label)| label == name).map(|(index, _)| index.as_str());
    let indices = match field.kind {
        Kind::Select | Kind::Several => names.split(',').filter_map(index_of).collect::<Vec<_>>().join(","),
        Kind::Chained => path_of(field, names).unwrap_or_default(),
        _ => return Ok(value.to_string()),
    };
    Ok(quoted(&indices))
}

/// The index path of labels from the root; none if one of them is not an option there.
fn path_of(field: &Field, names: &str) -> Option<String> {
    let mut path = String::new();
    for name in names.split(',').filter(|name| !name.is_empty()) {
        let below = field.options.iter().find(|(known, label)| {
            let parent = known.rsplit_once(',').map_or("", |(parent, _)| parent);
            parent == path && label == name
        });
        path = below?.0.clone();
    }
    Some(path)
}

/// Checks an agent's reply; answers its author.
pub fn commented(comment: &Map<String, Value>) -> Result<&'static Agent, Answer> {
    let function = needed(comment, "function", "ticket[comment][function]")?;
    if !matches!(function.as_str(), "internal" | "external") {
        return Err(refused(1013, "回复类型非法"));
    }
    let email = needed(comment, "author_email", "ticket[comment][author_email]")?;
    needed(comment, "body", "ticket[comment][body]")?;
    agent_by_email(&email).ok_or_else(|| refused(1013, "回复人不存在"))
}
