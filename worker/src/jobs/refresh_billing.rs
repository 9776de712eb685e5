//! Looks at Stripe what the tenant's subscriptions are, and overwrites what is known. Run twice, the second finds the same.

use shared::{
    db::{
        TenantDb,
        billing::{self, Seen},
    },
    queue::JobError,
    stripe::{Stripe, Subscription},
};

use super::judge;
use crate::Worker;

pub async fn run(worker: &Worker, db: &TenantDb) -> Result<(), JobError> {
    let Some(stripe) = &worker.stripe else {
        return Err(JobError::Fail("STRIPE_SECRET_KEY is unset: nothing can be looked at".into()));
    };
    let mut tx = db.begin().await?;
    let Some(look) = billing::begin_look(&mut tx).await? else { return Ok(tx.close().await?) };
    tx.commit().await?;
    let found = stripe.subscriptions(&look.customer).await.map_err(judge)?;
    let seen: Vec<Seen> = found.iter().map(|subscription| seen(stripe, subscription)).collect();
    let mut tx = db.begin().await?;
    billing::apply(&mut tx, &look, &seen).await?;
    Ok(tx.commit().await?)
}

fn seen(stripe: &Stripe, subscription: &Subscription) -> Seen {
    let open_invoice = subscription.open_invoice().map(|(id, url)| (id.to_owned(), url.to_owned()));
    Seen {
        id: subscription.id.clone(),
        status: subscription.status.clone(),
        plan: subscription.prices().find_map(|price| stripe.config.plan_of(price)),
        current_period_end: subscription.period_end(),
        cancel_at: subscription.ends_at(),
        created: subscription.created,
        open_invoice,
    }
}
