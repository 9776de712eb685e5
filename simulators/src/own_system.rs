//! A tenant's own system, which is told by webhook what was done. It keeps what it hears and answers as it is asked to.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};

/// One message, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: String,
}

#[derive(Default)]
struct Memory {
    told: Vec<Told>,
    /// 204 where nobody asked for another.
    status: Option<StatusCode>,
}

/// Runs as long as the process.
pub struct OwnSystemSimulator {
    pub address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
}

impl OwnSystemSimulator {
    pub async fn start() -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let (address, memory) = (listener.local_addr()?, Arc::new(Mutex::new(Memory::default())));
        let app = Router::new().route("/hook", post(hear)).with_state(memory.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, memory })
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on.
    pub fn answer(&self, status: u16) {
        self.memory().status = StatusCode::from_u16(status).ok();
    }

    /// Oldest first.
    pub fn told(&self) -> Vec<Told> {
        self.memory().told.clone()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn hear(State(memory): State<Arc<Mutex<Memory>>>, headers: HeaderMap, body: String) -> StatusCode {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let told = Told {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body,
    };
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    memory.told.push(told);
    memory.status.unwrap_or(StatusCode::NO_CONTENT)
}
