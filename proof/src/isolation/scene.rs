//! Two tenants whose rows have the same ids: whatever forgets the tenant takes the other one's row.
//!
//! The other tenant's rows come first, in their tables and in every index, so that a statement that should find one row
//! and finds two shows the wrong one.

use shared::{
    crypto::{Keyring, Place},
    db::{lanes::Lease, mails::Mail},
    ids::{
        AgentId, ApiKeyId, ConnectionId, ConversationId, InvitationId, JobId, MailId, MediaId, MemoryId,
        MessageId, OutboxId, PersonId, RunId, SessionId, TenantId, UserId,
    },
    testing::TestDb,
};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use uuid::Uuid;

use super::{
    acting, acts, billing, counted, desk, erased, handovers, helped, installations, kept, later, learned, money,
    noted, once, pages, places, reasons, sends, singly, talks, told,
};

pub const THEM: TenantId = TenantId::from_uuid(Uuid::from_u128(0x0a));
pub const US: TenantId = TenantId::from_uuid(Uuid::from_u128(0xf0));
pub const THEIR_MARK: &str = "CANARY-B";

pub const CONNECTION: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(1));
pub const AGENT: AgentId = AgentId::from_uuid(Uuid::from_u128(2));
pub const PERSON: PersonId = PersonId::from_uuid(Uuid::from_u128(3));
pub const CONVERSATION: ConversationId = ConversationId::from_uuid(Uuid::from_u128(4));
pub const RUN: RunId = RunId::from_uuid(Uuid::from_u128(5));
pub const OUTBOX: OutboxId = OutboxId::from_uuid(Uuid::from_u128(6));
pub const MESSAGE: MessageId = MessageId::from_uuid(Uuid::from_u128(7));
pub const MEMORY: MemoryId = MemoryId::from_uuid(Uuid::from_u128(8));
pub const JOB: JobId = JobId::from_uuid(Uuid::from_u128(9));
pub const IDENTITY: Uuid = Uuid::from_u128(10);
pub const MEDIA: MediaId = MediaId::from_uuid(Uuid::from_u128(50));
/// Another one that both had before.
pub const COPIED: Uuid = Uuid::from_u128(0xC0);
/// A number of WhatsApp, people who are known by several ids, and a message that went out by it.
pub const NUMBER: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(0x20));
const OLDER: Uuid = Uuid::from_u128(0x21);
const NEWER: Uuid = Uuid::from_u128(0x22);
pub const MOVING: Uuid = Uuid::from_u128(0x23);
pub const DELIVERED: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0x24));
/// Only they take part in it.
pub const THEIR_CONVERSATION: ConversationId = ConversationId::from_uuid(Uuid::from_u128(11));
pub const MAIL: MailId = MailId::from_uuid(Uuid::from_u128(12));
/// Owns both tenants.
pub const OWNER: UserId = UserId::from_uuid(Uuid::from_u128(13));
/// An operator of both.
pub const MEMBER: UserId = UserId::from_uuid(Uuid::from_u128(14));
/// Only they have this member, whose address is NEW_MAIL.
pub const THEIR_MEMBER: UserId = UserId::from_uuid(Uuid::from_u128(15));
pub const NEW_MAIL: &str = "new@example.com";
pub const INVITATION: InvitationId = InvitationId::from_uuid(Uuid::from_u128(16));
/// Of both invitations.
pub const INVITATION_TOKEN: [u8; 32] = [7; 32];
/// Invited by both.
pub const GUEST: UserId = UserId::from_uuid(Uuid::from_u128(17));
pub const GUEST_MAIL: &str = "guest@example.com";
/// Where their member is signed in.
pub const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(18));
/// A key belongs to one tenant by its id.
pub const THEIR_KEY: ApiKeyId = ApiKeyId::from_uuid(Uuid::from_u128(19));
pub const FENCE: i64 = 7;

/// Our hold on the conversation; theirs reads the same.
pub fn lease() -> Lease {
    Lease { tenant: US, conversation: CONVERSATION, fence: FENCE, claims: 1 }
}

/// Fills the database with both.
pub async fn fill(test: &TestDb) -> anyhow::Result<()> {
    let (mut app, mut system) = (test.app().await, test.system().await);
    for (tenant, mark, team) in [(THEM, THEIR_MARK, "TB"), (US, "CANARY-A", "TA")] {
        let cast = Cast { tenant, mark, team, keys: &test.config.master_keys };
        run(&mut system, &cast.of_the_system(false)).await?;
        run(&mut app, &cast.of_the_app()).await?;
        run(&mut app, &cast.of_the_number()).await?;
        run(&mut system, &cast.of_the_system(true)).await?;
        run(&mut system, &cast.members()).await?;
        run(&mut app, &cast.entrances()).await?;
    }
    run(&mut system, &accounts()).await?;
    Ok(())
}

async fn run(connection: &mut PgConnection, script: &str) -> anyhow::Result<()> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned()))).await?;
    Ok(())
}

/// People who can sign in. They belong to no tenant.
fn accounts() -> String {
    let mut script = String::new();
    for (user, mail) in [(THEIR_MEMBER.uuid(), NEW_MAIL), (GUEST.uuid(), GUEST_MAIL)] {
        script += &format!(
            "insert into users (user_id, mail, name, password_hash, mail_verified_at)
             values ('{user}', '{mail}', 'Somebody', '', now());"
        );
    }
    script
        + &format!(
            "insert into sessions (session_id, user_id, address, agent, expires_at)
             values ('{}', '{}', '', '', now() + interval '1 day')",
            SESSION.uuid(),
            THEIR_MEMBER.uuid()
        )
}

struct Cast<'a> {
    tenant: TenantId,
    mark: &'static str,
    team: &'static str,
    keys: &'a Keyring,
}

impl Cast<'_> {
    /// The tenant itself, and what the accept path writes.
    fn of_the_system(&self, messages: bool) -> String {
        let (tenant, mark) = (self.tenant.uuid(), self.mark);
        if !messages {
            let plan = if self.tenant == THEM { "free" } else { "pro" };
            return format!(
                "insert into tenants (tenant_id, name, plan) values ('{tenant}', '{mark} firm', '{plan}')"
            );
        }
        let (conversation, connection) = (CONVERSATION.uuid(), CONNECTION.uuid());
        let last = if self.tenant == THEM { 9 } else { 2 };
        let settled = self.tenant == THEM;
        let mut script = format!(
            "insert into inbox_keys (tenant_id, identity, addressed)
             values ('{tenant}', '{IDENTITY}', false), ('{tenant}', '{COPIED}', {settled});
             insert into lanes (tenant_id, conversation_id, connection_id, last_seq, ready_at, owner, fence, claims)
             values ('{tenant}', '{conversation}', '{connection}', {last}, now() + interval '1 hour', 'somebody', {FENCE}, 1);"
        );
        for seq in [1, 2] {
            script += &format!(
                "insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized)
                 values ('{tenant}', '{conversation}', {seq}, '{connection}', true, '{mark}',
                         '{{\"external_id\": \"1.{seq}\", \"channel\": \"C1\", \"thread\": \"1.1\",
                            \"channel_kind\": \"unknown\", \"author\": \"U1\", \"text\": \"{mark} {seq}\",
                            \"sent_at\": \"2026-11-20T12:00:00Z\"}}');"
            );
        }
        script += &helped::stopped(self.tenant, mark);
        script += &handovers::lanes(self.tenant);
        script += &places::lanes(self.tenant, mark);
        script += &erased::received(self.tenant, mark);
        if self.tenant == THEM {
            script += &format!(
                "insert into lanes (tenant_id, conversation_id, connection_id)
                 values ('{tenant}', '{}', '{connection}')",
                THEIR_CONVERSATION.uuid()
            );
        }
        script
    }

    /// Everything else, in one transaction.
    fn of_the_app(&self) -> String {
        let Self { mark, team, .. } = self;
        let them = self.tenant == THEM;
        let [tenant, connection, agent, person, conversation, run, outbox, message, memory, media, job] = [
            self.tenant.uuid(),
            CONNECTION.uuid(),
            AGENT.uuid(),
            PERSON.uuid(),
            CONVERSATION.uuid(),
            RUN.uuid(),
            OUTBOX.uuid(),
            MESSAGE.uuid(),
            MEMORY.uuid(),
            MEDIA.uuid(),
            JOB.uuid(),
        ];
        let (token, secret) = (self.sealed("access_token"), self.sealed("signing_secret"));
        let fetched = if them { "null" } else { "now()" };
        let opted_out = if them { "now()" } else { "null" };
        let installation = installations::script(self.tenant, mark, self.keys);
        let further = self.further();
        format!(
            "begin;
             select set_config('app.current_tenant', '{tenant}', true), set_config('app.audiences', '*', true);
             insert into channel_connections (tenant_id, connection_id, channel, external_id, bot_user_id, bot_id,
                                              display_name, access_token, signing_secret)
             values ('{tenant}', '{connection}', 'slack', '{team}', 'UBOT', 'BBOT', '{mark}', '\\x{token}', '\\x{secret}');
             insert into connection_routes (channel, app_id, external_id, tenant_id, connection_id, bot_user_id, bot_id)
             values ('slack', '', '{team}', '{tenant}', '{connection}', 'UBOT', 'BBOT');
             {installation}
             insert into agents (tenant_id, agent_id, name, role, tone, instructions, is_default)
             values ('{tenant}', '{agent}', 'Kona', '{mark}', '{mark}', '{mark}', {them});
             insert into people (tenant_id, person_id, connection_id, external_id, display_name, profile_fetched_at,
                                 opted_out_at)
             values ('{tenant}', '{person}', '{connection}', 'U1', '{mark} Ada', {fetched}, {opted_out});
             insert into channels (tenant_id, connection_id, external_id, name)
             values ('{tenant}', '{connection}', 'C1', '{mark}');
             insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id,
                                        thread_external_id, kind)
             values ('{tenant}', '{conversation}', '{connection}', 'C1', '1.1', 'unknown');
             insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence)
             values ('{tenant}', '{run}', '{conversation}', '{agent}', 1, 1, {FENCE});
             insert into run_steps (tenant_id, run_id, step, request_hash, result)
             values ('{tenant}', '{run}', 'answer', '', '\"{mark}\"');
             insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
             values ('{tenant}', '{message}', '{conversation}', '1.0', 'person', '{person}', '{mark} said',
                     '2026-11-20T11:00:00Z');
             insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                                   audience, body)
             values ('{tenant}', '{memory}', '{message}', '{conversation}', 0, 1, '{person}', '2026-11-20T11:00:00Z',
                     'channel:{connection}:C1', '{mark} said');
             insert into media (tenant_id, media_id, connection_id, conversation_id, message_id, part, reference, name)
             values ('{tenant}', '{media}', '{connection}', '{conversation}', '{message}', 1, 'slack-file://F1',
                     '{mark} file');
             insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, fence)
             values ('{tenant}', '{outbox}', '{conversation}', '{run}', 'placeholder', 'post', '{mark}', {FENCE});
             insert into jobs (tenant_id, job_id, kind, payload)
             values ('{tenant}', '{job}', 'fetch_person_profile',
                     '{{\"kind\": \"fetch_person_profile\", \"person\": \"{PERSON}\"}}');
             {further}
             commit"
        )
    }

    /// What hangs on all of that, room by room.
    fn further(&self) -> String {
        let Self { mark, team, tenant, keys, .. } = self;
        [
            handovers::script(*tenant, mark, team),
            acts::script(*tenant, mark),
            places::script(*tenant, mark),
            money::script(*tenant, mark, keys),
            singly::script(*tenant, mark),
            reasons::script(*tenant, mark),
            billing::script(*tenant, mark),
            acting::script(*tenant, mark, keys),
            later::script(*tenant, mark, keys),
            desk::script(*tenant, mark),
            learned::script(*tenant, mark),
            sends::script(*tenant, mark),
            talks::script(*tenant, mark),
            noted::script(*tenant, mark),
            pages::script(*tenant, mark),
            kept::script(*tenant, mark),
            helped::script(*tenant, mark),
            once::script(*tenant, mark),
            erased::script(*tenant, mark),
            counted::script(*tenant, mark),
            told::script(*tenant, mark, keys),
        ]
        .join("\n")
    }

    fn of_the_number(&self) -> String {
        let Self { mark, team, .. } = self;
        let [tenant, number, conversation, delivered] =
            [self.tenant.uuid(), NUMBER.uuid(), CONVERSATION.uuid(), DELIVERED.uuid()];
        let place =
            Place { tenant: Some(self.tenant), table: "channel_connections", column: "verify_token", row: number };
        let verify = hex::encode(self.keys.seal(&place, mark.as_bytes()));
        let message = Uuid::from_u128(0x25);
        let later = if self.tenant == THEM { 2 } else { 0 };
        format!(
            "begin;
             select set_config('app.current_tenant', '{tenant}', true), set_config('app.audiences', '*', true);
             insert into channel_connections (tenant_id, connection_id, channel, app_id, external_id, bot_user_id,
                                              display_name, access_token, verify_token, account_id)
             values ('{tenant}', '{number}', 'whatsapp', 'own', 'N{team}', '', '{mark}', '', '\\x{verify}', '{mark}');
             insert into connection_routes (channel, app_id, external_id, tenant_id, connection_id, bot_user_id, bot_id)
             values ('whatsapp', 'own', 'N{team}', '{tenant}', '{number}', '', '');
             insert into people (tenant_id, person_id, connection_id, external_id, display_name, phone, vip)
             values ('{tenant}', '{OLDER}', '{number}', '4930', '{mark}', null, true),
                    ('{tenant}', '{NEWER}', '{number}', 'DE.1', '{mark}', null, false),
                    ('{tenant}', '{MOVING}', '{number}', 'DE.{team}', '{mark}', '4931', false);
             insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
             values ('{tenant}', '{message}', '{conversation}', 'wamid.0', 'person', '{OLDER}', '{mark} wrote',
                     '2026-11-20T1{later}:00:00Z');
             insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, state, fence)
             values ('{tenant}', '{delivered}', '{conversation}', 'answer', 'post', '{mark}', 'sent', {FENCE});
             insert into delivery_statuses (tenant_id, connection_id, external_id, outbox_id, status, rank, changed_at)
             values ('{tenant}', '{number}', '{mark}', '{delivered}', 'sent', 1, '2026-11-20T11:00:00Z');
             commit"
        )
    }

    fn members(&self) -> String {
        let (tenant, mark) = (self.tenant.uuid(), self.mark);
        let owner = if self.tenant == THEM { "their-owner" } else { "owner" };
        let mut script = format!(
            "insert into memberships (tenant_id, user_id, mail, name, role, is_owner)
             values ('{tenant}', '{}', '{owner}@example.com', '{mark}', 'customer_admin', true),
                    ('{tenant}', '{}', 'member@example.com', '{mark}', 'customer_operator', false);",
            OWNER.uuid(),
            MEMBER.uuid()
        );
        if self.tenant == THEM {
            script += &format!(
                "insert into memberships (tenant_id, user_id, mail, name, role)
                 values ('{tenant}', '{}', '{NEW_MAIL}', '{mark}', 'customer_operator')",
                THEIR_MEMBER.uuid()
            );
        }
        script
    }

    /// What lets people and programs in. They have as many keys as a tenant may have.
    fn entrances(&self) -> String {
        let (tenant, mark) = (self.tenant.uuid(), self.mark);
        let (mail, invitation) = (MAIL.uuid(), INVITATION.uuid());
        let text = serde_json::to_vec(&Mail::SessionStolen { device: mark.into() }).expect("a mail is JSON");
        let place = Place { tenant: Some(self.tenant), table: "mails", column: "content", row: mail };
        let (content, token) = (hex::encode(self.keys.seal(&place, &text)), hex::encode(INVITATION_TOKEN));
        let (keys, known) = if self.tenant == THEM {
            (200, format!("'{}'::uuid", THEIR_KEY.uuid()))
        } else {
            (1, "gen_random_uuid()".to_owned())
        };
        format!(
            "begin;
             select set_config('app.current_tenant', '{tenant}', true);
             insert into mails (tenant_id, mail_id, recipient, kind, content)
             values ('{tenant}', '{mail}', '{mark}@example.com', 'session_stolen', '\\x{content}');
             insert into invitations (tenant_id, invitation_id, mail, role, token_hash, invited_by, expires_at)
             values ('{tenant}', '{invitation}', '{GUEST_MAIL}', 'customer_operator', '\\x{token}', '{mark}',
                     now() + interval '1 day');
             insert into api_keys (tenant_id, api_key_id, key_hash, name, role)
             select '{tenant}', case n when 1 then {known} else gen_random_uuid() end, sha256(('{mark}' || n)::bytea),
                    '{mark}', 'customer_operator'
               from generate_series(1, {keys}) n;
             commit"
        )
    }

    fn sealed(&self, column: &'static str) -> String {
        let place =
            Place { tenant: Some(self.tenant), table: "channel_connections", column, row: CONNECTION.uuid() };
        hex::encode(self.keys.seal(&place, format!("{}-{column}", self.mark).as_bytes()))
    }
}
