//! Counts what happened in a tenant, day by day. Each day is a transaction of its own: killed, it goes on where it was.

use shared::{
    db::{TenantDb, analytics},
    queue::JobError,
};

pub async fn run(db: &TenantDb) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let waiting = analytics::look(&mut tx).await?;
    tx.commit().await?;
    // Another worker may count the same days, and note more of them: no more than waited are counted here.
    for _ in 0..waiting {
        let mut tx = db.begin().await?;
        let counted = analytics::count_next(&mut tx).await?;
        tx.commit().await?;
        if counted.is_none() {
            break;
        }
    }
    Ok(())
}
