//! What Slack's forms look like, and the rows they refer to.

use serde_json::{Value, json};
use shared::{
    clock::Clock,
    ids::{AgentId, ConnectionId, ConversationId, OutboxId, RunId, TenantId},
};
use sqlx::Row;

use crate::{
    events::{ADA, next},
    stage::{Firm, House},
    wire::{Ask, Reply},
};

pub const INTERACTIONS: &str = "/webhooks/slack/interactions";
pub const COMMANDS: &str = "/webhooks/slack/commands";
pub const CHANNEL: &str = "C1";

/// A form with these fields.
pub fn form(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    fields.iter().for_each(|(name, value)| {
        form.append_pair(name, value);
    });
    form.finish()
}

pub fn form_of(payload: &Value) -> String {
    form(&[("payload", &payload.to_string())])
}

/// A form with a good signature of now.
pub fn signed_form(secret: &str, path: &str, body: impl Into<Vec<u8>>) -> Ask {
    signed_form_at(secret, Clock::system().now().unix_timestamp(), path, body)
}

pub fn signed_form_at(secret: &str, timestamp: i64, path: &str, body: impl Into<Vec<u8>>) -> Ask {
    let (body, timestamp) = (body.into(), timestamp.to_string());
    let signature = simulators::signature(secret, &timestamp, &body);
    Ask::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature)
        .body(body)
}

/// What Slack says of whoever presses something; with a trigger that opens no dialog.
pub fn pressed(firm: &Firm, kind: &str) -> Value {
    json!({
        "type": kind, "team": { "id": firm.team, "domain": "x" }, "enterprise": null, "is_enterprise_install": false,
        "user": { "id": ADA, "team_id": firm.team, "username": "ada" }, "api_app_id": "A0PLATFORM", "token": "x",
        "trigger_id": format!("1.2.{}", next()),
    })
}

/// A click on a button with this id and value, in the channel.
pub fn click(firm: &Firm, action_id: &str, value: &str) -> Value {
    let mut click = pressed(firm, "block_actions");
    click["container"] =
        json!({ "type": "message", "message_ts": "1.2", "channel_id": CHANNEL, "is_ephemeral": false });
    click["channel"] = json!({ "id": CHANNEL, "name": "general" });
    click["response_url"] = json!("https://hooks.slack.com/actions/T1/2/x");
    click["actions"] = json!([{
        "type": "button", "action_id": action_id, "block_id": "b1", "value": value, "action_ts": "3.4",
    }]);
    click
}

/// A dialog that was filled in.
pub fn submitted(firm: &Firm, callback: &str, metadata: &str, text: &str) -> Value {
    let mut payload = pressed(firm, "view_submission");
    payload["view"] = json!({
        "id": format!("V{}", next()), "team_id": firm.team, "type": "modal", "callback_id": callback,
        "private_metadata": metadata, "hash": "1.x", "app_installed_team_id": firm.team,
        "state": { "values": { "text": { "text": { "type": "plain_text_input", "value": text } } } },
    });
    payload
}

/// A command as Ada writes it in the channel.
pub fn command(firm: &Firm, text: &str) -> String {
    form(&[
        ("token", "x"),
        ("team_id", &firm.team),
        ("channel_id", CHANNEL),
        ("channel_name", "general"),
        ("user_id", ADA),
        ("user_name", "ada"),
        ("command", "/konstruct"),
        ("text", text),
        ("api_app_id", "A0PLATFORM"),
        ("is_enterprise_install", "false"),
        ("response_url", "https://hooks.slack.com/commands/T1/2/x"),
        ("trigger_id", &format!("1.2.{}", next())),
    ])
}

impl House {
    /// Sends a well-signed payload to the address for what people press.
    pub async fn press(&self, payload: &Value) -> Reply {
        self.ask(&signed_form(self.secret(), INTERACTIONS, form_of(payload))).await
    }

    pub async fn command(&self, form: String) -> Reply {
        self.ask(&signed_form(self.secret(), COMMANDS, form)).await
    }

    /// What the tenant keeps of acts, oldest first: `act state reason`.
    pub async fn acts(&self, firm: &Firm) -> Vec<String> {
        let sql = "select act || ' ' || state || ' ' || coalesce(reason, '-') as line from interactions
                    order by received_at, interaction_id";
        self.rows(firm.tenant, sql).await.iter().map(|row| row.get("line")).collect()
    }

    /// Who thinks what of answers: `verdict comment`.
    pub async fn opinions(&self, firm: &Firm) -> Vec<String> {
        let sql = "select verdict || ' ' || coalesce(comment, '-') as line from feedback order by created_at";
        self.rows(firm.tenant, sql).await.iter().map(|row| row.get("line")).collect()
    }

    /// The column `line` of a tenant's rows.
    pub async fn lines(&self, tenant: TenantId, sql: &'static str) -> Vec<String> {
        self.rows(tenant, sql).await.iter().map(|row| row.get("line")).collect()
    }

    /// The kinds of jobs that wait, in alphabetical order.
    pub async fn jobs(&self, firm: &Firm) -> Vec<String> {
        let sql =
            "select kind from jobs where kind not in ('fetch_person_profile', 'describe_channel') order by kind";
        self.rows(firm.tenant, sql).await.iter().map(|row| row.get("kind")).collect()
    }

    /// A conversation in the channel in which Ada asked and the agent answered, as the machinery would leave it.
    pub async fn talked(&self, firm: &Firm) -> (ConversationId, OutboxId) {
        self.talked_over(firm.tenant, firm.connection.parse().expect("a connection's id")).await
    }

    pub async fn talked_over(&self, tenant: TenantId, connection: ConnectionId) -> (ConversationId, OutboxId) {
        let (conversation, run, agent) = (ConversationId::new(), RunId::new(), AgentId::new());
        let part = OutboxId::new();
        let mut tx = self.test.db.tenant(tenant).begin().await.expect("a transaction begins");
        let statements = [
            "insert into agents (tenant_id, agent_id, name) values ($1, $5, 'Kona' || $5::text)",
            "insert into people (tenant_id, person_id, connection_id, external_id, display_name)
             values ($1, $2, $3, 'UADA', 'Ada') on conflict do nothing",
            "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id,
                                        kind)
             values ($1, $2, $3, 'C1', '1.0', 'public')",
            "insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state)
             values ($1, $4, $2, $5, 1, 1, 1, 'done')",
            "insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, state, external_id, fence)
             values ($1, $6, $2, $4, 'answer', 'post', 'World peace.', 'sent', '1.2', 1)",
            "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
             select $1, gen_random_uuid(), $2, '1.0', 'person', person_id, 'What is the plan?', now() - interval '2 seconds'
               from people where tenant_id = $1 and external_id = 'UADA' and connection_id = $3",
            "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, agent_id, run_id, body,
                                   sent_at)
             values ($1, gen_random_uuid(), $2, '1.2', 'agent', $5, $4, 'World peace.', now() - interval '1 second')",
        ];
        for statement in statements {
            // Every statement gets all values; those it does not name are typed by a condition that always holds.
            let typed = format!(
                "with given as (select $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, $6::uuid) {statement}"
            );
            sqlx::query(sqlx::AssertSqlSafe(typed))
                .bind(tenant)
                .bind(conversation)
                .bind(connection)
                .bind(run)
                .bind(agent)
                .bind(part)
                .execute(tx.conn())
                .await
                .expect("the rows fit");
        }
        tx.commit().await.expect("the conversation is stored");
        let lane = "insert into lanes (tenant_id, conversation_id, connection_id, last_seq, done_seq) values ($1, $2, $3, 1, 1)";
        let lane = sqlx::query(lane).bind(tenant).bind(conversation).bind(connection);
        lane.execute(&mut self.test.system().await).await.expect("the accept path makes lanes");
        (conversation, part)
    }
}
