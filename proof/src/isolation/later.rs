//! What agents of both tenants come back to, and do again and again, and the servers their tools come from: the same ids, by
//! clocks of their own.

use shared::{
    conditions::Language,
    crypto::{Keyring, Place},
    db::{
        audit::Actor,
        follow_ups::{self, New},
        languages,
        mcp_servers::{self, Server},
        office_hours, people,
        routines::{self, Shape},
        tools, usage,
    },
    hours::Hours,
    ids::{FollowUpId, McpServerId, RoutineId, RoutineRunId, TenantId, ToolId},
    mcp::Listed,
    tools::Class,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    scene::{AGENT, CONNECTION, CONVERSATION, PERSON, RUN, THEM},
    statements::{Call, calls},
};

/// Of both, and due.
const DUE: FollowUpId = FollowUpId::from_uuid(Uuid::from_u128(0xA0));
const ROUTINE: RoutineId = RoutineId::from_uuid(Uuid::from_u128(0xA1));
const TIME: RoutineRunId = RoutineRunId::from_uuid(Uuid::from_u128(0xA2));

/// A server of both, and a tool that came from it and is locked.
pub(super) const SERVER: McpServerId = McpServerId::from_uuid(Uuid::from_u128(0xA3));
const FOREIGN: ToolId = ToolId::from_uuid(Uuid::from_u128(0xA4));
const SEEN: [u8; 32] = [5; 32];

/// For a transaction of the tenant. Theirs has as many of everything as there may be.
pub fn script(tenant_id: TenantId, mark: &str, keys: &Keyring) -> String {
    let [tenant, due, routine, time] = [tenant_id.uuid(), DUE.uuid(), ROUTINE.uuid(), TIME.uuid()];
    let [agent, connection, conversation, person, run] =
        [AGENT.uuid(), CONNECTION.uuid(), CONVERSATION.uuid(), PERSON.uuid(), RUN.uuid()];
    let them = tenant_id == THEM;
    let zone = if them { "Asia/Tokyo" } else { "Europe/Berlin" };
    let (schedule, kind) = if them { ("30 7 * * *", "private") } else { ("0 9 * * *", "public") };
    let place = Place { tenant: Some(tenant_id), table: "mcp_servers", column: "token", row: SERVER.uuid() };
    let token = hex::encode(keys.seal(&place, format!("{mark}-token").as_bytes()));
    let mut script = format!(
        "insert into office_hours (tenant_id, time_zone, week) values ('{tenant}', '{zone}', '{{}}');
         insert into follow_ups (tenant_id, follow_up_id, conversation_id, run_id, person_id, about, due_at)
         values ('{tenant}', '{due}', '{conversation}', '{run}', '{person}', '{mark}', now() - interval '1 hour');
         insert into routines (tenant_id, routine_id, agent_id, connection_id, channel_external_id, conversation_id, name,
                               instruction, schedule, business_hours, enabled, next_at, created_by)
         values ('{tenant}', '{routine}', '{agent}', '{connection}', 'CROUTINE', '{routine}', '{mark}', '{mark}', '{schedule}', false,
                 true, '2026-11-20T09:00:00Z', '{mark}');
         insert into channels (tenant_id, connection_id, external_id, kind)
         values ('{tenant}', '{connection}', 'CROUTINE', '{kind}');
         insert into routine_runs (tenant_id, routine_run_id, routine_id, due_at, agent_id, instruction, begun_by)
         values ('{tenant}', '{time}', '{routine}', '2026-11-19T09:00:00Z', '{agent}', '{mark}', '{mark}');"
    );
    let (server, tool, seen) = (SERVER.uuid(), FOREIGN.uuid(), hex::encode(SEEN));
    script += &format!(
        "insert into mcp_servers (tenant_id, server_id, name, url, token, token_hint, created_by)
         values ('{tenant}', '{server}', 'server', 'https://{mark}.example.com/', '\\x{token}', '{mark}', '{mark}');
         insert into tools (tenant_id, tool_id, name, description, class, method, url_template, arguments, timeout_ms,
                            answer_max, created_by, server_id, remote_name, remote_digest, locked_at, seen_description,
                            seen_arguments, seen_digest, deleted_at)
         values ('{tenant}', '{tool}', 'server_tool', '{mark}', 'read', 'mcp', 'https://{mark}.example.com/', '{{}}', 1, 1,
                 '{mark}', '{server}', 'tool', '', now(), '{mark}', '{{}}', '\\x{seen}', null);"
    );
    if them {
        script += &format!(
            "update people set vip = true where tenant_id = '{tenant}' and person_id = '{person}';
             insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, purpose, model, key_owner, status,
                                input_tokens, output_tokens, estimated, cost_micro_usd)
             values ('{tenant}', gen_random_uuid(), '{run}', '{agent}', '{conversation}', 'answer', '{mark}', 'platform', 'ok',
                     1, 1, false, 5000000);
             insert into follow_ups (tenant_id, follow_up_id, conversation_id, run_id, person_id, about, due_at)
             select '{tenant}', gen_random_uuid(), '{conversation}', '{run}', '{person}', '{mark}', now() + interval '1 day'
               from generate_series(2, {}) n;
             insert into mcp_servers (tenant_id, server_id, name, url, created_by)
             select '{tenant}', gen_random_uuid(), 'server' || n, 'https://{mark}.example.com/', '{mark}'
               from generate_series(2, {servers}) n;
             insert into tools (tenant_id, tool_id, name, description, class, method, url_template, arguments, timeout_ms,
                                answer_max, created_by, server_id, remote_name, remote_digest)
             values ('{tenant}', gen_random_uuid(), 'server_fresh', '{mark}', 'read', 'mcp', 'https://{mark}.example.com/', '{{}}',
                     1, 1, '{mark}', '{server}', 'fresh', '');
             insert into routines (tenant_id, routine_id, agent_id, connection_id, channel_external_id, conversation_id, name,
                                   instruction, schedule, business_hours, enabled, created_by)
             select '{tenant}', gen_random_uuid(), '{agent}', '{connection}', 'C1', gen_random_uuid(), 'new' || n, '{mark}',
                    '0 9 * * *', false, false, '{mark}'
               from generate_series(2, {}) n;
             insert into routine_runs (tenant_id, routine_run_id, routine_id, due_at, agent_id, instruction, begun_by)
             select '{tenant}', gen_random_uuid(), '{routine}', now() - n * interval '1 second', '{agent}', '{mark}', '{mark}'
               from generate_series(1, {}) n;",
            follow_ups::WAITING_MAX,
            routines::ROUTINES_MAX,
            routines::NOW_MAX,
            servers = mcp_servers::SERVERS_MAX,
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    let mut calls = what_is_come_back_to();
    calls.extend(what_is_done_again());
    calls.extend(what_others_bring());
    calls
}

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(22_000)
}

fn what_is_come_back_to() -> Vec<Call> {
    calls! {
        "people::is_vip", AllAudiences, |tx, _config| people::is_vip(tx, PERSON).await?;
        "people::set_vip", AllAudiences, |tx, _config| people::set_vip(tx, PERSON, true).await?;
        "usage::cents_of", AllAudiences, |tx, _config| usage::cents_of(tx, CONVERSATION).await?;
        "languages::get", AllAudiences, |tx, _config| languages::get(tx).await?;
        "languages::set", AllAudiences, |tx, _config| {
            languages::set(tx, &Actor::System, Some(&[Language::German])).await?
        };
        "office_hours::get", AllAudiences, |tx, _config| office_hours::get(tx).await?.zone.name();
        "office_hours::set", AllAudiences, |tx, _config| {
            let hours = Hours::parse("America/Lima", &serde_json::json!({}), &[]).unwrap_or_else(|_| Hours::unknown());
            office_hours::set(tx, &hours).await?;
            office_hours::get(tx).await?.zone.name()
        };
        "follow_ups::set", AllAudiences, |tx, _config| {
            let due_at = now() + Duration::days(1);
            let new = New { conversation: CONVERSATION, run: RUN, person: PERSON, about: "new", due_at, now: now() };
            follow_ups::set(tx, &new).await?.is_some()
        };
        "follow_ups::begin", AllAudiences, |tx, _config| follow_ups::begin(tx, DUE).await?;
        "follow_ups::discard", AllAudiences, |tx, _config| follow_ups::discard(tx, DUE).await?;
        "follow_ups::cancel", AllAudiences, |tx, _config| follow_ups::cancel(tx, DUE, &Actor::System).await?;
        "follow_ups::list", AllAudiences, |tx, _config| {
            let found = follow_ups::list(tx, Some("waiting"), None, 10).await?;
            found.into_iter().map(|found| (found.id, found.about, found.person_name)).collect::<Vec<_>>()
        };
        "follow_ups::waiting_in", AllAudiences, |tx, _config| {
            let found = follow_ups::waiting_in(tx, CONVERSATION).await?;
            found.into_iter().map(|found| (found.id, found.about)).collect::<Vec<_>>()
        };
        "follow_ups::find", AllAudiences, |tx, _config| {
            follow_ups::find(tx, DUE).await?.map(|found| (found.about, found.person_name, found.by_human))
        };
    }
}

fn shape(name: &str) -> Shape<'_> {
    Shape {
        name,
        agent: AGENT,
        connection: CONNECTION,
        channel: "C2",
        instruction: "new",
        schedule: "0 8 * * *",
        business_hours: false,
        enabled: true,
        next_at: Some(now()),
    }
}

fn what_is_done_again() -> Vec<Call> {
    calls! {
        "routines::create", AllAudiences, |tx, _config| {
            routines::create(tx, &Actor::System, &shape("new2")).await?.instruction
        };
        "routines::change", AllAudiences, |tx, _config| {
            routines::change(tx, &Actor::System, ROUTINE, &shape("new3")).await?.created_by
        };
        "routines::remove", AllAudiences, |tx, _config| routines::remove(tx, &Actor::System, ROUTINE).await?;
        "routines::list", AllAudiences, |tx, _config| {
            routines::list(tx).await?.into_iter().map(|found| (found.id, found.instruction)).collect::<Vec<_>>()
        };
        "routines::find", AllAudiences, |tx, _config| {
            routines::find(tx, ROUTINE).await?.map(|found| (found.instruction, found.last_at))
        };
        "routines::take_due", AllAudiences, |tx, _config| {
            let Some(begun) = routines::take_due(tx, ROUTINE, now()).await? else { return Ok("nothing".into()) };
            let told = routines::find_run(tx, begun).await?.map(|found| found.instruction);
            (told, routines::find(tx, ROUTINE).await?.map(|found| found.next_at))
        };
        "routines::run_now", AllAudiences, |tx, _config| {
            let begun = routines::run_now(tx, ROUTINE, now(), &Actor::System).await?;
            routines::find_run(tx, begun).await?.map(|found| found.instruction)
        };
        "routines::plan_again", AllAudiences, |tx, _config| {
            routines::plan_again(tx, now()).await?;
            routines::find(tx, ROUTINE).await?.map(|found| found.next_at)
        };
        "routines::find_run", AllAudiences, |tx, _config| {
            routines::find_run(tx, TIME).await?.map(|found| (found.name, found.instruction))
        };
        "routines::kind_of", AllAudiences, |tx, _config| {
            let Some(found) = routines::find_run(tx, TIME).await? else { return Ok("nothing".into()) };
            routines::kind_of(tx, &found).await?
        };
    }
}

fn listed(name: &str) -> Listed {
    Listed {
        name: name.to_owned(),
        description: "new".into(),
        schema: serde_json::json!({}),
        read_only_hint: false,
    }
}

fn server() -> Server {
    Server {
        id: SERVER,
        name: "server".into(),
        url: "https://api.example.com/".into(),
        token_hint: None,
        created_by: "us".into(),
        created_at: now(),
        looked_at: now(),
    }
}

fn what_others_bring() -> Vec<Call> {
    calls! {
        "mcp_servers::create", AllAudiences, |tx, config| {
            let new = mcp_servers::New { name: "another", url: "https://api.example.com/", token: None };
            mcp_servers::create(tx, &config.master_keys, &Actor::System, &new).await?;
            mcp_servers::list(tx).await?.len()
        };
        "mcp_servers::list", AllAudiences, |tx, _config| {
            mcp_servers::list(tx).await?.into_iter().map(|found| (found.id, found.url)).collect::<Vec<_>>()
        };
        "mcp_servers::find", AllAudiences, |tx, _config| {
            mcp_servers::find(tx, SERVER).await?.map(|(found, _)| found.url)
        };
        "mcp_servers::remove", AllAudiences, |tx, _config| mcp_servers::remove(tx, &Actor::System, SERVER).await?;
        "mcp_servers::look", AllAudiences, |tx, _config| {
            let looked = mcp_servers::look(tx, &Actor::System, &server(), &[listed("tool"), listed("fresh")]).await?;
            (looked.new, looked.locked, looked.left_out)
        };
        "mcp_servers::lock", AllAudiences, |tx, _config| {
            mcp_servers::lock(tx, &Actor::System, FOREIGN, Some(&listed("tool"))).await?
        };
        "mcp_servers::confirm", AllAudiences, |tx, _config| {
            mcp_servers::confirm(tx, &Actor::System, FOREIGN, &SEEN).await?
        };
        "tools::set_use", AllAudiences, |tx, _config| {
            tools::set_use(tx, FOREIGN, Class::Write, false).await?.description
        };
    }
}
