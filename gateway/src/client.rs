//! Where a request comes from: the address that limits count by and people recognise their devices by.

use std::{convert::Infallible, net::IpAddr};

use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, header, request::Parts},
};
use shared::network::Network;

use crate::Gateway;

const FORWARDED: &str = "x-forwarded-for";
const AGENT_MAX: usize = 300;

/// The other end of the connection; `serve` says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub IpAddr);

pub struct Client {
    pub address: IpAddr,
    /// What the browser calls itself.
    pub agent: String,
}

impl Client {
    /// Who the limits count: a whole IPv6 network belongs to one line.
    pub fn line(&self) -> String {
        match self.address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

impl FromRequestParts<Gateway> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        let agent =
            parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Ok(Self {
            address: address(&parts.extensions, &parts.headers, gateway),
            agent: agent.chars().take(AGENT_MAX).collect(),
        })
    }
}

/// Where a request comes from, as far as our own proxies say so.
pub(crate) fn address(extensions: &Extensions, headers: &HeaderMap, gateway: &Gateway) -> IpAddr {
    let peer = extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
    origin(peer, headers, &gateway.trusted_proxies).to_canonical()
}

/// Each proxy appends whom it heard from, so the list is read from its end, as far as we trust who wrote it.
fn origin(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let lines = headers.get_all(FORWARDED).iter().filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut address = peer;
    for hop in hops.iter().rev() {
        let (true, Ok(before)) = (is_trusted(address), hop.parse()) else { break };
        address = before;
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED, line.parse().expect("a header"));
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().expect("a network")).collect();
        origin(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn attack_105_only_trusted_proxies_say_where_a_request_comes_from() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.2", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        // What the client made up comes before what the proxy saw.
        assert_eq!(seen("10.0.0.2", &["6.6.6.6, 198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.2", &["6.6.6.6", "198.51.100.1, 10.0.0.3"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(seen("10.0.0.2", &["nonsense"], &["10.0.0.2"]), "10.0.0.2");
    }
}
