//! Rules by which conversations are handed to humans. A change is a new version; the old ones stay, with who made them.

use serde::Deserialize;
use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
};
use crate::ids::{RuleId, UserId};

/// Rules a tenant may have; every turn holds all that are switched on against what was said.
pub const RULES_MAX: usize = 100;
/// Longest name, in characters.
pub const NAME_MAX: usize = 80;
/// Members a rule may hand over to.
pub const ASSIGNED_MAX: usize = 20;
/// Versions shown of one rule, the newest.
const VERSIONS_MAX: i64 = 200;

/// A version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub id: RuleId,
    pub version: i32,
    pub name: String,
    /// In the language of [`crate::conditions`].
    pub condition: String,
    pub enabled: bool,
    /// Members who get in turn what it hands over. Empty: anybody.
    pub assign_to: Vec<UserId>,
    pub deleted: bool,
    /// Who made it so, as the audit log names them, and when.
    pub actor: String,
    pub created_at: OffsetDateTime,
}

/// A rule that is switched on, as a turn needs it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ActiveRule {
    #[serde(deserialize_with = "plain")]
    pub id: RuleId,
    pub version: i32,
    pub name: String,
    pub condition: String,
}

/// The database writes ids without their prefix.
fn plain<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<RuleId, D::Error> {
    Uuid::deserialize(deserializer).map(RuleId::from_uuid)
}

/// What a rule is to be.
#[derive(Clone, Debug)]
pub struct Shape {
    pub name: String,
    pub condition: String,
    pub enabled: bool,
    pub assign_to: Vec<UserId>,
}

/// The tenant's rules as they are now, oldest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Rule>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select rule_id, version, name, condition, enabled, assign_to, deleted, actor_id, created_at
           from escalation_rules
          where tenant_id = $1 and replaced_at is null and not deleted
          order by rule_id limit 100",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(rule).collect()
}

/// What a rule was, newest first; also of one that was deleted.
pub async fn versions(tx: &mut TenantTx, id: RuleId) -> Result<Vec<Rule>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select rule_id, version, name, condition, enabled, assign_to, deleted, actor_id, created_at
           from escalation_rules
          where tenant_id = $1 and rule_id = $2 order by version desc limit $3",
    )
    .bind(tenant)
    .bind(id)
    .bind(VERSIONS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(rule).collect()
}

fn rule(row: &PgRow) -> Result<Rule, DbError> {
    Ok(Rule {
        id: row.try_get("rule_id")?,
        version: row.try_get("version")?,
        name: row.try_get("name")?,
        condition: row.try_get("condition")?,
        enabled: row.try_get("enabled")?,
        assign_to: row.try_get("assign_to")?,
        deleted: row.try_get("deleted")?,
        actor: row.try_get("actor_id")?,
        created_at: row.try_get("created_at")?,
    })
}

/// Makes a rule. [`DbError::NotFound`]: somebody whom it hands over to is no member who may write.
pub async fn create(tx: &mut TenantTx, actor: &Actor, shape: &Shape) -> Result<Rule, DbError> {
    let (tenant, id) = (tx.tenant(), RuleId::new());
    // Two at once would both see room.
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('escalation rules ' || $1::text, 0))")
        .bind(tenant)
        .execute(tx.conn())
        .await?;
    let (rules, members) = count(tx, &shape.assign_to).await?;
    if usize::try_from(rules).is_ok_and(|rules| rules >= RULES_MAX) {
        return Err(DbError::Conflict("There are 100 rules already: delete one first."));
    }
    if members != shape.assign_to.len() {
        return Err(DbError::NotFound);
    }
    write(tx, actor, (id, 1), shape, false).await
}

/// [`DbError::NotFound`]: one of these is no member who may write.
pub async fn check_members(tx: &mut TenantTx, assign_to: &[UserId]) -> Result<(), DbError> {
    if assign_to.is_empty() || count(tx, assign_to).await?.1 == assign_to.len() {
        return Ok(());
    }
    Err(DbError::NotFound)
}

/// How many rules there are, and how many of these are members who may write.
async fn count(tx: &mut TenantTx, assign_to: &[UserId]) -> Result<(i64, usize), DbError> {
    let tenant = tx.tenant();
    let (rules, members): (i64, Vec<UserId>) = sqlx::query_as(
        "select (select count(*) from escalation_rules
                  where tenant_id = $1 and replaced_at is null and not deleted),
                array(select user_id from memberships where tenant_id = $1 and user_id = any ($2) and not read_only)",
    )
    .bind(tenant)
    .bind(assign_to)
    .fetch_one(tx.conn())
    .await?;
    Ok((rules, members.len()))
}

/// The rule as it is now, locked until the transaction ends.
pub async fn lock(tx: &mut TenantTx, id: RuleId) -> Result<Option<Rule>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select rule_id, version, name, condition, enabled, assign_to, deleted, actor_id, created_at
           from escalation_rules
          where tenant_id = $1 and rule_id = $2 and replaced_at is null and not deleted for update",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.as_ref().map(rule).transpose()
}

/// Replaces a version that [`lock`] gave.
pub async fn replace(
    tx: &mut TenantTx,
    actor: &Actor,
    current: &Rule,
    shape: &Shape,
    deleted: bool,
) -> Result<Rule, DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update escalation_rules set replaced_at = clock_timestamp()
          where tenant_id = $1 and rule_id = $2 and version = $3 and replaced_at is null",
    )
    .bind(tenant)
    .bind(current.id)
    .bind(current.version)
    .execute(tx.conn())
    .await?;
    write(tx, actor, (current.id, current.version + 1), shape, deleted).await
}

async fn write(
    tx: &mut TenantTx,
    actor: &Actor,
    (id, version): (RuleId, i32),
    shape: &Shape,
    deleted: bool,
) -> Result<Rule, DbError> {
    let tenant = tx.tenant();
    let (kind, who) = actor.parts();
    let row = sqlx::query(
        "insert into escalation_rules (tenant_id, rule_id, version, name, condition, enabled, assign_to, deleted,
                                       actor_kind, actor_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         returning rule_id, version, name, condition, enabled, assign_to, deleted, actor_id, created_at",
    )
    .bind(tenant)
    .bind(id)
    .bind(version)
    .bind(&shape.name)
    .bind(&shape.condition)
    .bind(shape.enabled)
    .bind(&shape.assign_to)
    .bind(deleted)
    .bind(kind)
    .bind(who)
    .fetch_one(tx.conn())
    .await?;
    let action = match (version, deleted) {
        (1, _) => "escalation_rule.create",
        (_, true) => "escalation_rule.delete",
        _ => "escalation_rule.change",
    };
    let (condition, enabled, assign_to) = (&shape.condition, shape.enabled, &shape.assign_to);
    let detail = json!({ "version": version, "condition": condition, "enabled": enabled, "assign_to": assign_to });
    audit::append(tx, actor, action, ("escalation_rule", &id.to_string()), detail).await?;
    rule(&row)
}
