//! No call of the API asks the database for much: its queries are counted on the way to the server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
};
use url::Url;

use crate::{
    routes::{answer_with, table},
    routes_scene::Scene,
    stage::House,
};

/// Besides BEGIN with what it sets, and COMMIT.
const QUERIES_MAX: usize = 6;
const SSL_REQUEST: u32 = 80_877_103;

/// Keeps the statements that pass on the way to a server.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Vec<String>>>);

impl Counter {
    /// The address of a door to the server and role of this one, in the clear.
    fn before(&self, url: &SecretString) -> SecretString {
        let mut url: Url = url.expose_secret().parse().expect("an address");
        let behind = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("it can be set");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(listener.local_addr().expect("a port").port())).expect("a port");
        url.set_query(Some("sslmode=disable"));
        let (listener, counter) = (TcpListener::from_std(listener).expect("a runtime"), self.clone());
        tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                let there = TcpStream::connect(&behind).await.expect("the server is there");
                here.set_nodelay(true).expect("it can be set");
                there.set_nodelay(true).expect("it can be set");
                let ((up, mut down), (mut from, to)) = (here.into_split(), there.into_split());
                tokio::spawn(async move { copy(&mut from, &mut down).await });
                tokio::spawn(counter.clone().pass(up, to));
            }
        });
        SecretString::from(url.to_string())
    }

    /// Ends when either side does.
    async fn pass(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
        let mut prepared: HashMap<Vec<u8>, String> = HashMap::new();
        let mut greeted = false;
        loop {
            let kind = if greeted { Some(from.read_u8().await?) } else { None };
            let length = from.read_u32().await?;
            let mut body = vec![0; length as usize - 4];
            from.read_exact(&mut body).await?;
            let name = |at: usize| body[at..].split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
            match kind {
                None => greeted = body.first_chunk().map(|code| u32::from_be_bytes(*code)) != Some(SSL_REQUEST),
                Some(b'P') => {
                    let sql = String::from_utf8(name(name(0).len() + 1)).expect("a statement");
                    prepared.insert(name(0), sql.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                Some(b'B') => {
                    let portal = name(0).len() + 1;
                    let sql = prepared.get(&name(portal)).expect("it was prepared");
                    // What sqlx asks about types, once for each connection, is no call's.
                    if !sql.contains("pg_type") {
                        self.0.lock().expect("nobody panics with it").push(sql.clone());
                    }
                }
                Some(_) => {}
            }
            let mut message: Vec<u8> = kind.into_iter().collect();
            message.extend_from_slice(&length.to_be_bytes());
            message.extend_from_slice(&body);
            to.write_all(&message).await?;
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics with it"))
    }
}

async fn counted(who: &'static str) {
    let counter = Counter::default();
    let house = House::open_with(|config| {
        config.database_url = counter.before(&config.database_url);
        config.database_system_url = counter.before(&config.database_system_url);
    })
    .await;
    let mut scene = Scene::set(&house, who).await;
    let (mut too_many, mut most) = (Vec::new(), 0);
    for line in table().into_iter().filter(|line| line.object == "own" || line.object == "-") {
        counter.take();
        // What makes something is asked for as careful programs do.
        let key = line.operation.starts_with("post ").then_some("once");
        let reply = answer_with(&mut scene, &line, who, key).await;
        let queries = counter.take();
        most = most.max(queries.len());
        if queries.len() > QUERIES_MAX {
            let (operation, status, all) = (&line.operation, reply.status, queries.join("\n    "));
            too_many.push(format!("{operation} as {who} ({status}): {} queries\n    {all}", queries.len()));
        }
        scene = Scene::set(&house, who).await;
    }
    assert!(most > 1, "nothing was counted");
    assert!(too_many.is_empty(), "{}", too_many.join("\n"));
}

#[tokio::test]
async fn no_call_of_an_admin_takes_more_than_six_queries() {
    counted("admin").await;
}

#[tokio::test]
async fn no_call_of_a_program_takes_more_than_six_queries() {
    counted("key").await;
}

#[tokio::test]
async fn no_call_of_the_platform_takes_more_than_six_queries() {
    counted("platform").await;
}

#[tokio::test]
async fn no_call_of_who_acts_as_a_member_takes_more_than_six_queries() {
    counted("helper").await;
}
