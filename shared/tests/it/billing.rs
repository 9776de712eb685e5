//! Subscriptions as a mirror: what a look saw overwrites, looks overtake each other, and access follows from the state.

use shared::db::{
    billing::{self, Access, Look, Seen},
    customers, plans,
};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::stage::{Firm, Stage};

const CREATED: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);

fn seen(id: &str, status: &str) -> Seen {
    Seen {
        id: id.to_owned(),
        status: status.to_owned(),
        plan: Some("pro"),
        current_period_end: Some(CREATED + Duration::days(30)),
        cancel_at: None,
        created: CREATED,
        open_invoice: None,
    }
}

async fn customer(firm: &Firm, id: &str) {
    let mut tx = firm.db.begin().await.expect("a transaction");
    assert_eq!(customers::link(&mut tx, id).await.expect("it is nobody's"), id);
    tx.commit().await.expect("stored");
}

async fn look(firm: &Firm) -> Look {
    let mut tx = firm.db.begin().await.expect("a transaction");
    let look = billing::begin_look(&mut tx).await.expect("it begins").expect("a customer");
    tx.commit().await.expect("stored");
    look
}

async fn apply(firm: &Firm, look: &Look, seen: &[Seen]) -> bool {
    let mut tx = firm.db.begin().await.expect("a transaction");
    let applied = billing::apply(&mut tx, look, seen).await.expect("it is applied");
    tx.commit().await.expect("stored");
    applied
}

async fn shown(firm: &Firm) -> billing::Billing {
    let mut tx = firm.db.begin().await.expect("a transaction");
    let billing = billing::show(&mut tx).await.expect("it is shown");
    tx.close().await.expect("closed");
    billing
}

async fn texts(firm: &Firm, sql: &'static str) -> Vec<String> {
    let mut tx = firm.db.begin().await.expect("a transaction");
    let rows = sqlx::query_scalar(sql).bind(firm.tenant).fetch_all(tx.conn()).await.expect("rows");
    tx.close().await.expect("closed");
    rows
}

const NOTICES: &str = "select kind || ': ' || body from notices where tenant_id = $1 order by notice_id";

#[tokio::test]
async fn the_status_decides_what_the_agent_may_do() {
    let stage = Stage::new().await;
    let firm = stage.firm("access").await;
    customer(&firm, "cus_access").await;
    assert_eq!(shown(&firm).await.access, Access::Full, "there never was a subscription");
    for (status, access, pays) in [
        ("incomplete", Access::Full, false),
        ("trialing", Access::Full, true),
        ("active", Access::Full, true),
        ("past_due", Access::Full, true),
        ("unpaid", Access::Paused, false),
        ("paused", Access::Paused, false),
        ("thinking", Access::Full, false),
        ("canceled", Access::ReadOnly, false),
        ("incomplete_expired", Access::Full, false),
    ] {
        let look = look(&firm).await;
        assert!(apply(&firm, &look, &[seen("sub_1", status)]).await);
        let billing = shown(&firm).await;
        assert_eq!((billing.access, billing.plans_paid.len()), (access, usize::from(pays)), "{status}");
        assert_eq!(billing.subscription.map(|current| current.status).as_deref(), Some(status));
    }
    // A new one beside the old one counts.
    let look = look(&firm).await;
    let new = Seen { plan: Some("starter"), created: CREATED + Duration::days(9), ..seen("sub_2", "active") };
    assert!(apply(&firm, &look, &[seen("sub_1", "canceled"), new]).await);
    let billing = shown(&firm).await;
    assert_eq!((billing.access, billing.plans_paid), (Access::Full, vec!["starter".to_owned()]));
}

#[tokio::test]
async fn a_late_payment_has_seven_days_from_when_it_was_first_seen() {
    let stage = Stage::new().await;
    let firm = stage.firm("grace").await;
    customer(&firm, "cus_grace").await;
    let first = look(&firm).await;
    apply(&firm, &first, &[seen("sub_1", "past_due")]).await;
    let later = |days: i64| {
        let firm = &firm;
        async move {
            let mut tx = firm.db.begin().await.expect("a transaction");
            sqlx::query(
                "update subscriptions set past_due_since = now() - make_interval(days => $2) where tenant_id = $1",
            )
            .bind(firm.tenant)
            .bind(i32::try_from(days).expect("few"))
            .execute(tx.conn())
            .await
            .expect("time passes");
            tx.commit().await.expect("stored");
        }
    };
    later(6).await;
    let look = look(&firm).await;
    apply(&firm, &look, &[Seen { cancel_at: Some(CREATED), ..seen("sub_1", "past_due") }]).await;
    assert_eq!(shown(&firm).await.access, Access::Full);
    later(8).await;
    assert_eq!(shown(&firm).await.access, Access::ReadOnly, "nobody had to do anything for it");
    let mut tx = firm.db.begin().await.expect("a transaction");
    let full = plans::make_room(&mut tx, plans::Addition::Agent).await.expect_err("nothing can be added");
    assert!(full.to_string().contains("The subscription has ended"), "{full}");
}

#[tokio::test]
async fn a_look_that_began_earlier_never_overwrites_a_later_one() {
    let stage = Stage::new().await;
    let firm = stage.firm("looks").await;
    customer(&firm, "cus_looks").await;
    let (early, late) = (look(&firm).await, look(&firm).await);
    assert!(apply(&firm, &late, &[seen("sub_1", "canceled")]).await);
    assert!(!apply(&firm, &early, &[seen("sub_1", "active")]).await, "it was overtaken");
    assert!(!apply(&firm, &late, &[seen("sub_1", "active")]).await, "once is enough");
    assert_eq!(shown(&firm).await.access, Access::ReadOnly);
    // A customer that was deleted has no subscriptions any more.
    let next = look(&firm).await;
    assert!(apply(&firm, &next, &[seen("sub_1", "active")]).await);
    let next = look(&firm).await;
    assert!(apply(&firm, &next, &[]).await);
    assert_eq!(shown(&firm).await.subscription.expect("it stays").status, "canceled");
    let audited =
        "select detail ->> 'status' from audit_events where tenant_id = $1 and action = 'billing.subscription'
                    order by n";
    assert_eq!(texts(&firm, audited).await, ["canceled", "active", "canceled"]);
}

#[tokio::test]
async fn admins_are_told_once_of_a_change_and_of_an_open_invoice() {
    let stage = Stage::new().await;
    let firm = stage.firm("told").await;
    customer(&firm, "cus_told").await;
    let open = |id: &str| Some((id.to_owned(), format!("https://invoice.example/{id}")));
    for (status, invoice) in [
        ("active", None),
        ("past_due", open("in_1")),
        ("past_due", open("in_1")),
        ("unpaid", open("in_1")),
        ("unpaid", open("in_2")),
        ("active", None),
    ] {
        let look = look(&firm).await;
        apply(&firm, &look, &[Seen { open_invoice: invoice, ..seen("sub_1", status) }]).await;
    }
    let told = texts(&firm, NOTICES).await;
    let begins = ["payment_due", "access_changed", "payment_due", "access_changed"];
    assert_eq!(told.iter().map(|line| line.split(':').next().unwrap_or_default()).collect::<Vec<_>>(), begins);
    assert!(told[0].ends_with("https://invoice.example/in_1") && told[2].ends_with("in_2"), "{told:?}");
    assert!(told[1].contains("paused") && told[3].contains("answers again"), "{told:?}");
}

#[tokio::test]
async fn attack_159_an_event_that_comes_fifty_times_at_once_is_heard_once() {
    let stage = Stage::new().await;
    let (firm, other) = (stage.firm("once").await, stage.firm("other").await);
    let heard = futures::future::join_all((0..50).map(|_| async {
        let mut tx = firm.db.begin().await.expect("a transaction");
        let new = billing::hear(&mut tx, "evt_1", "invoice.paid").await.expect("it is heard");
        tx.commit().await.expect("stored");
        new
    }))
    .await;
    assert_eq!(heard.iter().filter(|new| **new).count(), 1);
    // A customer is one tenant's only.
    customer(&firm, "cus_once").await;
    let mut tx = other.db.begin().await.expect("a transaction");
    let stolen = customers::link(&mut tx, "cus_once").await.expect_err("it is taken");
    assert!(stolen.to_string().contains("another tenant's customer"), "{stolen}");
    drop(tx);
    let system = stage.db().system();
    assert_eq!(customers::find(&system, "cus_once").await.expect("an answer"), Some(firm.tenant));
    assert_eq!(customers::find(&system, "cus_nobody").await.expect("an answer"), None);
}

#[tokio::test]
async fn days_that_are_over_are_told_once_each() {
    let stage = Stage::new().await;
    let firm = stage.firm("days").await;
    customer(&firm, "cus_days").await;
    let mut tx = firm.db.begin().await.expect("a transaction");
    assert!(billing::days_to_tell(&mut tx).await.expect("days").is_empty(), "today is not over");
    sqlx::query("update stripe_customers set created_at = now() - interval '3 days' where tenant_id = $1")
        .bind(firm.tenant)
        .execute(tx.conn())
        .await
        .expect("time passes");
    let days = billing::days_to_tell(&mut tx).await.expect("days");
    assert_eq!(days.len(), 3);
    billing::note_told(&mut tx, days[1].0, days[1].1).await.expect("noted");
    billing::note_told(&mut tx, days[1].0, 7).await.expect("noted again");
    let rest = billing::days_to_tell(&mut tx).await.expect("days");
    assert_eq!(rest, [days[0], days[2]]);
    assert!(!customers::take_due(&mut tx).await.expect("an answer"), "the first look is a day away");
    tx.commit().await.expect("stored");
}
