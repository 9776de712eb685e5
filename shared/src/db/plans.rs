//! What a plan includes, and the check where it bites: before something is added, with a sentence that names the limit.

use sqlx::Row;

use super::{
    DbError, TenantTx,
    billing::{Access, access_of, plans_paid_by},
};

/// How many of each a tenant may have; `None`: as many as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub name: &'static str,
    pub agents: Option<i64>,
    /// Members and open invitations.
    pub seats: Option<i64>,
    /// Connected workspaces and numbers.
    pub channels: Option<i64>,
    /// That agents begin in a month. See `allowances` for these two.
    pub answers: Option<i64>,
    /// Messages that agents may be reminded of.
    pub memories: Option<i64>,
}

pub const PLANS: [Plan; 4] = [
    Plan {
        name: "free",
        agents: Some(2),
        seats: Some(3),
        channels: Some(2),
        answers: Some(500),
        memories: Some(5_000),
    },
    Plan {
        name: "starter",
        agents: Some(5),
        seats: Some(10),
        channels: Some(4),
        answers: Some(5_000),
        memories: Some(50_000),
    },
    Plan {
        name: "pro",
        agents: Some(25),
        seats: Some(100),
        channels: Some(20),
        answers: Some(50_000),
        memories: Some(500_000),
    },
    Plan { name: "enterprise", agents: None, seats: None, channels: None, answers: None, memories: None },
];

/// What is about to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition {
    Agent,
    Seat,
    Channel,
}

impl Addition {
    fn limit(self, plan: &Plan) -> (Option<i64>, &'static str) {
        match self {
            Self::Agent => (plan.agents, "agents"),
            Self::Seat => (plan.seats, "members and open invitations"),
            Self::Channel => (plan.channels, "connected channels"),
        }
    }
}

/// Refuses if the plan has no room for one more. Additions to one tenant queue until the transaction ends.
pub async fn make_room(tx: &mut TenantTx, addition: Addition) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('plan ' || $1::text, 0))")
        .bind(tenant)
        .execute(tx.conn())
        .await?;
    let row = sqlx::query(concat!(
        "select plan, ",
        access_of!(),
        " as access, ",
        plans_paid_by!("$1"),
        " as paid, (select count(*) from agents where tenant_id = $1) as agents,
                (select count(*) from memberships where tenant_id = $1)
                + (select count(*) from invitations
                    where tenant_id = $1 and accepted_at is null and revoked_at is null) as seats,
                (select count(*) from channel_connections where tenant_id = $1 and status = 'active') as channels
           from tenants where tenant_id = $1"
    ))
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)?;
    match Access::read(&row)? {
        Access::Full | Access::Paused => {}
        Access::ReadOnly => {
            return Err(DbError::Limit(
                "The subscription has ended: subscribe again before you add something.".into(),
            ));
        }
        Access::Suspended => return Err(DbError::Limit("The account is suspended: nothing can be added.".into())),
    }
    let (given, paid): (String, Vec<String>) = (row.try_get("plan")?, row.try_get("paid")?);
    let plan = in_force(&given, &paid)?;
    let used: i64 = row.try_get(match addition {
        Addition::Agent => "agents",
        Addition::Seat => "seats",
        Addition::Channel => "channels",
    })?;
    refusal(plan, addition, used).map_or(Ok(()), |sentence| Err(DbError::Limit(sentence)))
}

/// The largest of the plans that a tenant was given and pays for.
pub fn in_force(given: &str, paid: &[String]) -> Result<&'static Plan, DbError> {
    let names = || paid.iter().map(String::as_str).chain([given]);
    let plan = PLANS.iter().rev().find(|plan| names().any(|name| name == plan.name));
    plan.ok_or_else(|| DbError::Damaged(format!("there is no plan `{given}`")))
}

fn refusal(plan: &Plan, addition: Addition, used: i64) -> Option<String> {
    let (limit, what) = addition.limit(plan);
    let limit = limit.filter(|limit| used >= *limit)?;
    Some(format!("The plan `{}` includes {limit} {what}: remove one, or change to a larger plan.", plan.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_the_largest_plan_it_was_given_or_pays_for() {
        let name = |given, paid: &[&str]| {
            let paid: Vec<String> = paid.iter().map(|name| (*name).to_owned()).collect();
            in_force(given, &paid).map(|plan| plan.name).ok()
        };
        assert_eq!(name("free", &[]), Some("free"));
        assert_eq!(name("free", &["starter", "pro"]), Some("pro"));
        assert_eq!(name("enterprise", &["starter"]), Some("enterprise"));
        assert_eq!(name("gold", &[]), None);
    }

    #[test]
    fn the_sentence_names_plan_and_limit_and_the_largest_plan_has_none() {
        let [free, .., enterprise] = &PLANS;
        assert_eq!(refusal(free, Addition::Agent, 1), None);
        let sentence = refusal(free, Addition::Agent, 2);
        assert_eq!(
            sentence.as_deref(),
            Some("The plan `free` includes 2 agents: remove one, or change to a larger plan.")
        );
        assert!(refusal(free, Addition::Seat, 3).is_some() && refusal(free, Addition::Channel, 2).is_some());
        assert_eq!(refusal(enterprise, Addition::Channel, 1_000_000), None);
    }
}
