//! Both tenants' subscriptions, under the same ids. Ours is paused, theirs is paid for.

use shared::{
    db::{
        billing::{self, Seen},
        customers, notices,
    },
    ids::TenantId,
};
use time::OffsetDateTime;

use super::{
    scene::{AGENT, CONVERSATION, THEM},
    statements::{Call, calls},
};

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let (tenant, conversation, agent) = (tenant_id.uuid(), CONVERSATION.uuid(), AGENT.uuid());
    let them = tenant_id == THEM;
    let (status, plan, created) =
        if them { ("active", "'enterprise'", "2026-03-01") } else { ("paused", "null", "2026-01-01") };
    let mut script = format!(
        "insert into stripe_customers (tenant_id, customer, asked, look_at, created_at)
         values ('{tenant}', 'cus_{mark}', {them}::int, now() - interval '1 hour', now() - interval '3 days');
         insert into subscriptions (tenant_id, subscription, status, plan, created_at)
         values ('{tenant}', 'sub_1', '{status}', {plan}, '{created}');"
    );
    if them {
        script += &format!(
            "insert into subscriptions (tenant_id, subscription, status, plan, created_at)
             values ('{tenant}', 'sub_theirs', 'unpaid', null, '2026-02-01');
             insert into usage_mirrors (tenant_id, day, answers)
             values ('{tenant}', (now() at time zone 'UTC')::date - 1, 7);
             insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state, finished_at)
             select '{tenant}', gen_random_uuid(), '{conversation}', '{agent}', -d, -d, 0, 'done', now() - make_interval(days => d)
               from generate_series(1, 3) d;"
        );
    }
    script
}

fn seen(open_invoice: Option<(String, String)>) -> Seen {
    Seen {
        id: "sub_1".into(),
        status: "past_due".into(),
        plan: Some("pro"),
        current_period_end: None,
        cancel_at: None,
        created: OffsetDateTime::UNIX_EPOCH,
        open_invoice,
    }
}

pub fn all() -> Vec<Call> {
    calls! {
        "billing::show", AllAudiences, |tx, _config| billing::show(tx).await?;
        "billing::apply", AllAudiences, |tx, _config| {
            let look = billing::begin_look(tx).await?;
            let invoice = Some(("in_1".to_owned(), "https://invoice.example/in_1".to_owned()));
            match &look {
                Some(begun) => billing::apply(tx, begun, &[seen(invoice)]).await?,
                None => false,
            }
        };
        // All of ours are gone.
        "billing::apply of nothing", AllAudiences, |tx, _config| {
            let look = billing::begin_look(tx).await?;
            if let Some(begun) = &look {
                billing::apply(tx, begun, &[]).await?;
            }
            // Whether the admins are told depends on what the subscriptions allow.
            notices::list(tx, None).await?.len()
        };
        "billing::begin_look", AllAudiences, |tx, _config| billing::begin_look(tx).await?;
        "billing::days_to_tell", AllAudiences, |tx, _config| billing::days_to_tell(tx).await?;
        "customers::of", AllAudiences, |tx, _config| customers::of(tx).await?;
        "customers::link", AllAudiences, |tx, _config| customers::link(tx, "cus_new").await?;
        "customers::take_due", AllAudiences, |tx, _config| customers::take_due(tx).await?;
    }
}
