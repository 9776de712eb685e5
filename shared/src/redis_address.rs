//! Redis by its address, encrypted where that begins with `rediss://`.
//!
//! `sslrootcert=FILE` names the one authority whose certificates are taken, as in addresses of PostgreSQL; without it those of
//! the system are.

use redis::{Client, ErrorKind, RedisError, TlsCertificates};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

const AUTHORITY: &str = "sslrootcert";

/// Connects to nothing yet. A file that can't be read is an error.
pub fn client(address: &SecretString) -> Result<Client, RedisError> {
    let text = address.expose_secret();
    let Some((bare, file)) = Url::parse(text).ok().as_ref().and_then(apart) else { return Client::open(text) };
    let certificate = std::fs::read(&file).map_err(|error| {
        RedisError::from((ErrorKind::InvalidClientConfig, "sslrootcert can't be read", format!("{file}: {error}")))
    })?;
    Client::build_with_tls(bare, TlsCertificates { client_tls: None, root_cert: Some(certificate) })
}

/// The address without the file, and the file.
fn apart(url: &Url) -> Option<(String, String)> {
    let (files, others): (Vec<_>, Vec<_>) =
        url.query_pairs().into_owned().partition(|(name, _)| url.scheme() == "rediss" && name == AUTHORITY);
    let mut bare = url.clone();
    bare.set_query(None);
    if !others.is_empty() {
        bare.query_pairs_mut().extend_pairs(&others);
    }
    Some((bare.to_string(), files.into_iter().next()?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_taken_out_of_the_address() {
        let of = |text: &str| apart(&Url::parse(text).unwrap());
        let (bare, file) = of("rediss://u:p@redis:6380/0?sslrootcert=/etc/ca.pem&protocol=resp3").unwrap();
        assert_eq!((bare.as_str(), file.as_str()), ("rediss://u:p@redis:6380/0?protocol=resp3", "/etc/ca.pem"));
        assert_eq!(of("rediss://redis:6380"), None);
        assert_eq!(of("redis://redis:6380?sslrootcert=/etc/ca.pem"), None, "there is nothing to check");
        let missing = client(&SecretString::from("rediss://redis?sslrootcert=/nowhere/ca.pem")).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
    }
}
