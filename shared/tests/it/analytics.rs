//! What happened is counted by the days of the tenant's clock, again and again with the same result, and late news is not lost.

use shared::{
    db::{
        analytics::{self, Figures, Filter, Key, Span},
        audit::Actor,
        office_hours, takeovers,
    },
    hours::Hours,
    ids::{AgentId, ConversationId, EscalationId, MessageId, PersonId, RunId, UsageId},
};
use sqlx::{AssertSqlSafe, Executor, Row};
use time::{
    Date, OffsetDateTime,
    macros::{date, datetime},
};
use uuid::Uuid;

use crate::stage::{Firm, Stage};

const SPAN: Span = Span { from: date!(2026 - 10 - 01), to: date!(2026 - 10 - 31) };

/// An id that was made then.
pub fn id_of(at: OffsetDateTime) -> Uuid {
    let milliseconds = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("after 1970");
    Uuid::from_u128(milliseconds << 80 | Uuid::now_v7().as_u128() & ((1 << 80) - 1))
}

pub struct Talk {
    pub conversation: ConversationId,
    pub person: PersonId,
    pub run: RunId,
}

/// Somebody wrote at this moment, and was answered after two seconds by a call that cost 70.
pub async fn answered(stage: &Stage, firm: &Firm, at: OffsetDateTime) -> Talk {
    // Ids of conversations hold no time.
    let conversation = ConversationId::from_uuid(Uuid::from_u128(Uuid::now_v7().as_u128().rotate_left(64)));
    let (person, run) = (PersonId::new(), id_of(at));
    let [tenant, connection, agent, conversation_id, person_id, message, usage] = [
        firm.tenant.uuid(),
        firm.connection.uuid(),
        firm.agent.uuid(),
        conversation.uuid(),
        person.uuid(),
        id_of(at),
        id_of(at),
    ];
    let accepted = format!(
        "insert into lanes (tenant_id, conversation_id, connection_id) values ('{tenant}', '{conversation_id}', '{connection}');
         insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, received_at)
         values ('{tenant}', '{conversation_id}', 1, '{connection}', true, '', '{at}')"
    );
    stage.system().await.execute(AssertSqlSafe(accepted)).await.expect("the accept path writes");
    let mut tx = firm.db.begin_for_all_audiences().await.expect("a transaction begins");
    for statement in [
        format!(
            "insert into people (tenant_id, person_id, connection_id, external_id, display_name)
             values ('{tenant}', '{person_id}', '{connection}', '{person_id}', 'Ada')"
        ),
        format!(
            "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind, created_at,
                                        last_message_at)
             values ('{tenant}', '{conversation_id}', '{connection}', 'C1', 'public', '{at}', '{at}')"
        ),
        format!(
            "insert into messages (tenant_id, message_id, conversation_id, author_kind, person_id, body, sent_at)
             values ('{tenant}', '{message}', '{conversation_id}', 'person', '{person_id}', 'Hello', '{at}')"
        ),
        format!(
            "insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state, started_at,
                               finished_at)
             values ('{tenant}', '{run}', '{conversation_id}', '{agent}', 1, 1, 1, 'done', '{at}',
                     timestamptz '{at}' + interval '2 seconds')"
        ),
        format!(
            "insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, purpose, model, key_owner, status,
                                input_tokens, output_tokens, estimated, cost_micro_usd, created_at)
             values ('{tenant}', '{usage}', '{run}', '{agent}', '{conversation_id}', 'answer', 'm', 'platform', 'ok', 1, 1,
                     false, 70, '{at}')"
        ),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(tx.conn()).await.expect("the rows fit");
    }
    tx.commit().await.expect("it is stored");
    Talk { conversation, person, run: RunId::from_uuid(run) }
}

pub async fn opines(firm: &Firm, talk: &Talk, verdict: &'static str) {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let give = "insert into feedback (tenant_id, run_id, person_id, verdict, source) values ($1, $2, $3, $4, 'button')
                on conflict (tenant_id, run_id, person_id) do update set verdict = $4, changed_at = clock_timestamp()";
    let give = sqlx::query(give).bind(firm.tenant).bind(talk.run).bind(talk.person).bind(verdict);
    give.execute(tx.conn()).await.expect("it is stored");
    tx.commit().await.expect("it is stored");
}

async fn in_berlin(firm: &Firm, zone: &str) {
    let hours = Hours::parse(zone, &serde_json::Value::Null, &[]).expect("a zone");
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    office_hours::set(&mut tx, &hours).await.expect("it is stored");
    tx.commit().await.expect("it is stored");
}

/// Looks as the job does, and returns how many days wait.
async fn look(firm: &Firm) -> i32 {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    analytics::take_due(&mut tx).await.expect("it looks");
    let waiting = analytics::look(&mut tx).await.expect("it looks");
    tx.commit().await.expect("it is stored");
    waiting
}

async fn count_one(firm: &Firm) -> Option<Date> {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let counted = analytics::count_next(&mut tx).await.expect("it counts");
    tx.commit().await.expect("it is stored");
    counted
}

pub async fn count(firm: &Firm) -> Vec<Date> {
    look(firm).await;
    let mut days = Vec::new();
    while let Some(day) = count_one(firm).await {
        days.push(day);
    }
    days
}

async fn figures(firm: &Firm, wanted: Key, filter: Filter<'_>) -> Figures {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let groups = analytics::report(&mut tx, SPAN, filter).await.expect("it is read");
    tx.close().await.expect("it closes");
    groups.into_iter().find(|group| group.key == wanted).map(|group| group.figures).unwrap_or_default()
}

pub async fn total(firm: &Firm) -> Figures {
    figures(firm, Key::All, Filter::default()).await
}

pub fn counts<const N: usize>(figures: &Figures, measures: [&str; N]) -> [i64; N] {
    measures.map(|measure| figures.count(measure))
}

/// The table itself, as text.
async fn table(firm: &Firm) -> Vec<String> {
    firm.texts("select d::text from analytics_days d order by day, agent_id, channel, measure, bucket").await
}

#[tokio::test]
async fn days_are_those_of_the_tenants_clock_and_all_are_counted_anew_when_it_changes() {
    let stage = Stage::new().await;
    let (acme, globex) = (stage.firm("acme").await, stage.firm("globex").await);
    // 23:30 in London is the next day in Berlin; on the 25th the clocks go back.
    answered(&stage, &acme, datetime!(2026-10-24 22:30 UTC)).await;
    answered(&stage, &acme, datetime!(2026-10-25 22:59 UTC)).await;
    answered(&stage, &acme, datetime!(2026-10-25 23:00 UTC)).await;
    answered(&stage, &globex, datetime!(2026-10-25 12:00 UTC)).await;
    let by_day = async || {
        let mut days = [0; 3];
        for (day, count) in
            [date!(2026 - 10 - 24), date!(2026 - 10 - 25), date!(2026 - 10 - 26)].into_iter().zip(&mut days)
        {
            *count = figures(&acme, Key::Day(day), Filter::default()).await.count("arrived");
        }
        days
    };
    count(&acme).await;
    assert_eq!(by_day().await, [1, 2, 0], "UTC, unless something else is said");
    in_berlin(&acme, "Europe/Berlin").await;
    count(&acme).await;
    assert_eq!(by_day().await, [0, 2, 1]);
    assert_eq!(
        counts(
            &total(&acme).await,
            ["arrived", "answered", "messages", "answers", "model_calls", "cost_micro_usd"]
        ),
        [3, 3, 3, 3, 3, 210]
    );
    assert_eq!(total(&acme).await.within_ms("answer_times", 1.0), Some(2_080), "two seconds, by the scale's step");
}

#[tokio::test]
async fn counting_again_changes_nothing_and_what_stopped_half_way_goes_on() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for day in 1..=5 {
        answered(&stage, &acme, datetime!(2026-10-01 12:00 UTC).replace_day(day).expect("a day")).await;
    }
    let waiting = look(&acme).await;
    assert!(waiting > 5, "from the first of them to today: {waiting}");
    let first = count_one(&acme).await.expect("a day waits");
    assert!(look(&acme).await >= waiting - 1, "what waits goes on waiting");
    let days = count(&acme).await;
    assert!(days.contains(&date!(2026 - 10 - 01)), "from {first} back to the first");
    let before = table(&acme).await;
    assert_eq!(total(&acme).await.count("arrived"), 5);
    assert_eq!(count(&acme).await, [], "nothing happened");
    assert_eq!(table(&acme).await, before);
    // Everything, by two at once.
    let anew = "update analytics_progress set seen_at = null where tenant_id = $1";
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    sqlx::query(anew).bind(acme.tenant).execute(tx.conn()).await.expect("it is set");
    tx.commit().await.expect("it is stored");
    look(&acme).await;
    let (one, other) = tokio::join!(
        async {
            let mut counted = 0;
            while count_one(&acme).await.is_some() {
                counted += 1;
            }
            counted
        },
        async {
            let mut counted = 0;
            while count_one(&acme).await.is_some() {
                counted += 1;
            }
            counted
        }
    );
    assert_eq!(one + other, waiting, "each day by one of them");
    assert_eq!(table(&acme).await, before);
}

#[tokio::test]
async fn what_comes_late_counts_for_the_day_it_is_about() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let old = answered(&stage, &acme, datetime!(2026-10-07 12:00 UTC)).await;
    answered(&stage, &acme, datetime!(2026-10-08 12:00 UTC)).await;
    count(&acme).await;
    opines(&acme, &old, "good").await;
    let days = count(&acme).await;
    assert!(days.contains(&date!(2026 - 10 - 07)) && !days.contains(&date!(2026 - 10 - 08)), "{days:?}");
    assert_eq!(counts(&total(&acme).await, ["good", "bad"]), [1, 0]);
    opines(&acme, &old, "bad").await;
    count(&acme).await;
    assert_eq!(
        counts(&total(&acme).await, ["good", "bad"]),
        [0, 1],
        "a mind that was changed is not counted twice"
    );
}

#[tokio::test]
async fn what_a_conversation_went_through_is_counted_where_it_began() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let (taken, handed_over) = (
        answered(&stage, &acme, datetime!(2026-10-07 12:00 UTC)).await,
        answered(&stage, &acme, datetime!(2026-10-07 13:00 UTC)).await,
    );
    answered(&stage, &acme, datetime!(2026-10-08 13:00 UTC)).await;
    count(&acme).await;
    const JOURNEY: [&str; 6] = ["arrived", "answered", "escalated", "taken_over", "released", "closed"];
    let began =
        async || counts(&figures(&acme, Key::Day(date!(2026 - 10 - 07)), Filter::default()).await, JOURNEY);
    assert_eq!(began().await, [2, 2, 0, 0, 0, 0]);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    takeovers::take(&mut tx, taken.conversation, &Actor::System).await.expect("a human takes it");
    let escalate = "insert into escalations (tenant_id, escalation_id, conversation_id, reason, person_id, summary, opened_at)
                    values ($1, $2, $3, 'asked', $4, '', $5)";
    let at = datetime!(2026-10-09 12:00 UTC);
    let escalate = sqlx::query(escalate).bind(acme.tenant).bind(EscalationId::from_uuid(id_of(at)));
    let escalate = escalate.bind(handed_over.conversation).bind(handed_over.person).bind(at);
    escalate.execute(tx.conn()).await.expect("it is handed over");
    tx.commit().await.expect("it is stored");
    // An act of the log says which conversation it was; of an escalation, it names the escalation.
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    takeovers::take(&mut tx, handed_over.conversation, &Actor::System).await.expect("a human takes it");
    tx.commit().await.expect("it is stored");
    let days = count(&acme).await;
    assert!(!days.contains(&date!(2026 - 10 - 08)), "{days:?}");
    assert_eq!(began().await, [2, 2, 1, 2, 0, 0]);
    assert_eq!(counts(&total(&acme).await, ["escalations", "human_times"]), [1, 1]);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    for talk in [&taken, &handed_over] {
        takeovers::release(&mut tx, talk.conversation, &Actor::System).await.expect("the agent has it again");
    }
    tx.commit().await.expect("it is stored");
    count(&acme).await;
    assert_eq!(began().await, [2, 2, 1, 2, 2, 1]);
}

#[tokio::test]
async fn filters_leave_out_what_is_not_asked_for() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    answered(&stage, &acme, datetime!(2026-10-07 12:00 UTC)).await;
    count(&acme).await;
    let arrived =
        async |agent, channel| figures(&acme, Key::All, Filter { agent, channel }).await.count("arrived");
    assert_eq!(arrived(None, None).await, 1);
    assert_eq!((arrived(Some(acme.agent), None).await, arrived(Some(AgentId::new()), None).await), (1, 0));
    assert_eq!((arrived(None, Some("slack")).await, arrived(None, Some("whatsapp")).await), (1, 0));
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let lines = analytics::lines(&mut tx, SPAN, Filter::default()).await.expect("they are read");
    let keys: Vec<_> = lines.iter().map(|line| (line.key.clone(), line.name.clone())).collect();
    let key = Key::Line(date!(2026 - 10 - 07), Some(acme.agent), "slack".into());
    assert_eq!(keys, [(key, Some("Ada".to_owned()))]);
}

/// Who is forgotten was never in it: not a name, not an id, and no count changes.
#[tokio::test]
async fn nothing_of_a_person_is_kept() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = answered(&stage, &acme, datetime!(2026-10-07 12:00 UTC)).await;
    opines(&acme, &talk, "good").await;
    count(&acme).await;
    let before = table(&acme).await;
    acme.forget(talk.person).await;
    let anew = "update analytics_progress set seen_at = null where tenant_id = $1";
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    sqlx::query(anew).bind(acme.tenant).execute(tx.conn()).await.expect("it is set");
    tx.commit().await.expect("it is stored");
    count(&acme).await;
    assert_eq!(table(&acme).await, before);
    let kept = format!("{:?}{:?}", before, acme.texts("select p::text from analytics_progress p").await);
    for secret in [talk.person.uuid(), talk.conversation.uuid(), talk.run.uuid()] {
        assert!(!kept.contains(&secret.to_string()), "{kept}");
    }
}

#[tokio::test]
async fn the_database_writes_ids_as_we_do() {
    let stage = Stage::new().await;
    let mut app = stage.app().await;
    for uuid in [Uuid::nil(), Uuid::max(), MessageId::new().uuid(), UsageId::new().uuid()] {
        let row = sqlx::query(
            "select type_id('cnv', $1) as written, id_of(type_id('cnv', $1)) as read, id_floor(id_time($1)) as floor",
        )
        .bind(uuid);
        let row = row.fetch_one(&mut app).await.expect("it answers");
        assert_eq!(row.get::<Uuid, _>("read"), uuid);
        assert_eq!(row.get::<String, _>("written"), ConversationId::from_uuid(uuid).to_string());
        // A double holds milliseconds exactly for longer than anybody will count.
        if uuid.get_version_num() == 7 {
            let floor: Uuid = row.get("floor");
            assert_eq!(floor.as_u128(), uuid.as_u128() >> 80 << 80);
        }
    }
    for none in ["", "cnv_", "cnv_01h455vb4pex5vsknk084sn0Iq", "x"] {
        let read: Option<Uuid> =
            sqlx::query_scalar("select id_of($1)").bind(none).fetch_one(&mut app).await.expect("it answers");
        assert_eq!(read, None, "{none}");
    }
    let made: Vec<Uuid> = sqlx::query_scalar("select new_id() from generate_series(1, 100)")
        .fetch_all(&mut app)
        .await
        .expect("it answers");
    let now = Uuid::now_v7().as_u128() >> 80;
    for id in made {
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        assert!(now.abs_diff(id.as_u128() >> 80) < 60_000, "{id} is of this minute");
    }
}
