//! What one commit of the accept path writes: dedupe keys, places in the lanes, and the messages themselves.
//!
//! Sequence numbers are given out under the lane's row lock, so their order is the order of commit. Keys are taken before
//! any lane, and both in one order, so that commits never wait for each other in a circle.

use std::{collections::HashMap, sync::Arc};

use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use super::{
    DbError, count_round_trip,
    inbox::{Accepted, Arrival, Content},
};
use crate::{ids::TenantId, message::InboundMessage};

/// A single message that opens its conversation or goes on in it, beside [`STORE`] for its plainer plan: setting a plan up
/// costs as much as running it, so there is no part here that only copies need. No row: it is one.
const STORE_ONE: &str = "
with fresh as (
    insert into inbox_keys (tenant_id, identity, addressed) values ($1, $4, $5)
    on conflict do nothing
    returning identity
), lane as (
    insert into lanes as l (tenant_id, conversation_id, connection_id, last_seq, ready_at)
    select $1, $3, $2, 1, case when $6::text is null then clock_timestamp() end from fresh
    on conflict (tenant_id, conversation_id) do update
       set last_seq = l.last_seq + 1,
           -- While it is leased, ready_at is the lease's end; the owner looks at last_seq before it lets go. After a
           -- failure it is when to try again, and writing once more must not use up the attempts.
           ready_at = case when l.owner is null and (l.claims = 0 or l.ready_at is null)
                           then least(l.ready_at, excluded.ready_at) else l.ready_at end
    returning last_seq
), stored as (
    insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state, reason, trace,
                       ended_at)
    select $1, $3, last_seq, $2, $5, $7, $8, (case when $6 is null then 'pending' else 'ignored' end)::inbox_state, $6, $9,
           case when $6 is not null then clock_timestamp() end
      from lane
)
select last_seq from lane";

/// Several messages at once, no two with the same identity.
const STORE: &str = "
with given as (
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bool[], $6::bool[], $7::text[], $8::bytea[],
                         $9::jsonb[], $10::text[])
           with ordinality as g (tenant_id, connection_id, conversation_id, identity, addressed, known_lane_only, ignored,
                                 raw, normalized, trace, n)
), fresh as (
    insert into inbox_keys (tenant_id, identity, addressed)
    select tenant_id, identity, addressed from given g
     where not known_lane_only
        or exists (select from lanes l where l.tenant_id = g.tenant_id and l.conversation_id = g.conversation_id)
     order by tenant_id, identity
    on conflict do nothing
    returning tenant_id, identity
), kept as materialized (
    select g.*, row_number() over talk as behind, lead(n) over talk is null as first,
           bool_or(ignored is null) over talk as pending
      from given g join fresh using (tenant_id, identity)
    window talk as (partition by tenant_id, conversation_id order by n desc)
), lane as (
    insert into lanes as l (tenant_id, conversation_id, connection_id, last_seq, ready_at)
    select tenant_id, conversation_id, connection_id, behind, case when pending then clock_timestamp() end
      from kept where first
     order by tenant_id, conversation_id
    on conflict (tenant_id, conversation_id) do update
       set last_seq = l.last_seq + excluded.last_seq,
           ready_at = case when l.owner is null and (l.claims = 0 or l.ready_at is null)
                           then least(l.ready_at, excluded.ready_at) else l.ready_at end
    returning tenant_id, conversation_id, last_seq
), stored as (
    insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state, reason, trace,
                       ended_at)
    select tenant_id, conversation_id, last_seq - behind + 1, connection_id, addressed, raw, normalized,
           (case when ignored is null then 'pending' else 'ignored' end)::inbox_state, ignored, trace,
           case when ignored is not null then clock_timestamp() end
      from kept join lane using (tenant_id, conversation_id)
)
select g.n, lane.last_seq - kept.behind + 1 as seq,
       -- What a concurrent statement just stored is not visible here: then it is not known.
       case when kept.n is null then (select k.addressed from inbox_keys k where k.tenant_id = g.tenant_id
                                                                            and k.identity = g.identity) end
         as known_addressed
  from given g
  left join kept on kept.n = g.n
  left join lane on lane.tenant_id = kept.tenant_id and lane.conversation_id = kept.conversation_id";

/// Stores what is new among them; answers in their order. One round trip.
pub(super) async fn store(
    connection: &mut PgConnection,
    arrivals: &[Arc<Arrival>],
) -> Result<Vec<Accepted>, DbError> {
    let singles = Singles::of(arrivals);
    let answers = match singles.chosen.as_slice() {
        [only] if !arrivals[*only].known_lane_only => vec![store_one(connection, &arrivals[*only]).await?],
        chosen => store_many(connection, arrivals, chosen).await?,
    };
    Ok(singles.spread(arrivals, &answers))
}

async fn store_one(connection: &mut PgConnection, arrival: &Arrival) -> Result<Accepted, DbError> {
    let seq = sqlx::query_scalar(STORE_ONE)
        .bind(arrival.tenant)
        .bind(arrival.connection)
        .bind(arrival.conversation)
        .bind(arrival.identity())
        .bind(arrival.addressed)
        .bind(arrival.content.ignored())
        .bind(arrival.raw.as_slice())
        .bind(arrival.content.normalized())
        .bind(arrival.trace.as_deref())
        .fetch_optional(&mut *connection)
        .await?;
    let known = match seq {
        None => find_key(connection, arrival).await?,
        Some(_) => None,
    };
    answer(arrival, seq, known)
}

/// Whether what has the same identity is known to be addressed to the agent; `None`: nothing of it is stored.
async fn find_key(connection: &mut PgConnection, arrival: &Arrival) -> Result<Option<bool>, DbError> {
    count_round_trip();
    let found = sqlx::query_scalar("select addressed from inbox_keys where tenant_id = $1 and identity = $2")
        .bind(arrival.tenant)
        .bind(arrival.identity())
        .fetch_optional(connection)
        .await?;
    Ok(found)
}

async fn store_many(
    connection: &mut PgConnection,
    arrivals: &[Arc<Arrival>],
    chosen: &[usize],
) -> Result<Vec<Accepted>, DbError> {
    let given: Vec<&Arrival> = chosen.iter().map(|&n| &*arrivals[n]).collect();
    let known_lane_only: Vec<bool> = given
        .iter()
        .enumerate()
        .map(|(n, arrival)| arrival.known_lane_only && !is_opened(&given[..n], arrival))
        .collect();
    let rows = sqlx::query(STORE)
        .bind(column(&given, |arrival| arrival.tenant.uuid()))
        .bind(column(&given, |arrival| arrival.connection.uuid()))
        .bind(column(&given, |arrival| arrival.conversation.uuid()))
        .bind(column(&given, Arrival::identity))
        .bind(column(&given, |arrival| arrival.addressed))
        .bind(known_lane_only)
        .bind(column(&given, |arrival| arrival.content.ignored()))
        .bind(column(&given, |arrival| arrival.raw.as_slice()))
        .bind(column(&given, |arrival| arrival.content.normalized()))
        .bind(column(&given, |arrival| arrival.trace.as_deref()))
        .fetch_all(connection)
        .await?;
    let mut answers = vec![Accepted::NotKept; given.len()];
    for row in rows {
        let n: i64 = row.try_get("n")?;
        let place = usize::try_from(n - 1).ok().filter(|place| *place < given.len());
        let place = place.ok_or_else(|| DbError::Damaged(format!("row {n} was not given")))?;
        answers[place] = answer(given[place], row.try_get("seq")?, row.try_get("known_addressed")?)?;
    }
    Ok(answers)
}

fn column<'a, T>(given: &[&'a Arrival], pick: impl Fn(&'a Arrival) -> T) -> Vec<T> {
    given.iter().map(|arrival| pick(arrival)).collect()
}

/// Whether what opens the conversation travels in the same commit, earlier: the statement does not see it yet.
fn is_opened(earlier: &[&Arrival], arrival: &Arrival) -> bool {
    let lane = |arrival: &Arrival| (arrival.tenant, arrival.conversation);
    earlier.iter().any(|other| !other.known_lane_only && lane(other) == lane(arrival))
}

fn answer(arrival: &Arrival, seq: Option<i64>, known_addressed: Option<bool>) -> Result<Accepted, DbError> {
    Ok(match (seq, known_addressed) {
        (Some(seq), _) => Accepted::Stored { conversation: arrival.conversation, seq },
        (None, Some(settled)) => Accepted::Duplicate { settled },
        (None, None) if arrival.known_lane_only => Accepted::NotKept,
        (None, None) => Accepted::Duplicate { settled: false },
    })
}

/// Of several copies of one message, the one that is stored for all.
struct Singles {
    /// Positions in order of arrival.
    chosen: Vec<usize>,
    by_identity: HashMap<(TenantId, Uuid), usize>,
}

impl Singles {
    /// The first copy; but one that opens a conversation before one that is only kept in known ones.
    fn of(arrivals: &[Arc<Arrival>]) -> Self {
        let mut by_identity = HashMap::with_capacity(arrivals.len());
        for (n, arrival) in arrivals.iter().enumerate() {
            let best = by_identity.entry(arrival.owned_identity()).or_insert(n);
            if arrivals[*best].known_lane_only && !arrival.known_lane_only {
                *best = n;
            }
        }
        let mut chosen: Vec<usize> = by_identity.values().copied().collect();
        chosen.sort_unstable();
        Self { chosen, by_identity }
    }

    /// The answers for all copies, from those of the chosen ones.
    fn spread(&self, arrivals: &[Arc<Arrival>], answers: &[Accepted]) -> Vec<Accepted> {
        let of_chosen: HashMap<usize, Accepted> =
            self.chosen.iter().copied().zip(answers.iter().copied()).collect();
        let all = arrivals.iter().enumerate().map(|(n, arrival)| {
            let chosen = self.by_identity[&arrival.owned_identity()];
            match of_chosen[&chosen] {
                Accepted::Stored { .. } if chosen != n => {
                    Accepted::Duplicate { settled: arrivals[chosen].addressed }
                }
                same => same,
            }
        });
        all.collect()
    }
}

impl Arrival {
    /// What makes two events the same: the message they carry, or else their own id.
    fn identity(&self) -> Uuid {
        self.message_key.unwrap_or(self.event_key)
    }

    fn owned_identity(&self) -> (TenantId, Uuid) {
        (self.tenant, self.identity())
    }
}

impl Content {
    fn ignored(&self) -> Option<&'static str> {
        match self {
            Self::Message(_) => None,
            Self::Ignored(reason) => Some(reason),
        }
    }

    fn normalized(&self) -> Option<Json<&InboundMessage>> {
        match self {
            Self::Message(message) => Some(Json(message)),
            Self::Ignored(_) => None,
        }
    }
}
