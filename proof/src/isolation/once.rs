//! What both tenants' callers asked to be done once, by the same keys and the same tries.

use shared::{
    crypto::token_hash,
    db::idempotency::{self, Asked, Claimed},
    ids::TenantId,
};
use uuid::Uuid;

use super::{
    scene::THEM,
    statements::{Call, calls},
};

/// A try of theirs, which ours takes for its own.
const ATTEMPT: Uuid = Uuid::from_u128(0xB0);
/// What they were answered, by the try that did it.
pub const ANSWERED: Uuid = Uuid::from_u128(0xB1);
const PRINCIPAL: &str = "usr_the_same";

/// For a transaction of the tenant. Ours was left by its process.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let tenant = tenant_id.uuid();
    let [done, doing, request] = ["done", "doing", mark].map(|text| hex::encode(token_hash(text)));
    let key = format!("insert into idempotency_keys (tenant_id, principal, key_hash, request_hash, attempt_id, begun_at, status, answer)
                       values ('{tenant}', '{PRINCIPAL}'");
    if tenant_id == THEM {
        format!(
            "{key}, '\\x{done}', '\\x{request}', '{ANSWERED}', now(), 201, '\\x00');
             {key}, '\\x{doing}', '\\x{request}', '{ATTEMPT}', now(), null, null);"
        )
    } else {
        format!(
            "{key}, '\\x{done}', '\\x{request}', gen_random_uuid(), now() - interval '2 minutes', null, null);"
        )
    }
}

fn asked(key: &str) -> Asked {
    Asked { principal: PRINCIPAL.into(), key: token_hash(key), request: token_hash("ours"), attempt: ATTEMPT }
}

pub fn all() -> Vec<Call> {
    calls! {
        "idempotency::claim of what only they did", AllAudiences, |tx, config| {
            let first = idempotency::claim(tx, &config.master_keys, &asked("done")).await?;
            (first, idempotency::claim(tx, &config.master_keys, &asked("done")).await?)
        };
        "idempotency::answer", AllAudiences, |tx, config| {
            let claimed = idempotency::claim(tx, &config.master_keys, &asked("new")).await?;
            let Claimed::Ours(claim) = claimed else { return Ok("not ours".into()) };
            idempotency::answer(tx, &claim, 201, b"{}");
            tx.write_last().await?;
            idempotency::claim(tx, &config.master_keys, &asked("new")).await?
        };
        "idempotency::release", AllAudiences, |tx, config| {
            let claimed = idempotency::claim(tx, &config.master_keys, &asked("new")).await?;
            let Claimed::Ours(claim) = claimed else { return Ok("not ours".into()) };
            idempotency::release(tx, &claim).await?
        };
    }
}
