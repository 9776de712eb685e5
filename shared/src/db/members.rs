//! A tenant's members. Whatever changes one locks them all: of two admins who demote each other, one comes second and is
//! told so.

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{DbError, TenantTx, audit::Actor};
use crate::ids::UserId;

const ADMIN: &str = "customer_admin";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub user: UserId,
    pub mail: String,
    pub name: String,
    pub role: String,
    pub is_owner: bool,
    /// May look, not change.
    pub read_only: bool,
    pub created_at: OffsetDateTime,
}

impl Member {
    fn may_administrate(&self) -> bool {
        self.role == ADMIN && !self.read_only
    }
}

/// The members, owner first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Member>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select user_id, mail, name, role, is_owner, read_only, created_at from memberships
          where tenant_id = $1 order by is_owner desc, created_at, user_id limit 1000",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(member).collect()
}

fn member(row: &PgRow) -> Result<Member, DbError> {
    Ok(Member {
        user: row.try_get("user_id")?,
        mail: row.try_get("mail")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        is_owner: row.try_get("is_owner")?,
        read_only: row.try_get("read_only")?,
        created_at: row.try_get("created_at")?,
    })
}

/// All members, locked until the transaction ends.
async fn lock(tx: &mut TenantTx) -> Result<Vec<Member>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select user_id, mail, name, role, is_owner, read_only, created_at from memberships
          where tenant_id = $1 order by user_id for update",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(member).collect()
}

/// What may not be, as a sentence, once `target` has become `after` (`None`: is gone).
fn refusal(members: &[Member], actor: &Actor, target: &Member, after: Option<&Member>) -> Option<&'static str> {
    if let Actor::User(user) = actor
        && !members.iter().any(|member| member.user == *user && member.may_administrate())
    {
        return Some("You are no longer an admin here: somebody changed your membership meanwhile.");
    }
    if target.is_owner {
        return Some("This is the owner: transfer the ownership to somebody else first.");
    }
    let others = members.iter().filter(|member| member.user != target.user);
    if !others.chain(after).any(Member::may_administrate) {
        return Some("Somebody has to remain who may administrate: make another member an admin first.");
    }
    None
}

async fn checked(
    tx: &mut TenantTx,
    actor: &Actor,
    user: UserId,
    change: impl FnOnce(&mut Member) -> bool,
) -> Result<Member, DbError> {
    let members = lock(tx).await?;
    let target = members.iter().find(|member| member.user == user).ok_or(DbError::NotFound)?;
    let mut after = target.clone();
    let stays = change(&mut after);
    match refusal(&members, actor, target, stays.then_some(&after)) {
        Some(sentence) => Err(DbError::Conflict(sentence)),
        None => Ok(after),
    }
}

/// Changes a member's role, or whether they may change anything. `None` leaves it as it is.
pub async fn change(
    tx: &mut TenantTx,
    actor: &Actor,
    user: UserId,
    role: Option<&str>,
    read_only: Option<bool>,
) -> Result<Member, DbError> {
    let after = checked(tx, actor, user, |member| {
        if let Some(role) = role {
            role.clone_into(&mut member.role);
        }
        member.read_only = read_only.unwrap_or(member.read_only);
        true
    })
    .await?;
    let tenant = tx.tenant();
    sqlx::query("update memberships set role = $3, read_only = $4 where tenant_id = $1 and user_id = $2")
        .bind(tenant)
        .bind(user)
        .bind(&after.role)
        .bind(after.read_only)
        .execute(tx.conn())
        .await?;
    Ok(after)
}

/// Removes a member. Invitations they gave out, and ones to their address, are void.
pub async fn remove(tx: &mut TenantTx, actor: &Actor, user: UserId) -> Result<(), DbError> {
    let gone = checked(tx, actor, user, |_| false).await?;
    let tenant = tx.tenant();
    sqlx::query(
        "with gone as (delete from memberships where tenant_id = $1 and user_id = $2)
         update invitations set revoked_at = clock_timestamp()
          where tenant_id = $1 and accepted_at is null and revoked_at is null and (invited_by = $3 or mail = $4)",
    )
    .bind(tenant)
    .bind(user)
    .bind(user.to_string())
    .bind(&gone.mail)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes another member the owner, and with that an admin. The former owner stays an admin.
pub async fn transfer(tx: &mut TenantTx, owner: UserId, to: UserId) -> Result<(), DbError> {
    let members = lock(tx).await?;
    if !members.iter().any(|member| member.user == owner && member.is_owner) {
        return Err(DbError::Conflict("You are not the owner: only the owner transfers the ownership."));
    }
    if !members.iter().any(|member| member.user == to) {
        return Err(DbError::NotFound);
    }
    let tenant = tx.tenant();
    sqlx::query("update memberships set is_owner = false where tenant_id = $1 and user_id = $2")
        .bind(tenant)
        .bind(owner)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "update memberships set is_owner = true, role = 'customer_admin', read_only = false
          where tenant_id = $1 and user_id = $2",
    )
    .bind(tenant)
    .bind(to)
    .execute(tx.conn())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(role: &str, is_owner: bool, read_only: bool) -> Member {
        Member {
            user: UserId::new(),
            mail: String::new(),
            name: String::new(),
            role: role.into(),
            is_owner,
            read_only,
            created_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Attack case 82: whoever changes whom, somebody can still administrate.
    #[test]
    fn attack_82_the_last_admin_stays_and_the_owner_too() {
        let (ada, bob) = (person(ADMIN, false, false), person("customer_operator", false, false));
        let key = Actor::System;
        let both = [ada.clone(), bob.clone()];
        let demoted = Member { role: "customer_operator".into(), ..ada.clone() };
        let idle = Member { read_only: true, ..ada.clone() };
        for after in [None, Some(&demoted), Some(&idle)] {
            assert!(refusal(&both, &key, &ada, after).is_some_and(|sentence| sentence.contains("has to remain")));
        }
        assert_eq!(refusal(&both, &key, &bob, None), None);
        let watcher = person(ADMIN, false, true);
        assert!(refusal(&[ada.clone(), watcher], &key, &ada, None).is_some(), "a reader is no admin");
        let owner = person(ADMIN, true, false);
        let sentence = refusal(&[ada.clone(), owner.clone()], &key, &owner, None);
        assert!(sentence.is_some_and(|sentence| sentence.contains("owner")));
        // Who was demoted a moment ago demotes nobody.
        let sentence = refusal(&both, &Actor::User(bob.user), &ada, Some(&demoted));
        assert!(sentence.is_some_and(|sentence| sentence.contains("no longer an admin")));
    }
}
