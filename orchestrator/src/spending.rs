//! The money of a turn: what a call may cost at most is held before it is made.

use shared::db::{
    DbError, TenantDb,
    budgets::{self, Planned, Spender, Verdict},
};

/// Whose budgets a turn's calls count against.
pub struct Purse {
    pub db: TenantDb,
    pub who: Spender,
    /// Some budget of the tenant has a limit. Without one nothing is asked of the database.
    pub limited: bool,
}

impl Purse {
    /// Fails closed: a call whose money could not be held is not made.
    pub async fn reserve(&self, call: &Planned<'_>) -> Result<Verdict, DbError> {
        if !self.limited {
            return Ok(Verdict::Free);
        }
        budgets::reserve_alone(&self.db, &self.who, call).await
    }
}
