//! Over a real socket: a server that answers from a script, each answer on a connection of its own.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::{
    config::Rate,
    source::{Slice, fixture},
};

const OK: &str = r#"{"status":0,"total":1,"total_pages":1,"contents":[{"id":1}]}"#;

/// Serves `script` (whole HTTP answers; an empty one hangs up) and returns the client and the request lines seen.
async fn client(
    script: Vec<String>,
    change: impl FnOnce(&mut SourceConfig),
) -> (Client, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = fixture::udesk();
    config.base_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    change(&mut config);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    tokio::spawn(async move {
        for answer in script {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
            while !head.ends_with(b"\r\n\r\n") {
                let n = socket.read(&mut buffer).await.unwrap();
                head.extend_from_slice(&buffer[..n]);
            }
            log.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned());
            if answer == "HANG" {
                std::future::pending::<()>().await;
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (Client::new(config).unwrap(), seen)
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

fn list() -> Ask {
    Ask::Tickets { slice: Slice::default(), page: 1, per_page: 10 }
}

fn counts(client: &Client) -> [u64; 4] {
    let Counts { sent, retried, throttled, failed, .. } = &client.counts;
    [sent, retried, throttled, failed].map(|count| count.load(Relaxed))
}

#[tokio::test]
async fn what_may_heal_is_asked_again() {
    let cut = http("200 OK", "", OK).replace("}]}", "");
    let script = vec![
        String::new(),
        cut,
        http("200 OK", "", "<html>"),
        http("502 Bad", "", ""),
        http("429 Many", "retry-after: 0\r\n", ""),
        http("200 OK", "", OK),
    ];
    let (client, seen) = client(script, |_| ()).await;
    let page = fetch(&client, &list()).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (1, Some(1)));
    assert_eq!(counts(&client), [6, 5, 1, 0]);
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .all(|line| line.starts_with("GET /api/v1/tickets.json?page=1&per_page=10&sign="))
    );
}

#[tokio::test]
async fn what_cannot_heal_is_not() {
    let script = vec![
        http("200 OK", "", r#"{"status":2002,"message":"签名错"}"#),
        http("404 No", "", "gone"),
        http("302 Found", "location: /x\r\n", ""),
    ];
    let (client, _) = client(script, |_| ()).await;
    assert!(matches!(fetch(&client, &list()).await, Err(FetchError::Credentials { .. })));
    assert!(matches!(fetch(&client, &list()).await, Err(FetchError::Refused { .. })));
    assert!(matches!(fetch(&client, &list()).await, Err(FetchError::Refused { .. })));
    assert_eq!(counts(&client), [3, 0, 0, 3]);
}

#[tokio::test]
async fn it_gives_up_and_says_what_to_do() {
    let echo = "sign=e9fb0570fe9265fd55ea8b84f8fbcbbb 99d80d18b0b9a994a8d0283e830e5099";
    let (client, _) = client(vec![http("500 Oh", "", echo); 3], |config| config.max_retries = 2).await;
    let error = fetch(&client, &list()).await.unwrap_err().to_string();
    let place = client.config.base_url.origin().ascii_serialization();
    assert_eq!(
        error,
        format!(
            "source shop: page 1 (of 10 rows) of the tickets failed 3 times at {place}, the last time with: \
             HTTP 500: sign=*** ***; check `base_url`, or raise `max_retries` or `timeout`"
        )
    );
    assert_eq!(counts(&client), [3, 2, 0, 1]);
}

#[tokio::test]
async fn an_answer_that_never_ends_and_a_server_that_is_not_there() {
    let quick =
        |config: &mut SourceConfig| (config.timeout, config.max_retries) = (Duration::from_millis(50), 0);
    let (hanging, _) = client(vec!["HANG".into()], quick).await;
    let error = fetch(&hanging, &list()).await.unwrap_err().to_string();
    assert!(error.contains("no whole answer within 50ms"), "{error}");
    let (absent, _) = client(vec![], quick).await;
    tokio::task::yield_now().await;
    let error = fetch(&absent, &list()).await.unwrap_err().to_string();
    assert!(error.contains("failed 1 times") && !error.contains("sign"), "{error}");
}

#[tokio::test]
async fn the_rate_is_kept_by_all_together() {
    let script = vec![http("200 OK", "", OK); 11];
    let (client, _) = client(script, |config| {
        config.rate = Some(Rate { requests: 100.try_into().unwrap(), per: Duration::from_secs(1) })
    })
    .await;
    let start = Instant::now();
    let ask = list();
    futures::future::try_join_all((0..11).map(|_| fetch(&client, &ask))).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(90), "{:?}", start.elapsed());
}
