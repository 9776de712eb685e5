//! The master key is proved at start, before anything is written under a wrong one.

use shared::{
    crypto::Keyring,
    db::{DbError, system},
};

use crate::stage::Stage;

fn keyring(id: &str, letter: char) -> Keyring {
    // 43 letters and one sign of padding are 32 bytes in base64; "A" and "E" end in the zero bits that this needs.
    let text = format!("{id}:{}{}=", letter.to_string().repeat(42), 'A');
    Keyring::parse(&text).expect("a valid keyring")
}

async fn sealed(stage: &Stage) -> Vec<Vec<u8>> {
    sqlx::query_scalar("select sealed from system_secrets")
        .fetch_all(&mut stage.system().await)
        .await
        .expect("the table can be read")
}

#[tokio::test]
async fn attack_118_another_master_key_is_refused_and_overwrites_nothing() {
    let stage = Stage::new().await;
    let system = stage.db().system();
    let right = keyring("prod-1", 'b');
    let first = system::fingerprint_key(&system, &right).await.unwrap();
    let before = sealed(&stage).await;
    assert_eq!(before.len(), 1);

    for (wrong, hint) in
        [(keyring("prod-2", 'c'), "needs master key `prod-1`"), (keyring("prod-1", 'c'), "damaged")]
    {
        let Err(DbError::Damaged(sentence)) = system::fingerprint_key(&system, &wrong).await else {
            panic!("a wrong key was accepted");
        };
        assert!(sentence.starts_with("KONSTRUCT_MASTER_KEYS does not fit this database"), "{sentence}");
        assert!(sentence.contains(hint), "{sentence}");
    }
    assert_eq!(sealed(&stage).await, before);

    let again = system::fingerprint_key(&system, &right).await.unwrap();
    assert_eq!(first.fingerprint(&["a", "b"]), again.fingerprint(&["a", "b"]));
    assert_ne!(first.fingerprint(&["a", "b"]), first.fingerprint(&["ab", ""]));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_agree_on_one_key() {
    let stage = Stage::new().await;
    let starting = (0..8).map(|_| {
        let system = stage.db().system();
        tokio::spawn(async move {
            let key = system::fingerprint_key(&system, &keyring("prod-1", 'b')).await.expect("a key");
            key.fingerprint(&["probe"])
        })
    });
    let prints: Vec<uuid::Uuid> =
        futures::future::join_all(starting).await.into_iter().map(|print| print.expect("no panic")).collect();
    assert!(prints.iter().all(|print| *print == prints[0]));
    assert_eq!(sealed(&stage).await.len(), 1);
}
