//! Every way to reach for another tenant's rows, written down per table.
//!
//! Probes are made once, from the catalogue as it should be. Tried against a weakened schema, they must notice.

use anyhow::Context;

use super::{
    catalog::{Catalog, Column, Table},
    fill::{Row, Tenant, insert},
};

const APP: &str = "konstruct_app";
/// What the server answers when a right or a policy is missing.
pub const DENIED: &[&str] = &["42501"];
const NO_PARENT: &[&str] = &["23503"];
/// `copy … from` does not work where row-level security is active.
const NO_COPY: &[&str] = &["0A000", "42501"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    SelectById,
    SelectAll,
    Count,
    Exists,
    Join,
    Lock,
    Error,
    Statistics,
    CopyOut,
    CopyIn,
    SecurityOff,
    UpdateById,
    UpdateReturning,
    UpdateIntoTheirs,
    MoveUnderTheirs,
    DeleteById,
    DeleteReturning,
    Truncate,
    InsertAsThem,
    InsertSelect,
    InsertUnderTheirs,
    UpsertTheirs,
    UpsertTheirKey,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Success that returns and touches no row.
    Nothing,
    /// Success with this one value.
    Value(&'static str),
    /// Success with at least one row, all the asker's own.
    OwnRows,
    /// An error with one of these codes.
    Refused(&'static [&'static str]),
    /// No row or an error, whichever.
    NothingOrRefused,
    /// Anything, as long as nothing of the other tenant shows or changes.
    Harmless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Statement,
    CopyOut,
    CopyIn,
}

#[derive(Clone, Debug)]
pub struct Probe {
    pub table: String,
    pub shape: Shape,
    /// Statements of the same transaction that come first.
    pub setup: Vec<String>,
    pub sql: String,
    pub way: Way,
    pub expect: Expect,
}

impl Probe {
    /// The same reach by someone whom no tenant is set for.
    pub fn by_nobody(mut self) -> Self {
        self.expect = match self.expect {
            Expect::OwnRows => Expect::Nothing,
            Expect::Refused(_) | Expect::Harmless => Expect::NothingOrRefused,
            other => other,
        };
        // Parents can't be made without a tenant; the probe itself must fail all the same.
        self.setup.retain(|statement| !statement.starts_with("insert"));
        self
    }
}

/// Which of the other tenant's rows is reached for.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    /// Its number; beyond [`super::fill::ROWS`] there is none.
    pub row: usize,
    /// Their ids under our own tenant.
    pub mixed: bool,
}

pub const FIRST_ROW: Aim = Aim { row: 1, mixed: false };

struct Draft<'a> {
    aim: Aim,
    table: &'a Table,
    ours: Tenant<'a>,
    theirs: Tenant<'a>,
    probes: Vec<Probe>,
    /// Number of the last row that was made up. It goes on over all tables: ancestors are shared.
    fresh: usize,
}

/// All probes at the first row, those that may leave rows behind last.
pub fn all(catalog: &Catalog, ours: Tenant<'_>, theirs: Tenant<'_>) -> anyhow::Result<Vec<Probe>> {
    let mut probes = Vec::new();
    let mut fresh = 100;
    for table in catalog.tenant_tables()? {
        probes.append(&mut of(table, ours, theirs, FIRST_ROW, &mut fresh)?);
    }
    probes.sort_by_key(|probe| probe.shape);
    Ok(probes)
}

/// The probes of one table. `fresh` is the number of the last row that was made up.
pub fn of(
    table: &Table,
    ours: Tenant<'_>,
    theirs: Tenant<'_>,
    aim: Aim,
    fresh: &mut usize,
) -> anyhow::Result<Vec<Probe>> {
    let mut draft = Draft { aim, table, ours, theirs, probes: Vec::new(), fresh: *fresh };
    draft.reads()?;
    draft.changes()?;
    draft.inserts()?;
    *fresh = draft.fresh;
    Ok(draft.probes)
}

impl Draft<'_> {
    /// A probe that the role may try at all only with these rights.
    fn add(&mut self, shape: Shape, rights: &[&str], sql: String, expect: Expect) {
        self.add_after(shape, rights, Vec::new(), sql, expect);
    }

    fn add_after(&mut self, shape: Shape, rights: &[&str], setup: Vec<String>, sql: String, expect: Expect) {
        let allowed = rights.iter().all(|right| self.table.allows(APP, right));
        let (setup, expect) = if allowed { (setup, expect) } else { (Vec::new(), Expect::Refused(DENIED)) };
        let way = match shape {
            Shape::CopyOut => Way::CopyOut,
            Shape::CopyIn => Way::CopyIn,
            _ => Way::Statement,
        };
        self.probes.push(Probe { table: self.table.name.clone(), shape, setup, sql, way, expect });
    }

    /// `column = literal and …` for the primary key of a row.
    fn key_of(&self, tenant: &Tenant<'_>, row: usize) -> anyhow::Result<String> {
        let mut parts = Vec::new();
        for name in self.table.primary_key() {
            let column = self.table.column(name).context("a key's column exists")?;
            let literal = tenant.literal(self.table, column, row)?.context("a key has a value")?;
            parts.push(format!("{name} = {literal}"));
        }
        Ok(parts.join(" and "))
    }

    fn their_row(&self) -> anyhow::Result<String> {
        let key = self.key_of(&self.theirs, self.aim.row)?;
        let (us, them) = (self.ours.id.to_string(), self.theirs.id.to_string());
        // Without an id in it, the key would become that of our own row.
        let ids = self.table.primary_key().iter().filter(|name| *name != "tenant_id");
        let unlike_ours = ids.filter_map(|name| self.table.column(name)).any(|column| column.kind == "uuid");
        Ok(if self.aim.mixed && unlike_ours { key.replace(&them, &us) } else { key })
    }

    /// A column outside of keys and references, to be set to itself.
    fn harmless_column(&self) -> &str {
        let bound = |name: &String| {
            self.table.keys.iter().any(|key| key.columns.contains(name))
                || self.table.references.iter().any(|reference| reference.columns.contains(name))
        };
        // A right to change one column is no right to change the table.
        let whole = self.table.allows("konstruct_app", "UPDATE");
        let plain = |column: &&Column| !bound(&column.name) && (whole || !column.app_changes);
        let free = self.table.writable().filter(plain).last();
        free.map_or("tenant_id", |column| &column.name)
    }

    fn reads(&mut self) -> anyhow::Result<()> {
        use Shape::{
            CopyIn, CopyOut, Count, Error, Exists, Join, Lock, SecurityOff, SelectAll, SelectById, Statistics,
        };
        let (name, them) = (self.table.name.clone(), self.theirs.id);
        let (our_row, their_row) = (self.key_of(&self.ours, 1)?, self.their_row()?);
        let read: &[&str] = &["SELECT"];
        self.add(SelectById, read, format!("select t::text from {name} t where {their_row}"), Expect::Nothing);
        self.add(SelectById, read, format!("select t::text from {name} t where {our_row}"), Expect::OwnRows);
        self.add(SelectAll, read, format!("select t::text from {name} t"), Expect::OwnRows);
        self.add(
            SelectAll,
            read,
            format!("select t::text from {name} t where tenant_id = '{them}'"),
            Expect::Nothing,
        );
        let count = format!("select count(*)::text from {name} where tenant_id = '{them}'");
        self.add(Count, read, count, Expect::Value("0"));
        let exists = format!("select exists (select from {name} where {their_row})::text");
        self.add(Exists, read, exists, Expect::Value("false"));
        let pairs = format!("select b::text from {name} a join {name} b on b.tenant_id <> a.tenant_id");
        self.add(Join, read, pairs, Expect::Nothing);
        let from_tenants =
            format!("select t::text from tenants p join {name} t using (tenant_id) where p.tenant_id = '{them}'");
        self.add(Join, read, from_tenants, Expect::Nothing);
        let lock = format!("select t::text from {name} t where tenant_id = '{them}' for update");
        let locking: &[&str] = if self.table.lockable { &["SELECT"] } else { &["SELECT", "UPDATE"] };
        self.add(Lock, locking, lock, Expect::Nothing);
        // If the condition saw a foreign row before the policy did, the error would quote it.
        self.add(
            Error,
            read,
            format!("select t::text from {name} t where t::text::integer = 1"),
            Expect::Harmless,
        );
        let statistics =
            format!("select s::text from pg_stats s where schemaname = 'public' and tablename = '{name}'");
        self.add(Statistics, &[], statistics, Expect::Nothing);
        self.add(CopyOut, read, format!("copy (select * from {name}) to stdout"), Expect::OwnRows);
        let columns: Vec<&str> = self.table.writable().map(|column| column.name.as_str()).collect();
        let copy_in = format!("copy {name} ({}) from stdin", columns.join(", "));
        self.add(CopyIn, &[], copy_in, Expect::Refused(NO_COPY));
        let off = vec!["set local row_security = off".to_owned()];
        let everything = format!("select t::text from {name} t");
        self.add_after(SecurityOff, read, off, everything, Expect::Refused(DENIED));
        Ok(())
    }

    fn changes(&mut self) -> anyhow::Result<()> {
        use Shape::{
            DeleteById, DeleteReturning, MoveUnderTheirs, Truncate, UpdateById, UpdateIntoTheirs, UpdateReturning,
        };
        let (name, us, them) = (self.table.name.clone(), self.ours.id, self.theirs.id);
        let (our_row, their_row) = (self.key_of(&self.ours, 1)?, self.their_row()?);
        let same = self.harmless_column().to_owned();
        let update: &[&str] = &["SELECT", "UPDATE"];
        let delete: &[&str] = &["SELECT", "DELETE"];
        self.add(
            UpdateById,
            update,
            format!("update {name} set {same} = {same} where {their_row}"),
            Expect::Nothing,
        );
        let all = format!("update {name} t set {same} = {same} returning t::text");
        self.add(UpdateReturning, update, all, Expect::OwnRows);
        let give_away = format!("update {name} set tenant_id = '{them}' where tenant_id = '{us}'");
        self.add(UpdateIntoTheirs, update, give_away, Expect::Refused(DENIED));
        let take = format!("update {name} set tenant_id = '{us}' where tenant_id = '{them}'");
        self.add(UpdateIntoTheirs, update, take, Expect::Nothing);
        self.add(DeleteById, delete, format!("delete from {name} where {their_row}"), Expect::Nothing);
        let theirs = format!("delete from {name} t where tenant_id = '{them}' returning t::text");
        self.add(DeleteReturning, delete, theirs, Expect::Nothing);
        self.add(Truncate, &["TRUNCATE"], format!("truncate {name} cascade"), Expect::Refused(DENIED));
        for (column, literal) in self.their_parents()? {
            let hang = format!("update {name} set {column} = {literal} where {our_row}");
            self.add(MoveUnderTheirs, update, hang, Expect::Refused(NO_PARENT));
        }
        Ok(())
    }

    /// Each referring column with the key of the other tenant's parent.
    fn their_parents(&self) -> anyhow::Result<Row> {
        let mut values = Row::new();
        for reference in self.table.parents() {
            for name in reference.columns.iter().filter(|name| *name != "tenant_id") {
                let column = self.table.column(name).context("a reference's column exists")?;
                let theirs =
                    self.theirs.literal(self.table, column, self.aim.row)?.context("a key has a value")?;
                // A number that counts says nothing of whose it is.
                if self.ours.literal(self.table, column, 1)?.as_ref() != Some(&theirs) {
                    values.push((name.clone(), theirs));
                }
            }
        }
        Ok(values)
    }

    fn fresh(&mut self) -> usize {
        self.fresh += 1;
        self.fresh
    }

    fn inserts(&mut self) -> anyhow::Result<()> {
        use Shape::{InsertAsThem, InsertSelect, InsertUnderTheirs, UpsertTheirKey, UpsertTheirs};
        let table = self.table;
        let (name, us, them) = (table.name.clone(), self.ours.id, self.theirs.id);
        let n = self.fresh();
        let as_them = insert(table, &self.theirs.row(table, n)?);
        self.add(InsertAsThem, &["INSERT"], as_them.clone(), Expect::Refused(DENIED));
        self.add(
            InsertAsThem,
            &["INSERT", "SELECT"],
            format!("{as_them} returning tenant_id::text"),
            Expect::Refused(DENIED),
        );
        let columns: Vec<&str> = table.writable().map(|column| column.name.as_str()).collect();
        let list = columns.join(", ");
        let steal = list.replacen("tenant_id", &format!("'{us}'"), 1);
        let select = format!("insert into {name} ({list}) select {steal} from {name} where tenant_id = '{them}'");
        self.add(InsertSelect, &["INSERT", "SELECT"], select, Expect::Nothing);

        let parents = self.their_parents()?;
        for (column, literal) in &parents {
            let n = self.fresh();
            let row = with(self.ours.row(table, n)?, column, literal);
            let setup = self.ours.ancestors(table, n)?;
            self.add_after(InsertUnderTheirs, &["INSERT"], setup, insert(table, &row), Expect::Refused(NO_PARENT));
        }
        if parents.is_empty() {
            // The only parent is the tenant itself.
            self.add(InsertUnderTheirs, &["INSERT"], as_them, Expect::Refused(DENIED));
        }

        let (key, same) = (table.primary_key().join(", "), self.harmless_column().to_owned());
        let or_update = format!("on conflict ({key}) do update set {same} = excluded.{same}");
        let both: &[&str] = &["INSERT", "SELECT", "UPDATE"];
        let exact = insert(table, &self.theirs.row(table, self.aim.row)?);
        self.add(UpsertTheirs, both, format!("{exact} {or_update}"), Expect::Refused(DENIED));

        // Their key under our tenant: ours to have, unless the key is the same for all tenants.
        let n = self.fresh();
        let mut row = self.ours.row(table, n)?;
        for name in table.primary_key().iter().filter(|name| *name != "tenant_id") {
            let column = table.column(name).context("a key's column exists")?;
            let literal = self.theirs.literal(table, column, 1)?.context("a key has a value")?;
            row = with(row, name, &literal);
        }
        let global = !table.primary_key().iter().any(|name| name == "tenant_id");
        let expect = if global { Expect::Refused(DENIED) } else { Expect::Harmless };
        let setup = self.ours.ancestors(table, n)?;
        self.add_after(UpsertTheirKey, both, setup, format!("{} {or_update}", insert(table, &row)), expect);
        Ok(())
    }
}

fn with(mut row: Row, column: &str, literal: &str) -> Row {
    row.retain(|(name, _)| name != column);
    row.push((column.to_owned(), literal.to_owned()));
    row
}
