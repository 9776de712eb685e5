//! The only way out of the house: HTTP clients with limits.
//!
//! Provider origins come from the configuration and are trusted; addresses that a tenant or a model supplies are not,
//! and nothing takes one yet.

use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_CONNECTIONS_PER_HOST: usize = 32;

/// A client for a configured provider. It follows no redirects (a token would travel along) and ignores proxies.
///
/// `total` bounds a whole call; `None` leaves that to the caller, as a streamed answer needs.
pub fn provider_client(total: Option<Duration>) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("konstruct/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
        .tcp_nodelay(true)
        .no_proxy();
    let builder = match total {
        Some(limit) => builder.timeout(limit),
        None => builder,
    };
    builder.build().expect("a client without custom certificates always builds")
}
