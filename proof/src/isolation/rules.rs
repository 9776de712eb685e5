//! What must be true of every table, as sentences about those of which it is not.

use super::{
    catalog::{Catalog, Policy, Table},
    listed::Listed,
};

/// What both policies of a tenant table say, as the server spells it.
const OWN_ROWS: &str = "(tenant_id = (NULLIF(current_setting('app.current_tenant'::text, true), ''::text))::uuid)";
const APP: &str = "konstruct_app";
const SYSTEM: &str = "konstruct_system";
const AUDIT: &str = "konstruct_audit";
const ERASER: &str = "konstruct_eraser";

/// Everything that is wrong; empty means the schema keeps tenants apart.
pub fn violations(catalog: &Catalog, listed: &Listed) -> Vec<String> {
    let mut found = stale_entries(catalog, listed);
    for table in &catalog.tables {
        let faults = [force(table), tenant_column(table, listed), keys(table, listed), references(table, listed)];
        found.extend(faults.into_iter().flatten());
        found.extend(tenant_policies(table, listed));
        found.extend(policy_of_the_end(table));
        found.extend(other_policies(table, listed));
        found.extend(unbound_rights(table));
    }
    found
}

fn says(table: &Table, fault: impl std::fmt::Display) -> String {
    format!("{}: {fault}", table.name)
}

/// A list that names what is not there would excuse the next table of that name.
fn stale_entries(catalog: &Catalog, listed: &Listed) -> Vec<String> {
    let mut stale = Vec::new();
    for (list, entries) in listed.lists() {
        for (name, reason) in entries {
            let needed = catalog.table(name).is_some_and(|table| is_needed(table, list));
            if !needed {
                stale.push(format!("{name}: listed under `{list}`, but there is no such table or need any more"));
            }
            if reason.trim().len() < 10 {
                stale.push(format!("{name}: listed under `{list}` without a reason"));
            }
        }
    }
    stale
}

fn is_needed(table: &Table, list: &str) -> bool {
    let has_policy = |role: &str, command: fn(&str) -> bool| {
        table.policies.iter().any(|policy| policy.roles == [role] && command(&policy.command))
    };
    match list {
        "not_keyed_by_tenant" => {
            table.column("tenant_id").is_none()
                || table.primary_key().first().is_none_or(|column| column != "tenant_id")
                || table.primary_key().len() == 1
        }
        "readable_by_system" => has_policy(SYSTEM, |command| command != "a"),
        "written_by_system" => has_policy(SYSTEM, |command| command == "a"),
        "appended_by_audit" => has_policy(AUDIT, |_| true),
        "fenced_further" => further_fences(table).next().is_some(),
        _ => false,
    }
}

fn force(table: &Table) -> Option<String> {
    (!table.forced).then(|| says(table, "does not force row-level security"))
}

fn tenant_column(table: &Table, listed: &Listed) -> Option<String> {
    match table.column("tenant_id") {
        None if listed.not_keyed_by_tenant.contains_key(&table.name) => None,
        None => Some(says(table, "has no tenant_id and is not listed in system_tables.toml")),
        Some(column) if !column.not_null => Some(says(table, "its tenant_id may be null")),
        Some(column) if column.kind != "uuid" => Some(says(table, "its tenant_id is not a uuid")),
        Some(_) => None,
    }
}

/// A key that does not begin with the tenant tells one tenant what another has.
fn keys(table: &Table, listed: &Listed) -> Option<String> {
    if table.primary_key().is_empty() {
        return Some(says(table, "has no primary key"));
    }
    if listed.not_keyed_by_tenant.contains_key(&table.name) {
        return None;
    }
    let odd = table.keys.iter().find(|key| key.columns.first().is_none_or(|column| column != "tenant_id"))?;
    Some(says(table, format!("unique key `{}` does not begin with tenant_id", odd.name)))
}

/// A reference without the tenant lets one tenant's row hang on another's. Listed tables without a tenant hang together by
/// their own ids, as long as no tenant can touch them.
fn references(table: &Table, listed: &Listed) -> Option<String> {
    let without_tenant =
        table.column("tenant_id").is_none() && listed.not_keyed_by_tenant.contains_key(&table.name);
    if without_tenant && !table.touched_by.iter().any(|role| role == APP) {
        return None;
    }
    let first = |columns: &[String]| columns.first().is_some_and(|column| column == "tenant_id");
    let odd = table.references.iter().find(|reference| {
        let to_tenant = reference.parent == "tenants" && reference.columns == ["tenant_id"];
        let both_begin = first(&reference.columns) && first(&reference.parent_columns);
        !(to_tenant || both_begin)
    })?;
    Some(says(table, format!("foreign key `{}` does not begin with tenant_id", odd.name)))
}

/// Exactly one permissive policy and its restrictive copy. Only a listed table the app can't touch may do without.
fn tenant_policies(table: &Table, listed: &Listed) -> Vec<String> {
    if table.column("tenant_id").is_none() {
        return Vec::new();
    }
    let closed = !table.touched_by.iter().any(|role| role == APP);
    let present = |name: &str| table.policies.iter().find(|policy| policy.name == name);
    let (rows, fence) = (present("tenant_rows"), present("tenant_fence"));
    if rows.is_none() && fence.is_none() && closed && listed.not_keyed_by_tenant.contains_key(&table.name) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (name, policy, permissive) in [("tenant_rows", rows, true), ("tenant_fence", fence, false)] {
        let sound = policy.is_some_and(|policy| {
            policy.permissive == permissive
                && policy.command == "*"
                && policy.roles == [APP]
                && policy.using.as_deref() == Some(OWN_ROWS)
                && policy.check.as_deref() == Some(OWN_ROWS)
        });
        if !sound {
            faults.push(says(table, format!("policy `{name}` is missing or not as `enforce_tenant` makes it")));
        }
    }
    faults
}

/// Without it a tenant that ends would leave rows behind.
fn policy_of_the_end(table: &Table) -> Option<String> {
    table.column("tenant_id")?;
    let sound = table.policies.iter().any(|policy| {
        policy.name == "tenant_end"
            && policy.permissive
            && policy.command == "*"
            && policy.roles == [ERASER]
            && policy.using.as_deref() == Some(OWN_ROWS)
            && policy.check.as_deref() == Some(OWN_ROWS)
    });
    let removable = table.allows(ERASER, "SELECT") && table.allows(ERASER, "DELETE");
    (!sound || !removable)
        .then(|| says(table, "rows of a tenant that ends can't be removed as `enforce_tenant` lets them"))
}

fn further_fences(table: &Table) -> impl Iterator<Item = &Policy> {
    table
        .policies
        .iter()
        .filter(|policy| policy.name != "tenant_fence" && policy.roles == [APP] && !policy.permissive)
}

fn other_policies(table: &Table, listed: &Listed) -> Vec<String> {
    let others = table
        .policies
        .iter()
        .filter(|policy| !["tenant_rows", "tenant_fence", "tenant_end"].contains(&policy.name.as_str()));
    let unlisted = others.filter(|policy| {
        let name = &table.name;
        let roles: Vec<&str> = policy.roles.iter().map(String::as_str).collect();
        let excused = match (roles.as_slice(), policy.permissive) {
            ([SYSTEM], true) => {
                listed.readable_by_system.contains_key(name)
                    || (policy.command == "a" && listed.written_by_system.contains_key(name))
            }
            ([AUDIT], true) => listed.appended_by_audit.contains_key(name),
            ([APP], false) => listed.fenced_further.contains_key(name),
            // Public facts, the same for every tenant.
            ([APP], true) => policy.command == "r" && table.column("tenant_id").is_none(),
            _ => false,
        };
        !excused
    });
    unlisted
        .map(|policy| says(table, format!("policy `{}` is not listed in system_tables.toml", policy.name)))
        .collect()
}

/// TRUNCATE and REFERENCES look past row-level security, and a trigger runs as whoever writes.
fn unbound_rights(table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    for (role, rights) in &table.rights {
        for right in ["TRUNCATE", "REFERENCES", "TRIGGER"] {
            if rights.iter().any(|held| held == right) {
                faults.push(says(table, format!("{role} holds {right}, which row-level security does not bind")));
            }
        }
    }
    faults
}
