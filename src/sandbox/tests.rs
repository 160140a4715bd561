//! The sandbox over a real socket, asked by a client of a few lines.

use std::net::SocketAddr;
use std::time::Duration;

use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod documents;

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
    for store in [&kf5.store, &udesk.store] {
        let (mut undecodable, mut usual) = (0, 0);
        for card in store.cards() {
            let ticket = Object::parse(&card.text).unwrap();
            assert!(ticket.get("id").is_some() && !card.text.contains(&b'\n'));
            usual += usize::from(ticket.get("replied_by").or(ticket.get("slax")).is_some());
            // Half a surrogate pair is legal JSON text that stands for no text.
            undecodable += usize::from(serde_json::from_slice::<Value>(&card.text).is_err());
        }
        assert!((1..60).contains(&undecodable), "{undecodable}");
        assert_eq!(store.cards().filter(|card| card.created.is_none()).count(), 3);
        assert!((2_950..3_000).contains(&usual), "{usual}");
    }
    let options = Options { plain: true, ..quiet(3_000) };
    for store in [kf5::Tenant::new(&options, clock).store, udesk::Tenant::new(&options, clock).store] {
        let whole = |text: &[u8]| serde_json::from_slice::<Value>(text).is_ok();
        assert!(store.cards().all(|card| card.created.is_some() && whole(&card.text)));
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
