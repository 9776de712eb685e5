//! People who talk to agents, for people in front of a screen: a list, and where one human is known.

use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{DbError, TenantTx, people::Standing, privacy::human};
use crate::ids::{ConnectionId, PersonId};

/// Somebody in a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: PersonId,
    pub name: String,
    pub connection: ConnectionId,
    pub connection_name: String,
    /// `slack` or `whatsapp`.
    pub channel: String,
    /// What the platform knows them by, and their phone number if that is something else.
    pub external_id: String,
    pub phone: Option<String>,
    pub standing: Standing,
    pub vip: bool,
    /// They want no messages.
    pub opted_out: bool,
    pub known_since: OffsetDateTime,
    /// An erasure of theirs is under way.
    pub leaves: bool,
}

/// Which people. What is empty or `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// A part of their name, in any case, or all of the id or phone number that the platform knows them by.
    pub q: &'a str,
    pub only_vip: bool,
    pub before: Option<PersonId>,
}

macro_rules! lines {
    ($more:literal, $rest:expr) => {
        concat!(
            "select p.person_id, p.display_name, p.connection_id, c.display_name as connection_name, c.channel, p.external_id,
                    p.phone, p.standing, p.vip, p.opted_out_at is not null as opted_out, p.created_at,
                    p.person_id = any (array(select unnest(e.people) from erasures e
                                              where e.tenant_id = $1 and e.finished_at is null)) as leaves",
            $more,
            " from people p join channel_connections c on c.tenant_id = $1 and c.connection_id = p.connection_id
              where p.tenant_id = $1 and ",
            $rest
        )
    };
}

/// Whom the tenant's agents know, the latest first; not who was erased, nor what is left of who goes by another id since.
pub async fn list(tx: &mut TenantTx, filter: &Filter<'_>, limit: i64) -> Result<Vec<Line>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(lines!(
        "",
        "($2::uuid is null or p.person_id < $2) and (p.vip or not $3)
         and p.external_id not like 'erased:%' and p.merged_into is null
         and ($4 = '' or p.display_name ilike $5 or p.external_id = $4 or $6 in (p.external_id, p.phone))
          order by p.person_id desc limit $7"
    ))
    .bind(tenant)
    .bind(filter.before)
    .bind(filter.only_vip)
    .bind(filter.q)
    .bind(pattern(filter.q))
    .bind(digits(filter.q))
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(line).collect()
}

/// It stands for itself, also where it is a sign of the pattern's.
fn pattern(q: &str) -> String {
    let plain = q.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{plain}%")
}

/// A phone number as the platform writes it, however people do; `None`: it is none.
fn digits(q: &str) -> Option<String> {
    let signs = |sign: char| sign.is_ascii_digit() || matches!(sign, '+' | ' ' | '-' | '/' | '(' | ')');
    let digits: String = q.chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty() && q.chars().all(signs)).then_some(digits)
}

/// One of the places where a human is known.
#[derive(Clone, Debug)]
pub struct Place {
    pub line: Line,
    pub last_wrote_at: Option<OffsetDateTime>,
    /// The ids that they went by there before.
    pub before: Vec<PersonId>,
}

/// Where one human is known: themselves, and whoever an erasure of theirs takes along. Empty: nobody here, or erased.
pub async fn of_human(tx: &mut TenantTx, person: PersonId) -> Result<Vec<Place>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(lines!(
        ", (select max(m.sent_at) from messages m where m.tenant_id = $1 and m.person_id = p.person_id) as last_wrote_at,
           array(select k.person_id from people k where k.tenant_id = $1 and k.merged_into = p.person_id) as before",
        concat!("p.person_id in (", human!(), ") order by p.person_id")
    ))
    .bind(tenant)
    .bind([person])
    .fetch_all(tx.conn())
    .await?;
    let place = |row: &PgRow| {
        let (last_wrote_at, before) = (row.try_get("last_wrote_at")?, row.try_get("before")?);
        Ok(Place { line: line(row)?, last_wrote_at, before })
    };
    rows.iter().map(place).collect()
}

fn line(row: &PgRow) -> Result<Line, DbError> {
    let standing: String = row.try_get("standing")?;
    Ok(Line {
        id: row.try_get("person_id")?,
        name: row.try_get("display_name")?,
        connection: row.try_get("connection_id")?,
        connection_name: row.try_get("connection_name")?,
        channel: row.try_get("channel")?,
        external_id: row.try_get("external_id")?,
        phone: row.try_get("phone")?,
        standing: Standing::parse(&standing),
        vip: row.try_get("vip")?,
        opted_out: row.try_get("opted_out")?,
        known_since: row.try_get("created_at")?,
        leaves: row.try_get("leaves")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for written in ["4915100000009", "+49 151 00000009", "(49) 151/0000-0009"] {
            assert_eq!(digits(written).as_deref(), Some("4915100000009"), "{written}");
        }
        for none in ["", "+", "Ada", "U0491"] {
            assert_eq!(digits(none), None, "{none}");
        }
    }

    #[test]
    fn signs_of_a_pattern_stand_for_themselves() {
        assert_eq!(pattern(r"50%_\"), r"%50\%\_\\%");
    }
}
