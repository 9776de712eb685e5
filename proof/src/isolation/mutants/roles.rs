//! Mistakes in roles and in what only a superuser can do. They hold for a whole server, so they need one of their own.

use sqlx::PgConnection;

use shared::db::{Db, schema};

use super::{Killer, Verdict, run};
use crate::isolation::rights::excesses;

/// (what is wrong, how it is made, how it is undone, what a finding must say; alternatives are parted by `|`)
const MISTAKES: [(&str, &str, &str, &str); 15] = [
    (
        "attack 2: konstruct_app ignores row-level security",
        "alter role konstruct_app bypassrls",
        "alter role konstruct_app nobypassrls",
        "may ignore row-level security|konstruct_app: a role of ours",
    ),
    (
        "attack 2: konstruct_app is a superuser",
        "alter role konstruct_app superuser",
        "alter role konstruct_app nosuperuser",
        "may ignore row-level security|konstruct_app: a role of ours",
    ),
    (
        "attack 2: konstruct_system ignores row-level security",
        "alter role konstruct_system bypassrls",
        "alter role konstruct_system nobypassrls",
        "may ignore row-level security|konstruct_system: a role of ours",
    ),
    (
        "attack 2: konstruct_app is a member of the owner",
        "grant konstruct_owner to konstruct_app",
        "revoke konstruct_owner from konstruct_app",
        "a member of their owner|konstruct_app in konstruct_owner",
    ),
    (
        "attack 2: konstruct_app owns a table",
        "grant create on schema public to konstruct_app; alter table agents owner to konstruct_app",
        "alter table agents owner to konstruct_owner; revoke create on schema public from konstruct_app",
        "owns 1 tables|something a service's role owns",
    ),
    (
        "konstruct_app may become konstruct_system",
        "grant konstruct_system to konstruct_app",
        "revoke konstruct_system from konstruct_app",
        "konstruct_app in konstruct_system",
    ),
    (
        "konstruct_app may become konstruct_audit",
        "grant konstruct_audit to konstruct_app",
        "revoke konstruct_audit from konstruct_app",
        "konstruct_app in konstruct_audit",
    ),
    (
        "konstruct_system may become konstruct_ops",
        "grant konstruct_ops to konstruct_system",
        "revoke konstruct_ops from konstruct_system",
        "konstruct_system in konstruct_ops",
    ),
    (
        "konstruct_app makes roles",
        "alter role konstruct_app createrole",
        "alter role konstruct_app nocreaterole",
        "konstruct_app: a role of ours",
    ),
    (
        "konstruct_app makes databases",
        "alter role konstruct_app createdb",
        "alter role konstruct_app nocreatedb",
        "konstruct_app: a role of ours",
    ),
    (
        "attack 1: the owner ignores row-level security",
        "alter role konstruct_owner bypassrls",
        "alter role konstruct_owner nobypassrls",
        "konstruct_owner: an owner",
    ),
    (
        "attack 26: a leakproof function",
        "create function leak(text) returns boolean language sql leakproof set search_path = pg_catalog
           as 'select true'",
        "drop function leak(text)",
        "leak(text): a function marked leakproof",
    ),
    (
        "attack 7: every session of the database begins as a tenant",
        "alter database konstruct set app.current_tenant = '00000000-0000-0000-0000-00000000000b'",
        "alter database konstruct reset app.current_tenant",
        "app.current_tenant=",
    ),
    (
        "attack 7: every session of the role begins as a tenant",
        "alter role konstruct_app set app.current_tenant = '00000000-0000-0000-0000-00000000000b'",
        "alter role konstruct_app reset app.current_tenant",
        "app.current_tenant=",
    ),
    (
        "attack 25: every session of the role begins without row-level security",
        "alter role konstruct_app set row_security = off",
        "alter role konstruct_app reset row_security",
        "row_security=",
    ),
];

/// Plants each in a server that belongs to nobody else, and asks the start and the lists.
pub async fn judge_all(superuser: &mut PgConnection, db: &Db) -> anyhow::Result<Vec<Verdict>> {
    let honest = findings(superuser, db).await?;
    anyhow::ensure!(honest.is_empty(), "the unspoilt server is not silent: {honest:?}");
    let mut verdicts = Vec::new();
    for (name, script, undo, words) in MISTAKES {
        run(superuser, script).await?;
        let found = findings(superuser, db).await;
        run(superuser, undo).await?;
        let about = found?.into_iter().filter(|(_, line)| words.split('|').any(|word| line.contains(word)));
        let mut killers: Vec<Killer> = about.map(|(killer, _)| killer).collect();
        killers.sort_unstable();
        killers.dedup();
        verdicts.push(Verdict { mutant: name.to_owned(), killers });
    }
    let honest = findings(superuser, db).await?;
    anyhow::ensure!(honest.is_empty(), "not all of them were undone: {honest:?}");
    Ok(verdicts)
}

async fn findings(superuser: &mut PgConnection, db: &Db) -> anyhow::Result<Vec<(Killer, String)>> {
    let start = schema::problems(db).await?.into_iter().map(|line| (Killer::Start, line));
    let lists = excesses(superuser).await?.into_iter().map(|line| (Killer::Lists, line));
    Ok(start.chain(lists).collect())
}
