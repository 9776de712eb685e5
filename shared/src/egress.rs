//! The only way out of the house: HTTP clients with limits.
//!
//! Provider origins come from the configuration and are trusted. Addresses that a tenant supplies are not: they go through
//! a [`Guard`], which reaches global addresses by https, and private ones only where the operator allows it.

#[cfg(test)]
mod attempts;
mod global;
pub mod names;
pub mod pages;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::network::Network;
use global::is_global;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_CONNECTIONS_PER_HOST: usize = 32;
/// Connections to tenants' own addresses: many hosts, few calls each.
const GUARDED_IDLE_CONNECTIONS_PER_HOST: usize = 2;

/// A client for a configured provider. It follows no redirects (a token would travel along) and ignores proxies.
///
/// `total` bounds a whole call; `None` leaves that to the caller, as a streamed answer needs.
pub fn provider_client(total: Option<Duration>) -> reqwest::Client {
    let builder = builder(IDLE_CONNECTIONS_PER_HOST);
    let builder = match total {
        Some(limit) => builder.timeout(limit),
        None => builder,
    };
    builder.build().expect("a client without custom certificates always builds")
}

fn builder(idle: usize) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("konstruct/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(idle)
        .tcp_nodelay(true)
        .no_proxy()
}

/// Why an address is not called. A sentence for whoever supplied it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("The address must begin with https://.")]
    Scheme,
    #[error("The address may not hold a user name or password.")]
    Credentials,
    #[error("The address names no host.")]
    NoHost,
    #[error("The address leads to a private or reserved network.")]
    Private,
}

/// Clients for addresses that a tenant supplied. Names are resolved once a connection: every address of a name is checked,
/// and the connection goes to one that was.
#[derive(Clone)]
pub struct Guard {
    allowed: Arc<[Network]>,
    secure: reqwest::Client,
    /// Without TLS: only into the allowed networks.
    plain: reqwest::Client,
}

impl Guard {
    pub fn new(allowed: &[Network]) -> Self {
        let allowed: Arc<[Network]> = allowed.into();
        let client = |global: bool| {
            builder(GUARDED_IDLE_CONNECTIONS_PER_HOST)
                .https_only(global)
                .dns_resolver(Arc::new(Checked { allowed: allowed.clone(), global }))
                .build()
                .expect("a client without custom certificates always builds")
        };
        Self { secure: client(true), plain: client(false), allowed }
    }

    /// The client that may call this address. Names are checked again, by what they resolve to, with every connection.
    pub fn client(&self, url: &Url) -> Result<&reqwest::Client, Refusal> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(Refusal::Scheme),
        };
        // A number is never resolved, so it is judged here. `url` has brought every spelling of one into one form.
        let address: IpAddr = match url.host().ok_or(Refusal::NoHost)? {
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
            Host::Domain(_) if secure || !self.allowed.is_empty() => {
                return Ok(if secure { &self.secure } else { &self.plain });
            }
            Host::Domain(_) => return Err(Refusal::Scheme),
        };
        match (is_allowed(&self.allowed, address), secure) {
            (true, true) => Ok(&self.secure),
            (true, false) => Ok(&self.plain),
            (false, _) if !is_global(address) => Err(Refusal::Private),
            (false, true) => Ok(&self.secure),
            (false, false) => Err(Refusal::Scheme),
        }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

/// Whether a failed call was not made because of where its name leads.
pub fn leads_inside(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<Refusal>() == Some(&Refusal::Private) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_allowed(allowed: &[Network], address: IpAddr) -> bool {
    allowed.iter().any(|network| network.contains(address))
}

/// A resolver that gives out an address only if all addresses of the name may be called.
struct Checked {
    allowed: Arc<[Network]>,
    /// Global addresses count, too.
    global: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, global) = (self.allowed.clone(), self.global);
        Box::pin(async move {
            let addresses = tokio::time::timeout(RESOLVE_TIMEOUT, names::look_up(name.as_str())).await??;
            let callable =
                |address: &SocketAddr| is_allowed(&allowed, address.ip()) || (global && is_global(address.ip()));
            if addresses.is_empty() || !addresses.iter().all(callable) {
                return Err(Refusal::Private.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(guard: &Guard, address: &str) -> Option<Refusal> {
        guard.client(&address.parse().expect(address)).err()
    }

    #[test]
    fn attacks_145_and_147_and_150_and_158_numbers_of_private_networks_are_refused_in_every_spelling() {
        let guard = Guard::new(&[]);
        for host in [
            "127.0.0.1:11434",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "①②⑦.0.0.1",
            "169.254.169.254",
            "10.0.0.1",
            "100.64.0.1",
            "0.1.2.3",
            "192.0.0.192",
            "198.18.0.1",
            "240.0.0.1",
            "224.0.0.1",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[::127.0.0.1]",
            "[fc00::1]",
            "[fe80::1]",
            "[2001:db8::1]",
        ] {
            assert_eq!(refusal(&guard, &format!("https://{host}/v1")), Some(Refusal::Private), "{host}");
        }
        for (address, why) in [
            ("http://api.example.com/v1", Refusal::Scheme),
            ("http://8.8.8.8/v1", Refusal::Scheme),
            ("ftp://api.example.com/", Refusal::Scheme),
            ("gopher://api.example.com/", Refusal::Scheme),
            ("file:///etc/passwd", Refusal::Scheme),
            ("data:text/plain,x", Refusal::Scheme),
            ("unix:/run/docker.sock", Refusal::Scheme),
            ("https://user:word@api.example.com/v1", Refusal::Credentials),
        ] {
            assert_eq!(refusal(&guard, address), Some(why), "{address}");
        }
        for address in ["https://api.example.com/v1", "https://8.8.8.8/v1", "https://[2606:4700::1111]/v1"] {
            assert_eq!(refusal(&guard, address), None, "{address}");
        }
    }

    #[test]
    fn an_operator_opens_a_private_network_and_no_other() {
        let guard = Guard::new(&["10.1.0.0/16".parse().expect("a network")]);
        assert_eq!(refusal(&guard, "http://10.1.2.3:4000/v1"), None);
        assert_eq!(refusal(&guard, "https://10.1.2.3/v1"), None);
        assert_eq!(refusal(&guard, "http://10.2.0.1/v1"), Some(Refusal::Private));
    }

    /// What counts is what a name resolves to, when the connection is made. Names that somebody owns: `attempts.rs`.
    #[tokio::test]
    async fn attack_158_a_name_that_leads_inside_is_never_connected_to() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("an address").port();
        let guard = Guard::new(&["203.0.113.0/24".parse().expect("a network")]);
        for scheme in ["http", "https"] {
            let url: Url = format!("{scheme}://localhost:{port}/").parse().expect("a URL");
            let call = guard.client(&url).expect("a name is resolved later").get(url).send();
            let error = call.await.expect_err("the name leads inside");
            assert!(leads_inside(&error), "{scheme}: {error:?}");
        }
        let called = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
        assert!(called.is_err(), "nobody came");
    }
}
