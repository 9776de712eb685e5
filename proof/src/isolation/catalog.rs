//! What the database says about its tables: columns, keys, references, checks, policies and rights.

use std::{collections::BTreeMap, sync::LazyLock};

use anyhow::Context;
use regex::{Captures, Regex};
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};

/// The roles whose rights are read. PUBLIC's count for each of them.
pub const ROLES: [&str; 4] = ["konstruct_app", "konstruct_system", "konstruct_audit", "konstruct_eraser"];

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Catalog {
    /// In the schema `public`, without the migrations' own bookkeeping.
    pub tables: Vec<Table>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Table {
    pub name: String,
    /// Row-level security is on, and binds the owner too.
    pub forced: bool,
    pub columns: Vec<Column>,
    /// Primary key, unique constraints and unique indexes.
    pub keys: Vec<Key>,
    pub references: Vec<Reference>,
    /// As `pg_get_constraintdef` writes them.
    pub checks: Vec<String>,
    pub policies: Vec<Policy>,
    /// Role → privileges on the whole table.
    pub rights: BTreeMap<String, Vec<String>>,
    /// The app may update some column, so that it may lock a row it sees.
    pub lockable: bool,
    /// Roles that may do something to at least one column or to the table.
    pub touched_by: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Column {
    pub name: String,
    /// With its modifier: `halfvec(384)`.
    pub kind: String,
    pub not_null: bool,
    pub has_default: bool,
    pub generated: bool,
    /// Roles that may select it.
    pub read_by: Vec<String>,
    /// The app may update it.
    pub app_changes: bool,
    /// The first value that a check of the form `column in (…)` allows.
    #[serde(skip)]
    pub first_allowed: Option<String>,
    /// What a check says of its length.
    #[serde(skip)]
    pub exact_length: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Key {
    pub name: String,
    pub primary: bool,
    /// In order; an expression is shown as `(expression)`.
    pub columns: Vec<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reference {
    pub name: String,
    pub columns: Vec<String>,
    pub parent: String,
    pub parent_columns: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Policy {
    pub name: String,
    pub permissive: bool,
    /// `*`, `r` (select), `a` (insert), `w` (update) or `d` (delete).
    pub command: String,
    pub roles: Vec<String>,
    pub using: Option<String>,
    pub check: Option<String>,
}

/// `column in (…)`, as the server writes it.
static LISTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\((\w+) = ANY \(ARRAY\['([^']*)'").expect("valid"));
static SIZED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"length\((\w+)\) = (\d+)").expect("valid"));

const TABLES: &str = "
select coalesce(jsonb_agg(jsonb_build_object(
    'name', c.relname,
    'forced', c.relrowsecurity and c.relforcerowsecurity,
    'columns', (
        select jsonb_agg(jsonb_build_object(
                   'name', a.attname, 'kind', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
                   'has_default', a.atthasdef, 'generated', a.attgenerated <> '' or a.attidentity <> '',
                   'read_by', (select coalesce(jsonb_agg(role), '[]') from unnest($1::text[]) as role
                                where has_column_privilege(role, c.oid, a.attnum, 'select')),
                   'app_changes', has_column_privilege('konstruct_app', c.oid, a.attnum, 'update')
               ) order by a.attnum)
          from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'keys', coalesce((
        select jsonb_agg(jsonb_build_object(
                   'name', i.indexrelid::regclass, 'primary', i.indisprimary,
                   'columns', (select jsonb_agg(coalesce(a.attname::text, '(expression)') order by k.position)
                                 from unnest(i.indkey::int2[]) with ordinality as k (number, position)
                                 left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
                                where k.position <= i.indnkeyatts)
               ) order by not i.indisprimary, i.indexrelid::regclass::text)
          from pg_index i where i.indrelid = c.oid and i.indisunique), '[]'),
    'references', coalesce((
        select jsonb_agg(jsonb_build_object(
                   'name', f.conname, 'parent', p.relname,
                   'columns', (select jsonb_agg(a.attname order by k.position)
                                 from unnest(f.conkey) with ordinality as k (number, position)
                                 join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.number),
                   'parent_columns', (select jsonb_agg(a.attname order by k.position)
                                        from unnest(f.confkey) with ordinality as k (number, position)
                                        join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.number)
               ) order by f.conname)
          from pg_constraint f join pg_class p on p.oid = f.confrelid
         where f.conrelid = c.oid and f.contype = 'f'), '[]'),
    'checks', coalesce((
        select jsonb_agg(pg_get_constraintdef(k.oid) order by k.conname)
          from pg_constraint k where k.conrelid = c.oid and k.contype = 'c'), '[]'),
    'policies', coalesce((
        select jsonb_agg(jsonb_build_object(
                   'name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd::text,
                   'roles', (select jsonb_agg(case when r.role = 0 then 'public' else r.role::regrole::text end)
                               from unnest(p.polroles) as r (role)),
                   'using', pg_get_expr(p.polqual, c.oid), 'check', pg_get_expr(p.polwithcheck, c.oid)
               ) order by p.polname)
          from pg_policy p where p.polrelid = c.oid), '[]'),
    'lockable', has_any_column_privilege('konstruct_app', c.oid, 'update'),
    'rights', (
        select jsonb_object_agg(role, (
                   select coalesce(jsonb_agg(upper(privilege)), '[]')
                     from unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'])
                          as privilege
                    where has_table_privilege(role, c.oid, privilege)))
          from unnest($1::text[]) as role),
    'touched_by', (
        select coalesce(jsonb_agg(role), '[]') from unnest($1::text[]) as role
         where has_any_column_privilege(role, c.oid, 'select, insert, update, references')
            or has_table_privilege(role, c.oid, 'delete, truncate, trigger'))
) order by c.relname), '[]')
  from pg_class c
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'f') and c.relname <> '_sqlx_migrations'";

impl Catalog {
    pub async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
        let Json(mut tables): Json<Vec<Table>> = sqlx::query_scalar(TABLES)
            .bind(ROLES.as_slice())
            .fetch_one(connection)
            .await
            .context("the catalogue can't be read")?;
        tables.iter_mut().try_for_each(Table::understand_checks)?;
        Ok(Self { tables })
    }

    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Tables whose rows belong to a tenant, parents before children.
    pub fn tenant_tables(&self) -> anyhow::Result<Vec<&Table>> {
        let mut waiting: Vec<&Table> =
            self.tables.iter().filter(|table| table.column("tenant_id").is_some()).collect();
        let mut ordered: Vec<&Table> = Vec::new();
        while !waiting.is_empty() {
            let known = |name: &str| ordered.iter().any(|table| table.name == name);
            let next = waiting.iter().position(|table| {
                table.references.iter().all(|reference| reference.parent == table.name || known(&reference.parent))
            });
            let next = next.context("the foreign keys form a circle: teach the filler to break it")?;
            ordered.push(waiting.remove(next));
        }
        Ok(ordered)
    }
}

impl Table {
    /// What the checks say of single columns; read once, for rows are made by the thousand.
    fn understand_checks(&mut self) -> anyhow::Result<()> {
        for column in &mut self.columns {
            let about = |found: &Captures<'_>| found[1] == column.name;
            let listed = self.checks.iter().find_map(|check| LISTED.captures(check).filter(about));
            let sized = self.checks.iter().find_map(|check| SIZED.captures(check).filter(about));
            let length = sized.map(|found| found[2].parse()).transpose()?;
            (column.first_allowed, column.exact_length) = (listed.map(|found| found[2].to_owned()), length);
        }
        Ok(())
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of the primary key.
    pub fn primary_key(&self) -> &[String] {
        self.keys.iter().find(|key| key.primary).map_or(&[], |key| &key.columns)
    }

    pub fn allows(&self, role: &str, privilege: &str) -> bool {
        self.rights.get(role).is_some_and(|rights| rights.iter().any(|right| right == privilege))
    }

    /// References to another table's row of the same tenant, as opposed to the tenant itself.
    pub fn parents(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(|reference| reference.parent != "tenants")
    }

    /// Columns an insert may name.
    pub fn writable(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }
}
