//! The exceptions, each with its reason: `shared/src/db/system_tables.toml`.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;
use shared::db::schema::SYSTEM_TABLES;

/// Table → reason.
pub type Reasons = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Unique keys need not begin with the tenant.
    pub not_keyed_by_tenant: Reasons,
    /// Has policies for konstruct_system beyond inserting.
    pub readable_by_system: Reasons,
    /// Has a policy for konstruct_system that only inserts.
    pub written_by_system: Reasons,
    /// Has a policy for konstruct_audit.
    pub appended_by_audit: Reasons,
    /// Has another restrictive policy for konstruct_app besides the tenant's.
    pub fenced_further: Reasons,
}

impl Listed {
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(SYSTEM_TABLES).context("system_tables.toml is not as expected")
    }

    /// Every list with its name.
    pub fn lists(&self) -> [(&'static str, &Reasons); 5] {
        [
            ("not_keyed_by_tenant", &self.not_keyed_by_tenant),
            ("readable_by_system", &self.readable_by_system),
            ("written_by_system", &self.written_by_system),
            ("appended_by_audit", &self.appended_by_audit),
            ("fenced_further", &self.fenced_further),
        ]
    }
}
