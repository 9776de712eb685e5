//! Exchanges a connection's refresh token before its access token runs out. Run twice, the second finds nothing to do.

use shared::{db::TenantDb, ids::ConnectionId, queue::JobError, slack_tokens::Renewal};

use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb, connection: ConnectionId) -> Result<(), JobError> {
    match worker.tokens.renew(db, connection, false).await? {
        // What was put off, the schedule takes up again; another process that is at it will have done it.
        Renewal::Done | Renewal::NotNeeded | Renewal::Busy | Renewal::PutOff(_) => Ok(()),
        Renewal::Over => {
            Err(JobError::Fail("the platform takes neither token any more: the connection is dead".into()))
        }
    }
}
