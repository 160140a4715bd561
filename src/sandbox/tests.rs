//! The sandbox over a real socket, asked by a client of a few lines.

use std::net::SocketAddr;
use std::time::Duration;

use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::clock::Clock;
use super::object::Object;
use super::{Options, kf5, serve, udesk};

/// `agent@example.com:sandbox` and `agent@example.com/token:sandbox-token`.
const PASSWORD: &str = "Authorization: Basic YWdlbnRAZXhhbXBsZS5jb206c2FuZGJveA==\r\n";
const TOKEN: &str = "Authorization: Basic YWdlbnRAZXhhbXBsZS5jb20vdG9rZW46c2FuZGJveC10b2tlbg==\r\n";

fn quiet(tickets: usize) -> Options {
    Options { tickets, rate: None, latency: Duration::ZERO, now: Some(1_760_000_000), ..Options::default() }
}

async fn start(options: Options) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, options));
    address
}

/// The whole answer as it came, head and body.
async fn raw(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Status and JSON body; null for a body that is no JSON.
async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let answer = raw(address, method, path, headers, body).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn ask_kf5(address: SocketAddr, method: &str, path: &str, body: Value) -> (u16, Value) {
    ask(address, method, &format!("/apiv2/{path}"), PASSWORD, &body.to_string()).await
}

async fn ask_udesk(address: SocketAddr, method: &str, path: &str, query: &str, body: Value) -> Value {
    let joint = if query.is_empty() { "" } else { "&" };
    let digest = Md5::digest(format!("{query}{joint}sandbox-secret"));
    let sign: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/api/v1/{path}?{query}{joint}sign={sign}");
    ask(address, method, &path, "", &body.to_string()).await.1
}

async fn truth(address: SocketAddr, what: &str) -> Vec<String> {
    let answer = raw(address, "GET", &format!("/__truth/{what}"), "", "").await.unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    body.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect()
}

fn id_of(ticket: &Value) -> u64 {
    let id = &ticket["id"];
    id.as_u64().or_else(|| id.as_str()?.parse().ok()).unwrap()
}

#[tokio::test]
async fn every_ticket_of_the_truth_is_on_some_page() {
    let address = start(Options { extra_fields: 110, ..quiet(400) }).await;
    let known = truth(address, "kf5").await;
    assert_eq!(known.len(), 400);
    let mut path = "tickets.json?per_page=90&created_order=asc".to_owned();
    let mut seen = Vec::new();
    loop {
        let (status, page) = ask_kf5(address, "GET", &path, Value::Null).await;
        assert_eq!((status, page["count"].as_u64()), (200, Some(400)));
        seen.extend(page["tickets"].as_array().unwrap().iter().map(id_of));
        match page["next_page"].as_str() {
            Some(next) => path = next.split_once("/apiv2/").unwrap().1.to_owned(),
            None => break,
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 400);
    let (_, fields) = ask_kf5(address, "GET", "ticket_fields?page=2", Value::Null).await;
    let more = fields["ticket_fields"].as_array().unwrap().len();
    assert_eq!(100 + more, truth(address, "kf5/fields").await.len());

    let mut total = 0;
    for page in 1..=5 {
        let answer =
            ask_udesk(address, "GET", "tickets.json", &format!("page={page}&per_page=100"), Value::Null)
                .await;
        assert_eq!((answer["total"].as_u64(), answer["total_pages"].as_u64()), (Some(400), Some(4)));
        total += answer["contents"].as_array().unwrap().len();
    }
    assert_eq!((total, truth(address, "udesk").await.len()), (400, 400));
}

#[test]
fn every_ticket_is_one_line_of_json_and_few_are_awkward() {
    let clock = Clock::starting(Some(1_760_000_000));
    let (kf5, udesk) = (kf5::Tenant::new(&quiet(3_000), clock), udesk::Tenant::new(&quiet(3_000), clock));
    for shelf in [&kf5.shelf, &udesk.shelf] {
        let (mut undecodable, mut usual) = (0, 0);
        for card in shelf.cards() {
            let ticket = Object::parse(&card.text).unwrap();
            assert!(ticket.get("id").is_some() && !card.text.contains(&b'\n'));
            usual += usize::from(ticket.get("replied_by").or(ticket.get("slax")).is_some());
            // Half a surrogate pair is legal JSON text that stands for no text.
            undecodable += usize::from(serde_json::from_slice::<Value>(&card.text).is_err());
        }
        assert!((1..60).contains(&undecodable), "{undecodable}");
        assert_eq!(shelf.cards().filter(|card| card.created.is_none()).count(), 3);
        assert!((2_950..3_000).contains(&usual), "{usual}");
    }
    let options = Options { plain: true, ..quiet(3_000) };
    for shelf in [kf5::Tenant::new(&options, clock).shelf, udesk::Tenant::new(&options, clock).shelf] {
        let whole = |text: &[u8]| serde_json::from_slice::<Value>(text).is_ok();
        assert!(shelf.cards().all(|card| card.created.is_some() && whole(&card.text)));
    }
}

#[tokio::test]
async fn the_server_ends_when_it_is_dropped() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fault = "hang:1".parse().unwrap();
    let server = tokio::spawn(serve(listener, Options { faults: vec![fault], ..quiet(5) }));
    let waiting = tokio::spawn(async move { raw(address, "GET", "/apiv2/tickets", PASSWORD, "").await });
    while ask(address, "GET", "/__stats", "", "").await.1["faults"]["hang"] != 1 {}
    server.abort();
    assert_eq!(waiting.await.unwrap().unwrap_or_default(), "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_world_is_the_same_for_the_same_seed() {
    let (one, other) = (start(quiet(300)).await, start(quiet(300)).await);
    // A ticket names the address of its sandbox.
    let here = |lines: Vec<String>, at: SocketAddr| -> Vec<String> {
        lines.into_iter().map(|line| line.replace(&at.to_string(), "here")).collect()
    };
    let kf5 = here(truth(one, "kf5").await, one);
    assert!(kf5[0].contains("http://here/apiv2/tickets/"));
    assert!(kf5 == here(truth(other, "kf5").await, other));
    assert!(truth(one, "udesk").await == truth(other, "udesk").await);
    let third = start(Options { seed: 2, ..quiet(300) }).await;
    assert!(kf5 != here(truth(third, "kf5").await, third));
}

#[tokio::test]
async fn only_the_right_credentials_open() {
    let address = start(quiet(5)).await;
    assert_eq!(ask(address, "GET", "/apiv2/tickets", TOKEN, "").await.0, 200);
    let (status, refused) = ask(address, "GET", "/apiv2/tickets", "Authorization: Basic eDp5\r\n", "").await;
    assert_eq!((status, refused["message"].is_string()), (401, true));
    let (status, refused) = ask(address, "GET", "/api/v1/tickets?page=1&sign=0", "", "").await;
    assert_eq!((status, refused["status"].as_u64()), (200, Some(2002)));
    let wrong = ask_udesk(address, "GET", "tickets", "per_page=101", Value::Null).await;
    assert_eq!(wrong, json!({"error": "per_page should be between 1 and 100"}));
}

#[tokio::test]
async fn bounds_of_time_are_included() {
    let address = start(quiet(200)).await;
    let (_, all) = ask_kf5(address, "GET", "tickets?created_order=asc", Value::Null).await;
    let at = all["tickets"][50]["created_at"].as_str().unwrap().replace(' ', "%20");
    let path = format!("tickets?created_start={at}&created_end={at}&created_order=asc");
    let (_, second) = ask_kf5(address, "GET", &path, Value::Null).await;
    let ids: Vec<u64> = second["tickets"].as_array().unwrap().iter().map(id_of).collect();
    assert!(ids.contains(&id_of(&all["tickets"][50])), "{ids:?}");
    assert_eq!(ask_kf5(address, "GET", "tickets?created_start=soon", Value::Null).await.0, 400);
}

#[tokio::test]
async fn kf5_tickets_are_written_as_documented() {
    let address = start(quiet(60)).await;
    let new = json!({"ticket": {"title": "标题", "comment": {"content": "内容"}, "type": "problem",
        "requester": {"email": "new@example.org", "name": "新用户"}, "custom_fields": [{"name": "field_8", "value": "DD1"}]}});
    let (status, made) = ask_kf5(address, "POST", "tickets.json", new).await;
    assert_eq!((status, made["ticket"]["status"].as_str()), (201, Some("new")));
    let id = id_of(&made["ticket"]);
    let solved = json!({"ticket": {"status": "solved"}});
    let (_, many) = ask_kf5(address, "PUT", &format!("tickets/update_many?ids={id},1"), solved.clone()).await;
    assert_eq!(many["results"][0]["errors"], "状态为已解决时,受理人不能为空");
    assert_eq!(many["results"][1]["success"], false);
    let assigned = json!({"ticket": {"status": "solved", "assignee_id": 733}});
    let (status, changed) = ask_kf5(address, "PUT", &format!("tickets/{id}.json"), assigned).await;
    assert_eq!((status, changed["ticket"]["group_id"].as_u64()), (200, Some(165)));
    assert!(changed["ticket"]["resolved_at"].is_string());
    let (_, found) = ask_kf5(address, "GET", "tickets/search.json?fieldvalue=DD1", Value::Null).await;
    assert_eq!(id_of(&found["tickets"][0]), id);
    let incident = json!({"ticket": {"title": "事务", "comment": {"content": "x"}, "type": "incident", "problem_id": id}});
    assert_eq!(ask_kf5(address, "POST", "tickets", incident).await.0, 201);
    let (_, incidents) = ask_kf5(address, "GET", &format!("tickets/{id}/incidents"), Value::Null).await;
    assert_eq!(incidents["count"], 1);
    assert_eq!(
        ask_kf5(address, "DELETE", &format!("tickets/destroy_many?ids={id}"), Value::Null).await.0,
        200
    );
    assert_eq!(ask_kf5(address, "GET", &format!("tickets/{id}"), Value::Null).await.0, 404);
    assert_eq!(ask_kf5(address, "POST", "tickets", json!({"ticket": {"title": "x"}})).await.0, 422);
}

#[tokio::test]
async fn udesk_tickets_are_written_as_documented() {
    let address = start(quiet(60)).await;
    let none = Value::Null;
    let new = json!({"ticket": {"subject": "测试", "content": "内容", "email": "a@example.net", "status": "解决中",
        "assignee": {"email": "kefu1@example.com"}, "ticket_field": {"SelectField_3": "0,3"}}});
    let made = ask_udesk(address, "POST", "tickets", "", new).await;
    assert_eq!((made["status"].as_u64(), made["message"].as_str()), (Some(0), Some("工单创建成功")));
    let id = made["ticket_id"].as_u64().unwrap();
    let change = json!({"ticket": {"priority": "urgency", "custom_fields": {"SelectField_1": "投诉", "SelectField_3": "耳机,配件"}}});
    assert_eq!(ask_udesk(address, "PUT", &format!("tickets/{id}.json"), "", change).await["status"], 0);
    let shown = ask_udesk(address, "GET", &format!("tickets/{id}"), "", none.clone()).await;
    let ticket = &shown["contents"];
    assert_eq!((ticket["priority"].as_str(), ticket["status"].as_str()), (Some("紧急"), Some("solving")));
    assert_eq!(ticket["custom_fields"], json!({"SelectField_3": "1,3", "SelectField_1": "1"}));
    let mine = ask_udesk(address, "POST", "tickets/get", "page=1", json!({"email": "a@example.net"})).await;
    assert_eq!(mine["total"], 1);
    let reply = json!({"id": id, "reply_content": "好的", "email": "a@example.net"});
    assert_eq!(ask_udesk(address, "POST", "tickets/reply.json", "", reply).await["status"], 0);

    let both = json!({"ticket": {"agent_email": "x@example.com", "agent_id": 733}});
    let refused = ask_udesk(address, "PUT", &format!("tickets/{id}"), "", both).await;
    assert_eq!(refused["error"], "agent_email, agent_id are mutually exclusive");
    for (ticket, code) in [
        (json!({"agent_email": "x@example.com"}), 1008),
        (json!({"agent_id": 1}), 1001),
        (json!({"status": "打开"}), 1006),
        (json!({"agent_id": 733, "agent_group_id": 168}), 1010),
        (json!({"comment": {"function": "loud", "author_email": "x", "body": "x"}}), 1013),
        (json!({"custom_fields": {"TextField_6": "www.example.com"}}), 1001),
    ] {
        let answer = ask_udesk(address, "PUT", &format!("tickets/{id}"), "", json!({"ticket": ticket})).await;
        assert_eq!(answer["status"], code, "{ticket}");
    }
    assert_eq!(ask_udesk(address, "GET", "tickets/1", "", none.clone()).await["status"], 1003);
    assert_eq!(
        ask_udesk(address, "GET", "ticket_filters/99/tickets", "", none.clone()).await["status"],
        1001
    );
    let recent = ask_udesk(address, "GET", "ticket_filters/12/tickets", "", none).await;
    assert!(recent["total"].as_u64().unwrap() < 61);
}

#[tokio::test]
async fn a_budget_refuses_with_a_time_to_wait() {
    let rate = "2/h".parse().ok();
    let address = start(Options { rate, ..quiet(5) }).await;
    for _ in 0..2 {
        assert_eq!(ask_kf5(address, "GET", "tickets", Value::Null).await.0, 200);
    }
    let refused = raw(address, "GET", "/apiv2/tickets", PASSWORD, "").await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("retry-after: 36"), "{refused}");
    assert_eq!(ask_udesk(address, "GET", "tickets", "", Value::Null).await["status"], 0);
    let (_, counted) = ask(address, "GET", "/__stats", "", "").await;
    assert_eq!(counted["kf5"]["refused"], 1);
}

#[tokio::test]
async fn faults_are_what_they_say() {
    let fault = |kind: &str| Options { faults: vec![format!("{kind}:1").parse().unwrap()], ..quiet(50) };
    let page = "/apiv2/tickets.json";
    let address = start(fault("reset")).await;
    assert!(raw(address, "GET", page, PASSWORD, "").await.is_err());
    let address = start(fault("truncate")).await;
    let cut = raw(address, "GET", page, PASSWORD, "").await.unwrap();
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(body.len() < announced.parse().unwrap());
    let address = start(fault("html200")).await;
    assert!(raw(address, "GET", page, PASSWORD, "").await.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(ask(address, "GET", page, PASSWORD, "").await.1, Value::Null);
    let address = start(fault("http500")).await;
    assert!(ask(address, "GET", page, PASSWORD, "").await.0 >= 500);
    let address = start(fault("slow")).await;
    assert_eq!(ask(address, "GET", page, PASSWORD, "").await.1["count"], 50);
}

#[tokio::test]
async fn the_world_changes_while_it_is_read_and_at_a_word() {
    let changes = ["insert:1", "update:2", "delete:4"].map(|change| change.parse().unwrap()).to_vec();
    let address = start(Options { changes, ..quiet(50) }).await;
    for _ in 0..4 {
        ask_kf5(address, "GET", "tickets", Value::Null).await;
    }
    assert_eq!(truth(address, "kf5").await.len(), 50 + 4 - 1);
    let body = json!({"op": "delete", "count": 3, "seed": 9}).to_string();
    let (_, gone) = ask(address, "POST", "/__change/udesk", "", &body).await;
    assert_eq!(gone["ids"].as_array().unwrap().len(), 3);
    assert_eq!(truth(address, "udesk").await.len(), 47);
    let (_, counted) = ask(address, "GET", "/__stats", "", "").await;
    assert_eq!(
        (counted["kf5"]["changes"].as_u64(), counted["udesk"]["changes"].as_u64()),
        (Some(7), Some(3))
    );
    let rename = json!({"op": "rename", "name": "field_4", "option": "其他", "label": "杂项"}).to_string();
    let (status, _) = ask(address, "POST", "/__change/kf5/fields", "", &rename).await;
    let fields = truth(address, "kf5/fields").await;
    assert!(status == 200 && fields[0].contains("杂项"), "{}", fields[0]);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What is usual among the tickets, without the few awkward ones.
async fn plain_world(tickets: usize) -> (SocketAddr, Vec<Value>) {
    let address = start(Options { plain: true, ..quiet(tickets) }).await;
    let tickets =
        truth(address, "kf5").await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    (address, tickets)
}

#[tokio::test]
async fn kf5_tickets_agree_with_each_other() {
    let (_, tickets) = plain_world(1_500).await;
    let kind_of: std::collections::HashMap<u64, &str> =
        tickets.iter().map(|ticket| (id_of(ticket), text(&ticket["type"]))).collect();
    let mut incidents = std::collections::HashMap::new();
    let (mut late, mut last_breach) = (0, 0);
    for ticket in &tickets {
        let status = text(&ticket["status"]);
        let is_done = matches!(status, "solved" | "closed");
        if ticket["type"] == "incident" {
            let problem = ticket["problem_id"].as_u64().unwrap();
            assert_eq!(kind_of[&problem], "problem");
            *incidents.entry(problem).or_insert(0) += 1;
        } else {
            assert_eq!(ticket["problem_id"], Value::Null);
        }
        if let Some(slax) = ticket["slax"].as_object() {
            let breached = slax["diff_second"].as_i64().unwrap() > 0;
            assert_eq!(ticket["sla_status"].as_i64(), Some(i64::from(breached)), "{ticket}");
            late += i64::from(breached && !is_done);
        } else if ticket["absolute_slax_time_at"].is_string() {
            assert_eq!(ticket["sla_status"], 1);
            last_breach += 1;
        }
        let requester = ticket["requester_id"].as_u64().unwrap();
        assert_eq!(ticket["organization_id"].as_u64(), super::people::organization(requester));
        assert_eq!(ticket["process_second"].is_null(), !is_done);
        assert!(!is_done || ticket["assignee_id"].is_u64(), "{ticket}");
        let custom: std::collections::HashMap<&str, &Value> = ticket["custom_fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (text(&entry["name"]), &entry["value"]))
            .collect();
        assert!(!text(custom["field_4"]).is_empty());
        for (child, parent, option) in [
            ("field_742", "field_751", json!("退货")),
            ("field_743", "field_751", json!("换货")),
            ("field_744", "field_751", json!("维修")),
            ("field_730", "field_709", json!(["手机", "旗舰机"])),
        ] {
            assert!(!custom.contains_key(child) || custom.get(parent) == Some(&&option), "{ticket}");
        }
    }
    assert!(late > 20 && last_breach > 20, "{late} {last_breach}");
    assert!(incidents.values().any(|count| *count > 1));
}

#[tokio::test]
async fn no_ticket_is_solved_without_an_agent_as_the_world_changes() {
    let changes = ["update:1", "insert:2"].map(|change| change.parse().unwrap()).to_vec();
    let address = start(Options { changes, plain: true, ..quiet(60) }).await;
    for _ in 0..300 {
        ask_kf5(address, "GET", "tickets?per_page=1", Value::Null).await;
    }
    for line in truth(address, "kf5").await {
        let ticket: Value = serde_json::from_str(&line).unwrap();
        let is_done = matches!(text(&ticket["status"]), "solved" | "closed");
        assert!(
            !is_done || (ticket["assignee_id"].is_u64() && ticket["process_second"].is_u64()),
            "{ticket}"
        );
    }
}

#[tokio::test]
async fn addresses_are_those_of_the_sandbox() {
    let address = start(quiet(40)).await;
    let here = format!("http://{address}/apiv2/");
    let new = json!({"ticket": {"title": "标题", "comment": {"content": "内容"}}}).to_string();
    let made = raw(address, "POST", "/apiv2/tickets.json", PASSWORD, &new).await.unwrap();
    let location = made.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert!(location.trim().starts_with(&here), "{location}");
    let (_, all) = ask_kf5(address, "GET", "tickets", Value::Null).await;
    assert!(text(&all["tickets"][0]["url"]).starts_with(&here));
    let (_, fields) = ask_kf5(address, "GET", "ticket_fields", Value::Null).await;
    assert!(text(&fields["ticket_fields"][0]["url"]).starts_with(&here));
}

#[tokio::test]
async fn kf5_checks_what_is_written_into_fields() {
    let address = start(quiet(30)).await;
    let new = json!({"ticket": {"title": "标题", "comment": {"content": "内容"}}});
    let id = id_of(&ask_kf5(address, "POST", "tickets", new).await.1["ticket"]);
    let path = format!("tickets/{id}.json");
    let put = |fields: Value| {
        let (path, body) = (path.clone(), json!({"ticket": {"custom_fields": fields}}));
        async move { ask_kf5(address, "PUT", &path, body).await.0 }
    };
    let one = |name: &str, value: Value| json!([{"name": name, "value": value}]);
    for (name, value, status) in [
        ("field_15", json!("13800138000"), 200),
        ("field_15", json!("23800138000"), 422),
        ("field_16", json!("1234567"), 422),
        ("field_709", json!(["手机", "旗舰机"]), 200),
        ("field_709", json!(["手机", "冰箱"]), 422),
        ("field_760", json!(["软件", "系统"]), 200),
        ("field_760", json!(["软件", "屏幕"]), 422),
        ("field_730", json!("X"), 200),
        ("field_742", json!("X"), 422),
        ("field_4", json!("不存在"), 422),
    ] {
        assert_eq!(put(one(name, value.clone())).await, status, "{name} {value}");
    }
    let both = json!([{"name": "field_751", "value": "退货"}, {"name": "field_742", "value": "X"}]);
    assert_eq!(put(both).await, 200);
    let (_, found) =
        ask_kf5(address, "GET", "tickets/search?fieldvalue=%E7%B3%BB%E7%BB%9F", Value::Null).await;
    let ids: Vec<u64> = found["tickets"].as_array().unwrap().iter().map(id_of).collect();
    assert!(ids.contains(&id), "{ids:?}");
}

#[tokio::test]
async fn numbers_are_ordered_as_numbers() {
    let address = start(Options { plain: true, ..quiet(300) }).await;
    let (_, page) = ask_kf5(address, "GET", "tickets?field_order=field_11_desc", Value::Null).await;
    let value = |ticket: &Value| -> Option<f64> {
        let entries = ticket["custom_fields"].as_array()?;
        let value = &entries.iter().find(|entry| entry["name"] == "field_11")?["value"];
        value.as_f64().or_else(|| value.as_str()?.parse().ok())
    };
    let values: Vec<f64> = page["tickets"].as_array().unwrap().iter().filter_map(value).collect();
    assert!(values.len() > 50 && values.is_sorted_by(|one, other| one >= other), "{values:?}");
}

#[tokio::test]
async fn an_agent_is_refused_what_only_an_administrator_may() {
    let address = start(quiet(30)).await;
    // liuxiaoyan@example.com:sandbox
    let agent = "Authorization: Basic bGl1eGlhb3lhbkBleGFtcGxlLmNvbTpzYW5kYm94\r\n";
    let (_, me) = ask(address, "GET", "/apiv2/users/me.json", agent, "").await;
    assert_eq!(me["user"]["role"], "agent");
    let (_, all) = ask_kf5(address, "GET", "tickets", Value::Null).await;
    let id = id_of(&all["tickets"][0]);
    for (method, path, status) in [
        ("GET", "tickets.json".to_owned(), 403),
        ("GET", "users/733/tickets".to_owned(), 403),
        ("DELETE", format!("tickets/{id}"), 403),
        ("DELETE", format!("tickets/destroy_many?ids={id}"), 403),
        ("DELETE", "ticket_fields/4".to_owned(), 403),
        ("GET", "exports/tickets".to_owned(), 403),
        ("GET", "ticket_slax_constraints".to_owned(), 403),
        ("GET", format!("tickets/{id}"), 200),
        ("GET", format!("tickets/show_many?ids={id}"), 200),
        ("GET", "tickets/search?status=open".to_owned(), 200),
        ("GET", "ticket_fields".to_owned(), 200),
    ] {
        assert_eq!(ask(address, method, &format!("/apiv2/{path}"), agent, "").await.0, status, "{path}");
    }
}

#[tokio::test]
async fn comments_are_kept_with_their_files() {
    let address = start(quiet(20)).await;
    let (status, file) =
        ask(address, "POST", "/apiv2/attachments.json?filename=a.png", PASSWORD, "png").await;
    let token = text(&file["attachment"]["token"]).to_owned();
    assert_eq!((status, file["attachment"]["name"].as_str()), (201, Some("a.png")));
    let (_, all) = ask_kf5(address, "GET", "tickets", Value::Null).await;
    let id = id_of(&all["tickets"][0]);
    let comment = |token: &str| json!({"ticket": {"comment": {"content": "好的", "public": "false", "uploads": [token]}}});
    assert_eq!(ask_kf5(address, "PUT", &format!("tickets/{id}"), comment("nothing")).await.0, 422);
    assert_eq!(ask_kf5(address, "PUT", &format!("tickets/{id}"), comment(&token)).await.0, 200);
    let (_, listed) = ask_kf5(address, "GET", &format!("tickets/{id}/comments.json"), Value::Null).await;
    assert_eq!(listed["count"], 2);
    assert_eq!(listed["comments"][0]["content"], all["tickets"][0]["description"]);
    let added = &listed["comments"][1];
    assert_eq!((&added["public"], &added["author_id"]), (&json!(false), &json!(733)));
    assert_eq!(added["attachments"][0]["token"], token);
}

#[tokio::test]
async fn kf5_has_people_teams_exports_breaches_and_imports() {
    let (address, tickets) = plain_world(700).await;
    let none = Value::Null;
    let (_, page) = ask_kf5(address, "GET", "users?role=agent", none.clone()).await;
    assert_eq!(page["count"], 9);
    let requester = &tickets[0]["requester_id"];
    let (_, users) =
        ask_kf5(address, "GET", &format!("users/show_many?ids={requester},734,5"), none.clone()).await;
    let roles: Vec<&str> =
        users["users"].as_array().unwrap().iter().map(|user| text(&user["role"])).collect();
    assert_eq!(roles, ["end_user", "agent"]);
    assert_eq!(ask_kf5(address, "GET", "users/5", none.clone()).await.0, 404);
    let (_, groups) = ask_kf5(address, "GET", "groups", none.clone()).await;
    assert!(groups["groups"].as_array().unwrap().iter().any(|group| group["id"] == 165));
    let (_, companies) = ask_kf5(address, "GET", "organizations.json", none.clone()).await;
    assert_eq!(companies["count"], 37);

    let (_, export) = ask_kf5(address, "GET", "exports/tickets.json", none.clone()).await;
    assert_eq!((export["tickets"].as_array().unwrap().len(), export["count"].as_u64()), (500, Some(700)));
    assert!(export["next_page"].is_string() && export["end_time"].is_u64());
    let (_, breaches) = ask_kf5(address, "GET", "ticket_slax_constraints", none.clone()).await;
    let times: Vec<&str> =
        breaches["slax_constraints"].as_array().unwrap().iter().map(|row| text(&row["created_at"])).collect();
    assert!(times.len() > 50 && times.is_sorted_by(|one, other| one >= other));

    let old = json!({"ticket": {"title": "旧", "comment": {"content": "旧"}, "created_at": "2024-01-02 03:04:05", "updated_at": "2024-01-03 00:00:00"}});
    let (status, made) = ask_kf5(address, "POST", "imports/tickets", old).await;
    assert_eq!((status, text(&made["ticket"]["created_at"])), (201, "2024-01-02 03:04:05"));
    let path = "tickets?created_start=2024-01-01&created_end=2024-01-03";
    assert_eq!(ask_kf5(address, "GET", path, none.clone()).await.1["count"], 1);

    let quirks = json!({"absent": ["users", "exports"], "forbidden": ["groups", "slax"]}).to_string();
    ask(address, "PUT", "/__control/kf5/quirks", "", &quirks).await;
    for (path, status) in [
        ("users", 404),
        ("users/733", 404),
        ("exports/tickets", 404),
        ("groups", 403),
        ("ticket_slax_constraints", 403),
        ("organizations", 200),
        ("users/me", 200),
    ] {
        assert_eq!(ask_kf5(address, "GET", path, none.clone()).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn udesk_checks_texts_paths_and_groups() {
    let address = start(quiet(30)).await;
    let new =
        json!({"ticket": {"subject": "测试", "content": "内容", "assignee": {"email": "kefu1@example.com"}}});
    let id = ask_udesk(address, "POST", "tickets", "", new).await["ticket_id"].as_u64().unwrap();
    for (field, value, code) in [
        ("TextField_3", "2016-08-11", 0),
        ("TextField_3", "11.08.2016", 1001),
        ("TextField_4", "14:44:36", 0),
        ("TextField_4", "25:00:00", 1001),
        ("TextField_5", "2017-05-03 14:44", 0),
        ("TextField_5", "2017-05-03", 1001),
        ("TextField_7", "13", 0),
        ("TextField_7", "-1", 1001),
        ("TextField_8", "13.33", 0),
        ("TextField_8", "x", 1001),
        ("SelectField_4", "华东,上海,浦东", 0),
        ("SelectField_4", "华东,上海,天河", 1001),
    ] {
        let body = json!({"ticket": {"custom_fields": {field: value}}});
        let answer = ask_udesk(address, "PUT", &format!("tickets/{id}"), "", body).await;
        assert_eq!(answer["status"], code, "{field} {value}");
    }
    assert_eq!(ask_udesk(address, "GET", "tickets/abc.json", "", Value::Null).await["status"], 1003);
    let group = json!({"ticket": {"agent_group_id": 165}});
    assert_eq!(ask_udesk(address, "PUT", &format!("tickets/{id}"), "", group).await["status"], 1010);
    let tags = json!({"ticket": {"tags": "a,b"}});
    for (has_tags, shown) in [(false, Value::Null), (true, json!(["a", "b"]))] {
        ask(address, "PUT", "/__control/udesk/quirks", "", &json!({"tags": has_tags}).to_string()).await;
        ask_udesk(address, "PUT", &format!("tickets/{id}"), "", tags.clone()).await;
        let ticket = ask_udesk(address, "GET", &format!("tickets/{id}"), "", Value::Null).await;
        assert_eq!(ticket["contents"]["tags"], shown);
    }
}

#[tokio::test]
async fn the_open_api_gives_cascades_to_a_fresh_signature() {
    use sha2::Sha256;
    let address = start(quiet(5)).await;
    let get = |timestamp: i64, nonce: &'static str, token: &'static str| async move {
        let signed = format!("agent@example.com&{token}&{timestamp}&{nonce}&v2");
        let sign: String = Sha256::digest(signed).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = format!(
            "/open_api_v1/custom_fields?category=ticket&email=agent@example.com&timestamp={timestamp}&nonce={nonce}&sign_version=v2&sign={sign}"
        );
        ask(address, "GET", &path, "", "").await.1
    };
    let now = jiff::Timestamp::now().as_second();
    let fields = get(now, "a", "sandbox-token").await;
    assert_eq!(fields["code"], 1000);
    let of = |name: &str| {
        fields["fields"].as_array().unwrap().iter().find(|f| f["field_name"] == name).unwrap().clone()
    };
    assert_eq!(of("SelectField_4")["options"][0]["subs"][0]["subs"][1]["title"], "浦东");
    assert_eq!(of("SelectField_4")["options"][0]["subs"][0]["subs"][1]["value"], "1");
    for (answer, code) in [
        (get(now, "a", "sandbox-token").await, 20623),
        (get(now - 3_600, "b", "sandbox-token").await, 20622),
        (get(now, "c", "wrong").await, 2059),
        (get(now, "", "sandbox-token").await, 20624),
    ] {
        assert_eq!(answer["code"], code);
    }
}

#[tokio::test]
async fn a_script_answers_in_place_of_the_account() {
    let address = start(quiet(0)).await;
    let tickets = (1..=5).map(|id| {
        json!({"id": id, "created": 100 + id, "updated": null, "raw": format!(r#"{{"id":{id}, "x":1.50}}"#)})
            .to_string()
            + "\n"
    });
    ask(address, "PUT", "/__control/kf5/tickets?replace=true", "", &tickets.collect::<String>()).await;
    let list = || ask_kf5(address, "GET", "tickets.json", Value::Null);
    assert_eq!(list().await.1["count"], 5);
    let whole = raw(address, "GET", "/apiv2/tickets/3", PASSWORD, "").await.unwrap();
    assert!(whole.ends_with(r#"{"ticket":{"id":3, "x":1.50}}"#), "{whole}");
    let rules = json!([
        {"when": {"holds": 3, "times": 1}, "then": {"status": 500}},
        {"when": {"contains": "page=7"}, "then": {"status": 200, "body": "{target}", "headers": {"x-a": "b"}}},
        {"when": {"list": true, "first": 2}, "then": {"without": [2], "count": "-1", "set": {"next_page": "http://other/x"}}},
    ]);
    let (status, _) = ask(address, "PUT", "/__control/script", "", &rules.to_string()).await;
    assert_eq!(status, 200);
    assert_eq!(list().await.0, 500);
    let (_, page) = list().await;
    let ids: Vec<u64> = page["tickets"].as_array().unwrap().iter().map(id_of).collect();
    assert_eq!(
        (ids, &page["count"], text(&page["next_page"])),
        (vec![1, 3, 4, 5], &json!(4), "http://other/x")
    );
    let echoed = raw(address, "GET", "/apiv2/tickets.json?page=7", PASSWORD, "").await.unwrap();
    assert!(echoed.contains("x-a: b") && echoed.ends_with("/apiv2/tickets.json?page=7"), "{echoed}");
    let (status, wrong) = ask(address, "PUT", "/__control/script", "", r#"[{"then": {"stauts": 1}}]"#).await;
    assert!(status == 400 && text(&wrong["error"]).contains("stauts"), "{wrong}");
    let (_, stats) = ask(address, "GET", "/__control/stats", "", "").await;
    assert_eq!(stats["lists"], 3);
}
