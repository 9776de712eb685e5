//! The HTTP server below every simulator: stops when dropped, and can cut a connection without answering.
//!
//! `axum::serve` is not used because it leaves open connections running after it is stopped, and a simulated
//! outage (or a test that ends) must take them along.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::DefaultBodyLimit, response::Response};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(50);

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(bind: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let addr = listener.local_addr()?;
        let router = router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX));

        Ok(Self { addr, task: tokio::spawn(accept(listener, router)) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Handed to every handler of a connection: the peer sees it closed, as if the provider had died.
#[derive(Clone, Default)]
pub(crate) struct Scissors(Arc<Notify>);

impl Scissors {
    /// Never returns: the task that serves the connection, this call included, is dropped.
    pub(crate) async fn cut(&self) -> Response {
        self.0.notify_one();
        std::future::pending().await
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    // Small answers must not wait for more to send; without it the simulator is only slower.
    let _ = stream.set_nodelay(true);
    let scissors = Scissors::default();
    let service = TowerToHyperService::new(router.layer(Extension(scissors.clone())));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);

    tokio::select! {
        _ = connection => {}
        () = scissors.0.notified() => {}
    }
}
