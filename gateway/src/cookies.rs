//! The two cookies of a session.
//!
//! Always `__Host-` and `Secure`, in development too: browsers treat 127.0.0.1 and localhost as safe and take such cookies
//! there over plain HTTP. Anywhere else they need HTTPS, and no sibling domain can set them.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::AppendHeaders,
};
use shared::db::sessions::{ACCESS_SECONDS, REFRESH_SECONDS, Tokens};

pub const ACCESS: &str = "__Host-konstruct";
pub const REFRESH: &str = "__Host-konstruct-refresh";
/// A prefix of four and 32 bytes in base64 without padding.
const TOKEN_LENGTH: usize = 4 + 43;

type SetCookies = AppendHeaders<[(HeaderName, String); 2]>;
type SignedOut = ([(HeaderName, HeaderValue); 1], SetCookies);

/// The token in a cookie, if it is there exactly once and may be one.
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(present, _)| *present == name).map(|(_, value)| value);
    let value = values.next()?;
    (values.next().is_none() && value.len() == TOKEN_LENGTH).then_some(value)
}

pub fn signed_in(tokens: &Tokens) -> SetCookies {
    set([(tokens.access.as_str(), ACCESS_SECONDS), (tokens.refresh.as_str(), REFRESH_SECONDS)])
}

/// The browser also forgets what the pages have stored, whether or not they still run. Not `"cookies"`, which would be those of
/// sibling domains, too.
pub fn signed_out() -> SignedOut {
    let forget = (HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"storage\""));
    ([forget], set([("", 0), ("", 0)]))
}

/// The access token goes with links from mails into the portal, the refresh token only with the portal's own requests.
fn set([(access, access_age), (refresh, refresh_age)]: [(&str, i32); 2]) -> SetCookies {
    let cookie = |name: &str, value: &str, age: i32, site: &str| {
        (header::SET_COOKIE, format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite={site}; Max-Age={age}"))
    };
    AppendHeaders([cookie(ACCESS, access, access_age, "Lax"), cookie(REFRESH, refresh, refresh_age, "Strict")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn attack_103_a_cookie_that_is_there_twice_is_none() {
        let token = format!("ksa_{}", "A".repeat(43));
        let (one, other) = (format!("{ACCESS}={token}"), format!("{ACCESS}={}", token.replace('A', "B")));
        assert_eq!(value(&sent(&[&format!("a=b; {one}; c=d")]), ACCESS), Some(token.as_str()));
        for lines in [vec![format!("{one}; {other}")], vec![one.clone(), other], vec![format!("{one}A")]] {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(value(&sent(&lines), ACCESS), None, "{lines:?}");
        }
        // Without the prefix anybody on a sibling domain could have set it.
        assert_eq!(value(&sent(&[&format!("konstruct={token}")]), ACCESS), None);
    }

    #[test]
    fn attack_103_cookies_are_bound_to_this_host_and_unreadable_to_pages() {
        let tokens =
            Tokens { session: shared::ids::SessionId::new(), access: "ksa_x".into(), refresh: "ksr_x".into() };
        for AppendHeaders(cookies) in [signed_in(&tokens), signed_out().1] {
            for (_, cookie) in cookies {
                assert!(cookie.starts_with("__Host-"), "{cookie}");
                for attribute in ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite="] {
                    assert!(cookie.contains(attribute), "{cookie}");
                }
                assert!(!cookie.contains("Domain"), "{cookie}");
            }
        }
    }
}
