//! A door before PostgreSQL that a test can shut and open again.

use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use shared::config::Config;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use url::Url;

use crate::stage::ANY_PORT;

pub struct Gate {
    address: SocketAddr,
    behind: String,
    standing: Option<TcpListener>,
    passing: Option<JoinHandle<()>>,
}

impl Gate {
    pub async fn new() -> Self {
        let listener = TcpListener::bind(ANY_PORT).await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        Self { address, behind: String::new(), standing: Some(listener), passing: None }
    }

    /// Everything of this configuration that goes to PostgreSQL goes through the gate.
    pub fn stand_before(&mut self, config: &mut Config) {
        for url in [&mut config.database_url, &mut config.database_system_url] {
            let mut there: Url = url.expose_secret().parse().expect("a database address is a URL");
            let port = there.port().unwrap_or(5432);
            self.behind = format!("{}:{port}", there.host_str().expect("the address names a host"));
            there.set_ip_host(self.address.ip()).expect("the host can be replaced");
            there.set_port(Some(self.address.port())).expect("the port can be replaced");
            *url = SecretString::from(there.to_string());
        }
        let listener = self.standing.take().expect("a gate stands once");
        self.passing = Some(tokio::spawn(pass(listener, self.behind.clone())));
    }

    /// Breaks every connection; new ones are refused.
    pub async fn shut(&mut self) {
        let passing = self.passing.take().expect("the gate is open");
        passing.abort();
        // The error says that it was aborted.
        let _ = passing.await;
    }

    pub async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still ours");
        self.passing = Some(tokio::spawn(pass(listener, self.behind.clone())));
    }
}

async fn pass(listener: TcpListener, behind: String) {
    // Dropped with this task, and with it every connection.
    let mut connections = JoinSet::new();
    while let Ok((mut here, _)) = listener.accept().await {
        let behind = behind.clone();
        connections.spawn(async move {
            if let Ok(mut there) = TcpStream::connect(behind).await {
                let _ = (here.set_nodelay(true), there.set_nodelay(true));
                // Either side may break off.
                let _ = copy_bidirectional(&mut here, &mut there).await;
            }
        });
    }
}
