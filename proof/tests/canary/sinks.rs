//! Where words could run to besides the conversation they belong to, each collected while the house works.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use secrecy::ExposeSecret;
use shared::testing::TestDb;
use sqlx::{PgConnection, postgres::PgListener};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// apalis' channel.
const WAKE_UPS: &str = "apalis::job::insert";

type Heard = Arc<Mutex<Vec<u8>>>;

/// Takes whatever is sent to it and says yes: a collector of traces.
pub struct Collector {
    pub address: SocketAddr,
    heard: Heard,
    _serving: JoinSet<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard = Heard::default();
        let mut serving = JoinSet::new();
        let all = heard.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(take(stream, all.clone()));
            }
        });
        Self { address, heard, _serving: serving }
    }

    /// Names and values of spans are plain text in their encoding.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().expect("nobody panics with it")).into_owned()
    }
}

/// Answers each request once its body is there.
async fn take(mut stream: TcpStream, heard: Heard) {
    let (mut waiting, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        waiting.extend_from_slice(&buffer[..count]);
        let Some(end) = waiting.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&waiting[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if waiting.len() < end + 4 + length.unwrap_or(0_usize) {
            continue;
        }
        heard.lock().expect("nobody panics with it").append(&mut waiting);
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
    }
}

/// Listens to PostgreSQL, Redis and other sessions' statements for as long as it lives.
pub struct Ears {
    wake_ups: Heard,
    redis: Heard,
    statements: Arc<Mutex<BTreeSet<String>>>,
    _listening: JoinSet<()>,
}

impl Ears {
    pub async fn open(test: &TestDb) -> Self {
        let (wake_ups, redis, statements) = (Heard::default(), Heard::default(), Arc::default());
        let mut listening = JoinSet::new();
        let url = test.config.database_url.expose_secret();
        let mut listener = PgListener::connect(url).await.expect("PostgreSQL answers");
        listener.listen(WAKE_UPS).await.expect("anybody may listen");
        let all = wake_ups.clone();
        listening.spawn(async move {
            while let Ok(heard) = listener.recv().await {
                all.lock().expect("nobody panics with it").extend_from_slice(heard.payload().as_bytes());
            }
        });
        listening.spawn(hear_redis(redis_address(test), redis.clone()));
        for session in [test.app().await, test.system().await] {
            listening.spawn(watch(session, Arc::clone(&statements)));
        }
        Self { wake_ups, redis, statements, _listening: listening }
    }

    /// Everything that was heard, by where.
    pub fn heard(&self) -> Vec<(String, String)> {
        let text =
            |heard: &Heard| String::from_utf8_lossy(&heard.lock().expect("nobody panics with it")).into_owned();
        let statements = self.statements.lock().expect("nobody panics with it");
        vec![
            ("wake-ups of PostgreSQL".into(), text(&self.wake_ups)),
            ("wake-ups of Redis".into(), text(&self.redis)),
            ("pg_stat_activity".into(), statements.iter().cloned().collect::<Vec<_>>().join("\n")),
        ]
    }
}

fn redis_address(test: &TestDb) -> String {
    let url: reqwest::Url = test.config.redis_url.expose_secret().parse().expect("a URL");
    format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(6379))
}

/// Every channel of Redis.
async fn hear_redis(address: String, heard: Heard) {
    let mut stream = TcpStream::connect(address).await.expect("Redis answers");
    stream.write_all(b"PSUBSCRIBE *\r\n").await.expect("Redis listens");
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        heard.lock().expect("nobody panics with it").extend_from_slice(&buffer[..count]);
    }
}

/// The statements of the role's other sessions in this database, as they are shown to it.
async fn watch(mut session: PgConnection, statements: Arc<Mutex<BTreeSet<String>>>) {
    let question = "select query from pg_stat_activity
                     where datname = current_database() and usename = current_user and pid <> pg_backend_pid()";
    while let Ok(shown) = sqlx::query_scalar::<_, String>(question).fetch_all(&mut session).await {
        statements.lock().expect("nobody panics with it").extend(shown);
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
