//! Once a day, what a tenant keeps for a while and no longer.

use shared::db::{
    Db, DbError,
    privacy::retention::{self, purge_quarantine},
    system,
};

/// Rows of one kind in one transaction.
const BATCH: i64 = 1_000;

/// Purges what is older than each tenant wants it kept; returns how many times something was left to do. May be stopped and begun
/// again anywhere, and run twice at once.
pub async fn purge(db: &Db) -> Result<usize, DbError> {
    let (mut after, mut rounds) = (None, 0);
    loop {
        let page = system::list_tenants(&db.system(), after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.tenant);
        for line in &page {
            let tenant = db.tenant(line.tenant);
            loop {
                let mut tx = tenant.begin().await?;
                let days = retention::get(&mut tx).await?;
                let most = retention::purge(&mut tx, &days, BATCH).await?;
                tx.commit().await?;
                rounds += usize::from(most > 0);
                if most < BATCH.unsigned_abs() {
                    break;
                }
            }
        }
    }
    purge_quarantine(&db.system()).await?;
    Ok(rounds)
}
