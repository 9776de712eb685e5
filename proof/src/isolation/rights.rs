//! Roles, rights, functions and views: what a service may do besides reading its own rows.

use anyhow::Context;
use sqlx::{AssertSqlSafe, PgConnection};

/// Our functions in `public`; everything else there must belong to an extension.
pub const FUNCTIONS: [&str; 28] = [
    "audit_append(text,text,text,text,text,jsonb)",
    "audit_hash(text[])",
    "book_sending()",
    "budget_count()",
    "budget_drift()",
    "budget_period_start(text,text,timestamp with time zone)",
    "budget_reached(bigint,bigint)",
    "budget_reserve(uuid,uuid,uuid,uuid,uuid,uuid,text,text,uuid,bigint,bigint,text)",
    "call_cost(uuid,uuid,text,bigint,bigint,bigint)",
    "enforce_system(regclass)",
    "enforce_tenant(regclass)",
    "facts_follow_source()",
    "id_floor(timestamp with time zone)",
    "id_of(text)",
    "id_time(uuid)",
    "memories_store_vectors(uuid,uuid[],text[],halfvec[],text)",
    "memories_without_vector(uuid,bigint)",
    "micro_usd_of(bigint,text,timestamp with time zone)",
    "new_id()",
    "run_finish(uuid,uuid,bigint,bigint,uuid[],text[],text[],text[],uuid[],uuid,text,text,text)",
    "summaries_follow_source()",
    "tell_of_message()",
    "tell_of_notice()",
    "tenant_rows_end(text,integer)",
    "time_step(interval)",
    "type_id(text,uuid)",
    "usd_per_unit(text,timestamp with time zone)",
    "word_signature(tsvector)",
];
/// Runs with its owner's rights: each one is a door past the policies and is reviewed by hand.
pub const DEFINERS: [&str; 2] = ["audit_append(text,text,text,text,text,jsonb)", "tenant_rows_end(text,integer)"];

/// Each question lists what should not be there, as text.
const QUESTIONS: [(&str, &str); 17] = [
    (
        "a view or materialized view, which reads with its owner's rights",
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
            and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')",
    ),
    (
        "a function that no fixed search_path protects",
        "select p.oid::regprocedure::text from pg_proc p
          where p.pronamespace = 'public'::regnamespace
            and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
            and not exists (select from unnest(p.proconfig) as setting where setting like 'search_path=pg_catalog%')",
    ),
    (
        "a function marked leakproof, which may see rows before the policies do",
        "select p.oid::regprocedure::text from pg_proc p
          where p.proleakproof and p.pronamespace <> 'pg_catalog'::regnamespace",
    ),
    (
        "an immutable function that reads a setting: a cached plan would keep another tenant's value",
        "select p.oid::regprocedure::text from pg_proc p
          where p.provolatile = 'i' and p.prosrc like '%current_setting%' and p.pronamespace <> 'pg_catalog'::regnamespace",
    ),
    (
        "a role of ours with more than it needs",
        "select rolname::text from pg_roles
          where rolname in ('konstruct_app', 'konstruct_system', 'konstruct_audit', 'konstruct_eraser')
            and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolinherit)",
    ),
    (
        "an owner that row-level security does not bind",
        "select rolname::text from pg_roles where rolname = 'konstruct_owner' and (rolsuper or rolbypassrls or rolcreaterole)",
    ),
    (
        "a membership of a service's role",
        "select member::regrole || ' in ' || roleid::regrole from pg_auth_members
          where member in ('konstruct_app'::regrole, 'konstruct_system'::regrole, 'konstruct_audit'::regrole,
                           'konstruct_eraser'::regrole)",
    ),
    (
        "something a service's role owns",
        "select d.classid::regclass || ' ' || d.objid from pg_shdepend d
          where d.deptype = 'o' and d.refobjid in ('konstruct_app'::regrole, 'konstruct_system'::regrole)
            and d.dbid in (0, (select oid from pg_database where datname = current_database()))",
    ),
    (
        "a place where a service may create something",
        "select role || ' in ' || place
           from unnest(array['konstruct_app', 'konstruct_system', 'konstruct_audit', 'konstruct_eraser']) as role
           cross join lateral (
             select n.nspname::text from pg_namespace n where has_schema_privilege(role, n.oid, 'create')
             union all
             select 'the database' where has_database_privilege(role, current_database(), 'create, temporary')
           ) as places (place)",
    ),
    (
        "a right that everybody holds",
        "select c.oid::regclass || ' ' || g.privilege_type
           from pg_class c
           join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'apalis')
           cross join lateral (
             select (aclexplode(c.relacl)).*
             union all
             select (aclexplode(a.attacl)).* from pg_attribute a where a.attrelid = c.oid and a.attacl is not null
           ) g
          where g.grantee = 0 and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')",
    ),
    (
        "a trigger, which runs as whoever writes",
        "select t.tgrelid::regclass || ' ' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
          where not t.tgisinternal and c.relnamespace = 'public'::regnamespace
            -- Counts a ledger row in its own tenant's budgets, under the policies of whoever books it.
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('usage', 'usage_counts', 'budget_count')
            -- Books what a tenant's own message cost, under the policies of whoever hears of it.
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('delivery_statuses', 'sending_is_booked', 'book_sending')
            and (c.relname, t.tgname, t.tgfoid::regproc::text)
                <> ('delivery_statuses', 'sending_is_booked_later', 'book_sending')
            -- Takes a tenant's own facts away with the words they quote, under the policies of whoever takes those.
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('memories', 'memory_gone', 'facts_follow_source')
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('memories', 'memory_changed', 'facts_follow_source')
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('memories', 'summary_forgets', 'summaries_follow_source')
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('messages', 'summary_follows', 'summaries_follow_source')
            -- Notes what a tenant's own systems are to be told, under the policies of whoever writes.
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('messages', 'message_told', 'tell_of_message')
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('messages', 'message_change_told', 'tell_of_message')
            and (c.relname, t.tgname, t.tgfoid::regproc::text) <> ('notices', 'notice_told', 'tell_of_notice')",
    ),
    (
        "a rule, which acts with its owner's rights",
        "select c.oid::regclass || ' ' || r.rulename from pg_rewrite r join pg_class c on c.oid = r.ev_class
          where c.relkind not in ('v', 'm') and c.relnamespace <> 'pg_catalog'::regnamespace",
    ),
    ("a publication, which sends rows past every policy", "select pubname::text from pg_publication"),
    (
        "an extension that nobody reviewed",
        "select extname::text from pg_extension where extname not in ('plpgsql', 'vector', 'hstore', 'pgcrypto')",
    ),
    (
        "a right on tables to come",
        "select a.privilege_type || ' for ' || case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
           from pg_default_acl d cross join lateral aclexplode(d.defaclacl) a
          where a.grantee <> d.defaclrole",
    ),
    (
        "a schema whose tables no check reads",
        "select nspname::text from pg_namespace
          where nspname not in ('public', 'apalis', 'information_schema') and nspname !~ '^pg_(catalog|toast|temp|toast_temp)'",
    ),
    (
        "a setting that every session begins with",
        "select setting from pg_db_role_setting s cross join lateral unnest(s.setconfig) as setting
          where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
            and setting ~ '^(app[.]|row_security|session_replication_role|search_path)'",
    ),
];

/// What should not be there, one sentence each.
pub async fn excesses(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (what, question) in QUESTIONS {
        let answers = list(connection, question).await.with_context(|| format!("asking for {what}"))?;
        found.extend(answers.into_iter().map(|answer| format!("{answer}: {what}")));
    }
    let ours = list(
        connection,
        "select p.oid::regprocedure::text from pg_proc p
          where p.pronamespace = 'public'::regnamespace
            and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')",
    );
    found.extend(differences("function", &FUNCTIONS, &ours.await?));
    let definers = list(
        connection,
        "select p.oid::regprocedure::text from pg_proc p
          where p.prosecdef and p.pronamespace <> 'pg_catalog'::regnamespace",
    );
    found.extend(differences("security definer function", &DEFINERS, &definers.await?));
    Ok(found)
}

fn differences(what: &str, allowed: &[&str], there: &[String]) -> Vec<String> {
    let extra = there.iter().filter(|name| !allowed.contains(&name.as_str()));
    let gone = allowed.iter().filter(|name| !there.iter().any(|other| other == *name));
    extra
        .map(|name| format!("{name}: a {what} that is not on the reviewed list"))
        .chain(gone.map(|name| format!("{name}: on the reviewed list of {what}s, but gone")))
        .collect()
}

async fn list(connection: &mut PgConnection, question: &str) -> anyhow::Result<Vec<String>> {
    Ok(sqlx::query_scalar(AssertSqlSafe(question.to_owned())).fetch_all(connection).await?)
}

/// Every right of every role but the owner, one line each, for the checked-in table.
pub async fn table_of_rights(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    list(
        connection,
        "select g.role || ' ' || g.thing || ': ' || string_agg(g.privilege, ', ' order by g.privilege)
           from (
             select case when e.grantee = 0 then 'PUBLIC' else e.grantee::regrole::text end as role,
                    'table ' || c.oid::regclass as thing, lower(e.privilege_type) as privilege
               from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'apalis')
               cross join lateral aclexplode(c.relacl) e
             union all
             select case when e.grantee = 0 then 'PUBLIC' else e.grantee::regrole::text end,
                    'table ' || c.oid::regclass, lower(e.privilege_type) || ' (' || a.attname || ')'
               from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'apalis')
               join pg_attribute a on a.attrelid = c.oid and a.attacl is not null
               cross join lateral aclexplode(a.attacl) e
             union all
             select case when e.grantee = 0 then 'PUBLIC' else e.grantee::regrole::text end,
                    'schema ' || n.nspname, lower(e.privilege_type)
               from pg_namespace n cross join lateral aclexplode(n.nspacl) e where n.nspname in ('public', 'apalis')
             union all
             select case when e.grantee = 0 then 'PUBLIC' else e.grantee::regrole::text end,
                    'function ' || p.oid::regprocedure, lower(e.privilege_type)
               from pg_proc p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) e
              where p.pronamespace = 'public'::regnamespace
                and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
           ) g
          where g.role not in ('konstruct_owner', 'pg_database_owner', 'postgres')
          group by g.role, g.thing order by g.role, g.thing",
    )
    .await
}

/// Every policy, verbatim, one line each, for the checked-in table: rules say what must be there, this says what is.
pub async fn table_of_policies(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    list(
        connection,
        "select format('%s %s: %s %s to %s using (%s) with check (%s)', p.polrelid::regclass, p.polname,
                       case when p.polpermissive then 'permissive' else 'restrictive' end,
                       case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                                     else 'delete' end,
                       (select string_agg(case when r.role = 0 then 'public' else r.role::regrole::text end, ', ')
                          from unnest(p.polroles) as r (role)),
                       coalesce(regexp_replace(pg_get_expr(p.polqual, p.polrelid), '[[:space:]]+', ' ', 'g'), '-'),
                       coalesce(regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '[[:space:]]+', ' ', 'g'), '-'))
           from pg_policy p order by p.polrelid::regclass::text, p.polname",
    )
    .await
}

/// Every function of ours with its body's hash: what a reviewer read is what runs.
pub async fn table_of_functions(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    list(
        connection,
        "select format('%s: %s, %s as %s, %s, body %s', p.oid::regprocedure, l.lanname,
                       case when p.prosecdef then 'definer' else 'invoker' end, p.proowner::regrole,
                       case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                       left(md5(p.prosrc), 8))
           from pg_proc p join pg_language l on l.oid = p.prolang
          where p.pronamespace = 'public'::regnamespace
            and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
          order by 1",
    )
    .await
}
