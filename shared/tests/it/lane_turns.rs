//! A worker's turn in the world of lanes: open, start, record, finish; each under a lease that may be stale, in a
//! transaction that may be lost.

use serde_json::json;
use shared::{
    db::{
        TenantTx,
        lanes::{self, Lease},
        messages::{self, Place},
        runs::{self, Answer, End, Finish, Opening, Start},
    },
    ids::{OutboxId, RunId},
    message::{ChannelKind, InboundMessage},
};

use crate::{
    lane_model::{Lane, Run},
    lane_steps::{Fate, LANES_EACH},
    lane_world::{World, holds},
    runs::{REQUEST_HASH, call, parts},
};

impl World<'_> {
    /// What the orchestrator does with a lane it claimed, up to the model's call.
    pub async fn begin(&mut self, held: usize, fate: Fate) {
        let (lease, lane) = (self.held[held].lease.clone(), self.held[held].lane);
        let now = self.model.tick();
        let firm = &self.firms[lane / LANES_EACH];
        let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
        let opened = runs::open(&mut tx, &lease).await;
        let row = &mut self.model.lanes[lane];
        let current = row.fence == lease.fence;
        let opening = match opened {
            Ok(opening) => opening,
            Err(error) => return assert!(!current && !holds(Err(error)), "an owner is refused"),
        };
        assert!(current, "a stale fence opens the lane");
        let (running, pending) = (row.runs.iter().position(|run| run.state == "running"), row.pending());
        let known = running.map(|run| self.ids[&(lane, run)].0);
        let seen = (
            opening.pending.iter().map(|pending| pending.seq).collect::<Vec<_>>(),
            opening.interrupted.as_ref().map(|interrupted| (interrupted.run, interrupted.to_seq)),
            (opening.last_seq, opening.by_human),
        );
        let to_of = |run: usize| number(row.runs[run].to);
        let expected = (
            pending.iter().map(|seq| number(*seq)).collect::<Vec<_>>(),
            known.map(|id| (id, to_of(running.expect("it is known")))),
            (number(row.entries.len()), row.by_human),
        );
        assert_eq!(seen, expected);

        let end = quiet_end(row, &lease, pending.last().copied());
        if let Some((end, to)) = end {
            let finish = Finish { run: known, to_seq: number(to), end, reason: Some("because"), sent: &[] };
            runs::finish(&mut tx, &lease, &finish).await.expect("the lane is held");
            if fate == Fate::Crash {
                return crash(tx).await;
            }
            tx.commit().await.expect("it is stored");
            row.finish(running, to, state(end), now);
            self.held[held].gave_back = true;
            return;
        }
        store(&mut tx, &lease, &opening).await;
        let (from, to) = (pending[0], pending[pending.len() - 1]);
        let (id, placeholder) = (RunId::new(), OutboxId::new());
        if known.is_none() {
            let start = Start {
                run: id,
                agent: firm.agent,
                from_seq: number(from),
                to_seq: number(to),
                trace: None,
                placeholder: Some((placeholder, "…")),
            };
            runs::start(&mut tx, &lease, &start).await.expect("a run starts");
        }
        if fate == Fate::Crash {
            return crash(tx).await;
        }
        tx.commit().await.expect("it is stored");
        let run = running.unwrap_or_else(|| {
            row.runs.push(Run::begun(from, to));
            let place = row.runs.len() - 1;
            self.ids.insert((lane, place), (id, vec![placeholder]));
            place
        });
        self.held[held].run = Some(run);
    }

    pub async fn record(&mut self, held: usize, count: usize, apologizes: bool, fate: Fate) {
        let (lease, lane) = (self.held[held].lease.clone(), self.held[held].lane);
        let Some(run) = self.held[held].run else { return };
        let row = &mut self.model.lanes[lane];
        let allowed = row.fence == lease.fence && !row.by_human;
        if allowed && row.runs[run].parts.len() > 1 {
            // Who finds an answer recorded sends it.
            return;
        }
        let kind = if apologizes { "apology" } else { "answer" };
        let parts: Vec<_> = parts("111.1").into_iter().take(count).collect();
        let answer = Answer {
            run: self.ids[&(lane, run)].0,
            asker: None,
            placeholder: Some("111.1"),
            request_hash: &REQUEST_HASH,
            result: (!apologizes).then(|| json!({ "text": "…" })),
            calls: &[call("simulated-1")],
            basis: None,
            parts: &parts,
            kind,
        };
        let mut tx = self.firms[lane / LANES_EACH].db.begin().await.expect("a transaction begins");
        let recorded = runs::record_answer(&mut tx, &lease, &answer).await.expect("it is answered");
        assert_eq!(
            recorded, allowed,
            "an answer is recorded under the current fence, and while no human is there"
        );
        if fate == Fate::Crash {
            return crash(tx).await;
        }
        tx.commit().await.expect("it is stored");
        let run_row = &mut row.runs[run];
        run_row.calls += 1;
        if allowed {
            run_row.parts[0].1 = "sent";
            run_row.parts.extend(parts.iter().map(|part| (format!("{kind} {}", part.part), "sending")));
            run_row.remembers = !apologizes;
            let ids = self.ids.get_mut(&(lane, run)).expect("the run is known");
            ids.1.extend(parts.iter().map(|part| part.id));
        }
    }

    /// Delivers what was recorded, or not, and lets the lane go.
    pub async fn finish(&mut self, held: usize, replied: bool, fate: Fate) {
        let (lease, lane) = (self.held[held].lease.clone(), self.held[held].lane);
        let Some(run) = self.held[held].run else { return };
        let now = self.model.tick();
        let row = &mut self.model.lanes[lane];
        let (id, outbox) = &self.ids[&(lane, run)];
        let end = match (row.by_human, replied) {
            (true, _) => End::Held,
            (false, true) => End::Replied,
            (false, false) => End::Dead,
        };
        let became = if end == End::Replied { "sent" } else { "unknown" };
        let sent: Vec<_> = outbox.iter().map(|part| (*part, became, Some(part.to_string()), None)).collect();
        let to = row.runs[run].to;
        let finish = Finish { run: Some(*id), to_seq: number(to), end, reason: Some("because"), sent: &sent };
        let mut tx = self.firms[lane / LANES_EACH].db.begin().await.expect("a transaction begins");
        let waits = runs::finish(&mut tx, &lease, &finish).await;
        if let Ok(waits) = waits {
            assert_eq!(waits, row.entries.len() > to, "whether more arrived meanwhile");
        }
        let finished = holds(waits.map(|_| ()));
        assert_eq!(finished, row.fence == lease.fence, "only the current owner finishes");
        if fate == Fate::Crash {
            return crash(tx).await;
        }
        // Even a worker that was refused may go on to commit: nothing of it may show.
        tx.commit().await.expect("it is stored");
        if finished {
            row.finish(Some(run), to, state(end), now);
            row.runs[run].parts.iter_mut().for_each(|part| part.1 = became);
            self.held[held].gave_back = true;
        }
    }
}

/// What is ended without a model's call, and up to where.
fn quiet_end(row: &Lane, lease: &Lease, last: Option<usize>) -> Option<(End, usize)> {
    match last {
        None => Some((End::Ignored, row.running().map_or(row.entries.len(), |run| run.to))),
        Some(to) if lease.claims > lanes::CLAIMS_MAX + 2 => Some((End::Dead, to)),
        Some(to) if row.by_human => Some((End::Held, to)),
        Some(_) => None,
    }
}

/// What the server does when a worker is gone; awaited, so that the next step finds the locks released.
async fn crash(mut tx: TenantTx) {
    sqlx::query("rollback").execute(tx.conn()).await.expect("it is rolled back");
}

async fn store(tx: &mut TenantTx, lease: &Lease, opening: &Opening) {
    let said: Vec<InboundMessage> = opening.pending.iter().map(|pending| pending.message.clone()).collect();
    let place = Place {
        conversation: lease.conversation,
        connection: opening.connection,
        kind: ChannelKind::Public,
        messages: &said,
    };
    messages::store(tx, &place).await.expect("what was said is stored");
}

fn state(end: End) -> &'static str {
    match end {
        End::Replied => "replied",
        End::Dead => "dead",
        End::Held => "held",
        End::Ignored => "ignored",
    }
}

fn number(seq: usize) -> i64 {
    i64::try_from(seq).expect("a small number")
}
