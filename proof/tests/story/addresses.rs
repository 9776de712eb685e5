//! Documents by address: fetched, looked at again, forgotten when they are gone, and never from inside.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::house::{House, PATIENCE, Tenant};

/// A web server whose pages can be changed: by path, the type and the text. Their mark is their length.
#[derive(Clone)]
struct Site {
    address: String,
    pages: Arc<Mutex<HashMap<&'static str, (&'static str, String)>>>,
    /// What was asked for, and how it was answered.
    served: Arc<Mutex<Vec<(String, u16)>>>,
    /// How often anything was asked for, and what keeps the answers back.
    asked: Arc<AtomicUsize>,
    hold: Arc<tokio::sync::Mutex<()>>,
}

impl Site {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let site = Self {
            address,
            pages: Arc::default(),
            served: Arc::default(),
            asked: Arc::default(),
            hold: Arc::default(),
        };
        let serving = site.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let site = serving.clone();
                tokio::spawn(async move {
                    let (mut head, mut piece) = (String::new(), [0_u8; 4_096]);
                    while !head.contains("\r\n\r\n") {
                        match socket.read(&mut piece).await {
                            Ok(0) | Err(_) => return,
                            Ok(length) => head.push_str(&String::from_utf8_lossy(&piece[..length])),
                        }
                    }
                    site.asked.fetch_add(1, Ordering::SeqCst);
                    drop(site.hold.lock().await);
                    let _ = socket.write_all(site.answer(&head).as_bytes()).await;
                });
            }
        });
        site
    }

    fn answer(&self, head: &str) -> String {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let pages = self.pages.lock().expect("pages");
        let (status, answer) = match pages.get(path.as_str()) {
            None => (404, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()),
            Some((kind, _)) if *kind == "redirect" => {
                let to = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\n";
                (302, format!("{to}content-length: 0\r\nconnection: close\r\n\r\n"))
            }
            Some((kind, text)) => {
                let mark = format!("\"{}\"", text.len());
                if head.to_lowercase().contains(&format!("if-none-match: {mark}")) {
                    (304, "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n".to_owned())
                } else {
                    let length = text.len();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\netag: {mark}\r\n");
                    (200, format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{text}"))
                }
            }
        };
        self.served.lock().expect("served").push((path, status));
        answer
    }

    fn has(&self, path: &'static str, kind: &'static str, text: &str) {
        self.pages.lock().expect("pages").insert(path, (kind, text.to_owned()));
    }

    fn loses(&self, path: &str) {
        self.pages.lock().expect("pages").remove(path);
    }

    fn answers(&self, path: &str, status: u16) -> usize {
        self.served.lock().expect("served").iter().filter(|served| **served == (path.to_owned(), status)).count()
    }
}

impl Tenant<'_> {
    async fn names(&self, body: Value) -> String {
        let (status, given) = self.ask_api(Method::POST, "knowledge/addresses", Some(body)).await;
        assert_eq!(status, 202, "{given}");
        format!("knowledge/{}", given["id"].as_str().expect("an id"))
    }

    /// As if the hours had gone by.
    async fn looks_again(&self) {
        self.change("update document_addresses set due_at = now() - interval '1 second' where tenant_id = $1")
            .await;
    }
}

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn open() -> (House, Site) {
    let house =
        House::open_with(|config| config.egress_allow = vec!["127.0.0.1/32".parse().expect("a network")]).await;
    (house, Site::open().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_cited_as_it_is_now_and_forgotten_once_it_is_gone() {
    let (house, site) = open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    site.has(
        "/travel",
        "text/html",
        "<!doctype html><script>x()</script><p>Hotels in Berlin may cost 120 euros a night.</p>",
    );
    let path = acme.names(json!({ "address": format!("{}/travel", site.address), "title": "Travel page" })).await;
    let found = acme.answers_until(&path, |found| found["state"] == "ready").await;
    assert_eq!(found["source"]["reason"], Value::Null, "{found}");
    acme.everything_remembered().await;
    let asked = acme.asks("CGENERAL", "UADA", "How much may hotels in Berlin cost a night?");
    let answer = acme.finished("CGENERAL", &asked.thread_ts, 1).await.remove(0);
    assert!(answer.contains("120 euros") && answer.contains("(source: Travel page)"), "{answer}");

    acme.looks_again().await;
    eventually("it is asked whether it has changed", || site.answers("/travel", 304) == 1).await;
    site.has("/travel", "text/html", "<!doctype html><p>Hotels in Berlin may cost 1500 euros a night.</p>");
    acme.looks_again().await;
    let body = "select count(*) from memories where tenant_id = $1 and kind = 'passage' and body like '%1500%'";
    for _ in 0..600 {
        if acme.count(body).await == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let passages = "select count(*) from memories where tenant_id = $1 and kind = 'passage'";
    assert_eq!((acme.count(body).await, acme.count(passages).await), (1, 1), "in place of what was there");

    site.loses("/travel");
    acme.looks_again().await;
    let found = acme.answers_until(&path, |found| found["state"] == "refused").await;
    assert_eq!(found["reason"], "it is no longer there", "{found}");
    assert_eq!(acme.count(passages).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sitemap_makes_each_of_its_pages_a_document() {
    let (house, site) = open().await;
    let acme = house.tenant("acme").await;
    let list = |pages: &[&str]| {
        let named: String =
            pages.iter().map(|page| format!("<url><loc>{}{page}</loc></url>", site.address)).collect();
        format!(
            "<?xml version=\"1.0\"?><urlset><url><loc>https://elsewhere.example.com/</loc></url>{named}</urlset>"
        )
    };
    site.has("/a", "text/plain", "The garage code is 9988.");
    site.has("/b", "text/plain", "Lunch is paid up to 15 euros.");
    site.has("/sitemap.xml", "application/xml", &list(&["/a", "/b"]));
    let address = format!("{}/sitemap.xml", site.address);
    let path = acme.names(json!({ "address": address, "sitemap": true })).await;
    let ready = |count: usize| {
        move |found: &Value| {
            let items = found["items"].as_array().expect("a list");
            items.len() == count && items.iter().all(|item| item["state"] == "ready")
        }
    };
    let found = acme.answers_until("knowledge", ready(3)).await;
    assert_eq!(found["items"][2]["reason"], "a list of 2 pages, which are documents of their own", "{found}");
    assert_eq!(found["items"][0]["source"]["listed_by"], found["items"][2]["id"]);

    let audited = "select count(*) from audit_events where tenant_id = $1 and action = 'document.create' and actor_kind = 'system'";
    assert_eq!(acme.count(audited).await, 2, "each page is on record");
    // What somebody deleted stays away while the sitemap names it, also when that has changed.
    let of_a = found["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|item| item["title"].as_str().is_some_and(|title| title.ends_with("/a")));
    let gone = format!("knowledge/{}", of_a.expect("the page")["id"].as_str().expect("an id"));
    assert_eq!(acme.ask_api(Method::DELETE, &gone, None).await.0, 204);
    site.has("/c", "text/plain", "Dinner is paid up to 25 euros.");
    site.has("/sitemap.xml", "application/xml", &list(&["/a", "/b", "/c"]));
    acme.looks_again().await;
    let listed = acme.answers_until("knowledge", ready(3)).await;
    let titles = listed["items"].to_string();
    assert!(titles.contains("/b\"") && titles.contains("/c\"") && !titles.contains("/a\""), "{titles}");

    site.has("/sitemap.xml", "application/xml", &list(&["/b"]));
    acme.looks_again().await;
    acme.answers_until("knowledge", ready(2)).await;
    let passages = "select count(*) from memories where tenant_id = $1 and kind = 'passage'";
    assert_eq!(acme.count(passages).await, 1, "what is no longer named is forgotten");
    assert_eq!(acme.ask_api(Method::DELETE, &path, None).await.0, 204);
    let (_, list) = acme.ask_api(Method::GET, "knowledge", None).await;
    assert_eq!((list["items"].as_array().map(Vec::len), acme.count(passages).await), (Some(0), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_deleted_while_it_is_fetched_leaves_nothing_behind() {
    let (house, site) = open().await;
    let acme = house.tenant("acme").await;
    site.has("/slow", "text/plain", "The garage code is 9988.");
    let held = site.hold.lock().await;
    let path = acme.names(json!({ "address": format!("{}/slow", site.address) })).await;
    eventually("it is asked for", || site.asked.load(Ordering::SeqCst) == 1).await;
    assert_eq!(acme.ask_api(Method::DELETE, &path, None).await.0, 204);
    let erasing = "select count(*) from jobs where tenant_id = $1 and kind = 'erase_document' and state = 'done'";
    drop(held);
    acme.until("its bytes are erased with it, and once more after they came", erasing, 2).await;
    let storage = house.config.storage.url.to_file_path().expect("a folder");
    let left = std::fs::read_dir(storage.join(acme.id.uuid().to_string()).join("documents"));
    assert_eq!(left.map_or(0, Iterator::count), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_143_a_page_that_redirects_inside_is_not_followed() {
    let (house, site) = open().await;
    let acme = house.tenant("acme").await;
    site.has("/trap", "redirect", "");
    let path = acme.names(json!({ "address": format!("{}/trap", site.address) })).await;
    let found = acme.answers_until(&path, |found| found["state"] == "refused").await;
    assert_eq!(found["reason"], "The address leads to a private or reserved network.", "{found}");
    for address in ["http://169.254.169.254/latest", "https://127.1.1.1/", "file:///etc/passwd", "nothing"] {
        let (status, refused) =
            acme.ask_api(Method::POST, "knowledge/addresses", Some(json!({ "address": address }))).await;
        assert_eq!(status, 400, "{address}: {refused}");
    }
}
