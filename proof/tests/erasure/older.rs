//! What has grown older than its tenant keeps it is gone from every table that repeats it.

use std::collections::BTreeSet;

use proof::{
    isolation::arena::{Arena, ours, theirs},
    residue,
};
use shared::{
    db::privacy::{
        PARTS,
        retention::{self, Retention},
    },
    ids::TenantId,
};

use crate::change;

/// What grows old is over and done with: nothing waits, runs or is sent.
const OVER: &str = "
    update runs set state = 'done';
    update outbox set state = 'sent';
    update media set state = 'stored';
    update inbox set state = 'replied';
    update interactions set state = 'done';
    update rehearsals set state = 'failed';
    update tool_calls set state = 'done', finished_at = coalesce(finished_at, started_at);
    update escalations set state = 'closed', closed_at = coalesce(closed_at, opened_at);
    update follow_ups set state = 'cancelled', ended_at = coalesce(ended_at, created_at);
    update webhook_deliveries set state = 'delivered', finished_at = coalesce(finished_at, created_at);
    update message_changes set applied_at = coalesce(applied_at, received_at)";

/// What still holds a word in tables that know people, once all of it has grown old: names, ids, settings and reasons of ours.
const STAYS: [&str; 48] = [
    "approvals.decided_by",
    "approvals.decided_kind",
    "approvals.decided_name",
    "approvals.digest",
    "approvals.external_id",
    "budget_reservations.model",
    "budgets.currency",
    "budgets.time_zone",
    "channels.external_id",
    "channels.name",
    "conversation_tags.created_by",
    "conversation_tags.tag",
    "conversations.channel_external_id",
    "conversations.thread_external_id",
    "delivery_statuses.error",
    "delivery_statuses.external_id",
    "delivery_statuses.pricing_category",
    "delivery_statuses.pricing_type",
    "escalations.assigned_to",
    "feedback.source",
    "inbox.reason",
    "inbox.trace",
    "interactions.act",
    "interactions.channel_external_id",
    "interactions.external_user",
    "interactions.reason",
    "jobs.error",
    "jobs.kind",
    "jobs.payload",
    "messages.external_id",
    "messages.operator_name",
    "outbox.error",
    "outbox.external_id",
    "outbox.target_external_id",
    "people.display_name",
    "people.external_id",
    "people.phone",
    "routine_runs.begun_by",
    "routine_runs.instruction",
    "routines.channel_external_id",
    "routines.created_by",
    "routines.instruction",
    "routines.name",
    "routines.schedule",
    "run_steps.step",
    "sent_files.content_type",
    "tool_calls.name",
    "usage.model",
];

#[tokio::test]
async fn what_was_said_and_learned_is_gone_once_it_is_older_than_it_is_kept() {
    let mut arena = Arena::new().await.unwrap();
    let before = arena.prints(theirs).await.unwrap();
    let tenant = TenantId::from_uuid(ours(&arena.catalog).id);
    change(&arena.test, tenant.uuid(), OVER).await;
    let db = arena.test.db.tenant(tenant);
    let days = Retention {
        messages_days: Some(1),
        facts_days: Some(1),
        inbox_days: None,
        runs_days: None,
        deliveries_days: None,
        jobs_days: None,
    };
    let mut tx = db.begin_for_all_audiences().await.expect("a transaction");
    let files = retention::files(&mut tx, &days, 100).await.expect("files");
    assert_eq!((files.media.len(), files.made.len()), (2, 2), "their bytes go first");
    retention::note_erased(&mut tx, &files).await.expect("noted");
    while retention::purge(&mut tx, &days, 1).await.expect("it goes") > 0 {}
    tx.commit().await.expect("stored");
    let erased: BTreeSet<&str> = PARTS.iter().map(|part| part.table).collect();
    let left = residue::in_tables(&arena.test, tenant, &["CANARY-A"]).await.unwrap();
    let left: Vec<&str> = left
        .iter()
        .map(|column| column.split(':').next().unwrap_or_default())
        .filter(|column| erased.contains(column.split('.').next().unwrap_or_default()))
        .collect();
    assert_eq!(left, STAYS);
    assert_eq!(arena.prints(theirs).await.unwrap(), before, "the other tenant's rows are as they were");
}
