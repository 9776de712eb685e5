//! Tells Stripe's meter how many answers there were on each day that is over. Our ledger is the truth, the meter its mirror: a
//! day is told by the same identifier however often it is tried, and Stripe counts it once.

use shared::{
    db::{TenantDb, billing, customers},
    queue::JobError,
    stripe::MeterEvent,
};

use super::judge;
use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb) -> Result<(), JobError> {
    let Some(stripe) = &worker.stripe else { return Ok(()) };
    let Some(name) = &stripe.config.meter_event else { return Ok(()) };
    let mut tx = db.begin().await?;
    let Some(customer) = customers::of(&mut tx).await? else { return Ok(tx.close().await?) };
    let days = billing::days_to_tell(&mut tx).await?;
    tx.close().await?;
    for (day, answers) in days {
        if answers > 0 {
            let identifier = format!("answers_{}_{day}", db.id());
            let noon = day.midnight().assume_utc().unix_timestamp() + 12 * 3_600;
            let event =
                MeterEvent { customer: &customer, identifier: &identifier, timestamp: noon, value: answers };
            stripe.meter(name, &event).await.map_err(judge)?;
        }
        let mut tx = db.begin().await?;
        billing::note_told(&mut tx, day, answers).await?;
        tx.commit().await?;
    }
    Ok(())
}
