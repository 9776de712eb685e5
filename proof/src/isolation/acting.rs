//! What agents of both tenants may do, did, and wait for: tools, calls and approvals under the same ids.

use serde_json::json;
use shared::{
    crypto::{Keyring, Place},
    db::{
        Audience,
        approvals::{self, State as Stage},
        audit::Actor,
        lanes::Lease,
        messages::{self, Note},
        origins, people,
        tool_calls::{self, NewCall, State, Step},
        tools::{self, Grant, Shape, TOOLS_MAX},
        usage::{CallStatus, ModelCall},
    },
    ids::{ApprovalId, TenantId, ToolCallId, ToolId},
    tools::Class,
};
use uuid::Uuid;

use super::{
    scene::{AGENT, CONVERSATION, FENCE, MEMORY, PERSON, RUN, THEIR_CONVERSATION, THEM, lease},
    statements::{Call, calls},
};

/// Of both: theirs is another kind of tool.
pub(super) const TOOL: ToolId = ToolId::from_uuid(Uuid::from_u128(0x90));
/// Only they have it.
const THEIR_TOOL: ToolId = ToolId::from_uuid(Uuid::from_u128(0x91));
/// Of both, in this state.
const WAITS: ToolCallId = ToolCallId::from_uuid(Uuid::from_u128(0x92));
const RUNS: ToolCallId = ToolCallId::from_uuid(Uuid::from_u128(0x93));
const READS: ToolCallId = ToolCallId::from_uuid(Uuid::from_u128(0x94));
const AGREED: ToolCallId = ToolCallId::from_uuid(Uuid::from_u128(0x95));
const LATE: ToolCallId = ToolCallId::from_uuid(Uuid::from_u128(0x96));
/// Approvals have their calls' ids.
const fn approval(call: ToolCallId) -> ApprovalId {
    ApprovalId::from_uuid(call.uuid())
}
const DIGEST: [u8; 32] = [9; 32];

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str, keys: &Keyring) -> String {
    let [tenant, tool, agent, run, conversation, person] =
        [tenant_id.uuid(), TOOL.uuid(), AGENT.uuid(), RUN.uuid(), CONVERSATION.uuid(), PERSON.uuid()];
    let place = Place { tenant: Some(tenant_id), table: "tools", column: "header_value", row: tool };
    let sealed = hex::encode(keys.seal(&place, format!("{mark}-secret").as_bytes()));
    let digest = hex::encode(DIGEST);
    let them = tenant_id == THEM;
    let mut script = format!(
        "insert into tools (tenant_id, tool_id, name, description, class, method, url_template, arguments, header_name,
                            header_value, header_hint, timeout_ms, answer_max, created_by)
         values ('{tenant}', '{tool}', 'tool', '{mark}', 'write', 'post', 'https://{mark}.example.com/', '{{}}', '{mark}',
                 '\\x{sealed}', '{mark}', 1, 1, '{mark}');
         insert into agent_tools (tenant_id, agent_id, position, built_in, tool_id)
         values ('{tenant}', '{agent}', 1, '', '{tool}'), ('{tenant}', '{agent}', 2, '{mark}', null);
         insert into run_steps (tenant_id, run_id, step, request_hash, result)
         values ('{tenant}', '{run}', 'tools-1', '', '\"{mark}\"');"
    );
    for (position, (call, class, state)) in [
        (WAITS, "write", "waiting"),
        (RUNS, "write", "running"),
        (READS, "read", "running"),
        (AGREED, "write", "waiting"),
        (LATE, "write", "waiting"),
    ]
    .into_iter()
    .enumerate()
    {
        script += &format!(
            "insert into tool_calls (tenant_id, call_id, run_id, conversation_id, person_id, step, position, name, tool_id, class,
                                     arguments, digest, state, result, fence)
             values ('{tenant}', '{}', '{run}', '{conversation}', '{person}', 1, {position}, '{mark}', '{tool}', '{class}',
                     '{{\"text\": \"{mark}\"}}', '\\x{digest}', '{state}', '{mark}', {FENCE});",
            call.uuid()
        );
    }
    for (call, state, decided, expires) in [
        (WAITS, "waiting", "null", "interval '1 hour'"),
        (AGREED, "approved", "now()", "interval '1 hour'"),
        (LATE, "waiting", "null", "interval '-1 hour'"),
    ] {
        script += &format!(
            "insert into approvals (tenant_id, approval_id, call_id, state, digest, expires_at, decided_name, decided_at)
             values ('{tenant}', '{0}', '{0}', '{state}', '\\x{digest}', now() + {expires}, '{mark}', {decided});",
            call.uuid()
        );
    }
    if them {
        // As many tools as there may be, and a conversation in which something was done.
        script += &format!(
            "insert into tools (tenant_id, tool_id, name, description, class, method, url_template, arguments, timeout_ms,
                                answer_max, created_by)
             select '{tenant}', case n when 2 then '{their_tool}'::uuid else gen_random_uuid() end, 'tool' || n, '{mark}', 'read',
                    'get', 'https://{mark}.example.com/', '{{}}', 1, 1, '{mark}'
               from generate_series(2, {TOOLS_MAX}) n;
             insert into tool_calls (tenant_id, call_id, run_id, conversation_id, person_id, step, position, name, class,
                                     arguments, digest, state, result, fence, finished_at)
             values ('{tenant}', gen_random_uuid(), '{run}', '{conversation}', '{person}', 3, 0, '{mark}', 'write', '{{}}', '',
                     'done', '{mark}', 1, now());",
            their_tool = THEIR_TOOL.uuid(),
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    let mut calls = what_there_is();
    calls.extend(what_is_called());
    calls.extend(what_is_decided());
    calls.extend(what_is_noted());
    calls
}

fn what_there_is() -> Vec<Call> {
    calls! {
        "tools::create", AllAudiences, |tx, config| {
            let arguments = json!({});
            tools::create(tx, &config.master_keys, &shape("tool_new", &arguments), None, "us").await?.name
        };
        "tools::change", AllAudiences, |tx, config| {
            let arguments = json!({});
            let shape = shape("tool_changed", &arguments);
            tools::change(tx, &config.master_keys, TOOL, &shape, tools::Secret::Kept).await?.header_hint
        };
        "tools::remove", AllAudiences, |tx, _config| tools::remove(tx, TOOL).await?;
        "tools::list", AllAudiences, |tx, _config| {
            tools::list(tx).await?.into_iter().map(|tool| (tool.name, tool.description)).collect::<Vec<_>>()
        };
        "tools::lock", AllAudiences, |tx, _config| {
            tools::lock(tx, TOOL).await?.map(|(tool, _)| tool.description)
        };
        "tools::grants", AllAudiences, |tx, _config| tools::grants(tx).await?;
        "tools::set_grants", AllAudiences, |tx, _config| {
            tools::set_grants(tx, AGENT, &[Grant::Own(TOOL)]).await?;
            tools::grants(tx).await?
        };
        "tools::set_grants of theirs", AllAudiences, |tx, _config| {
            tools::set_grants(tx, AGENT, &[Grant::Own(THEIR_TOOL)]).await?
        };
        "tools::granted", AllAudiences, |tx, _config| {
            tools::granted(tx, AGENT).await?
        };
    }
}

fn shape<'a>(name: &'a str, arguments: &'a serde_json::Value) -> Shape<'a> {
    Shape {
        name,
        description: "new",
        class: Class::Read,
        method: "get",
        url_template: "https://api.example.com/",
        arguments,
        timeout_ms: 1,
        answer_max: 1,
        enabled: true,
    }
}

fn what_is_called() -> Vec<Call> {
    calls! {
        "tool_calls::record_step", AllAudiences, |tx, _config| {
            let step = Step {
                run: RUN,
                asker: PERSON,
                name: "tools-2",
                request_hash: &[0; 32],
                said: &json!("said"),
                calls: &[ModelCall::new("simulated-1", CallStatus::Ok)],
            };
            tool_calls::record_step(tx, &lease(), &step).await?
        };
        "tool_calls::past", AllAudiences, |tx, _config| tool_calls::past(tx, RUN).await?;
        "tool_calls::begin where only they talk", AllAudiences, |tx, _config| {
            tool_calls::begin(tx, &Lease { conversation: THEIR_CONVERSATION, fence: 0, ..lease() }, &new_call()).await?
        };
        "tool_calls::begin_again", AllAudiences, |tx, _config| tool_calls::begin_again(tx, &lease(), READS).await?;
        "tool_calls::finish", AllAudiences, |tx, _config| {
            tool_calls::finish(tx, &lease(), RUNS, State::Done, "done").await?
        };
        "tool_calls::give_up", AllAudiences, |tx, _config| tool_calls::give_up(tx, RUNS, "gone").await?;
        "tool_calls::settle", AllAudiences, |tx, _config| tool_calls::settle(tx, RUNS).await?;
        "tool_calls::any_write_done", AllAudiences, |tx, _config| {
            tool_calls::any_write_done(tx, CONVERSATION).await?
        };
        "tool_calls::of_runs", AllAudiences, |tx, _config| tool_calls::of_runs(tx, &[RUN]).await?;
    }
}

fn new_call() -> NewCall<'static> {
    static ARGUMENTS: serde_json::Value = serde_json::Value::Null;
    NewCall {
        id: ToolCallId::from_uuid(Uuid::from_u128(0x97)),
        run: RUN,
        person: PERSON,
        step: 2,
        position: 0,
        name: "new",
        tool: None,
        class: Class::Read,
        arguments: &ARGUMENTS,
        digest: DIGEST,
        state: State::Running,
        result: None,
    }
}

fn what_is_decided() -> Vec<Call> {
    calls! {
        "approvals::ask", AllAudiences, |tx, _config| {
            approvals::ask(tx, RUNS, CONVERSATION, ("tool", false)).await?
        };
        "approvals::waiting_in", AllAudiences, |tx, _config| approvals::waiting_in(tx, CONVERSATION).await?;
        "approvals::decide", AllAudiences, |tx, _config| {
            approvals::decide(tx, approval(WAITS), true, &Actor::System, "somebody").await?
        };
        "approvals::decide against", AllAudiences, |tx, _config| {
            approvals::decide(tx, approval(WAITS), false, &Actor::System, "somebody").await?
        };
        "approvals::expire", AllAudiences, |tx, _config| approvals::expire(tx, approval(LATE)).await?;
        "approvals::use_up", AllAudiences, |tx, _config| {
            let Some(ours) = approvals::find(tx, approval(AGREED)).await? else { return Ok("nothing".into()) };
            approvals::use_up(tx, &lease(), &ours, &DIGEST).await?
        };
        "approvals::void", AllAudiences, |tx, _config| {
            let Some(ours) = approvals::find(tx, approval(AGREED)).await? else { return Ok("nothing".into()) };
            approvals::void(tx, &lease(), &ours, "changed").await?
        };
        "approvals::begin_showing", AllAudiences, |tx, _config| {
            approvals::begin_showing(tx, approval(WAITS)).await?
        };
        "approvals::shown", AllAudiences, |tx, _config| approvals::shown(tx, approval(WAITS), "1.2").await?;
        "approvals::list", AllAudiences, |tx, _config| {
            let found = approvals::list(tx, Some(Stage::Waiting), None, 10).await?;
            found.into_iter().map(|found| (found.id, found.arguments, found.person_name)).collect::<Vec<_>>()
        };
        "approvals::find", AllAudiences, |tx, _config| {
            approvals::find(tx, approval(WAITS)).await?.map(|found| (found.arguments, found.agent_name, found.person_name))
        };
    }
}

fn what_is_noted() -> Vec<Call> {
    calls! {
        "messages::note", AllAudiences, |tx, _config| {
            let note = Note {
                conversation: CONVERSATION,
                run: RUN,
                person: PERSON,
                audience: &Audience::Tenant,
                text: "noted",
            };
            messages::note(tx, &note).await?
        };
        "origins::forget_own", AllAudiences, |tx, _config| origins::forget_own(tx, PERSON, MEMORY).await?;
        "people::standing", AllAudiences, |tx, _config| people::standing(tx, PERSON).await?;
    }
}
