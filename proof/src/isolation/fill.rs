//! Rows for every tenant table, made from the catalogue alone, each text value carrying a canary of its tenant.
//!
//! Values are a function of (tenant, table, column, n), so a child knows its parent's key without looking it up: row n
//! of a table hangs on row n of its parents.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use uuid::Uuid;

use super::catalog::{Catalog, Column, Reference, Table};

pub const ROWS: usize = 2;
const APP: &str = "konstruct_app";
const SYSTEM: &str = "konstruct_system";
const AUDIT: &str = "konstruct_audit";

/// One side of a trial.
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    pub catalog: &'a Catalog,
    pub id: Uuid,
    /// `CANARY-A` or `CANARY-B`: begins every text value.
    pub mark: &'static str,
}

/// Column → SQL literal, in the table's order.
pub type Row = Vec<(String, String)>;

/// Connections as the roles a service uses.
pub struct Doors {
    pub app: PgConnection,
    pub system: PgConnection,
}

impl Tenant<'_> {
    pub fn canary(&self, table: &str, n: usize) -> String {
        format!("{}-{table}-{n}", self.mark)
    }

    /// What betrays a row of this tenant: its canary, as text and as bytes, and its id.
    pub fn secrets(&self) -> [String; 3] {
        [self.mark.to_owned(), hex::encode(self.mark), self.id.to_string()]
    }

    /// Row n of the table. Columns that the server fills are left out.
    pub fn row(&self, table: &Table, n: usize) -> anyhow::Result<Row> {
        let mut row = Row::new();
        for column in table.writable() {
            if let Some(literal) = self.literal(table, column, n)? {
                row.push((column.name.clone(), literal));
            }
        }
        Ok(row)
    }

    /// The value of one column of row n.
    pub fn literal(&self, table: &Table, column: &Column, n: usize) -> anyhow::Result<Option<String>> {
        if column.name == "tenant_id" {
            return Ok(Some(format!("'{}'", self.id)));
        }
        if let Some(reference) = table.parents().find(|reference| reference.columns.contains(&column.name)) {
            return self.parents_value(reference, &column.name, n).map(Some);
        }
        if let Some(allowed) = &column.first_allowed {
            return Ok(Some(format!("'{allowed}'")));
        }
        let canary = self.canary(&table.name, n);
        Ok(Some(match column.kind.as_str() {
            "uuid" => format!("'{}'", self.uuid(&table.name, &column.name, n)),
            "text" => format!("'{canary}'"),
            "jsonb" => format!("'{{\"canary\": \"{canary}\"}}'"),
            "bytea" => format!("'\\x{}'", hex::encode(sized(canary, column.exact_length))),
            "bigint" | "integer" | "smallint" | "numeric" | "real" | "double precision" => n.to_string(),
            "boolean" => "false".into(),
            "timestamp with time zone" => format!("timestamptz '2026-11-20 12:00Z' + interval '{n} minutes'"),
            "date" => format!("date '2026-11-20' + {n}"),
            kind if kind.starts_with("halfvec(") || kind.starts_with("vector(") => vector(kind)?,
            _ if column.has_default || !column.not_null => return Ok(None),
            kind => bail!("{}.{}: no filler for {kind}; teach fill.rs", table.name, column.name),
        }))
    }

    fn parents_value(&self, reference: &Reference, column: &str, n: usize) -> anyhow::Result<String> {
        let parent = self.catalog.table(&reference.parent).context("a parent is a table")?;
        let position = reference.columns.iter().position(|name| name == column).context("the column refers")?;
        let theirs = parent.column(&reference.parent_columns[position]).context("the parent has the column")?;
        self.literal(parent, theirs, n)?.context("a key has a value")
    }

    fn uuid(&self, table: &str, column: &str, n: usize) -> Uuid {
        let hash = Sha256::digest(format!("{}/{table}/{column}/{n}", self.mark));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// The rows above row n of this table, parents first: what must be there before it can be inserted.
    pub fn ancestors(&self, table: &Table, n: usize) -> anyhow::Result<Vec<String>> {
        let mut inserts: Vec<String> = Vec::new();
        // A row that refers to its own table refers to itself here.
        for reference in table.parents().filter(|reference| reference.parent != table.name) {
            let parent = self.catalog.table(&reference.parent).context("a parent is a table")?;
            for insert in self.ancestors(parent, n)?.into_iter().chain([insert(parent, &self.row(parent, n)?)]) {
                if !inserts.contains(&insert) {
                    inserts.push(insert);
                }
            }
        }
        Ok(inserts)
    }

    /// Fills every tenant table through the roles that may.
    pub async fn fill(&self, doors: &mut Doors) -> anyhow::Result<()> {
        for table in self.catalog.tenant_tables()? {
            // A table keyed by the tenant alone has one row of it.
            let rows = if table.primary_key() == ["tenant_id"] { 1 } else { ROWS };
            for n in 1..=rows {
                let statement = insert(table, &self.row(table, n)?);
                let done = if table.allows(APP, "INSERT") {
                    self.as_app(doors, &statement).await
                } else if table.allows(SYSTEM, "INSERT") {
                    doors.system.execute(AssertSqlSafe(statement.clone())).await.map(|_| ())
                } else if table.allows(AUDIT, "INSERT") {
                    self.as_app(doors, &self.append_event(n)).await
                } else {
                    bail!("{}: no role may insert into it", table.name);
                };
                done.with_context(|| format!("filling {}: {statement}", table.name))?;
            }
        }
        Ok(())
    }

    /// The audit log is written through its function only.
    fn append_event(&self, n: usize) -> String {
        let canary = self.canary("audit_events", n);
        format!(
            "select audit_append('system', '{canary}', '{canary}', '{canary}', '{canary}', '{{\"canary\": \"{canary}\"}}')"
        )
    }

    async fn as_app(&self, doors: &mut Doors, statement: &str) -> Result<(), sqlx::Error> {
        let script = format!("begin; {}; {statement}; commit", self.settings());
        let done = doors.app.execute(sqlx::raw_sql(AssertSqlSafe(script))).await;
        if done.is_err() {
            doors.app.execute("rollback").await?;
        }
        done.map(|_| ())
    }

    /// Binds a transaction to this tenant, with every audience open.
    pub fn settings(&self) -> String {
        format!(
            "select set_config('app.current_tenant', '{}', true), set_config('app.audiences', '*', true)",
            self.id
        )
    }

    /// Hash and count of the tenant's rows in every table, read through a role that sees them.
    pub async fn fingerprints(&self, doors: &mut Doors) -> anyhow::Result<BTreeMap<String, String>> {
        let mut prints = BTreeMap::new();
        for table in self.catalog.tenant_tables()? {
            let question = format!(
                "select count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' order by t::text), ''))
                   from {} t where tenant_id = '{}'",
                table.name, self.id
            );
            let door = if table.allows(APP, "SELECT") {
                doors.app.execute(sqlx::raw_sql(AssertSqlSafe(format!("begin; {}", self.settings())))).await?;
                &mut doors.app
            } else if table.allows(SYSTEM, "SELECT") {
                &mut doors.system
            } else {
                bail!("{}: no role may read it, so its rows can't be watched", table.name);
            };
            let print: String = sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(door).await?;
            doors.app.execute("rollback").await?;
            prints.insert(table.name.clone(), print);
        }
        Ok(prints)
    }
}

pub fn insert(table: &Table, row: &Row) -> String {
    let (columns, values): (Vec<&str>, Vec<&str>) =
        row.iter().map(|(column, literal)| (column.as_str(), literal.as_str())).unzip();
    format!("insert into {} ({}) values ({})", table.name, columns.join(", "), values.join(", "))
}

fn sized(canary: String, length: Option<usize>) -> Vec<u8> {
    let mut bytes = canary.into_bytes();
    if let Some(length) = length {
        bytes.resize(length, 0);
    }
    bytes
}

fn vector(kind: &str) -> anyhow::Result<String> {
    let (name, rest) = kind.split_once('(').context("a vector has dimensions")?;
    let dimensions: usize = rest.trim_end_matches(')').parse()?;
    Ok(format!("array_fill(0.5::real, array[{dimensions}])::{name}({dimensions})"))
}
