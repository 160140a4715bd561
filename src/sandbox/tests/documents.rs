//! What the vendors' documents say, each sentence that an audit found missing.

use super::*;

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
        assert_eq!(ticket["organization_id"].as_u64(), crate::sandbox::people::organization(requester));
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
