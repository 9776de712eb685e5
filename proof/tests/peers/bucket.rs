//! The storage in a bucket: somebody else's server of S3, and everything our storage does with it.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use shared::{
    config::StorageConfig,
    ids::{DocumentId, MediaId, RunId, TenantId},
    storage::Storage,
};
use tokio::process::{Child, Command};

use crate::PATIENCE;

const MB: usize = 1024 * 1024;

/// A server with one bucket; it dies with its handle.
struct Bucket {
    address: String,
    http: reqwest::Client,
    _server: Child,
}

impl Bucket {
    async fn start() -> Self {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.local/peers/s3");
        assert!(installed.join("installed").is_file(), "the peer is missing: run scripts/peers.sh s3");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it").port();
        let server = Command::new("python3")
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .env("PYTHONPATH", installed)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let bucket = Self { address: format!("http://127.0.0.1:{port}"), http, _server: server };
        let begun = Instant::now();
        loop {
            let made = bucket.http.put(format!("{}/konstruct", bucket.address)).send().await;
            match made {
                Ok(answer) => break assert!(answer.status().is_success(), "{answer:?}"),
                Err(error) => assert!(begun.elapsed() < PATIENCE, "the server does not come up: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bucket
    }

    fn storage(&self, url: &str) -> Storage {
        let config = StorageConfig {
            url: url.parse().expect("a URL"),
            region: "eu-central-1".into(),
            endpoint: Some(self.address.parse().expect("a URL")),
            access_key_id: Some("AKIATEST".into()),
            secret_access_key: Some(SecretString::from("a-secret-of-the-bucket")),
        };
        Storage::open(&config).expect("the storage opens")
    }

    /// The names of all objects.
    async fn keys(&self) -> Vec<String> {
        let listed = self.http.get(format!("{}/konstruct?list-type=2", self.address)).send().await;
        let listed = listed.expect("an answer").text().await.expect("a list");
        let keys = listed.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        keys.map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_gives_and_erases_what_a_folder_would() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let bucket = Bucket::start().await;
    let storage = bucket.storage("s3://konstruct/of/ours");
    let (acme, other, media, document, run) =
        (TenantId::new(), TenantId::new(), MediaId::new(), DocumentId::new(), RunId::new());
    let large: Vec<u8> = (0..6 * MB).map(|n| u8::try_from(n % 251).expect("a byte")).collect();
    storage.put(acme, media, &large[..]).await.expect("it is kept");
    storage.put(acme, media, &large[..]).await.expect("the same again does no harm");
    storage.put_document(acme, document, b"a document".to_vec()).await.expect("it is kept");
    storage.put_file(acme, (run, 3), b"a;b\n".to_vec()).await.expect("it is kept");
    let mut keys = bucket.keys().await;
    keys.sort();
    let folder = format!("of/ours/{}", acme.uuid());
    let mut wanted = [
        format!("{folder}/documents/{}", document.uuid()),
        format!("{folder}/files/{}-3", run.uuid()),
        format!("{folder}/media/{}", media.uuid()),
    ];
    wanted.sort();
    assert_eq!(keys, wanted, "under the prefix and the tenant, by ids alone");

    assert_eq!(storage.get(acme, media, 6 * MB).await.expect("it is there"), large);
    assert_eq!(storage.get_document(acme, document, MB).await.expect("it is there"), b"a document");
    assert_eq!(storage.get_file(acme, (run, 3), MB).await.expect("it is there"), b"a;b\n");
    // Another tenant has no such file, and nobody gets more than they said.
    for refused in [storage.get(other, media, 6 * MB).await, storage.get_file(acme, (run, 4), MB).await] {
        assert_eq!(refused.expect_err("it is not there").to_string(), "the storage: the file is not there");
    }
    let larger = storage.get(acme, media, MB).await.expect_err("it is more");
    assert_eq!(larger.to_string(), "the storage: the file is larger than it was");

    storage.erase_document(acme, document).await.expect("it is erased");
    storage.erase_document(acme, document).await.expect("it is gone already");
    storage.erase_file(acme, (run, 3)).await.expect("it is erased");
    storage.erase_file(acme, (run, 3)).await.expect("it is gone already");
    assert_eq!(bucket.keys().await, [format!("{folder}/media/{}", media.uuid())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_or_away_is_an_error_without_an_address() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let bucket = Bucket::start().await;
    let nowhere = bucket.storage("s3://elsewhere");
    let refused = nowhere.put(TenantId::new(), MediaId::new(), &b"x"[..]).await.expect_err("no such bucket");
    assert!(!refused.to_string().contains("elsewhere") && !refused.to_string().contains("127.0.0.1"), "{refused}");
    // The server is away: an error as well, in a bounded time.
    let storage = bucket.storage("s3://konstruct");
    storage.put(TenantId::new(), MediaId::new(), &b"x"[..]).await.expect("it is there still");
    let address = bucket.address.clone();
    drop(bucket);
    let away = storage.put(TenantId::new(), MediaId::new(), &b"x"[..]);
    let refused = tokio::time::timeout(PATIENCE * 4, away).await.expect("it ends").expect_err("nobody is there");
    assert!(!refused.to_string().contains(&address) && !refused.to_string().contains("127.0.0.1"), "{refused}");
}
