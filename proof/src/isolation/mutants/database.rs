//! Mistakes that a migration could make once: keys, references, functions, views, rights of each role, settings.
//!
//! Most are judged inside a transaction that is rolled back. Those that the start or a probe must notice are committed, and
//! say how they are undone.

use super::Mutant;

/// (what is wrong, how it is made, what a finding must say)
type Mistake = (&'static str, &'static str, &'static str);

const TABLES: [Mistake; 12] = [
    (
        "attack 13: a key is the same for all tenants",
        "alter table people add constraint global unique (external_id)",
        "`global`",
    ),
    (
        "attack 13: a unique index begins with something else",
        "create unique index global on people (lower(external_id), tenant_id)",
        "`global`",
    ),
    (
        "attack 14: a reference does not begin with the tenant",
        "alter table agents add column parent uuid, add column parent_tenant uuid,
           add constraint simple foreign key (parent_tenant, parent) references agents (tenant_id, agent_id)",
        "`simple`",
    ),
    (
        "attack 34: a new table without policies",
        "create table notes (tenant_id uuid not null, id uuid, primary key (tenant_id, id))",
        "notes",
    ),
    (
        "a new table without a tenant",
        "create table notes (id uuid primary key); call enforce_system('notes')",
        "notes: has no tenant_id",
    ),
    (
        "attack 65: a row may have no tenant",
        "alter table inbox_keys drop constraint inbox_keys_pkey, alter tenant_id drop not null,
           add primary key (identity)",
        "inbox_keys: its tenant_id may be null",
    ),
    (
        "enforce_tenant forgets to force, and a table relies on it",
        "create or replace procedure enforce_tenant(target regclass) language plpgsql
           set search_path = pg_catalog, public
           as $$ begin execute format('alter table %s enable row level security', target); end $$;
         create table notes (tenant_id uuid primary key); call enforce_tenant('notes')",
        "notes",
    ),
    (
        "a table inherits rows but not policies",
        "create table messages_2027 () inherits (messages); grant select on messages_2027 to konstruct_app",
        "messages_2027",
    ),
    (
        "a copy lies in a schema of its own",
        "create schema side; create table side.copy as select * from messages;
         grant usage on schema side to konstruct_app; grant select on side.copy to konstruct_app",
        "side",
    ),
    ("an exception outlives its table", "drop table quarantine", "quarantine: listed under"),
    ("the fence of audiences is open", "alter policy audience_fence on memories using (true)", "audience_fence"),
    (
        "a public list may be written",
        "grant insert on model_prices to konstruct_app;
         create policy careless on model_prices for insert to konstruct_app with check (true)",
        "careless",
    ),
];

const CODE: [Mistake; 13] = [
    (
        "attack 17: a definer function without a filter",
        "create function peek() returns setof messages language sql security definer set search_path = pg_catalog
           as 'select * from public.messages'",
        "peek(): a security definer function",
    ),
    (
        "attack 17: the audit role's function shows every log",
        "grant create on schema public to konstruct_audit;
         create function peek() returns setof audit_events language sql security definer
           set search_path = pg_catalog as 'select * from public.audit_events';
         alter function peek() owner to konstruct_audit; revoke create on schema public from konstruct_audit",
        "peek(): a security definer function",
    ),
    (
        "attack 17: the reviewed definer function does something else",
        "create or replace function audit_append(actor_kind text, actor_id text, action text, target_kind text,
           target_id text, detail jsonb) returns bigint language plpgsql security definer
           set search_path = pg_catalog, public as $$ begin return 0; end $$",
        "audit_append",
    ),
    (
        "attack 18: a function without a fixed search_path",
        "create function peek() returns bigint language sql as 'select 1::bigint'",
        "peek(): a function that no fixed search_path",
    ),
    (
        "attack 18: the log's function loses its search_path",
        "alter function audit_append(text, text, text, text, text, jsonb) reset search_path",
        "audit_append(text,text,text,text,text,jsonb): a function that no fixed search_path",
    ),
    (
        "attack 19: a materialized view",
        "create materialized view peek as select * from messages; grant select on peek to konstruct_app",
        "peek: a view",
    ),
    (
        "a view that reads with its owner's rights",
        "create view peek as select * from messages; grant select on peek to konstruct_app",
        "peek: a view",
    ),
    (
        "attack 22: the tenant comes from an immutable function",
        "create function peek() returns text language sql immutable set search_path = pg_catalog
           as $$ select current_setting('app.current_tenant', true) $$",
        "peek(): an immutable function",
    ),
    (
        "a trigger copies what is written",
        "create function peek() returns trigger language plpgsql set search_path = pg_catalog
           as 'begin return new; end';
         create trigger peek after insert on messages for each row execute function peek()",
        "messages peek: a trigger",
    ),
    (
        "a rule writes with the owner's rights",
        "create rule peek as on update to agents do also notify peek",
        "agents peek: a rule",
    ),
    (
        "a publication sends rows past the policies",
        "create publication peek for table messages",
        "peek: a publication",
    ),
    ("an extension nobody reviewed", "create extension pg_trgm", "pg_trgm: an extension"),
    (
        "tables to come are open",
        "alter default privileges in schema public grant select on tables to konstruct_app",
        "a right on tables to come",
    ),
];

const RIGHTS: [Mistake; 26] = [
    (
        "konstruct_system may read messages",
        "grant select on messages to konstruct_system",
        "konstruct_system table messages",
    ),
    (
        "konstruct_system sees messages",
        "grant select on messages to konstruct_system;
         create policy extra on messages for select to konstruct_system using (true)",
        "messages: policy `extra`",
    ),
    (
        "konstruct_system reads what it only writes",
        "grant select on inbox to konstruct_system;
         create policy extra on inbox for select to konstruct_system using (true)",
        "inbox: policy `extra`",
    ),
    (
        "konstruct_system reads memories' texts",
        "grant select (body) on memories to konstruct_system",
        "select (body)",
    ),
    (
        "konstruct_system reads whole memories",
        "grant select on memories to konstruct_system",
        "konstruct_system table memories",
    ),
    (
        "konstruct_system reads jobs' payloads",
        "grant select (payload) on jobs to konstruct_system",
        "select (payload)",
    ),
    (
        "konstruct_system reads what agents are told",
        "grant select (instructions) on agents to konstruct_system",
        "select (instructions)",
    ),
    (
        "konstruct_system reads the quarantine",
        "grant select on quarantine to konstruct_system",
        "konstruct_system table quarantine",
    ),
    (
        "konstruct_system deletes lanes",
        "grant delete on lanes to konstruct_system",
        "konstruct_system table lanes",
    ),
    (
        "konstruct_system redirects workspaces",
        "grant update on connection_routes to konstruct_system",
        "konstruct_system table connection_routes",
    ),
    (
        "konstruct_system sees memories that have their vector",
        "alter policy system_unembedded on memories using (true)",
        "system_unembedded",
    ),
    ("konstruct_system sees jobs that are done", "alter policy system_sweep on jobs using (true)", "system_sweep"),
    (
        "konstruct_audit writes a log without a tenant",
        "alter policy audit_append on audit_events with check (true)",
        "audit_events audit_append",
    ),
    (
        "konstruct_app reads dedupe keys",
        "grant select on inbox_keys to konstruct_app",
        "konstruct_app table inbox_keys",
    ),
    (
        "konstruct_app reads platform secrets",
        "grant select on system_secrets to konstruct_app",
        "konstruct_app table system_secrets",
    ),
    (
        "konstruct_app changes the audit log",
        "grant update on audit_events to konstruct_app",
        "konstruct_app table audit_events",
    ),
    (
        "konstruct_app deletes from the audit log",
        "grant delete on audit_events to konstruct_app",
        "konstruct_app table audit_events",
    ),
    (
        "konstruct_app writes the audit log itself",
        "grant insert on audit_events to konstruct_app",
        "konstruct_app table audit_events",
    ),
    ("konstruct_app changes the ledger", "grant update on usage to konstruct_app", "konstruct_app table usage"),
    (
        "konstruct_app reads the job queue",
        "grant select on apalis.jobs to konstruct_app",
        "konstruct_app table apalis.jobs",
    ),
    (
        "attack 18: konstruct_app creates in the schema",
        "grant create on schema public to konstruct_app",
        "konstruct_app in public",
    ),
    (
        "attack 26: konstruct_app makes temporary functions",
        "do $$ begin execute format('grant temporary on database %I to konstruct_app', current_database()); end $$",
        "konstruct_app in the database",
    ),
    (
        "konstruct_app attaches triggers",
        "grant trigger on messages to konstruct_app",
        "messages: konstruct_app holds TRIGGER",
    ),
    ("everybody reads a table", "grant select on model_prices to public", "everybody holds"),
    ("everybody writes one column", "grant update (name) on tenants to public", "everybody holds"),
    (
        "a system table is not forced",
        "alter table api_keys no force row level security",
        "api_keys: does not force",
    ),
];

/// (what is wrong, how it is made, how it is undone, what a finding must say, whose probes are tried)
const COMMITTED: [(&str, &str, &str, &str, &str); 6] = [
    (
        "attack 14: a reference names the parent alone and cascades",
        "alter table channel_connections add constraint alone unique (connection_id);
         alter table people drop constraint people_tenant_id_connection_id_fkey,
           add constraint simple foreign key (connection_id) references channel_connections (connection_id)
               on delete cascade",
        "alter table people drop constraint simple,
           add constraint people_tenant_id_connection_id_fkey foreign key (tenant_id, connection_id)
               references channel_connections (tenant_id, connection_id);
         alter table channel_connections drop constraint alone",
        "people",
        "people",
    ),
    (
        "a reference is gone",
        "alter table runs drop constraint runs_tenant_id_conversation_id_fkey",
        "alter table runs add constraint runs_tenant_id_conversation_id_fkey
           foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)",
        "runs",
        "runs",
    ),
    (
        "konstruct_app may read accounts",
        "grant select on users to konstruct_app",
        "revoke select on users from konstruct_app",
        "users",
        "users",
    ),
    (
        "konstruct_app sees accounts",
        "grant select on users to konstruct_app;
         create policy careless on users for select to konstruct_app using (true)",
        "drop policy careless on users; revoke select on users from konstruct_app",
        "users",
        "users",
    ),
    (
        "attack 7: sessions begin as a tenant",
        "do $$ begin execute format('alter database %I set app.current_tenant = %L', current_database(),
                                    '00000000-0000-0000-0000-00000000000b'); end $$",
        "do $$ begin execute format('alter database %I reset app.current_tenant', current_database()); end $$",
        "app.current_tenant=|messages",
        "messages",
    ),
    (
        "sessions begin with every audience",
        "do $$ begin execute format('alter database %I set app.audiences = %L', current_database(), '*'); end $$",
        "do $$ begin execute format('alter database %I reset app.audiences', current_database()); end $$",
        "app.audiences=",
        "memories",
    ),
];

pub fn all() -> Vec<Mutant> {
    let passing = [TABLES.as_slice(), &CODE, &RIGHTS].concat();
    let passing = passing.into_iter().map(|(name, script, word)| Mutant {
        name: name.into(),
        script: script.into(),
        word: word.into(),
        undo: None,
        tables: Vec::new(),
        by_nobody: false,
    });
    let committed = COMMITTED.into_iter().map(|(name, script, undo, word, table)| Mutant {
        name: name.into(),
        script: script.into(),
        word: word.into(),
        undo: Some(undo.into()),
        tables: vec![table.into()],
        by_nobody: true,
    });
    passing.chain(committed).collect()
}
