//! Tenants' data keys: one a tenant, whoever makes it; what is sealed under one dies with it; a lost transaction loses no secret.

use secrecy::{ExposeSecret, SecretString};
use shared::{
    crypto::{Keyring, Place, data_key_of},
    db::{DbError, TenantDb, audit::Actor, data_keys},
    ids::TenantId,
};
use uuid::Uuid;

use crate::stage::{Firm, Stage};

/// As a process has it that just started.
fn fresh() -> Keyring {
    Keyring::parse("new:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").expect("a valid keyring")
}

fn place(tenant: TenantId) -> Place {
    Place { tenant: Some(tenant), table: "llm_keys", column: "sealed", row: Uuid::nil() }
}

async fn seal(db: &TenantDb, keys: &Keyring, commit: bool) -> Vec<u8> {
    let mut tx = db.begin().await.expect("a transaction begins");
    let sealed = data_keys::sealing(&mut tx, keys).await.expect("a data key").seal(&place(db.id()), b"sk-secret");
    if commit {
        tx.commit().await.expect("it is stored");
    } else {
        drop(tx);
    }
    sealed
}

async fn open(db: &TenantDb, keys: &Keyring, sealed: &[u8]) -> Result<SecretString, DbError> {
    data_keys::open_text_in(db, keys, &place(db.id()), sealed).await
}

async fn newcomer(stage: &Stage) -> Firm {
    let acme = stage.firm("acme").await;
    // The stage's own, under the key of the environment.
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    sqlx::query("delete from data_keys").execute(tx.conn()).await.expect("it is gone");
    tx.commit().await.expect("it is stored");
    acme
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_one_data_key_however_many_want_one_at_once() {
    let stage = Stage::new().await;
    let (acme, bolt) = (newcomer(&stage).await, stage.firm("bolt").await);
    let sealing = (0..8).map(|_| {
        let keys = fresh();
        let acme = &acme;
        async move { seal(&acme.db, &keys, true).await }
    });
    let sealed = futures::future::join_all(sealing).await;
    let first = data_key_of(&sealed[0]);
    assert!(first.is_some() && sealed.iter().all(|other| data_key_of(other) == first));
    assert_eq!(acme.count("select count(*) from data_keys").await, 1);
    let keys = fresh();
    for one in &sealed {
        assert_eq!(open(&acme.db, &keys, one).await.expect("it opens").expose_secret(), "sk-secret");
        open(&bolt.db, &keys, one).await.expect_err("another tenant's");
    }
}

#[tokio::test]
async fn what_is_sealed_after_a_lost_transaction_opens() {
    let stage = Stage::new().await;
    let acme = newcomer(&stage).await;
    let keys = fresh();
    // The data key that was made goes with the transaction that made it, and is in memory all the same.
    let lost = seal(&acme.db, &keys, false).await;
    let kept = seal(&acme.db, &keys, true).await;
    assert_ne!(data_key_of(&lost), data_key_of(&kept));
    assert_eq!(open(&acme.db, &fresh(), &kept).await.expect("it opens").expose_secret(), "sk-secret");
}

#[tokio::test]
async fn a_shredded_tenants_secrets_are_nobodys_any_more() {
    let stage = Stage::new().await;
    let acme = newcomer(&stage).await;
    let sealed = seal(&acme.db, &fresh(), true).await;
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    assert!(data_keys::shred(&mut tx, &Actor::CommandLine).await.expect("it is shredded"));
    assert!(!data_keys::shred(&mut tx, &Actor::CommandLine).await.expect("there is none"));
    tx.commit().await.expect("it is stored");
    let error = open(&acme.db, &fresh(), &sealed).await.expect_err("its key is gone");
    assert!(error.to_string().contains("its data key is gone"), "{error}");
    assert_eq!(acme.count("select count(*) from audit_events where action = 'secrets.shred'").await, 1);
    // Who goes on sealing begins anew.
    let anew = seal(&acme.db, &fresh(), true).await;
    open(&acme.db, &fresh(), &anew).await.expect("it opens");
    open(&acme.db, &fresh(), &sealed).await.expect_err("still gone");
}
