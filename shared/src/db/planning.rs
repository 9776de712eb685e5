//! How statements are planned: by key once and for all; a search among many memories for the tenant at hand.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{DbError, TenantTx};
use crate::ids::TenantId;

/// Statements by key, and a search that scores all there is, are planned once.
pub(super) const KEPT: &str = "set_config('plan_cache_mode', 'force_generic_plan', true)";
/// One tenant has a thousand memories, another a million.
pub(super) const ANEW: &str = "set_config('plan_cache_mode', 'force_custom_plan', true)";
/// Memory goes by index, row by row: while the server's statistics lag behind, a plan would read the whole table, or all of
/// a tenant's rows, once for every hit.
pub(super) const BY_INDEX: &str = "set_config('enable_seqscan', 'off', true), \
     set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true), \
     set_config('enable_mergejoin', 'off', true)";

/// Tenants with more memories than are scored one by one, as far as this process has met them. One that shrinks stays among
/// them: it is found in as well.
#[derive(Clone, Default)]
pub(super) struct ManyMemories(Arc<Mutex<HashSet<TenantId>>>);

impl ManyMemories {
    pub(super) fn has(&self, tenant: TenantId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&tenant)
    }

    fn note(&self, tenant: TenantId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
    }
}

impl TenantTx {
    pub(super) fn has_many_memories(&self) -> bool {
        self.many_memories.has(self.tenant())
    }

    pub(super) fn note_many_memories(&self) {
        self.many_memories.note(self.tenant());
    }

    /// From here on, statements are planned for their parameters.
    pub(super) async fn plan_anew(&mut self) -> Result<(), DbError> {
        if !self.plans_anew {
            sqlx::query("select set_config('plan_cache_mode', 'force_custom_plan', true)")
                .execute(self.conn())
                .await?;
            self.plans_anew = true;
        }
        Ok(())
    }
}
