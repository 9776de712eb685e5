//! Opening a turn: what waits, who said it, whether it wants an answer, and from whom.

use std::sync::Arc;

use secrecy::SecretString;
use shared::{
    crash,
    db::{
        Audience, DbError, TenantDb, TenantTx, agents,
        billing::Access,
        bindings, changes, connections, escalations,
        lanes::{self, Lease},
        llm_keys, media,
        messages::{self, Author, AuthorKind, Line},
        people::{self, Standing},
        runs::{self, End, Finish, Opening, Pending, Start},
        suspensions, tools,
    },
    ids::{OutboxId, RunId},
    jobs::Job,
    message::ChannelKind,
    queue, telemetry,
};

use time::OffsetDateTime;

use crate::{
    Orchestrator,
    errands::{self, Errand},
    escalation, fixed, policy, question, recall,
    reply::{Outlet, SlackPlace, WhatsAppPlace},
    turn::PLACEHOLDER,
};

const NO_AGENT: &str = "no agent is set up: use `konstruct tenant agent`";

/// An opened turn: what it answers, as whom, and where to.
pub struct Turn {
    pub opening: Opening,
    pub agent: agents::Agent,
    pub outlet: Outlet,
    /// The platform's id of the message that is answered.
    pub asked: String,
    pub run: RunId,
    /// An earlier owner of the conversation died in this run.
    pub resumes: bool,
    pub to_seq: i64,
    /// The row of what is shown until the answer is there; `None` where nothing shown can be replaced.
    pub placeholder: Option<OutboxId>,
    pub authors: Vec<Author>,
    pub audiences: Vec<Audience>,
    /// Models that the tenant named for the agent; none: the platform's.
    pub named: Vec<llm_keys::Link>,
    /// The answer, where none of a model is needed.
    pub fixed: Option<&'static str>,
    /// What the agent may use here.
    pub tools: Vec<tools::Granted>,
    /// What the turn is about instead of somebody's words.
    pub errand: Option<Errand>,
}

/// What a claimed conversation is about.
pub enum Opened {
    /// There is nothing to answer, and the lane is released.
    Nothing,
    /// The tenant is suspended: the lane is put aside until it is not.
    Aside,
    /// Interrupted runs left notices; nothing else was read or written.
    Notices(Box<Opening>),
    /// A turn, with its question on the way to a vector; without one if it has stopped too many workers to be tried.
    Turn(Box<Turn>, Option<recall::Prepared>),
}

/// Reads and stores what the turn is about.
pub async fn open(orchestrator: &Orchestrator, db: &TenantDb, lease: &Lease) -> Result<Opened, DbError> {
    // Stores memories of any audience; none is read into the prompt from here.
    let mut tx = db.begin_for_all_audiences().await?;
    let early = question::early(&mut tx, orchestrator, lease).await?;
    let Some(mut opening) = unless_suspended(&mut tx, lease).await? else {
        return tx.commit().await.map(|()| Opened::Aside);
    };
    if !opening.notices.is_empty() {
        tx.close().await?;
        return Ok(Opened::Notices(Box::new(opening)));
    }
    if opening.changes_wait {
        changes::catch_up(&mut tx, lease.conversation).await?;
        opening = runs::open(&mut tx, lease).await?;
    }
    errands::alone(&mut opening.pending);
    continue_trace(&opening.pending);
    let known_run = opening.interrupted.as_ref().map(|interrupted| interrupted.run);
    let (to_seq, (end, reason)) = match given_up(&opening, lease) {
        Some(end) => end,
        None => {
            let asked = quiet_end(&opening).is_none().then_some((&opening, early));
            let prepared = question::of(&mut tx, orchestrator, lease, asked).await?;
            let authors = store_messages(&mut tx, lease, &opening).await?;
            opening.window = window(&opening, &authors);
            let to_seq = opening.pending[opening.pending.len() - 1].seq;
            let (errand, called_off) = errands::first(&mut tx, lease, &opening.pending).await?;
            let beforehand = fixed::beforehand(&mut tx, &opening, &authors, orchestrator.hears).await?;
            let end = match quiet_end(&opening).or(called_off) {
                None if errand.is_none() => refused(&mut tx, lease, &opening, &authors).await?,
                end => end,
            };
            let when = (orchestrator.clock.now(), orchestrator.answer_within);
            let heard = end.is_none_or(|(_, why)| why != policy::OUTSIDERS_IGNORED);
            let goes_on = heard && matches!(beforehand, fixed::Beforehand::Nothing);
            if goes_on && hand_over(&mut tx, lease, &mut opening, &authors, when.0).await? {
                return tx.commit().await.map(|()| Opened::Nothing);
            }
            let settled = match end {
                Some(end) => Err(end),
                None => fixed::settle(&mut tx, &opening, &beforehand, when, errand.is_some()).await?,
            };
            let agent =
                if settled.is_ok() { choose_agent(&mut tx, &mut opening, errand.as_ref()).await? } else { None };
            match (settled, agent) {
                (Ok(line), Some(agent)) => {
                    let said = (opening, authors, errand);
                    let mut turn = start(&mut tx, orchestrator, lease, said, agent, to_seq).await?;
                    turn.fixed = line;
                    tx.commit().await?;
                    crash::point(crash::Point::Opened);
                    return Ok(Opened::Turn(Box::new(turn), prepared));
                }
                (settled, _) => {
                    let end = settled.err().unwrap_or((End::Dead, NO_AGENT));
                    if end.0 == End::Held {
                        errands::pass_on(&mut tx, lease, &opening.pending, &authors).await?;
                    }
                    (to_seq, end)
                }
            }
        }
    };
    if end == End::Dead {
        tracing::error!(reason, "Messages were given up");
    }
    let finish = Finish { run: known_run, to_seq, end, reason: Some(reason), sent: &[] };
    runs::finish(&mut tx, lease, &finish).await?;
    tx.commit().await.map(|()| Opened::Nothing)
}

/// What the turn is about; `None`: the tenant is suspended, and the lane is put aside.
async fn unless_suspended(tx: &mut TenantTx, lease: &Lease) -> Result<Option<Opening>, DbError> {
    let opening = runs::open(tx, lease).await?;
    if opening.access != Access::Suspended {
        Ok(Some(opening))
    } else if suspensions::put_aside(tx, lease).await? {
        Ok(None)
    } else {
        // It may go on since a moment ago.
        runs::open(tx, lease).await.map(Some)
    }
}

/// Whether a human is asked for, by somebody's words or by a rule. Moves the fence then: whoever claims next finds a human's
/// conversation, and holds what waits.
async fn hand_over(
    tx: &mut TenantTx,
    lease: &Lease,
    opening: &mut Opening,
    authors: &[Author],
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    opening.known = escalation::look_up(tx, lease, opening, authors, now).await?;
    let Some(hit) = escalation::before(opening, authors) else { return Ok(false) };
    escalations::open(tx, &hit.escalation(lease)).await?;
    Ok(true)
}

/// Ends that need nothing of the messages, not even their storage: that may be what fails.
fn given_up(opening: &Opening, lease: &Lease) -> Option<(i64, (End, &'static str))> {
    let Some(last) = opening.pending.last() else {
        // Nothing waits: only rows that were ignored on arrival.
        let to_seq = opening.interrupted.as_ref().map_or(opening.last_seq, |interrupted| interrupted.to_seq);
        return Some((to_seq, (End::Ignored, "nothing to answer")));
    };
    let hopeless = lease.claims > lanes::CLAIMS_MAX + 2;
    hopeless.then_some((last.seq, (End::Dead, "given up: it stopped its worker again and again")))
}

/// Ends without an answer, after the messages were stored.
fn quiet_end(opening: &Opening) -> Option<(End, &'static str)> {
    if opening.agent.is_none() {
        Some((End::Dead, NO_AGENT))
    } else if !opening.connection_active {
        Some((End::Dead, "the connection's token no longer works: connect again"))
    } else if opening.by_human {
        Some((End::Held, "a human has this conversation"))
    } else if !opening.pending.iter().any(|pending| policy::wants_answer(opening, pending)) {
        Some((End::Ignored, "not addressed"))
    } else {
        None
    }
}

/// Ends that depend on who asks.
async fn refused(
    tx: &mut TenantTx,
    lease: &Lease,
    opening: &Opening,
    authors: &[Author],
) -> Result<Option<(End, &'static str)>, DbError> {
    let bots_ask = opening.pending.iter().any(|pending| pending.message.by_bot);
    let answers = if bots_ask { messages::answers_since_a_person(tx, lease.conversation).await? } else { 0 };
    Ok(policy::refusal(opening, authors, answers).map(|why| (End::Ignored, why)))
}

/// The agent of the thread, or whom a binding names, or else the tenant's default.
async fn choose_agent(
    tx: &mut TenantTx,
    opening: &mut Opening,
    errand: Option<&Errand>,
) -> Result<Option<agents::Agent>, DbError> {
    let default = opening.agent.take();
    if let Some(agent) = errand.and_then(Errand::agent) {
        return agents::find(tx, agent).await;
    }
    if !opening.bound && opening.thread_agent.is_none() {
        return Ok(default);
    }
    let bindings = if opening.bound { bindings::list(tx).await? } else { Vec::new() };
    match policy::agent(opening, &bindings) {
        Some((chosen, _)) if default.as_ref().is_none_or(|agent| agent.id != chosen) => {
            Ok(agents::find(tx, chosen).await?.or(default))
        }
        _ => Ok(default),
    }
}

/// Fixes which messages the run answers; an interrupted one keeps its own.
async fn start(
    tx: &mut TenantTx,
    orchestrator: &Orchestrator,
    lease: &Lease,
    (mut opening, authors, errand): (Opening, Vec<Author>, Option<Errand>),
    agent: agents::Agent,
    to_seq: i64,
) -> Result<Turn, DbError> {
    // Beside the message that was addressed to the agent last.
    let last = policy::last_addressed(&opening.pending);
    let asked = last.external_id.clone();
    let token = connections::open_token(tx, &orchestrator.keys, opening.connection, &opening.sealed_token).await?;
    let outlet =
        outlet(orchestrator, lease, &opening, token, (&last.channel, last.thread.as_deref(), &last.author))?;
    let (from, placeholder) = (opening.interrupted.take(), outlet.can_edit().then(OutboxId::new));
    let run = from.as_ref().map_or_else(RunId::new, |interrupted| interrupted.run);
    if from.is_none() {
        let start = Start {
            run,
            agent: agent.id,
            from_seq: opening.pending[0].seq,
            to_seq,
            trace: opening.pending.iter().rev().find_map(|pending| pending.trace.as_deref()),
            placeholder: placeholder.map(|id| (id, PLACEHOLDER)),
        };
        runs::start(tx, lease, &start).await?;
    }
    let named =
        if opening.own_models { llm_keys::chain(tx, &orchestrator.keys, agent.id).await? } else { Vec::new() };
    let mut audiences = policy::audiences(&opening, &authors);
    // Documents are given to agents, for whoever asks them.
    audiences.extend([Audience::Agents, Audience::Agent(agent.id)]);
    // What the tenant itself told its agent to do is nobody else's wish.
    let by_employer = matches!(errand, Some(Errand::Routine(_)));
    // Asked only where an agent has any: most have none, and cost nothing.
    let tools =
        if opening.tool_agents.contains(&agent.id) && (by_employer || policy::may_use_tools(&opening, &authors)) {
            tools::granted(tx, agent.id).await?
        } else {
            Vec::new()
        };
    let (resumes, fixed) = (from.is_some(), None);
    Ok(Turn {
        opening,
        agent,
        outlet,
        asked,
        run,
        resumes,
        to_seq,
        placeholder,
        authors,
        audiences,
        named,
        fixed,
        tools,
        errand,
    })
}

/// The way to a channel of the conversation's connection, a thread in it, and somebody who reads there.
pub fn outlet(
    orchestrator: &Orchestrator,
    lease: &Lease,
    opening: &Opening,
    token: SecretString,
    (channel, thread, recipient): (&str, Option<&str>, &str),
) -> Result<Outlet, DbError> {
    match opening.channel.as_str() {
        "slack" => Ok(Outlet::Slack(SlackPlace {
            api: orchestrator.slack.clone(),
            token,
            channel: channel.to_owned(),
            thread: thread.map(str::to_owned),
            bot_user: opening.bot_user_id.clone(),
            team: opening.account.clone(),
            recipient: recipient.to_owned(),
            ending: Arc::default(),
        })),
        "whatsapp" => Ok(Outlet::WhatsApp(WhatsAppPlace {
            api: orchestrator.whatsapp.clone(),
            token,
            connection: opening.connection,
            sending: Arc::default(),
            person: channel.to_owned(),
            conversation: lease.conversation,
            db: orchestrator.db.tenant(lease.tenant),
            clock: orchestrator.clock.clone(),
            is_first: !opening.takes_part,
        })),
        other => Err(DbError::Damaged(format!("a connection of the unknown channel `{other}`"))),
    }
}

/// The conversation so far and what was just said. A resumed turn finds its messages stored already.
fn window(opening: &Opening, authors: &[Author]) -> Vec<Line> {
    let mut window = opening.window.clone();
    for (pending, author) in opening.pending.iter().zip(authors) {
        let message = &pending.message;
        if errands::named(pending).is_some() {
            continue;
        }
        if window.iter().any(|line| line.external_id.as_ref() == Some(&message.external_id)) {
            continue;
        }
        window.push(Line {
            id: author.message,
            external_id: Some(message.external_id.clone()),
            author_kind: AuthorKind::Person,
            author: author.display_name.clone(),
            body: message.text.clone(),
            sent_at: message.sent_at,
            outside: message.by_bot || message.outsider || author.standing.is_outside(),
        });
    }
    window
}

/// The trace that began with the webhook goes on here.
fn continue_trace(pending: &[Pending]) {
    let span = tracing::Span::current();
    let Some(trace) = pending.iter().rev().find_map(|pending| pending.trace.as_deref()) else {
        return;
    };
    telemetry::continue_trace(&span, Some(trace));
    if let Some(id) = telemetry::trace_id(trace) {
        span.record("trace_id", id);
    }
}

/// Stores the messages, and asks the platform for names it did not send along.
async fn store_messages(tx: &mut TenantTx, lease: &Lease, opening: &Opening) -> Result<Vec<Author>, DbError> {
    let mut inbound = policy::as_stored(opening);
    people::introduce(tx, opening.connection, &mut inbound).await?;
    let place = messages::Place {
        conversation: lease.conversation,
        connection: opening.connection,
        kind: policy::kind(opening),
        messages: &inbound,
    };
    let authors = messages::store(tx, &place).await?;
    let mut unnamed: Vec<_> = authors.iter().filter(|one| asks_for_name(one)).map(|one| one.person).collect();
    unnamed.sort();
    unnamed.dedup();
    for person in unnamed {
        queue::enqueue(tx, &Job::FetchPersonProfile { person }).await?;
    }
    if policy::is_in_doubt(opening) {
        let channel = inbound[0].channel.clone();
        // Another turn may learn what the channel is before this one is committed: what is stored here would be missed.
        let nobody_knew =
            place.kind == ChannelKind::Unknown && !inbound.iter().any(|message| message.with_outsiders);
        let in_doubt = authors.iter().filter(|_| nobody_knew).map(|author| author.message).collect();
        queue::enqueue(tx, &Job::DescribeChannel { connection: opening.connection, channel, in_doubt }).await?;
    }
    for media in media::expect(tx, opening.connection, lease.conversation, &inbound).await? {
        queue::enqueue(tx, &Job::DownloadMedia { media }).await?;
    }
    Ok(authors)
}

/// Bots are only known by what they call themselves.
fn asks_for_name(author: &Author) -> bool {
    author.unnamed && author.standing != Standing::Bot
}
