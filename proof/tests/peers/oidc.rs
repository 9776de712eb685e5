//! A certified provider of OpenID Connect, as its authors wrote it: our gateway signs people in by it, through the pages it
//! shows. It is `peers/oidc/provider.mjs`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use gateway::Gateway;
use reqwest::{
    Client, Response,
    header::{COOKIE, LOCATION, SET_COOKIE},
};
use serde_json::{Value, json};
use shared::{clock::Clock, config::OidcConfig, testing::TestDb};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use url::Url;

use crate::PATIENCE;

const SCREENS_MAX: usize = 12;

/// Follows nothing by itself, and keeps the cookies of each host.
struct Browser {
    http: Client,
    jars: BTreeMap<u16, BTreeMap<String, String>>,
    ours: Url,
}

impl Browser {
    async fn send(&mut self, request: reqwest::RequestBuilder, url: &Url) -> Response {
        let port = url.port().expect("a port");
        let jar = self.jars.entry(port).or_default();
        let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let origin = self.ours.origin().ascii_serialization();
        let request = request.header(COOKIE, pairs.join("; ")).header("origin", origin);
        let response = request.send().await.expect("it answers");
        for line in response.headers().get_all(SET_COOKIE) {
            let pair = line.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            if value.is_empty() {
                jar.remove(name)
            } else {
                jar.insert(name.to_owned(), value.to_owned())
            };
        }
        response
    }

    async fn post(&mut self, path: &str, body: &Value) -> Response {
        let url = self.ours.join(path).expect("a path");
        let request = self.http.post(url.clone()).json(body);
        self.send(request, &url).await
    }

    /// Signs in and agrees on the provider's pages; where in our portal that ends.
    async fn agree(&mut self, page: Url) -> Url {
        let mut url = page;
        let mut response = self.send(self.http.get(url.clone()), &url).await;
        for _screen in 0..SCREENS_MAX {
            if let Some(next) = response.headers().get(LOCATION) {
                url = url.join(next.to_str().expect("text")).expect("an address");
                if url.path().ends_with("signin/provider") || url.path().ends_with("signin") {
                    return url;
                }
                response = self.send(self.http.get(url.clone()), &url).await;
                continue;
            }
            let text = response.text().await.expect("a page");
            let action = text.split("action=\"").nth(1).and_then(|rest| rest.split('"').next());
            url = url.join(action.unwrap_or_else(|| panic!("no form: {text}"))).expect("an address");
            let prompt = if text.contains("name=\"login\"") { "login" } else { "consent" };
            let form = [("prompt", prompt), ("login", "ada"), ("password", "whatever")];
            let request = self.http.post(url.clone()).form(&form);
            response = self.send(request, &url).await;
        }
        panic!("the pages never end");
    }
}

/// The provider and its issuer; it ends with its handle.
async fn provider(redirect: &str) -> (Child, String) {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/peers/oidc");
    assert!(installed.join("installed").is_file(), "the peer is missing: run scripts/peers.sh oidc");
    let mut child = Command::new("node")
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/oidc/provider.mjs"))
        .env("PEERS", &installed)
        .env("REDIRECT_URI", redirect)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("node starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it begins in time");
        let line = line.expect("it can be read").expect("it listens before it ends");
        if line.starts_with("http://") {
            return (child, line);
        }
    }
}

#[tokio::test]
async fn people_sign_in_by_a_certified_provider() {
    let test = TestDb::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let ours: Url = format!("http://{}/", listener.local_addr().expect("an address")).parse().expect("a URL");
    let (_peer, issuer) = provider(&format!("{ours}oauth/oidc/callback")).await;
    let mut config = test.config.clone();
    config.public_url = ours.clone();
    config.oidc = Some(OidcConfig {
        issuer,
        client_id: "konstruct".into(),
        client_secret: "a secret with / and + in it".to_owned().into(),
        name: "Acme".into(),
        trusts_second_factor: false,
    });
    let gateway = Gateway::new(&config, &test.db, Clock::system()).await.expect("the gateway starts");
    let serving = tokio::spawn(gateway::serve(listener, gateway::router(gateway), std::future::pending()));
    let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    // The second visit finds the account by its subject, in another browser.
    for body in [json!({ "tenant_name": "Engines" }), json!({})] {
        let mut browser = Browser { http: http.clone(), jars: BTreeMap::new(), ours: ours.clone() };
        let page: Value = browser.post("api/v1/auth/provider", &json!({})).await.json().await.expect("JSON");
        let page = page["url"].as_str().expect("as it is described").parse().expect("a URL");
        let landed = browser.agree(page).await;
        assert_eq!(landed.path(), "/signin/provider", "{landed}");
        let finished = browser.post("api/v1/auth/provider/finish", &body).await;
        assert_eq!(finished.status(), 200);
        let session: Value = finished.json().await.expect("JSON");
        assert_eq!(session["user"]["mail"], "ada@example.com");
        assert_eq!(
            (&session["user"]["name"], &session["tenant_name"]),
            (&json!("Ada Lovelace"), &json!("Engines"))
        );
    }
    serving.abort();
}
