//! What agents of both tenants send besides words, what is sent again, and what became of it.

use shared::{
    db::{
        deliveries::{self, Progress, Status},
        lanes::Lease,
        missed,
        notices::{self, Kind},
        resends::{self, Begun},
        sent_files::{self, New},
        usage_report::{self, By},
    },
    ids::{OutboxId, TenantId},
};
use time::{
    OffsetDateTime,
    macros::{date, datetime},
};
use uuid::Uuid;

use super::{
    handovers::HELD,
    scene::{CONNECTION, CONVERSATION, DELIVERED, FENCE, NUMBER, RUN, THEIR_CONVERSATION, THEM, lease},
    statements::{Call, calls},
};

const WITH: Uuid = Uuid::from_u128(0xb5);
/// A file on its way.
const FILE: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0xb0));
/// One whose row has ended.
const OLD_FILE: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0xb1));
/// A reply that failed, and is to be sent again.
const AGAIN: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0xb2));
/// Only they have these.
const THEIR_AGAIN: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0xb4));
const THEIR_FILE: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0xb3));

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, conversation, held, run, file, old, again, number] = [
        tenant_id.uuid(),
        CONVERSATION.uuid(),
        HELD.uuid(),
        RUN.uuid(),
        FILE.uuid(),
        OLD_FILE.uuid(),
        AGAIN.uuid(),
        CONNECTION.uuid(),
    ];
    let (them, slack) = (tenant_id == THEM, CONNECTION.uuid());
    // Theirs is over and told of, ours waits.
    let old_state = if them { "sending" } else { "sent" };
    let mut script = format!(
        "insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, state, fence)
         values ('{tenant}', '{file}', '{conversation}', '{run}', 'file', 1, 'post', '{mark}', 'sending', {FENCE}),
                ('{tenant}', '{old}', '{conversation}', '{run}', 'file', 2, 'post', '{mark}', '{old_state}', {FENCE});
         insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, state, external_id, resend_at, fence)
         values ('{tenant}', '{again}', '{held}', 'operator', 'post', '{mark}', 'sending', '{mark}', now(), {FENCE});
         -- Whom the conversation is with, as on a telephone.
         insert into people (tenant_id, person_id, connection_id, external_id, display_name)
         values ('{tenant}', '{WITH}', '{slack}', 'C1', '{mark} in person');
         insert into sent_files (tenant_id, outbox_id, name, content_type, size, upload_id)
         values ('{tenant}', '{file}', '{mark}.csv', 'text/csv', 7, '{mark}'), ('{tenant}', '{old}', '{mark}.md', 'text/markdown', 7, null);
         insert into delivery_statuses (tenant_id, connection_id, external_id, outbox_id, status, rank, changed_at)
         values ('{tenant}', '{number}', '{mark} again', '{again}', 'sent', 1, '2026-11-20T11:00:00Z');"
    );
    if them {
        let (theirs, their_again) = (THEIR_FILE.uuid(), THEIR_AGAIN.uuid());
        script += &format!(
            "insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, fence)
             values ('{tenant}', '{theirs}', '{conversation}', '{run}', 'file', 3, 'post', '{mark}', {FENCE});
             insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, state, resend_at, fence)
             values ('{tenant}', '{their_again}', '{held}', 'operator', 'post', '{mark}', 'sending', now(), {FENCE});
             insert into delivery_statuses (tenant_id, connection_id, external_id, outbox_id, status, rank, changed_at, error)
             values ('{tenant}', '{number}', 'wamid.theirs', '{file}', 'failed', 2, '2026-11-20T11:00:00Z', '{mark}');
             insert into notices (tenant_id, notice_id, kind, conversation_id, body)
             values ('{tenant}', '{theirs}', 'send_unclear', '{held}', '{mark}');"
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    let mut calls = files();
    calls.extend(ends());
    calls
}

fn files() -> Vec<Call> {
    calls! {
        "sent_files::prepare where only they talk", AllAudiences, |tx, _config| {
            let lease = Lease { conversation: THEIR_CONVERSATION, fence: 0, ..lease() };
            let new = New {
                id: OutboxId::new(),
                run: RUN,
                part: 4,
                name: "prices.csv",
                content_type: "text/csv",
                size: 3,
                line: "(sent the file prices.csv)",
            };
            sent_files::prepare(tx, &lease, &new).await?
        };
        "sent_files::unsent", AllAudiences, |tx, _config| sent_files::unsent(tx, RUN).await?;
        "sent_files::find", AllAudiences, |tx, _config| sent_files::find(tx, FILE).await?;
        "sent_files::note_upload", AllAudiences, |tx, _config| {
            sent_files::note_upload(tx, &lease(), FILE, "F9").await?
        };
        "sent_files::rest", AllAudiences, |tx, _config| sent_files::rest(tx, OLD_FILE).await?;
        "sent_files::note_erased", AllAudiences, |tx, _config| sent_files::note_erased(tx, FILE).await?;
    }
}

fn ends() -> Vec<Call> {
    calls! {
        "deliveries::record", AllAudiences, |tx, _config| {
            deliveries::record(tx, &[(NUMBER, failure())], |_| None).await?
        };
        "deliveries::record of what it costs", AllAudiences, |tx, _config| {
            deliveries::record(tx, &[(NUMBER, costly())], |_| None).await?;
            let (from, to) = (date!(2020 - 01 - 01), date!(2099 - 12 - 31));
            let mut told = Vec::new();
            for by in [By::Agent, By::Person, By::Model] {
                let lines = usage_report::report(tx, by, (from, to), "UTC").await?;
                told.extend(lines.into_iter().map(|line| format!("{:?} {}", line.name, line.cost_micro_usd)));
            }
            told
        };
        "deliveries::find", AllAudiences, |tx, _config| deliveries::find(tx, DELIVERED).await?;
        "resends::begin of theirs", AllAudiences, |tx, _config| match resends::begin(tx, THEIR_AGAIN).await? {
            Begun::Go(again) => again.body,
            other => format!("{other:?}"),
        };
        "resends::begin", AllAudiences, |tx, _config| match resends::begin(tx, AGAIN).await? {
            Begun::Go(again) => again.body,
            other => format!("{other:?}"),
        };
        "deliveries::catch_up", AllAudiences, |tx, _config| {
            deliveries::catch_up(tx, CONNECTION, "wamid.theirs", |_| None).await?;
            notices::list(tx, None).await?.into_iter().map(|notice| notice.body).collect::<Vec<_>>()
        };
        "resends::let_go", AllAudiences, |tx, _config| resends::let_go(tx, AGAIN).await?;
        "resends::find", AllAudiences, |tx, _config| resends::find(tx, AGAIN, None).await?;
        "resends::arrived", AllAudiences, |tx, _config| {
            resends::arrived(tx, AGAIN, None, "wamid.10").await?
        };
        "resends::give_up", AllAudiences, |tx, _config| {
            resends::give_up(tx, AGAIN, HELD, (Kind::SendUnclear, "no answer")).await?;
            notices::list(tx, None).await?.into_iter().map(|notice| notice.body).collect::<Vec<_>>()
        };
        "missed::stored", AllAudiences, |tx, _config| {
            let span = (datetime!(2026-11-01 00:00 UTC), datetime!(2026-11-30 00:00 UTC));
            missed::stored(tx, CONNECTION, "C1", span).await?
        };
    }
}

/// A file that costs something, in a market that has a price.
fn costly() -> Status {
    Status {
        external_id: "wamid.11".into(),
        progress: Progress::Sent,
        at: datetime!(2026-11-20 12:00 UTC),
        outbox: Some(FILE),
        recipient: "4420".into(),
        error_code: None,
        error: None,
        category: Some("marketing".into()),
        pricing: Some("regular".into()),
    }
}

/// Of the message that went out.
fn failure() -> Status {
    Status {
        external_id: "wamid.9".into(),
        progress: Progress::Failed,
        at: OffsetDateTime::UNIX_EPOCH,
        outbox: Some(DELIVERED),
        recipient: "4930".into(),
        error_code: Some(131_026),
        error: Some("undeliverable".into()),
        category: None,
        pricing: None,
    }
}
