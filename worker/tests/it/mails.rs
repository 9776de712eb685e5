//! Mails to a tenant's admins: what they say, that they arrive once, and what becomes of them without a mail server.

use shared::{db::dead_connections, queue::JobError};
use sqlx::Row;

use crate::{
    post_office::PostOffice,
    stage::{ADMIN, Firm, Stage},
};

/// Ends the connection; the mails about it are made.
async fn bury(stage: &Stage, firm: &Firm) {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    assert!(dead_connections::bury(&mut tx, firm.connection, "account_inactive", None).await.expect("it answers"));
    tx.commit().await.expect("it is committed");
    for _ in 0..2 {
        // The second time is a job that runs again after it was done.
        assert!(firm.work(stage, "tell_admins").await.iter().all(Result::is_ok));
        firm.run("update jobs set state = 'queued' where kind = 'tell_admins'").await;
    }
}

async fn states(firm: &Firm) -> Vec<String> {
    let rows =
        firm.rows("select state || ' ' || coalesce(error, '-') as state from mails order by created_at").await;
    rows.iter().map(|row| row.get("state")).collect()
}

/// Soft line breaks and escapes of quoted-printable taken back.
fn readable(mail: &str) -> String {
    mail.replace("\r\n", "\n").replace("=\n", "").replace("=3D", "=")
}

fn link_of(mail: &str) -> String {
    let text = readable(mail);
    let at = text.find("/oauth/slack/install?").expect("there is a link");
    text[at..].split_whitespace().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn without_a_mail_server_a_mail_lies_as_one_file_with_a_link_that_renews_this_connection_only() {
    let mut stage = Stage::new().await;
    stage.config.public_url = "https://konstruct.example.com/".parse().expect("a URL");
    let acme = stage.firm("TACME").await;
    bury(&stage, &acme).await;
    for _ in 0..2 {
        // The second time is a job that runs again after it was done.
        assert!(acme.work(&stage, "send_email").await.iter().all(Result::is_ok));
        acme.run("update jobs set state = 'queued'").await;
    }
    assert_eq!(states(&acme).await, ["sent -"]);
    let folder = stage.folder.path().join("mail");
    let files: Vec<_> =
        std::fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("a file").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].extension().is_some_and(|ending| ending == "eml"));
    let mail = readable(&std::fs::read_to_string(&files[0]).expect("text"));
    for part in [
        &format!("To: {ADMIN}")[..],
        "From: Konstruct <konstruct@example.com>",
        "Subject: Your AI employee is cut off",
        "Slack no longer accepts the connection to Acme (account_inactive).",
        "within seven days",
    ] {
        assert!(mail.replace('\n', " ").contains(part), "{part}: {mail}");
    }
    let link = link_of(&mail);
    assert!(link.contains(&format!("tenant={}", acme.tenant)), "{link}");
    let rows = acme.rows("select connection_id, actor_kind, extract(epoch from expires_at - now())::float8 as lives from install_links").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<shared::ids::ConnectionId, _>("connection_id"), acme.connection);
    let lives: f64 = rows[0].get("lives");
    assert!(lives > 6.9 * 86_400.0 && lives <= 7.0 * 86_400.0);
}

#[tokio::test]
async fn a_mail_server_gets_a_mail_once_under_a_name_that_stays() {
    let post = PostOffice::open(&[]).await;
    let mut stage = Stage::new().await;
    stage.config.mail.smtp_url = Some(format!("smtp://{}", post.address).into());
    let acme = stage.firm("TACME").await;
    bury(&stage, &acme).await;
    let content: Vec<u8> = acme.rows("select content from mails").await[0].get("content");
    assert!(acme.work(&stage, "send_email").await.iter().all(Result::is_ok));
    assert_eq!(acme.rows("select 1 from mails where content is null").await.len(), 1, "what was sent is gone");
    // Died after the mail server took it, before that was stored.
    let hex: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    acme.run(&format!("update mails set state = 'queued', content = '\\x{hex}'")).await;
    acme.run("update jobs set state = 'queued' where kind = 'send_email'").await;
    assert!(acme.work(&stage, "send_email").await.iter().all(Result::is_ok));
    assert_eq!(states(&acme).await, ["sent -"]);
    let taken = post.taken();
    let name = |mail: &String| mail.lines().find(|line| line.starts_with("Message-ID: <mai_")).map(str::to_owned);
    assert_eq!(taken.len(), 2);
    assert!(name(&taken[0]).is_some() && name(&taken[0]) == name(&taken[1]), "readers show it once");
    assert_eq!(link_of(&taken[0]), link_of(&taken[1]));
}

#[tokio::test]
async fn a_refused_mail_ends_with_the_reason_and_a_busy_server_is_tried_again() {
    let post = PostOffice::open(&["451 later", "550 no such mailbox"]).await;
    let mut stage = Stage::new().await;
    stage.config.mail.smtp_url = Some(format!("smtp://{}", post.address).into());
    let acme = stage.firm("TACME").await;
    bury(&stage, &acme).await;
    let ends = acme.work(&stage, "send_email").await;
    assert!(matches!(ends[0], Err(JobError::Retry(_))), "{ends:?}");
    assert_eq!(states(&acme).await, ["queued -"]);
    acme.run("update jobs set state = 'queued'").await;
    let ends = acme.work(&stage, "send_email").await;
    assert!(matches!(ends[0], Err(JobError::Fail(_))), "{ends:?}");
    let state = states(&acme).await.remove(0);
    assert!(state.starts_with("failed the mail server refused"), "{state}");
    assert!(post.taken().is_empty());
    // The notice in the portal does not depend on the mail.
    assert_eq!(acme.rows("select 1 from notices").await.len(), 1);
}

#[tokio::test]
async fn without_a_slack_app_of_ours_the_mail_has_no_link_and_a_tenant_without_an_address_gets_none() {
    let mut stage = Stage::new().await;
    let acme = stage.firm("TACME").await;
    stage.config.slack.client = None;
    bury(&stage, &acme).await;
    assert!(acme.work(&stage, "send_email").await.iter().all(Result::is_ok));
    assert_eq!(
        (states(&acme).await, acme.rows("select 1 from install_links").await.len()),
        (vec!["sent -".to_owned()], 0)
    );

    let stage = Stage::new().await;
    let (tenant, _) = stage.test.tenant("bolt").await;
    let db = stage.test.db.tenant(tenant);
    let connection = stage.install(&db, stage.grant(&stage.client, "TBOLT").await, None).await;
    let bolt = Firm { tenant, db, connection };
    bury(&stage, &bolt).await;
    assert_eq!((states(&bolt).await.len(), bolt.rows("select 1 from notices").await.len()), (0, 1));
}
