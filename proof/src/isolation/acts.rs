//! What people of both tenants did besides writing: presses and commands, opinions of answers, and the wish to be forgotten.

use shared::{
    db::{
        channels,
        feedback::{self, Opinion, Reaction, Verdict},
        interactions::{self, State},
        people,
    },
    ids::{InteractionId, OutboxId, TenantId},
};
use time::macros::datetime;
use uuid::Uuid;

use super::{
    scene::{CONNECTION, CONVERSATION, FENCE, PERSON, RUN, THEM},
    statements::{Call, calls},
};

/// What the person pressed, with the same identity in both.
const ACT: InteractionId = InteractionId::from_uuid(Uuid::from_u128(0x50));
/// A streamed answer, in pieces.
const STREAMED: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0x51));
/// Only they were given it.
const THEIR_ANSWER: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0x52));

/// A channel that only they know.
const THEIR_CHANNEL: &str = "CTHEIRS";
/// A person whose name only they have asked for.
const THEIR_FRIEND: &str = "UTHEIRS";

/// The person likes it.
fn thumb() -> Reaction {
    Reaction {
        channel: "C1".into(),
        message: "1.2".into(),
        user: "U1".into(),
        opinion: Opinion::Is(Verdict::Good),
        at: datetime!(2100-01-01 00:00 UTC),
    }
}

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, connection, conversation, run, person, act, streamed, answer] = [
        tenant_id.uuid(),
        CONNECTION.uuid(),
        CONVERSATION.uuid(),
        RUN.uuid(),
        PERSON.uuid(),
        ACT.uuid(),
        STREAMED.uuid(),
        THEIR_ANSWER.uuid(),
    ];
    let them = tenant_id == THEM;
    // Theirs is always of a moment ago, ours never.
    let hour = if them { 1 } else { -1 };
    let mut script = format!(
        "insert into interactions (tenant_id, interaction_id, connection_id, identity, act, external_user,
                                   channel_external_id, raw, detail, state, received_at)
         values ('{tenant}', '{act}', '{connection}', '{act}', 'ask', 'U1', 'C1', '{mark}', '{{\"thread\": \"{mark}\"}}',
                 'pending', now() + interval '{hour} hour');
         insert into feedback (tenant_id, run_id, person_id, verdict, comment, source)
         values ('{tenant}', '{run}', '{person}', 'bad', '{mark}', 'button');
         insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, fence)
         values ('{tenant}', '{streamed}', '{conversation}', '{run}', 'answer', 'stream', '', {FENCE});
         insert into outbox_parts (tenant_id, outbox_id, n, text, fence)
         values ('{tenant}', '{streamed}', 1, '{mark} begins', {FENCE}),
                ('{tenant}', '{streamed}', 2, '{mark} ends', {FENCE});"
    );
    if them {
        script += &format!(
            "insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, state,
                                 external_id, fence)
             values ('{tenant}', '{answer}', '{conversation}', '{run}', 'answer', 1, 'post', '{mark}', 'sent', '1.2', {FENCE});
             insert into channels (tenant_id, connection_id, external_id, kind, name)
             values ('{tenant}', '{connection}', '{THEIR_CHANNEL}', 'public', '{mark}');
             insert into people (tenant_id, person_id, connection_id, external_id, display_name, profile_fetched_at)
             values ('{tenant}', '{answer}', '{connection}', '{THEIR_FRIEND}', '{mark}', now());"
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    calls! {
        "interactions::opened_by", AllAudiences, |tx, _config| {
            interactions::opened_by(tx, CONNECTION, ACT, "ask", "U1").await?
        };
        "interactions::is_repeated", AllAudiences, |tx, _config| {
            interactions::is_repeated(tx, CONNECTION, "ask", "U1").await?
        };
        "interactions::begin_attempt", AllAudiences, |tx, _config| interactions::begin_attempt(tx, ACT).await?;
        "interactions::end", AllAudiences, |tx, _config| interactions::end(tx, ACT, State::Done).await?;
        "feedback::find_answered", AllAudiences, |tx, _config| {
            feedback::find_answered(tx, THEIR_ANSWER, CONNECTION, "C1").await?
        };
        "feedback::find_answer", AllAudiences, |tx, _config| {
            feedback::find_answer(tx, CONNECTION, &thumb()).await?
        };
        "channels::is_known", AllAudiences, |tx, _config| channels::is_known(tx, CONNECTION, THEIR_CHANNEL).await?;
        "people::outdate", AllAudiences, |tx, _config| people::outdate(tx, CONNECTION, THEIR_FRIEND).await?;
        "feedback::explain", AllAudiences, |tx, _config| feedback::explain(tx, RUN, PERSON, "Too long.").await?;
    }
}
