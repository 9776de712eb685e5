//! PostgreSQL and Redis reached over TLS: a real server with a certificate of an authority of our own, and what else is refused.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use proof::chaos::{Postgres, Redis, processes::free_port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secrecy::{ExposeSecret, SecretString};
use shared::{db::Db, live};
use sqlx::{Connection, PgConnection};

/// An authority, and a certificate of its for one host.
struct Authority {
    /// Of the authority.
    root: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

fn authority(folder: &Path, name: &str, host: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new([host.to_owned()]).expect("a host").signed_by(&key, &issuer);
    let file = |kind: &str, text: String| {
        let path = folder.join(format!("{name}.{kind}"));
        fs::write(&path, text).expect("it is written");
        path
    };
    Authority {
        root: file("root", issuer.pem()),
        certificate: file("crt", server.expect("a certificate").pem()),
        key: file("key", key.serialize_pem()),
    }
}

/// Lets the server show the certificate, and take nothing in plain text.
async fn encrypt(server: &Postgres, folder: &Path, with: &Authority) {
    let data = folder.join("data");
    let owner = fs::metadata(&data).expect("there is a cluster").uid();
    for (from, to, mode) in [(&with.certificate, "server.crt", 0o644), (&with.key, "server.key", 0o600)] {
        let to = data.join(to);
        fs::copy(from, &to).expect("it is copied");
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).expect("it is ours");
        chown(&to, Some(owner), Some(owner)).expect("it is the server's");
    }
    let mut superuser = server.superuser().await.expect("it connects in plain text so far");
    sqlx::query("alter system set ssl = on").execute(&mut superuser).await.expect("it is set");
    fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n").expect("it is written");
    sqlx::query("select pg_reload_conf()").execute(&mut superuser).await.expect("it reads its files again");
}

/// An address of the server for one role.
fn address(server: &Postgres, role: &str, host: &str, settings: &str) -> SecretString {
    let plain = server.url(role, server.address);
    SecretString::from(format!("{}?{settings}", plain.replace("@127.0.0.1:", &format!("@{host}:"))))
}

/// The product's own pools, each asked once.
async fn ping(server: &Postgres, host: &str, settings: &str) -> Result<(), String> {
    let of = |role: &str| address(server, role, host, settings);
    let db = Db::connect(&of("konstruct_app"), &of("konstruct_system")).map_err(|error| error.to_string())?;
    db.ping().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn postgres_is_reached_by_tls_and_only_with_the_right_name_and_authority() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let files = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let place = folder.path().join("pg");
    let server = Postgres::create(&place, None).await.expect("it starts");
    let (ours, theirs) =
        (authority(files.path(), "ours", "localhost"), authority(files.path(), "theirs", "localhost"));
    encrypt(&server, &place, &ours).await;

    let root = |of: &Authority| format!("sslmode=verify-full&sslrootcert={}", of.root.display());
    ping(&server, "localhost", &root(&ours)).await.expect("the right name and authority");
    let url = address(&server, "konstruct_app", "localhost", &root(&ours));
    let mut connection = PgConnection::connect(url.expose_secret()).await.expect("it connects");
    let encrypted: bool = sqlx::query_scalar("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        .fetch_one(&mut connection)
        .await
        .expect("it knows");
    assert!(encrypted);
    for (what, host, settings) in [
        ("another authority", "localhost", root(&theirs)),
        ("the system's authorities", "localhost", "sslmode=verify-full".to_owned()),
        ("a name that the certificate does not have", "127.0.0.1", root(&ours)),
        ("plain text", "localhost", "sslmode=disable".to_owned()),
    ] {
        assert!(ping(&server, host, &settings).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn redis_is_reached_by_tls_and_only_with_the_right_name_and_authority() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let files = tempfile::tempdir().expect("a folder");
    let (ours, theirs) =
        (authority(files.path(), "ours", "localhost"), authority(files.path(), "theirs", "localhost"));
    let encrypted: SocketAddr = free_port().await.expect("a port");
    let settings = [
        ("--tls-port", encrypted.port().to_string()),
        ("--tls-cert-file", ours.certificate.display().to_string()),
        ("--tls-key-file", ours.key.display().to_string()),
        ("--tls-ca-cert-file", ours.root.display().to_string()),
        ("--tls-auth-clients", "no".to_owned()),
    ];
    let settings = settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
    let _server = Redis::create_with(files.path(), settings).await.expect("it starts");

    let port = encrypted.port();
    let ask = async |address: String| live::ping(&SecretString::from(address)).await;
    let root = |of: &Authority| format!("?sslrootcert={}", of.root.display());
    ask(format!("rediss://localhost:{port}{}", root(&ours))).await.expect("the right name and authority");
    for (what, address) in [
        ("another authority", format!("rediss://localhost:{port}{}", root(&theirs))),
        ("the system's authorities", format!("rediss://localhost:{port}")),
        ("a name that the certificate does not have", format!("rediss://127.0.0.1:{port}{}", root(&ours))),
        ("no check at all", format!("rediss://localhost:{port}/#insecure")),
        ("plain text", format!("redis://localhost:{port}")),
    ] {
        assert!(ask(address).await.is_err(), "{what}");
    }
}
