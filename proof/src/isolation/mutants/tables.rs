//! The same mistakes in every tenant table: each policy dropped, weakened or doubled, row-level security let go.

use super::Mutant;
use crate::isolation::catalog::{Catalog, Policy, Table};

const ROWS: &str = "tenant_rows";
const FENCE: &str = "tenant_fence";
/// Added by mutants, and removed by their undoing.
const CARELESS: &str = "careless";

/// What is done to a table, which `{}` stands for.
const MISTAKES: [(&str, &str); 15] = [
    ("attack 3: the opening policy is gone", "drop policy tenant_rows on {}"),
    ("attack 3: the fence is gone", "drop policy tenant_fence on {}"),
    ("attack 3: both policies are gone", "drop policy tenant_rows on {}; drop policy tenant_fence on {}"),
    ("attack 3: the opening policy lets everything through", "alter policy tenant_rows on {} using (true)"),
    ("attack 3: the fence lets everything through", "alter policy tenant_fence on {} using (true)"),
    (
        "attack 3: both policies let everything through",
        "alter policy tenant_rows on {} using (true); alter policy tenant_fence on {} using (true)",
    ),
    (
        "attack 3: both policies let everything be written",
        "alter policy tenant_rows on {} with check (true); alter policy tenant_fence on {} with check (true)",
    ),
    (
        "attack 3: the opening policy checks nothing that is written",
        "alter policy tenant_rows on {} with check (true)",
    ),
    (
        "attack 5: who has no tenant sees all",
        "alter policy tenant_rows on {}
           using (coalesce(tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid, true));
         alter policy tenant_fence on {}
           using (coalesce(tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid, true))",
    ),
    (
        "attack 21: a second permissive policy for everybody",
        "create policy careless on {} for select using (true)",
    ),
    (
        "attack 21: a second permissive policy for the app",
        "create policy careless on {} to konstruct_app using (true)",
    ),
    ("attack 1: row-level security is not forced", "alter table {} no force row level security"),
    ("attack 1: row-level security is off", "alter table {} disable row level security"),
    ("attack 23: truncate is granted", "grant truncate on {} to konstruct_app"),
    ("references is granted", "grant references on {} to konstruct_app"),
];

/// Every mistake in every table that carries the pair of policies.
pub fn all(catalog: &Catalog) -> anyhow::Result<Vec<Mutant>> {
    let fenced = catalog.tenant_tables()?.into_iter().filter(|table| policy(table, ROWS).is_some());
    Ok(fenced.flat_map(of).collect())
}

fn of(table: &Table) -> impl Iterator<Item = Mutant> {
    let undo = undo(table);
    MISTAKES.into_iter().map(move |(what, script)| Mutant {
        name: format!("{}: {what}", table.name),
        script: script.replace("{}", &table.name),
        word: table.name.clone(),
        undo: Some(undo.clone()),
        tables: vec![table.name.clone()],
        by_nobody: what.starts_with("attack 5"),
    })
}

/// The table's policies as the catalogue had them, forced, and no right beyond.
fn undo(table: &Table) -> String {
    let name = &table.name;
    let mut script = format!(
        "alter table {name} enable row level security; alter table {name} force row level security;
         revoke truncate, references on {name} from konstruct_app; drop policy if exists {CARELESS} on {name};"
    );
    for policy in [ROWS, FENCE].into_iter().filter_map(|name| policy(table, name)) {
        let kind = if policy.permissive { "permissive" } else { "restrictive" };
        let (using, check) =
            (policy.using.as_deref().unwrap_or("true"), policy.check.as_deref().unwrap_or("true"));
        script += &format!(
            "drop policy if exists {0} on {name};
             create policy {0} on {name} as {kind} for all to {1} using ({using}) with check ({check});",
            policy.name,
            policy.roles.join(", ")
        );
    }
    script
}

fn policy<'a>(table: &'a Table, name: &str) -> Option<&'a Policy> {
    table.policies.iter().find(|policy| policy.name == name)
}
