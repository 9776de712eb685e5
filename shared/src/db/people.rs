//! People who talk to agents, and what they are to the tenant.

use sqlx::Row;
use time::OffsetDateTime;

use super::{Audience, DbError, TenantTx};
use crate::{
    ids::{ConnectionId, PersonId},
    message::InboundMessage,
};

/// What somebody is to the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The platform has not told us: a colleague, unless the message itself says otherwise.
    Unknown,
    Member,
    /// Of the workspace, but not of all of it.
    Guest,
    /// Of another company.
    Outsider,
    Bot,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Member => "member",
            Self::Guest => "guest",
            Self::Outsider => "outsider",
            Self::Bot => "bot",
        }
    }

    pub fn parse(text: &str) -> Self {
        match text {
            "member" => Self::Member,
            "guest" => Self::Guest,
            "outsider" => Self::Outsider,
            "bot" => Self::Bot,
            _ => Self::Unknown,
        }
    }

    /// Not one of the tenant's own people.
    pub fn is_outside(self) -> bool {
        matches!(self, Self::Guest | Self::Outsider)
    }
}

/// What the platform tells about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub display_name: String,
    pub standing: Standing,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub connection: ConnectionId,
    pub external_id: String,
    /// The provider's id of the workspace or organization that the connection is with.
    pub workspace: String,
    pub profile_known: bool,
}

pub async fn find(tx: &mut TenantTx, id: PersonId) -> Result<Option<Person>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select p.connection_id, p.external_id, c.external_id as workspace, p.profile_fetched_at is not null as known
           from people p
           join channel_connections c on c.tenant_id = p.tenant_id and c.connection_id = p.connection_id
          where p.tenant_id = $1 and p.person_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Person {
            connection: row.try_get("connection_id")?,
            external_id: row.try_get("external_id")?,
            workspace: row.try_get("workspace")?,
            profile_known: row.try_get("known")?,
        })
    })
    .transpose()
}

/// The person behind an id of the platform's, known from now on.
pub async fn meet(tx: &mut TenantTx, connection: ConnectionId, external_id: &str) -> Result<PersonId, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "insert into people (tenant_id, person_id, connection_id, external_id, display_name) values ($1, $2, $3, $4, $4)
         on conflict (tenant_id, connection_id, external_id) do update set display_name = people.display_name
         returning person_id",
    )
    .bind(tenant)
    .bind(PersonId::new())
    .bind(connection)
    .bind(external_id)
    .fetch_one(tx.conn())
    .await?)
}

/// Whom a provider knows by this id, or by this phone number; at most 20.
pub async fn known_as(tx: &mut TenantTx, id: &str) -> Result<Vec<PersonId>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select person_id from people where tenant_id = $1 and (external_id = $2 or phone = $2) limit 20",
    )
    .bind(tenant)
    .bind(id)
    .fetch_all(tx.conn())
    .await?)
}

/// What somebody is to the tenant, and what they are called.
pub async fn standing(tx: &mut TenantTx, person: PersonId) -> Result<(Standing, String), DbError> {
    let tenant = tx.tenant();
    let (standing, name): (String, String) =
        sqlx::query_as("select standing, display_name from people where tenant_id = $1 and person_id = $2")
            .bind(tenant)
            .bind(person)
            .fetch_optional(tx.conn())
            .await?
            .ok_or(DbError::NotFound)?;
    Ok((Standing::parse(&standing), name))
}

/// People whose names contain one of these words (lower case), with the word; at most 50.
pub async fn named(tx: &mut TenantTx, words: &[String]) -> Result<Vec<(PersonId, String)>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select p.person_id, w.word
           from people p
           cross join lateral regexp_split_to_table(lower(p.display_name), '[^[:alnum:]]+') as w (word)
          where p.tenant_id = $1 and w.word = any ($2)
          limit 50",
    )
    .bind(tenant)
    .bind(words)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("person_id")?, row.try_get("word")?))).collect()
}

/// What is known of a person is out of date. `None`: nobody knows them, or what they are is asked already.
pub async fn outdate(
    tx: &mut TenantTx,
    connection: ConnectionId,
    external_id: &str,
) -> Result<Option<PersonId>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "update people set profile_fetched_at = null
          where tenant_id = $1 and connection_id = $2 and external_id = $3 and profile_fetched_at is not null
         returning person_id",
    )
    .bind(tenant)
    .bind(connection)
    .bind(external_id)
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn describe(tx: &mut TenantTx, id: PersonId, profile: &Profile) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update people set display_name = $3, standing = $4, profile_fetched_at = clock_timestamp()
          where tenant_id = $1 and person_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(&profile.display_name)
    .bind(profile.standing.as_str())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stores what a platform tells about the authors of these messages along with them, and gives each author the id they are
/// stored under: who wrote before the platform gave them a user id is known by the phone number, and goes on as the same
/// person. Needs an all-audiences transaction.
pub async fn introduce(
    tx: &mut TenantTx,
    connection: ConnectionId,
    messages: &mut [InboundMessage],
) -> Result<(), DbError> {
    for message in messages {
        let Some(profile) = &message.profile else { continue };
        if let Some(phone) = profile.phone.as_deref() {
            if phone == message.author {
                message.author = by_phone(tx, connection, phone).await?.unwrap_or_else(|| phone.to_owned());
            } else if let (Some(person), None) = known(tx, connection, phone, &message.author).await? {
                rename(tx, person.id, &message.author, Some(phone)).await?;
            }
        }
        let tenant = tx.tenant();
        sqlx::query(
            "with given_away as (
                 update people set phone = null
                  where tenant_id = $1 and connection_id = $3 and phone = $6 and external_id <> $4
             )
             insert into people as p (tenant_id, person_id, connection_id, external_id, display_name, phone,
                                      profile_fetched_at, standing)
             values ($1, $2, $3, $4, $5, $6, clock_timestamp(), $7)
             on conflict (tenant_id, connection_id, external_id) do update
                set display_name = excluded.display_name, phone = coalesce(excluded.phone, p.phone),
                    profile_fetched_at = excluded.profile_fetched_at
              where (p.display_name, p.phone) is distinct from (excluded.display_name, coalesce(excluded.phone, p.phone))
                 or p.profile_fetched_at is null",
        )
        .bind(tenant)
        .bind(PersonId::new())
        .bind(connection)
        .bind(&message.author)
        .bind(&profile.name)
        .bind(profile.phone.as_deref())
        .bind(if message.by_bot { Standing::Bot } else { Standing::Unknown }.as_str())
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

async fn by_phone(tx: &mut TenantTx, connection: ConnectionId, phone: &str) -> Result<Option<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select external_id from people where tenant_id = $1 and connection_id = $2 and phone = $3 limit 1",
    )
    .bind(tenant)
    .bind(connection)
    .bind(phone)
    .fetch_optional(tx.conn())
    .await?)
}

/// A person goes by another id from now on. If both are known already, what the older one said becomes the newer one's, and
/// so do its mark and its wish to be left alone; who is remembered by it is told it, too. Needs an all-audiences transaction.
pub async fn moved(
    tx: &mut TenantTx,
    connection: ConnectionId,
    previous: &str,
    current: &str,
    phone: Option<&str>,
) -> Result<(), DbError> {
    match known(tx, connection, previous, current).await? {
        (Some(person), None) => rename(tx, person.id, current, phone).await,
        (Some(older), Some(newer)) => merge(tx, &older, newer.id).await,
        (None, _) => Ok(()),
    }
}

/// One of the ids that somebody goes by.
#[derive(sqlx::FromRow)]
struct Known {
    #[sqlx(rename = "person_id")]
    id: PersonId,
    external_id: String,
    vip: bool,
    opted_out_at: Option<OffsetDateTime>,
}

/// The people of these two ids.
async fn known(
    tx: &mut TenantTx,
    connection: ConnectionId,
    one: &str,
    other: &str,
) -> Result<(Option<Known>, Option<Known>), DbError> {
    let tenant = tx.tenant();
    let mut both: Vec<Known> = sqlx::query_as(
        "select person_id, external_id, vip, opted_out_at from people
          where tenant_id = $1 and connection_id = $2 and external_id in ($3, $4) for update",
    )
    .bind(tenant)
    .bind(connection)
    .bind(one)
    .bind(other)
    .fetch_all(tx.conn())
    .await?;
    let mut of = |id: &str| both.iter().position(|known| known.external_id == id).map(|at| both.swap_remove(at));
    Ok((of(one), of(other)))
}

async fn rename(tx: &mut TenantTx, person: PersonId, id: &str, phone: Option<&str>) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update people set external_id = $3, phone = coalesce($4, phone) where tenant_id = $1 and person_id = $2",
    )
    .bind(tenant)
    .bind(person)
    .bind(id)
    .bind(phone)
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn merge(tx: &mut TenantTx, older: &Known, newer: PersonId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with said as (
             update messages set person_id = $3 where tenant_id = $1 and person_id = $2
         ), remembered as (
             update memories set person_id = $3, audience = case when audience = $4 then $5 else audience end,
                                 subject = case when subject = $4 then $5 else subject end
              where tenant_id = $1 and person_id = $2
         ), newer as (
             update people set vip = vip or $6, opted_out_at = coalesce(opted_out_at, $7)
              where tenant_id = $1 and person_id = $3
         )
         -- Rows that tell what happened go on naming it, but nobody writes by its id any more, which is free again.
         update people set merged_into = $3, phone = null,
                           external_id = case when person_id = $2 then external_id || '#' || person_id else external_id end
          where tenant_id = $1 and $2 in (person_id, merged_into)",
    )
    .bind(tenant)
    .bind(older.id)
    .bind(newer)
    .bind(Audience::Person(older.id).to_string())
    .bind(Audience::Person(newer).to_string())
    .bind(older.vip)
    .bind(older.opted_out_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that a person wants no more messages, or wants them again.
pub async fn set_consent(tx: &mut TenantTx, person: PersonId, opted_out: bool) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update people set opted_out_at = case when $3 then coalesce(opted_out_at, clock_timestamp()) end
          where tenant_id = $1 and person_id = $2",
    )
    .bind(tenant)
    .bind(person)
    .bind(opted_out)
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn has_opted_out(tx: &mut TenantTx, person: PersonId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let opted_out =
        sqlx::query_scalar("select opted_out_at is not null from people where tenant_id = $1 and person_id = $2")
            .bind(tenant)
            .bind(person)
            .fetch_optional(tx.conn())
            .await?;
    Ok(opted_out.unwrap_or(false))
}

pub async fn is_vip(tx: &mut TenantTx, person: PersonId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let vip = sqlx::query_scalar("select vip from people where tenant_id = $1 and person_id = $2")
        .bind(tenant)
        .bind(person)
        .fetch_optional(tx.conn())
        .await?;
    Ok(vip.unwrap_or(false))
}

/// Marks somebody as important, or no longer. [`DbError::NotFound`]: there is nobody.
pub async fn set_vip(tx: &mut TenantTx, person: PersonId, vip: bool) -> Result<String, DbError> {
    let tenant = tx.tenant();
    sqlx::query_scalar("update people set vip = $3 where tenant_id = $1 and person_id = $2 returning display_name")
        .bind(tenant)
        .bind(person)
        .bind(vip)
        .fetch_optional(tx.conn())
        .await?
        .ok_or(DbError::NotFound)
}
