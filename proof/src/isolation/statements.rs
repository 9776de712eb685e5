//! Every query function of the product that says `where tenant_id`, called as its callers call it, behind a door that can
//! make mistakes.
//!
//! A call is observed by what it answers and by what became of the other tenant's rows inside its transaction, which is
//! rolled back: every call finds the scene as it was.

use futures::future::BoxFuture;
use regex::Regex;
use secrecy::SecretString;
use shared::{
    config::Config,
    db::{
        Audience, Db, DbError, TenantTx,
        agents::{self, AgentShape},
        connections::{self, NewSlackConnection},
        interruptions::{self, Cause},
        lanes,
        memories::{self, Question},
        messages,
        numbers::{self, Echo, NewNumber, OwnApp},
        outbox,
        people::{self, Standing},
        runs::{self, Answer, Basis, End, Finish},
        streams::{self, Addition},
        tenants,
        usage::{CallStatus, ModelCall},
        vectors,
    },
    ids::OutboxId,
    message::{ChannelKind, InboundMessage, Profile},
};
use sqlx::{AssertSqlSafe, Executor};
use time::OffsetDateTime;

use super::{
    acting, acts, billing, counted, desk, entrances, erased, handovers, helped, installations, kept, later,
    learned, money, noted, once, pages, places, reasons,
    scene::{AGENT, CONNECTION, CONVERSATION, MEMORY, NUMBER, OUTBOX, PERSON, RUN, THEIR_MARK, THEM, US, lease},
    sends, singly, talks, told,
    watched::WATCHED,
};

/// How its caller begins.
#[derive(Clone, Copy, Debug)]
pub enum Begin {
    AllAudiences,
    /// Sees what the whole tenant may be reminded of.
    ForTheTenant,
}

pub(super) type Run = for<'a> fn(&'a mut TenantTx, &'a Config) -> BoxFuture<'a, Result<String, DbError>>;

pub struct Call {
    pub name: &'static str,
    pub begin: Begin,
    pub(super) run: Run,
}

/// What a call did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    pub answer: String,
    /// The other tenant's rows when it was done, as a hash. Empty after an error: nothing of it stays.
    pub theirs: String,
}

macro_rules! calls {
    ($($name:literal, $begin:ident, |$tx:ident, $config:ident| $body:expr;)*) => {
        vec![$($crate::isolation::statements::Call {
            name: $name,
            begin: $crate::isolation::statements::Begin::$begin,
            run: |$tx, $config| Box::pin(async move {
                let _ = $config;
                Ok(format!("{:?}", $body))
            }),
        }),*]
    };
}

pub(super) use calls;

pub fn all() -> Vec<Call> {
    let mut calls = who_is_there();
    calls.extend(numbers());
    calls.extend(entrances::all());
    calls.extend(installations::all());
    calls.extend(what_is_said());
    calls.extend(turns());
    calls.extend(handovers::all());
    calls.extend(acts::all());
    calls.extend(places::all());
    calls.extend(reasons::all());
    calls.extend(learned::all().into_iter().chain(kept::all()).chain(once::all()));
    calls.extend(erased::all());
    calls.extend(money::all());
    calls.extend(billing::all());
    calls.extend(singly::all());
    calls.extend(acting::all());
    calls.extend(sends::all());
    calls.extend(later::all());
    calls.extend(desk::all());
    calls.extend(talks::all().into_iter().chain(noted::all()));
    calls.extend(pages::all().into_iter().chain(helped::all()).chain(told::all()).chain(counted::all()));
    calls
}

fn who_is_there() -> Vec<Call> {
    calls! {
        "tenants::name", AllAudiences, |tx, _config| tenants::name(tx).await?;
        "agents::list", AllAudiences, |tx, _config| agents::list(tx).await?;
        "agents::shape", AllAudiences, |tx, _config| {
            agents::shape(tx, "New", &AgentShape::default()).await?.is_default
        };
        "connections::list", AllAudiences, |tx, _config| connections::list(tx).await?;
        "connections::token", AllAudiences, |tx, config| {
            expose(&connections::token(tx, &config.master_keys, CONNECTION).await?)
        };
        "connections::signing_secret", AllAudiences, |tx, config| {
            connections::signing_secret(tx, &config.master_keys, CONNECTION).await?.as_ref().map(expose)
        };
        "connections::route", AllAudiences, |tx, _config| connections::route(tx, CONNECTION).await?;
        // The other tenant's workspace.
        "connections::connect_slack", AllAudiences, |tx, config| {
            connections::connect_slack(tx, &config.master_keys, &workspace("TB")).await?.id
        };
        // One's own, once more.
        "connections::connect_slack again", AllAudiences, |tx, config| {
            connections::connect_slack(tx, &config.master_keys, &workspace("TA")).await?.id
        };
        "people::find", AllAudiences, |tx, _config| people::find(tx, PERSON).await?;
        "people::named", AllAudiences, |tx, _config| people::named(tx, &["ada".to_owned()]).await?;
        "people::describe", AllAudiences, |tx, _config| {
            let profile = people::Profile { display_name: "Ada".into(), standing: Standing::Guest };
            people::describe(tx, PERSON, &profile).await?
        };
        "agents::find", AllAudiences, |tx, _config| agents::find(tx, AGENT).await?;
    }
}

fn numbers() -> Vec<Call> {
    calls! {
        // The other tenant's number.
        "numbers::connect", AllAudiences, |tx, config| {
            numbers::connect(tx, &config.master_keys, &number("NTB")).await?.id
        };
        "numbers::note_account", AllAudiences, |tx, _config| numbers::note_account(tx, NUMBER, "renewed").await?;
        "numbers::verify_token", AllAudiences, |tx, config| {
            numbers::verify_token(tx, &config.master_keys, NUMBER).await?.as_ref().map(expose)
        };
        "numbers::account", AllAudiences, |tx, _config| numbers::account(tx, NUMBER).await?;
        "numbers::written_on_the_phone", AllAudiences, |tx, _config| {
            let echo = Echo { external_id: "wamid.8".into(), text: "by hand".into(), at: OffsetDateTime::UNIX_EPOCH };
            numbers::written_on_the_phone(tx, CONVERSATION, &echo).await?
        };
        "numbers::sending", AllAudiences, |tx, _config| numbers::sending(tx, NUMBER).await?;
        "numbers::set_fallback", AllAudiences, |tx, _config| {
            numbers::set_fallback(tx, NUMBER, Some(("renewed", "en"))).await?
        };
        "people::set_consent", AllAudiences, |tx, _config| people::set_consent(tx, PERSON, false).await?;
        "people::has_opted_out", AllAudiences, |tx, _config| people::has_opted_out(tx, PERSON).await?;
        "people::introduce", AllAudiences, |tx, _config| {
            let profile = Some(Profile { name: "Ada".into(), phone: Some("4931".into()) });
            let mut messages = [InboundMessage { author: "4931".into(), profile, ..said() }];
            people::introduce(tx, NUMBER, &mut messages).await?;
            messages
        };
        "people::moved", AllAudiences, |tx, _config| people::moved(tx, NUMBER, "DE.TA", "DE.9", Some("49")).await?;
        "people::moved to one who is known", AllAudiences, |tx, _config| {
            people::moved(tx, NUMBER, "4930", "DE.1", None).await?
        };
    }
}

fn number(id: &str) -> NewNumber {
    NewNumber {
        phone_number_id: id.to_owned(),
        account_id: String::new(),
        display_name: "renewed".into(),
        access_token: SecretString::from("EAArenewed"),
        own_app: Some(OwnApp {
            secret: SecretString::from("0123456789abcdef"),
            verify_token: SecretString::from("0123456789abcdef"),
        }),
    }
}

fn what_is_said() -> Vec<Call> {
    calls! {
        "messages::store", AllAudiences, |tx, _config| {
            let place = messages::Place {
                conversation: CONVERSATION,
                connection: CONNECTION,
                kind: ChannelKind::Private,
                messages: &[said()],
            };
            let authors = messages::store(tx, &place).await?;
            authors.into_iter().map(|author| (author.person, author.display_name)).collect::<Vec<_>>()
        };
        "messages::last_written", AllAudiences, |tx, _config| messages::last_written(tx, CONVERSATION).await?;
        "memories::search", AllAudiences, |tx, _config| memories::search(tx, &question(&[0.0; 384])).await?;
        "memories::search_among", AllAudiences, |tx, _config| memories::search_among(tx, &question(&[0.0; 384]), 200).await?;
        "memories::search for the tenant", ForTheTenant, |tx, _config| {
            memories::search(tx, &question(&[0.0; 384])).await?
        };
        "vectors::missing", AllAudiences, |tx, _config| vectors::missing(tx, 10).await?;
        "vectors::store", AllAudiences, |tx, _config| {
            vectors::store(tx, &[(MEMORY, format!("{THEIR_MARK} said"))], &[vec![0.5; 384]]).await?
        };
        "vectors::count_failure", AllAudiences, |tx, _config| vectors::count_failure(tx, &[(MEMORY, String::new())]).await?;
    }
}

fn turns() -> Vec<Call> {
    calls! {
        "lanes::finish", AllAudiences, |tx, _config| lanes::finish(tx, &lease(), 1).await?;
        "outbox::count_attempt", AllAudiences, |tx, _config| outbox::count_attempt(tx, &lease(), OUTBOX).await?;
        "outbox::mark_sent", AllAudiences, |tx, _config| outbox::mark_sent(tx, OUTBOX, "1.9").await?;
        "streams::add", AllAudiences, |tx, _config| {
            let addition = Addition {
                pieces: vec![(OUTBOX, 7, "said".into())],
                ended: vec![(OUTBOX, "tail".into())],
                ..Addition::default()
            };
            streams::add(tx, &lease(), RUN, &addition).await?
        };
        "streams::seal", AllAudiences, |tx, _config| streams::seal(tx, RUN).await?;
        "interruptions::interrupt", AllAudiences, |tx, _config| {
            interruptions::interrupt(tx, CONVERSATION, Cause::TakenOver).await?
        };
        "interruptions::settle", AllAudiences, |tx, _config| {
            interruptions::settle(tx, &lease(), &[(OUTBOX, "sent", Some("1.9".into()), None)]).await?
        };
        "runs::words", AllAudiences, |tx, _config| runs::words(tx, &lease()).await?;
        "runs::open", AllAudiences, |tx, _config| {
            let opening = runs::open(tx, &lease()).await?;
            let agent = opening.agent.map(|agent| agent.instructions);
            (opening.tenant_name, opening.channel, agent, opening.takes_part, opening.pending, opening.window,
             opening.rules, opening.given_back_at, (opening.failed_answers, opening.tool_agents))
        };
        "runs::arrived_after", AllAudiences, |tx, _config| runs::arrived_after(tx, &lease(), 1).await?;
        "outbox::progress", AllAudiences, |tx, _config| {
            let progress = outbox::progress(tx, RUN).await?;
            (progress.answer, progress.parts)
        };
        "runs::record_answer", AllAudiences, |tx, _config| {
            let answer = Answer {
                run: RUN,
                asker: None,
                placeholder: Some("1.8"),
                request_hash: &[0; 32],
                result: None,
                calls: &[ModelCall::new("simulated-1", CallStatus::Ok)],
                basis: Some(&Basis { recalled: vec![(MEMORY, 9.0)], outgrown: true, ..Basis::default() }),
                parts: &[],
                kind: "answer",
            };
            runs::record_answer(tx, &lease(), &answer).await?
        };
        "runs::finish", AllAudiences, |tx, _config| {
            let sent: [(OutboxId, &'static str, Option<String>, Option<String>); 1] =
                [(OUTBOX, "sent", Some("1.8".into()), None)];
            let finish = Finish { run: Some(RUN), to_seq: 1, end: End::Replied, reason: None, sent: &sent };
            runs::finish(tx, &lease(), &finish).await?
        };
    }
}

pub(super) fn expose(secret: &SecretString) -> String {
    secrecy::ExposeSecret::expose_secret(secret).to_owned()
}

pub(super) fn workspace(team: &str) -> NewSlackConnection {
    NewSlackConnection {
        team_id: team.to_owned(),
        team_name: "renewed".into(),
        bot_user_id: "UNEW".into(),
        bot_id: "BNEW".into(),
        bot_token: SecretString::from("xoxb-renewed"),
        ..NewSlackConnection::default()
    }
}

pub(super) fn said() -> InboundMessage {
    InboundMessage {
        external_id: "1.7".into(),
        channel: "C1".into(),
        thread: Some("1.1".into()),
        channel_kind: ChannelKind::Private,
        author: "U1".into(),
        text: "What did we decide?".into(),
        mentions_others: false,
        with_outsiders: false,
        profile: None,
        outsider: false,
        by_bot: false,
        attachments: Vec::new(),
        sent_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn question(vector: &[f32]) -> Question<'_> {
    Question { vector, terms: "said", limit: 10, ..Question::default() }
}

/// Calls it as us.
pub async fn observe(db: &Db, config: &Config, call: &Call) -> anyhow::Result<Observation> {
    let us = db.tenant(US);
    let mut tx = match call.begin {
        Begin::AllAudiences => us.begin_for_all_audiences().await?,
        Begin::ForTheTenant => us.begin_for(&[Audience::Tenant]).await?,
    };
    let called = (call.run)(&mut tx, config).await;
    let called = match called {
        Ok(answer) => tx.write_last().await.map(|()| answer),
        Err(error) => Err(error),
    };
    let theirs = if called.is_ok() { their_rows(&mut tx).await? } else { String::new() };
    // Waited for: what this call has locked, the next one would pass over.
    tx.conn().execute("rollback").await?;
    tx.close().await?;
    let answer = called.unwrap_or_else(|error| format!("refused: {error}"));
    Ok(Observation { answer: without_new_ids(&answer), theirs })
}

/// A hash of the other tenant's rows, as they are for the open transaction.
async fn their_rows(tx: &mut TenantTx) -> anyhow::Result<String> {
    let them = THEM.uuid();
    let become_them =
        format!("select set_config('app.current_tenant', '{them}', true), set_config('app.audiences', '*', true)");
    tx.conn().execute(AssertSqlSafe(become_them)).await?;
    let rows = WATCHED
        .map(|table| format!("select '{table}' || t::text as line from {table} t where tenant_id = '{them}'"));
    let question =
        format!("select md5(string_agg(line, '|' order by line)) from ({}) x", rows.join(" union all "));
    Ok(sqlx::query_scalar(AssertSqlSafe(question)).fetch_one(tx.conn()).await?)
}

/// Ids that a call makes up differ each time; those of the scene are all zeros at their beginning.
fn without_new_ids(answer: &str) -> String {
    let new_id =
        Regex::new(r"[a-z]+_01[0-9a-z]{24}|\b01[0-9a-f]{6}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").expect("valid");
    new_id.replace_all(answer, "(new id)").into_owned()
}
