//! What was counted, added up.

use std::collections::BTreeMap;

use sqlx::{Row, postgres::PgRow};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::super::{DbError, TenantTx};
use crate::ids::AgentId;

/// The first step of the scale ends here; the others are a tenth longer each. The database's `time_step()` says the same.
const STEP_MS: f64 = 10.0;
const STEP_GROWTH: f64 = 1.1;

/// Days of the tenant's time zone, both included.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Date,
    pub to: Date,
}

/// Only what one agent did, or what happened in one channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    pub agent: Option<AgentId>,
    /// `slack` or `whatsapp`.
    pub channel: Option<&'a str>,
}

/// What a group of counts is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    All,
    Day(Date),
    /// `None`: no agent's.
    Agent(Option<AgentId>),
    /// `none`, `slack` or `whatsapp`.
    Channel(String),
    /// One line of the finest table.
    Line(Date, Option<AgentId>, String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub key: Key,
    /// The agent's.
    pub name: Option<String>,
    pub figures: Figures,
}

/// Counts by measure, and of times how many in each step of the scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(BTreeMap<String, BTreeMap<i32, i64>>);

impl Figures {
    pub fn count(&self, measure: &str) -> i64 {
        self.0.get(measure).map_or(0, |buckets| buckets.values().sum())
    }

    /// Milliseconds within which this part of them was done; `None`: there are none.
    pub fn within_ms(&self, measure: &str, part: f64) -> Option<i64> {
        let buckets = self.0.get(measure)?;
        let wanted = (self.count(measure) as f64 * part).max(1.0);
        let mut before = 0.0;
        for (step, count) in buckets {
            let count = *count as f64;
            if before + count >= wanted {
                let end = STEP_MS * STEP_GROWTH.powi(*step);
                let begin = if *step == 0 { 0.0 } else { end / STEP_GROWTH };
                return Some((begin + (end - begin) * (wanted - before) / count).round() as i64);
            }
            before += count;
        }
        None
    }
}

/// How far it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whose days they are.
    pub time_zone: String,
    /// Today there.
    pub today: Date,
    /// What happened before is counted, unless days still wait.
    pub as_of: OffsetDateTime,
    /// Days that are about to be counted anew.
    pub waiting: i32,
}

/// `None`: nothing was looked at yet.
pub async fn counted(tx: &mut TenantTx) -> Result<Option<Counted>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select time_zone, (now() at time zone time_zone)::date as today, seen_at, cardinality(pending) as waiting
           from analytics_progress where tenant_id = $1 and seen_at is not null",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Counted {
            time_zone: row.try_get("time_zone")?,
            today: row.try_get("today")?,
            as_of: row.try_get("seen_at")?,
            waiting: row.try_get("waiting")?,
        })
    })
    .transpose()
}

macro_rules! counted {
    ($group:literal) => {
        concat!(
            "select g.*, (select a.name from agents a where a.tenant_id = $1 and a.agent_id = g.agent_id) as name
               from (select grouping(day, agent_id, channel) as kind, day, agent_id, channel, measure, bucket,
                            sum(amount)::bigint as amount
                       from analytics_days
                      where tenant_id = $1 and day between $2 and $3 and ($4::uuid is null or agent_id = $4)
                        and ($5::text is null or channel = $5)
                      group by ",
            $group,
            ") g order by kind, day, agent_id, channel"
        )
    };
}

const REPORT: &str = counted!(
    "grouping sets ((measure, bucket), (day, measure, bucket), (agent_id, measure, bucket), (channel, measure, bucket))"
);
const LINES: &str = counted!("day, agent_id, channel, measure, bucket");

/// All of it, each day, each agent and each channel.
pub async fn report(tx: &mut TenantTx, span: Span, filter: Filter<'_>) -> Result<Vec<Group>, DbError> {
    asked(tx, REPORT, span, filter).await
}

/// Each day of each agent in each channel.
pub async fn lines(tx: &mut TenantTx, span: Span, filter: Filter<'_>) -> Result<Vec<Group>, DbError> {
    asked(tx, LINES, span, filter).await
}

async fn asked(
    tx: &mut TenantTx,
    sql: &'static str,
    span: Span,
    filter: Filter<'_>,
) -> Result<Vec<Group>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(sql)
        .bind(tenant)
        .bind(span.from)
        .bind(span.to)
        .bind(filter.agent)
        .bind(filter.channel)
        .fetch_all(tx.conn())
        .await?;
    let mut groups: Vec<Group> = Vec::new();
    for row in &rows {
        let key = key(row)?;
        if groups.last().is_none_or(|group| group.key != key) {
            groups.push(Group { key, name: row.try_get("name")?, figures: Figures::default() });
        }
        let Some(group) = groups.last_mut() else { continue };
        let buckets = group.figures.0.entry(row.try_get("measure")?).or_default();
        buckets.insert(row.try_get("bucket")?, row.try_get("amount")?);
    }
    Ok(groups)
}

/// `grouping()` has a bit for each column that is not grouped by: day 4, agent 2, channel 1.
fn key(row: &PgRow) -> Result<Key, DbError> {
    let agent = |id: Uuid| (!id.is_nil()).then_some(AgentId::from_uuid(id));
    Ok(match row.try_get("kind")? {
        0 => Key::Line(row.try_get("day")?, agent(row.try_get("agent_id")?), row.try_get("channel")?),
        3 => Key::Day(row.try_get("day")?),
        5 => Key::Agent(agent(row.try_get("agent_id")?)),
        6 => Key::Channel(row.try_get("channel")?),
        _ => Key::All,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(steps: &[(i32, i64)]) -> Figures {
        Figures(BTreeMap::from([("answer_times".to_owned(), steps.iter().copied().collect())]))
    }

    #[test]
    fn a_percentile_lies_in_its_step() {
        assert_eq!(Figures::default().within_ms("answer_times", 0.5), None);
        let one = times(&[(0, 1)]);
        assert_eq!(one.within_ms("answer_times", 0.5), Some(10), "one is the whole of its step");
        let many = times(&[(0, 50), (10, 49), (50, 1)]);
        let within = |part| many.within_ms("answer_times", part).expect("there are some");
        assert_eq!((within(0.5), within(0.25)), (10, 5));
        assert!((23..=26).contains(&within(0.9)), "step 10 ends at 26 ms: {}", within(0.9));
        assert_eq!(within(1.0), 1_174, "the last step's end");
    }
}
