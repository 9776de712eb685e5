//! Attempts to be led inside, made from a list of networks of its own: every spelling of a number, every way a name can lead,
//! every kind of redirect. The bar is 300, and none may be called.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

use super::{Guard, Refusal, leads_inside, names::said, pages};

/// The first and the last address of each, by IANA's registry of special-purpose addresses.
const INSIDE_4: [(&str, &str); 15] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.1", "127.255.255.254"),
    ("169.254.0.0", "169.254.169.254"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
];
const INSIDE_6: [&str; 22] = [
    "::",
    "::1",
    "100::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

fn inside_4() -> impl Iterator<Item = Ipv4Addr> {
    let ends = INSIDE_4.into_iter().flat_map(|(first, last)| [first, last]);
    ends.map(|address| address.parse().expect("an address"))
}

/// Every way to write a number that a browser or a library reads.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let (bits, [a, b, c, d]) = (address.to_bits(), address.octets());
    let (low, lower) = (bits & 0xFF_FFFF, bits & 0xFFFF);
    let dotted = address.to_string();
    let wide = |text: &str, dot: &str| -> String {
        let letter = |letter: char| match letter {
            '.' => dot.to_owned(),
            digit => char::from_u32(u32::from(digit) - u32::from('0') + 0xFF10).unwrap_or(digit).to_string(),
        };
        text.chars().map(letter).collect()
    };
    vec![
        dotted.clone(),
        format!("{dotted}."),
        bits.to_string(),
        format!("{bits:#x}"),
        format!("0{bits:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.{low}"),
        format!("{a:#x}.{low:#x}"),
        format!("{a}.{b}.{lower}"),
        format!("%{:02x}{}", u32::from(dotted.as_bytes()[0]), &dotted[1..]),
        wide(&dotted, "."),
        wide(&dotted, "。"),
        format!("[::ffff:{dotted}]"),
        format!("[::ffff:{:x}:{:x}]", bits >> 16, lower),
        format!("[::{dotted}]"),
        format!("[64:ff9b::{dotted}]"),
        format!("[2002:{:x}:{:x}::]", bits >> 16, lower),
    ]
}

#[test]
fn attack_145_no_spelling_of_a_number_leads_inside() {
    // Somebody else's private network may be called: that opens nothing.
    let guards = [Guard::new(&[]), Guard::new(&["10.255.0.0/24".parse().expect("a network")])];
    let (mut tried, mut refused_by_scheme) = (0, 0);
    let numbers = inside_4().flat_map(spellings).chain(INSIDE_6.into_iter().map(|address| format!("[{address}]")));
    for host in numbers {
        for address in
            [format!("https://{host}/v1"), format!("http://{host}:11434/v1"), format!("HTTPS:\\\\{host}:8443")]
        {
            let url: Url = address.parse().unwrap_or_else(|error| panic!("{address}: {error}"));
            for guard in &guards {
                assert_eq!(guard.client(&url).err(), Some(Refusal::Private), "{address}");
                tried += 1;
            }
        }
        for scheme in ["ftp", "gopher", "ws", "wss", "ldap", "dict", "jar:https", "file"] {
            // What can't be read as an address is refused before.
            if let Ok(url) = format!("{scheme}://{host}/").parse::<Url>() {
                assert_eq!(guards[0].client(&url).err(), Some(Refusal::Scheme), "{url}");
                refused_by_scheme += 1;
            }
        }
    }
    assert!(tried >= 3_000 && refused_by_scheme >= 3_000, "{tried} {refused_by_scheme}");
}

/// Somebody's own domain leads wherever its owner says, as `127.0.0.1.nip.io` does by itself.
#[tokio::test]
async fn attack_146_a_domain_that_leads_inside_is_never_connected_to() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    let guard = Guard::new(&["10.255.0.0/24".parse().expect("a network")]);
    let public: IpAddr = Ipv4Addr::new(93, 184, 216, 34).into();
    let inside = inside_4().map(IpAddr::from).chain(INSIDE_6.iter().map(|address| address.parse().expect("one")));
    let mut tried = 0;
    for (n, address) in inside.enumerate() {
        let mapped = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().into(),
            IpAddr::V6(_) => address,
        };
        let many: Vec<IpAddr> = [public; 15].into_iter().chain([address]).collect();
        for (kind, to) in [
            ("alone", vec![address]),
            ("first", vec![address, public]),
            ("last", vec![public, address]),
            ("mapped", vec![mapped]),
            ("late", many),
        ] {
            let name = format!("{kind}-{n}.attacker.example");
            said::leads(&name, &to);
            for scheme in ["https", "http"] {
                let url: Url = format!("{scheme}://{name}:{port}/").parse().expect("a URL");
                let call = guard.client(&url).expect("a name is resolved later").get(url.clone()).send();
                let error = call.await.expect_err("the name leads inside");
                assert!(leads_inside(&error), "{url} to {to:?}: {error:?}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 500, "{tried}");
    let called = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(called.is_err(), "nobody came");
}

/// Asked once a connection: what the name leads to later is not what it led to when it was looked at.
#[tokio::test]
async fn attack_142_a_domain_that_turns_around_is_looked_at_with_every_connection() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    // Where the operator allows it the name may lead there: the call comes as far as the listener.
    let (here, inside) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv4Addr::new(127, 0, 0, 2)));
    let guard = Guard::new(&["127.0.0.1/32".parse().expect("a network")]);
    let url: Url = format!("http://turns.attacker.example:{port}/").parse().expect("a URL");
    let client = guard.client(&url).expect("a name is resolved later");
    said::leads("turns.attacker.example", &[here]);
    let asking = client.get(url.clone()).send();
    let (_, came) = tokio::join!(tokio::time::timeout(Duration::from_millis(300), asking), listener.accept());
    drop(came.expect("somebody came"));
    said::leads("turns.attacker.example", &[inside]);
    let error = client.get(url).send().await.expect_err("the name leads inside now");
    assert!(leads_inside(&error), "{error:?}");
}

/// Answers everything with a redirect.
async fn redirecting(listener: TcpListener, to: String) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let mut bytes = [0; 4_096];
        let _ = socket.read(&mut bytes).await;
        let head =
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = socket.write_all(head.as_bytes()).await;
    }
}

#[tokio::test]
async fn attack_143_no_redirect_leads_inside() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("an address").port();
    // The page itself may be fetched, and nothing beside it.
    let guard = Guard::new(&["127.0.0.2/32".parse().expect("a network")]);
    said::leads("redirected.attacker.example", &[IpAddr::from(Ipv4Addr::LOCALHOST)]);
    said::leads("redirected6.attacker.example", &[IpAddr::from(Ipv6Addr::LOCALHOST)]);
    let mut targets: Vec<String> = spellings(Ipv4Addr::LOCALHOST);
    targets.extend(inside_4().map(|address| address.to_string()));
    targets.extend(INSIDE_6.map(|address| format!("[{address}]")));
    targets.extend(
        ["localhost", "LOCALHOST", "redirected.attacker.example", "redirected6.attacker.example"]
            .map(str::to_owned),
    );
    let mut addresses: Vec<String> = targets
        .iter()
        .flat_map(|host| [format!("http://{host}:{port}/"), format!("https://{host}:{port}/")])
        .collect();
    addresses.extend(targets.iter().map(|host| format!("//{host}:{port}/")));
    addresses.extend(
        [
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "data:text/plain,x",
            "ftp://127.0.0.1/",
            "javascript:alert(1)",
        ]
        .map(str::to_owned),
    );
    addresses.push(format!("http://user:word@127.0.0.2:{port}/"));
    assert!(addresses.len() >= 200, "{}", addresses.len());
    for to in addresses {
        let origin = TcpListener::bind("127.0.0.2:0").await.expect("a port is free");
        let page = format!("http://{}/", origin.local_addr().expect("an address"));
        let serving = tokio::spawn(redirecting(origin, to.clone()));
        let fetched = pages::fetch(&guard, &page, &pages::Known::default(), 1_000).await;
        serving.abort();
        // An address that is no header is none; every other is refused for where it leads.
        let refused = match &fetched {
            Err(pages::PageError::Again(reason)) => reason == "it redirects to no usable address",
            Err(pages::PageError::Gone(_)) => true,
            Ok(_) => false,
        };
        assert!(refused, "{to}: {fetched:?}");
    }
    let called = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(called.is_err(), "nobody came");
}
