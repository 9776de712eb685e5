//! Which addresses are global unicast: what may be called without an operator's leave. The standard library's own answer is
//! not stable, and the stable half of it misses most of these.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First addresses and lengths of what is not global, from the registries of special-purpose addresses.
const SPECIAL_4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Inside 2000::/3, the only part that is given out; tunnels to IPv4 (Teredo, 6to4) are among them.
const SPECIAL_6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

pub fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            !SPECIAL_4.iter().any(|(first, length)| bits >> (32 - length) == first.to_bits() >> (32 - length))
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let special = SPECIAL_6.iter();
            bits >> 125 == 1
                && !special
                    .into_iter()
                    .any(|(first, length)| bits >> (128 - length) == first.to_bits() >> (128 - length))
        }
    }
}
