//! Channels of both tenants, who answers in them, and what becomes of messages there: edits, and files that came along.

use shared::{
    db::{
        bindings::{self, Binding},
        changes::{self, Change, What},
        channels::{self, Described},
        media::{self, Found, Kind},
        messages,
        usage::{self, CallStatus, Transcription},
    },
    ids::{ConversationId, MediaId, TenantId},
    message::{Attachment, ChannelKind, InboundMessage},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    scene::{AGENT, CONNECTION, MEDIA, MESSAGE, PERSON, RUN, THEM},
    statements::{Call, calls, said},
};

/// In a channel of its own. Each has edited a message here; only they have another one, its edit, and an answer.
const TALK: ConversationId = ConversationId::from_uuid(Uuid::from_u128(0x70));
const CHANNEL: &str = "C7";
/// Known to us as public, to them as nothing yet.
const KNOWN: &str = "C8";
const BOTH: &str = "7.1";
const THEIRS: &str = "7.2";
/// Came with it.
const THEIR_FILE: MediaId = MediaId::from_uuid(Uuid::from_u128(0x73));

/// Who answers in it, which the accept path writes.
pub fn lanes(tenant_id: TenantId, mark: &str) -> String {
    let (tenant, talk, connection) = (tenant_id.uuid(), TALK.uuid(), CONNECTION.uuid());
    // What they said was answered, ours was overheard.
    let state = if tenant_id == THEM { "replied" } else { "ignored" };
    format!(
        "insert into lanes (tenant_id, conversation_id, connection_id, last_seq, done_seq)
         values ('{tenant}', '{talk}', '{connection}', 1, 1);
         insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state)
         values ('{tenant}', '{talk}', 1, '{connection}', true, '{mark}',
                 '{{\"external_id\": \"{BOTH}\", \"text\": \"{mark}\"}}', '{state}');"
    )
}

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, talk, connection, person, agent, run] =
        [tenant_id.uuid(), TALK.uuid(), CONNECTION.uuid(), PERSON.uuid(), AGENT.uuid(), RUN.uuid()];
    let kind = if tenant_id == THEM { "unknown" } else { "public" };
    let message = Uuid::from_u128(0x71);
    let mut script = format!(
        "insert into channels (tenant_id, connection_id, external_id, name, kind)
         values ('{tenant}', '{connection}', '{KNOWN}', '{mark}', '{kind}');
         insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id,
                                    kind)
         values ('{tenant}', '{talk}', '{connection}', '{CHANNEL}', '{BOTH}', 'public');
         insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
         values ('{tenant}', '{message}', '{talk}', '{BOTH}', 'person', '{person}', '{mark} talks', '2026-11-20T11:00:00Z');
         insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                               audience, body)
         values ('{tenant}', '{message}', '{message}', '{talk}', 0, 1, '{person}', '2026-11-20T11:00:00Z', 'tenant',
                 '{mark} talks');
         insert into message_changes (tenant_id, conversation_id, external_id, kind, changed_at, body)
         values ('{tenant}', '{talk}', '{BOTH}', 'edit', '2026-11-20T12:00:00Z', '{mark} thinks');"
    );
    if tenant_id == THEM {
        let (said, answer, file) = (Uuid::from_u128(0x72), Uuid::from_u128(u128::MAX - 1), THEIR_FILE.uuid());
        script += &format!(
            "update channel_connections set outsiders = 'like_members'
              where tenant_id = '{tenant}' and connection_id = '{connection}';
             insert into bindings (tenant_id, binding_id, connection_id, agent_id)
             values ('{tenant}', '{message}', '{connection}', '{agent}');
             insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, agent_id,
                                   run_id, body, sent_at)
             values ('{tenant}', '{said}', '{talk}', '{THEIRS}', 'person', '{person}', null, null, '{mark}',
                     '2026-11-20T11:00:00Z'),
                    ('{tenant}', '{answer}', '{talk}', null, 'agent', null, '{agent}', '{run}', '{mark}', now());
             insert into media (tenant_id, media_id, connection_id, conversation_id, message_id, part, reference, name)
             values ('{tenant}', '{file}', '{connection}', '{talk}', '{said}', 1, 'slack-file://F7', '{mark}');
             insert into message_changes (tenant_id, conversation_id, external_id, kind, changed_at, body)
             values ('{tenant}', '{talk}', '{THEIRS}', 'edit', '2026-11-20T12:00:00Z', '{mark}');"
        );
    }
    script
}

/// What a platform says of our channel.
fn told(kind: ChannelKind) -> Described {
    Described { kind, name: "general".into(), shared: false, state: channels::State::Open }
}

fn change(what: What) -> Change {
    Change {
        conversation: TALK,
        external_id: BOTH.into(),
        changed_at: OffsetDateTime::UNIX_EPOCH,
        what,
        concerns_agent: true,
    }
}

pub fn all() -> Vec<Call> {
    let mut calls = where_it_is_said();
    calls.extend(what_changes());
    calls
}

fn where_it_is_said() -> Vec<Call> {
    calls! {
        "channels::describe", AllAudiences, |tx, _config| {
            channels::describe(tx, CONNECTION, "C1", &told(ChannelKind::Public), &[]).await?
        };
        "channels::describe what we knew", AllAudiences, |tx, _config| {
            channels::describe(tx, CONNECTION, KNOWN, &told(ChannelKind::Public), &[]).await?
        };
        "channels::describe as private", AllAudiences, |tx, _config| {
            channels::describe(tx, CONNECTION, CHANNEL, &told(ChannelKind::Private), &[]).await?
        };
        "channels::list", AllAudiences, |tx, _config| channels::list(tx).await?;
        "channels::open_ones", AllAudiences, |tx, _config| channels::open_ones(tx, CONNECTION).await?;
        "channels::place", AllAudiences, |tx, _config| channels::place(tx, CONNECTION, "C1", 10).await?;
        "bindings::list", AllAudiences, |tx, _config| bindings::list(tx).await?;
        "bindings::replace", AllAudiences, |tx, _config| {
            let binding = Binding { connection: Some(CONNECTION), channel: None, keyword: None, agent: AGENT };
            bindings::replace(tx, &[binding]).await?
        };
        "messages::answers_since_a_person", AllAudiences, |tx, _config| {
            messages::answers_since_a_person(tx, TALK).await?
        };
    }
}

fn what_changes() -> Vec<Call> {
    calls! {
        "changes::follow an edit", AllAudiences, |tx, _config| {
            let what = What::Edited { text: "What did you decide?".into(), mentions_others: false, addressed: true };
            changes::follow(tx, &change(what)).await?
        };
        "changes::follow a deletion", AllAudiences, |tx, _config| changes::follow(tx, &change(What::Deleted)).await?;
        "changes::catch_up", AllAudiences, |tx, _config| changes::catch_up(tx, TALK).await?;
        "media::expect", AllAudiences, |tx, _config| {
            let file = Attachment::new("slack-file", "F2", "plan.txt", "text/plain");
            let said = InboundMessage { attachments: file.into_iter().collect(), external_id: THEIRS.into(), ..said() };
            media::expect(tx, CONNECTION, TALK, &[said]).await?
        };
        "media::begin_attempt", AllAudiences, |tx, _config| media::begin_attempt(tx, MEDIA).await?;
        "media::store", AllAudiences, |tx, _config| {
            let found = Found {
                name: "plan.txt",
                kind: Kind::Text,
                content_type: "text/plain",
                size: 5,
                sha256: &[0; 32],
                body: Some("words"),
                reason: None,
            };
            media::store(tx, MEDIA, &found).await?
        };
        "media::give_up", AllAudiences, |tx, _config| media::give_up(tx, MEDIA, media::State::Refused, "no").await?;
        "usage::book_transcription", AllAudiences, |tx, _config| {
            let call = Transcription { model: "whisper-1", status: CallStatus::Ok, seconds: 3, estimated: false };
            usage::book_transcription(tx, THEIR_FILE, &call).await?
        };
        "media::of_messages", AllAudiences, |tx, _config| {
            // Whether one is still awaited is a matter of time.
            media::of_messages(tx, &[MESSAGE]).await?.0
        };
    }
}
