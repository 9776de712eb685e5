//! The accept loop. axum's own never times out slow headers, so a handful of idle sockets could hold it for good; ours
//! gives each connection a socket with limits (`patience`).

use std::{future::Future, net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::client::Peer;
use crate::patience::{Patience, PatientStream, Requests};

const CONNECTIONS_MAX: usize = 4_096;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// After a failed accept (no file descriptors left, say): time for connections to close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` resolves, then waits for open requests.
pub async fn serve(listener: TcpListener, app: Router, stop: impl Future<Output = ()> + Send + 'static) {
    serve_with(listener, app, Patience::default(), stop).await;
}

/// With other limits, for tests of them.
pub async fn serve_with(
    listener: TcpListener,
    app: Router,
    patience: Patience,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut http = http1::Builder::new();
    // The socket has its own limits.
    http.header_read_timeout(None).keep_alive(true);
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "A connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (service, requests) = (TowerToHyperService::new(app.clone()), Arc::new(Requests::default()));
        let stream = PatientStream::new(stream, patience, requests.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            let (working, answering) = (requests.begin(), service.call(request));
            async move {
                let answer = answering.await;
                drop(working);
                answer
            }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that breaks off is no event.
            let _ = connection.await;
            drop(place);
        });
    }
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("Some requests were still open when the gateway stopped");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer.ip(), place))
}
