//! Mails: sealed while they wait, and the tenant's own.

use shared::db::mails::{self, Mail};

use crate::stage::Stage;

#[tokio::test]
async fn attack_97_a_waiting_mail_holds_no_readable_link() {
    let stage = Stage::new().await;
    let (acme, bolt) = (stage.firm("acme").await, stage.firm("bolt").await);
    let keys = &stage.test.config.master_keys;
    let mail = Mail::ResetPassword { link: "https://portal/reset#token=CANARY".into() };
    let mut tx = acme.db.begin().await.unwrap();
    let id = mails::enqueue(&mut tx, keys, "ada@example.com", &mail).await.unwrap();
    let shown: String = sqlx::query_scalar("select m::text || encode(m.content, 'escape') from mails m")
        .fetch_one(tx.conn())
        .await
        .unwrap();
    assert!(shown.contains("ada@example.com") && !shown.contains("CANARY"), "{shown}");
    let waiting = mails::waiting(&mut tx, keys, id).await.unwrap().expect("it waits");
    assert_eq!((waiting.to.as_str(), &waiting.mail), ("ada@example.com", &mail));
    tx.commit().await.unwrap();
    let mut tx = bolt.db.begin().await.unwrap();
    assert!(mails::waiting(&mut tx, keys, id).await.unwrap().is_none(), "another tenant's");
    tx.close().await.unwrap();
}
