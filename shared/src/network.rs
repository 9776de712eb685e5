//! Networks of addresses, as an operator writes them.

use std::{net::IpAddr, str::FromStr};

/// A network of addresses, `10.0.0.0/8`; a single address is one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        let high = |address: u128, length: u32| address.checked_shr(length - self.bits).unwrap_or(0);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                high(u128::from(own.to_bits()), 32) == high(u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => high(own.to_bits(), 128) == high(other.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| ())?;
        let length = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(length), |bits| bits.trim().parse().map_err(|_| ()))?;
        if bits <= length { Ok(Self { address, bits }) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let holds = |network: &str, address: &str| {
            let network: Network = network.parse().expect(network);
            network.contains(address.parse().expect(address))
        };
        for (network, address) in [
            ("10.0.0.0/8", "10.200.3.4"),
            ("10.0.0.0/8", "::ffff:10.0.0.1"),
            ("::1", "::1"),
            ("2001:db8::/32", "2001:db8:1::1"),
            ("0.0.0.0/0", "203.0.113.1"),
        ] {
            assert!(holds(network, address), "{network} {address}");
        }
        for (network, address) in
            [("10.0.0.0/8", "11.0.0.1"), ("::1", "::2"), ("127.0.0.1", "127.0.0.2"), ("0.0.0.0/0", "::1")]
        {
            assert!(!holds(network, address), "{network} {address}");
        }
        for wrong in ["10.0.0.0/33", "proxy.internal", "10.0.0.0/x", ""] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
