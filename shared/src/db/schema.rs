//! Migrations, and the self-check that keeps a process from starting on an unsafe database.

use apalis_postgres::PostgresStorage;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, PgConnection, PgPool, migrate::Migrator};

use super::{Db, DbError};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Tables that carry `tenant_id` but are not keyed by it, each with its reason; read by the catalogue tests too.
pub const SYSTEM_TABLES: &str = include_str!("system_tables.toml");

/// The checksum of each migration, in order.
pub fn migrations() -> impl Iterator<Item = &'static [u8]> {
    MIGRATIONS.iter().map(|migration| migration.checksum.as_ref())
}

/// Brings the schema up to date as `konstruct_owner`, apalis' own tables included. Safe to run again, and from several
/// places at once: the migrator holds an advisory lock.
pub async fn migrate(owner: &SecretString) -> Result<(), DbError> {
    let pool = PgPool::connect(owner.expose_secret()).await?;
    let result = migrate_pool(&pool).await;
    pool.close().await;
    result
}

async fn migrate_pool(pool: &PgPool) -> Result<(), DbError> {
    MIGRATIONS.run(pool).await.map_err(|error| DbError::Damaged(format!("migration failed: {error}")))?;
    PostgresStorage::<()>::setup(pool)
        .await
        .map_err(|error| DbError::Damaged(format!("migration of the job tables failed: {error}")))?;
    // apalis makes its schema itself, after our migrations. Services may enqueue and run jobs, not change tables.
    pool.execute(
        "grant usage on schema apalis to konstruct_app, konstruct_system;
         grant insert on apalis.jobs to konstruct_app;
         grant select, insert, update, delete on all tables in schema apalis to konstruct_system;
         revoke insert, update, delete on apalis._sqlx_migrations from konstruct_system;
         grant select on _sqlx_migrations to konstruct_app, konstruct_system",
    )
    .await?;
    Ok(())
}

/// What is wrong with the database, as sentences; empty if a service may start on it.
pub async fn problems(db: &Db) -> Result<Vec<String>, DbError> {
    let mut app = db.app.acquire().await?;
    let mut problems = role_problems(&mut app, "konstruct_app").await?;
    let mut system = db.system.acquire().await?;
    problems.extend(role_problems(&mut system, "konstruct_system").await?);
    problems.extend(version_problems(&mut app).await?);
    if problems.is_empty() {
        problems.extend(policy_problems(&mut app).await?);
    }
    Ok(problems)
}

async fn role_problems(connection: &mut PgConnection, expected: &str) -> Result<Vec<String>, DbError> {
    let (role, superuser, bypass, owns): (String, bool, bool, i64) = sqlx::query_as(
        "select current_user::text, rolsuper, rolbypassrls,
                (select count(*) from pg_class c
                  where c.relkind in ('r', 'p', 'v', 'm')
                    and pg_has_role(current_user, c.relowner, 'member')
                    and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
                    and c.relnamespace::regnamespace::text not like 'pg_%')
           from pg_roles
          where rolname = current_user",
    )
    .fetch_one(connection)
    .await?;
    let mut problems = Vec::new();
    if role != expected {
        problems.push(format!("The database connection for {expected} logs in as `{role}`: correct its URL."));
    }
    if superuser || bypass {
        problems.push(format!(
            "Role `{role}` may ignore row-level security: `alter role {role} nosuperuser nobypassrls`."
        ));
    }
    if owns > 0 {
        problems.push(format!(
            "Role `{role}` owns {owns} tables or is a member of their owner: services must own nothing."
        ));
    }
    Ok(problems)
}

async fn version_problems(connection: &mut PgConnection) -> Result<Vec<String>, DbError> {
    let mut problems = Vec::new();
    let applied: Option<i64> = match sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(&mut *connection)
        .await
    {
        Ok(version) => version,
        Err(sqlx::Error::Database(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let needed = MIGRATIONS.iter().map(|migration| migration.version).max();
    if applied < needed {
        problems.push("The database schema is older than this build: run `konstruct migrate`.".into());
    }
    let vector: Option<String> =
        sqlx::query_scalar("select extversion from pg_extension where extname = 'vector'")
            .fetch_optional(connection)
            .await?;
    match vector.as_deref().map(major_minor) {
        None => problems
            .push("The extension `vector` is missing: a superuser must run migrations/bootstrap.sql once.".into()),
        Some(version) if version < (0, 8) => {
            problems.push(format!("pgvector {}.{} is too old: 0.8 or newer is needed.", version.0, version.1));
        }
        Some(_) => {}
    }
    Ok(problems)
}

fn major_minor(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// What both policies of a tenant table say, as the server spells it.
const OWN_ROWS: &str = "(tenant_id = (NULLIF(current_setting('app.current_tenant'::text, true), ''::text))::uuid)";

/// Tenant tables that konstruct_app may touch in any way, without exactly the pair of policies of `enforce_tenant`.
/// A second permissive policy counts whoever it is for: permissive policies are OR-ed together.
const UNFENCED: &str = "
select c.relname::text
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
   and (has_any_column_privilege('konstruct_app', c.oid, 'select, insert, update, references')
        or has_table_privilege('konstruct_app', c.oid, 'delete, truncate, trigger'))
   and (select array_agg(p.polname::text || ' ' || p.polpermissive::text order by p.polname)
          from pg_policy p
         where p.polrelid = c.oid
           and (p.polname in ('tenant_rows', 'tenant_fence') or p.polpermissive)
           and exists (select from unnest(p.polroles) as r (role)
                        where case when r.role = 0 then true else pg_has_role('konstruct_app', r.role, 'member') end)
           and (p.polname not in ('tenant_rows', 'tenant_fence')
                or (p.polroles = array['konstruct_app'::regrole::oid] and p.polcmd = '*'
                    and pg_get_expr(p.polqual, p.polrelid) = $1 and pg_get_expr(p.polwithcheck, p.polrelid) = $1))
       ) is distinct from array['tenant_fence false', 'tenant_rows true']
 order by 1";

async fn policy_problems(connection: &mut PgConnection) -> Result<Vec<String>, DbError> {
    let open: Vec<String> = sqlx::query_scalar(
        "select c.relname::text
           from pg_class c
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> '_sqlx_migrations'
            and not (c.relrowsecurity and c.relforcerowsecurity)
          order by 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    let unfenced: Vec<String> = sqlx::query_scalar(UNFENCED).bind(OWN_ROWS).fetch_all(connection).await?;
    let mut problems = Vec::new();
    for table in open {
        problems.push(format!(
            "Table `{table}` does not force row-level security: run `konstruct migrate` or restore it."
        ));
    }
    for table in unfenced {
        problems.push(format!(
            "Table `{table}` lacks one of its two tenant policies, or has a second permissive one."
        ));
    }
    Ok(problems)
}

/// Whether the server answers at all, with a sentence if not.
pub async fn reachable(url: &SecretString) -> Result<String, String> {
    let mut connection = PgConnection::connect(url.expose_secret())
        .await
        .map_err(|error| format!("PostgreSQL does not answer: {error}."))?;
    sqlx::query_scalar("select version()").fetch_one(&mut connection).await.map_err(|error| error.to_string())
}
