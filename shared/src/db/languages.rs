//! What a tenant's agents speak.

use serde_json::json;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
};
use crate::conditions::Language;

/// The main one first; `None`: nobody said so.
pub async fn get(tx: &mut TenantTx) -> Result<Option<Vec<Language>>, DbError> {
    let tenant = tx.tenant();
    let codes: Option<Vec<String>> =
        sqlx::query_scalar("select (select languages from tenants where tenant_id = $1)")
            .bind(tenant)
            .fetch_one(tx.conn())
            .await?;
    Ok(read(codes))
}

/// Sets them; recorded.
pub async fn set(tx: &mut TenantTx, actor: &Actor, spoken: Option<&[Language]>) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let codes: Option<Vec<&str>> = spoken.map(|spoken| spoken.iter().map(|language| language.code()).collect());
    sqlx::query("update tenants set languages = $2 where tenant_id = $1")
        .bind(tenant)
        .bind(&codes)
        .execute(tx.conn())
        .await?;
    let detail = json!({ "languages": codes });
    audit::append(tx, actor, "languages.set", ("tenant", &tenant.to_string()), detail).await
}

/// As the column holds them. What this release does not know, a newer one has written: no turn may fail for it.
pub(super) fn read(codes: Option<Vec<String>>) -> Option<Vec<Language>> {
    codes.map(|codes| codes.iter().filter_map(|code| Language::parse(code)).collect())
}
