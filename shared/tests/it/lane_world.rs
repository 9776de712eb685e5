//! Plays steps on the real lanes, through the functions the product uses, and holds every row against the model.
//!
//! Time passes by SQL, never by waiting; a lease is held for an hour, so that a slow machine loses none.

use std::collections::HashMap;

use futures::future::join_all;
use proptest::sample::Index;
use shared::{
    db::{
        DbError,
        inbox::{Accepted, Arrival, Content},
        lanes::{self, Lease, Round},
        system,
    },
    ids::{ConversationId, OutboxId, RunId},
};
use sqlx::{PgConnection, Row};

use crate::{
    lane_model::{Answer, Model, Queue, event_name, message_name},
    lane_steps::{Event, LANES_EACH, Step, TENANTS},
    stage::{Firm, Stage, key, message, run},
};

/// A lease as its worker knows it, and what it did under it.
pub struct Held {
    pub lease: Lease,
    pub lane: usize,
    /// Which of the lane's runs it works on.
    pub run: Option<usize>,
    pub gave_back: bool,
}

pub struct World<'a> {
    stage: &'a Stage,
    system: PgConnection,
    pub firms: Vec<Firm>,
    pub model: Model,
    pub held: Vec<Held>,
    /// Of each run by lane and place in it: its id, and those of its outbox rows.
    pub ids: HashMap<(usize, usize), (RunId, Vec<OutboxId>)>,
}

impl<'a> World<'a> {
    /// New tenants; what earlier cases left is out of the queue.
    pub async fn new(stage: &'a Stage) -> Self {
        let mut system = stage.system().await;
        run(&mut system, "update lanes set ready_at = null, owner = null, done_seq = last_seq").await;
        let mut firms = Vec::new();
        for _ in 0..TENANTS {
            firms.push(stage.firm(&RunId::new().to_string()).await);
        }
        // The round goes by id.
        firms.sort_by_key(|firm: &Firm| firm.tenant.uuid());
        Self { stage, system, firms, model: Model::new(), held: Vec::new(), ids: HashMap::new() }
    }

    pub async fn play(&mut self, steps: &[Step]) {
        for step in steps {
            self.take(step).await;
            self.compare(&format!("{step:?}")).await;
        }
    }

    pub async fn take(&mut self, step: &Step) {
        match step {
            Step::Accept(batch) => self.accept(batch).await,
            Step::Readdress(event) => self.readdress(event).await,
            Step::Claim(workers) => self.claim(*workers).await,
            Step::Renew(index) => self.renew(index).await,
            Step::Expire(index) => self.expire(index).await,
            Step::PutBack { lease, pauses } => self.put_back(lease, *pauses).await,
            Step::PauseEnds => self.pause_ends().await,
            Step::Begin { lease, fate } => {
                if let Some(held) = self.working(lease) {
                    self.begin(held, *fate).await;
                }
            }
            Step::Record { lease, parts, apologizes, fate } => {
                if let Some(held) = self.working(lease) {
                    self.record(held, *parts, *apologizes, *fate).await;
                }
            }
            Step::Finish { lease, replied, fate } => {
                if let Some(held) = self.working(lease) {
                    self.finish(held, *replied, *fate).await;
                }
            }
            Step::Human { lane, takes } => self.human(lane.index(TENANTS * LANES_EACH), *takes).await,
            Step::FallOut(index) => self.fall_out(index).await,
            Step::Sweep => self.sweep().await,
            Step::Deaths(count) => {
                for _ in 0..*count {
                    self.claim(1).await;
                    self.expire_lane(self.held.last().map(|held| held.lane)).await;
                }
            }
        }
    }

    async fn accept(&mut self, batch: &[Event]) {
        let arrivals: Vec<Arrival> = batch.iter().map(|event| self.arrival(event)).collect();
        let accepted = join_all(arrivals.into_iter().map(|arrival| self.stage.ingest.accept(arrival))).await;
        let answers: Vec<Answer> =
            accepted.into_iter().map(|accepted| answer(accepted.expect("it is answered"))).collect();
        assert_eq!(answers, self.model.accept(batch));
    }

    /// As the gateway does with a mention: first like any event.
    async fn readdress(&mut self, event: &Event) {
        let event = Event { is_aside: false, is_ignored: false, ..event.clone() };
        let arrival = self.arrival(&event);
        let accepted = self.stage.ingest.accept(arrival.clone()).await.expect("it is answered");
        assert_eq!(vec![answer(accepted)], self.model.accept(std::slice::from_ref(&event)));
        if accepted == (Accepted::Duplicate { settled: false }) {
            let accepted = self.stage.ingest.readdress(arrival).await.expect("it is answered");
            assert_eq!(answer(accepted), self.model.readdress(&event));
        }
    }

    async fn claim(&mut self, workers: usize) {
        let allowed = self.model.claimable();
        let (db, after) = (self.stage.db().system(), self.model.served.map(|tenant| self.firms[tenant].tenant));
        let round = Round { after, full: &[] };
        let claims = join_all((0..workers).map(|_| lanes::claim(&db, "worker", round))).await;
        let leases: Vec<Lease> = claims.into_iter().filter_map(|claim| claim.expect("it is answered")).collect();
        for lease in &leases {
            let lane = self.lane_of(lease);
            assert!(self.model.is_ready(lane), "lane {lane} was not to be had, or is had twice");
            if workers == 1 {
                assert!(allowed.contains(&lane), "lane {lane} is served before {allowed:?}");
            }
            self.model.claim(lane);
            let claimed = &self.model.lanes[lane];
            assert_eq!((lease.fence, lease.claims), (claimed.fence, claimed.claims));
            self.held.push(Held { lease: lease.clone(), lane, run: None, gave_back: false });
        }
        assert!(!leases.is_empty() || allowed.is_empty(), "nobody serves {allowed:?}");
        self.hold().await;
    }

    async fn renew(&mut self, index: &Index) {
        let Some((_, lease, lane)) = self.any_held(index) else { return };
        let owned = self.model.lanes[lane].is_owned(lease.fence);
        assert_eq!(owned, holds(lanes::renew(&self.stage.db().system(), &lease).await));
        if owned {
            self.model.lanes[lane].queue = Queue::Leased;
        }
        self.hold().await;
    }

    /// Also by a worker that gave the lane back before: a commit that seemed to fail may have happened.
    async fn put_back(&mut self, index: &Index, pauses: bool) {
        let now = self.model.tick();
        let Some((held, lease, lane)) = self.any_held(index) else { return };
        let pause_seconds = if pauses { 3_600.0 } else { 0.0 };
        lanes::put_back(&self.stage.db().system(), &lease, pause_seconds).await.expect("it is answered");
        if self.model.lanes[lane].is_owned(lease.fence) {
            self.model.lanes[lane].queue = if pauses { Queue::PutOff } else { Queue::Ready(now) };
        }
        self.held[held].gave_back = true;
    }

    async fn expire(&mut self, index: &Index) {
        let leased: Vec<usize> =
            (0..self.model.lanes.len()).filter(|lane| self.model.lanes[*lane].queue == Queue::Leased).collect();
        let lane = (!leased.is_empty()).then(|| leased[index.index(leased.len())]);
        self.expire_lane(lane).await;
    }

    pub async fn expire_lane(&mut self, lane: Option<usize>) {
        let now = self.model.tick();
        let Some(lane) = lane.filter(|lane| self.model.lanes[*lane].queue == Queue::Leased) else { return };
        self.change(lane, "ready_at = clock_timestamp()").await;
        self.model.lanes[lane].queue = Queue::Expired(now);
    }

    async fn pause_ends(&mut self) {
        let now = self.model.tick();
        run(
            &mut self.system,
            "update lanes set ready_at = clock_timestamp() where owner is null and ready_at > clock_timestamp()",
        )
        .await;
        for lane in self.model.lanes.iter_mut().filter(|lane| lane.queue == Queue::PutOff) {
            lane.queue = Queue::Ready(now);
        }
    }

    async fn fall_out(&mut self, index: &Index) {
        let lane = index.index(self.model.lanes.len());
        if matches!(self.model.lanes[lane].queue, Queue::Ready(_)) {
            self.change(lane, "ready_at = null").await;
            self.model.lanes[lane].queue = Queue::Out;
        }
    }

    async fn sweep(&mut self) {
        let swept = system::sweep_lanes(&self.stage.db().system()).await.expect("it is answered");
        assert_eq!(usize::try_from(swept).expect("a small number"), self.model.sweep());
    }

    async fn human(&mut self, lane: usize, takes: bool) {
        if self.model.lanes[lane].known {
            self.change(lane, if takes { "by_human = true" } else { "by_human = false" }).await;
            self.model.lanes[lane].by_human = takes;
        }
    }

    fn any_held(&self, index: &Index) -> Option<(usize, Lease, usize)> {
        let held = (!self.held.is_empty()).then(|| index.index(self.held.len()))?;
        Some((held, self.held[held].lease.clone(), self.held[held].lane))
    }

    /// A worker that has not let go, whether or not its lease still holds.
    fn working(&self, index: &Index) -> Option<usize> {
        let working: Vec<usize> = (0..self.held.len()).filter(|held| !self.held[*held].gave_back).collect();
        (!working.is_empty()).then(|| working[index.index(working.len())])
    }

    fn lane_of(&self, lease: &Lease) -> usize {
        (0..TENANTS * LANES_EACH)
            .find(|lane| self.conversation(*lane) == lease.conversation)
            .expect("only lanes of this case are ready")
    }

    pub fn conversation(&self, lane: usize) -> ConversationId {
        let firm = &self.firms[lane / LANES_EACH];
        ConversationId::from_uuid(key(&format!("{}/{}", firm.connection, lane % LANES_EACH)))
    }

    fn arrival(&self, event: &Event) -> Arrival {
        let firm = &self.firms[event.tenant];
        let (said, external) = (event_name(event), message_name(event));
        let plain = firm.says(&said, &event.lane.to_string(), "Hello");
        let told = key(&format!("{} {said}", firm.tenant));
        let same = key(&format!("{} {external}", firm.tenant));
        Arrival {
            event_key: told,
            message_key: (!event.is_ignored).then_some(same),
            addressed: !event.is_aside,
            known_lane_only: event.is_aside,
            content: if event.is_ignored {
                Content::Ignored("not a message")
            } else {
                Content::Message(Box::new(message(&external, "C1", "U1", "Hello")))
            },
            ..plain
        }
    }

    /// Changes one lane's row.
    async fn change(&mut self, lane: usize, what: &str) {
        let conversation = self.conversation(lane).uuid();
        run(&mut self.system, &format!("update lanes set {what} where conversation_id = '{conversation}'")).await;
    }

    /// What is leased now stays so until a step says otherwise.
    async fn hold(&mut self) {
        run(
            &mut self.system,
            "update lanes set ready_at = clock_timestamp() + interval '1 hour'
              where owner is not null and ready_at > clock_timestamp()",
        )
        .await;
    }

    /// Every row against the model's.
    pub async fn compare(&mut self, after: &str) {
        for tenant in 0..TENANTS {
            let rows = self.firms[tenant].rows(LINES).await;
            for lane in tenant * LANES_EACH..(tenant + 1) * LANES_EACH {
                let conversation = self.conversation(lane).uuid();
                let there = rows.iter().filter(|row| row.get::<uuid::Uuid, _>("conversation_id") == conversation);
                let there: Vec<String> = there.map(|row| row.get("line")).collect();
                assert_eq!(there, self.model.lanes[lane].lines(), "lane {lane} after {after}");
            }
        }
    }
}

/// The rows as [`crate::lane_model::Lane::lines`] writes them.
const LINES: &str = "
select conversation_id, 0 as rank, 0::bigint as number, '' as name,
       format('last %s done %s %s fence %s claims %s%s', last_seq, done_seq,
              case when ready_at is null then 'out'
                   when owner is null then case when ready_at <= clock_timestamp() then 'ready' else 'put off' end
                   when ready_at <= clock_timestamp() then 'expired' else 'leased' end,
              fence, claims, case when by_human then ' human' else '' end) as line
  from lanes
union all
select i.conversation_id, 1, i.seq, '', format('message %s %s%s', i.seq, i.state, ' by run from ' || r.from_seq)
  from inbox i left join runs r using (tenant_id, run_id)
union all
select conversation_id, 2, from_seq, '',
       format('run %s to %s %s%s, %s calls', from_seq, to_seq, state,
              (select ' remembers' from run_steps s where s.run_id = r.run_id),
              (select count(*) from usage u where u.run_id = r.run_id))
  from runs r
union all
select r.conversation_id, 2, r.from_seq, case when o.kind = 'placeholder' then '0' else '1' || o.part end,
       format('run %s: %s %s %s', r.from_seq, o.kind, o.part, o.state)
  from outbox o join runs r using (tenant_id, run_id)
 order by 1, 2, 3, 4";

/// Whether the lease held; any other failure is none of the model's.
pub fn holds(result: Result<(), DbError>) -> bool {
    match result {
        Ok(()) => true,
        Err(DbError::Fenced) => false,
        Err(error) => panic!("{error}"),
    }
}

fn answer(accepted: Accepted) -> Answer {
    match accepted {
        Accepted::Stored { seq, .. } => Answer::Stored(usize::try_from(seq).expect("a small number")),
        Accepted::Duplicate { settled } => Answer::Duplicate { settled },
        Accepted::NotKept => Answer::NotKept,
    }
}
