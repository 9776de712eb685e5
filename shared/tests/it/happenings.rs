//! Events one by one, and what conversations went through: nothing is missing from a page or on two, and what a channel takes is
//! counted beside what models cost.

use shared::{
    db::{
        analytics::{
            Span,
            events::{self, Event, KINDS, Place, Wanted},
            journeys::{self, Journey},
        },
        audit::Actor,
        takeovers,
    },
    ids::{AgentId, ConversationId, EscalationId, PersonId},
};
use time::{
    Duration, OffsetDateTime,
    macros::{date, datetime},
};
use uuid::Uuid;

use crate::{
    analytics::{Talk, answered, count, counts, id_of, opines, total},
    stage::{Firm, Stage},
};

const AT: OffsetDateTime = datetime!(2026-10-07 12:00 UTC);

/// From October on, and whatever is done while the test runs.
const SPAN: Span = Span { from: date!(2026 - 10 - 01), to: date!(2100 - 01 - 01) };

async fn listed(firm: &Firm, wanted: &Wanted<'_>, limit: i64) -> Vec<Event> {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let found = events::list(&mut tx, SPAN, "UTC", wanted, limit).await.expect("they are read");
    tx.close().await.expect("it closes");
    found
}

async fn all(firm: &Firm) -> Vec<Event> {
    listed(firm, &Wanted::default(), 1_000).await
}

async fn travelled(firm: &Firm, wanted: journeys::Wanted<'_>, limit: i64) -> Vec<Journey> {
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let found = journeys::list(&mut tx, SPAN, "UTC", wanted, limit).await.expect("they are read");
    tx.close().await.expect("it closes");
    found
}

/// A human was asked for an hour later, came, took it, and gave it back.
async fn handed_over(firm: &Firm, talk: &Talk) {
    let at = AT + Duration::hours(1);
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    let escalate = "insert into escalations (tenant_id, escalation_id, conversation_id, reason, person_id, summary, opened_at)
                    values ($1, $2, $3, 'asked', $4, '', $5)";
    let escalate = sqlx::query(escalate).bind(firm.tenant).bind(EscalationId::from_uuid(id_of(at)));
    let escalate = escalate.bind(talk.conversation).bind(talk.person).bind(at);
    escalate.execute(tx.conn()).await.expect("it is handed over");
    takeovers::take(&mut tx, talk.conversation, &Actor::System).await.expect("a human takes it");
    tx.commit().await.expect("it is stored");
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    takeovers::release(&mut tx, talk.conversation, &Actor::System).await.expect("the agent has it again");
    tx.commit().await.expect("it is stored");
}

/// The answer was also a message that the channel set this price for.
async fn priced(firm: &Firm, talk: &Talk, at: OffsetDateTime, cost: Option<i64>) {
    let (outbox, wamid) = (id_of(at), format!("wamid.{}", Uuid::now_v7()));
    let mut tx = firm.db.begin().await.expect("a transaction begins");
    sqlx::query(
        "insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, part, operation, body, state, fence, external_id)
         values ($1, $2, $3, $4, 'answer', $5, 'post', 'Hello', 'sent', 1, $6)",
    )
    .bind(firm.tenant)
    .bind(outbox)
    .bind(talk.conversation)
    .bind(talk.run)
    .bind(i32::from(cost.is_none()))
    .bind(&wamid)
    .execute(tx.conn())
    .await
    .expect("it is stored");
    sqlx::query(
        "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, agent_id, run_id, body, sent_at)
         values ($1, $2, $3, $4, 'agent', $5, $6, 'Hello', $7)",
    )
    .bind(firm.tenant)
    .bind(outbox)
    .bind(talk.conversation)
    .bind(&wamid)
    .bind(firm.agent)
    .bind(talk.run)
    .bind(at)
    .execute(tx.conn())
    .await
    .expect("it is stored");
    sqlx::query(
        "insert into delivery_statuses (tenant_id, connection_id, external_id, outbox_id, status, rank, changed_at, pricing_type,
                                        cost_micro_usd)
         values ($1, $2, $3, $4, 'delivered', 3, $5, 'regular', $6)",
    )
    .bind(firm.tenant)
    .bind(firm.connection)
    .bind(&wamid)
    .bind(outbox)
    .bind(at)
    .bind(cost)
    .execute(tx.conn())
    .await
    .expect("it is stored");
    tx.commit().await.expect("it is stored");
}

#[tokio::test]
async fn each_thing_that_happened_is_one_event_with_its_agent_person_and_conversation() {
    let stage = Stage::new().await;
    let (acme, globex) = (stage.firm("acme").await, stage.firm("globex").await);
    let talk = answered(&stage, &acme, AT).await;
    answered(&stage, &globex, AT).await;
    opines(&acme, &talk, "good").await;
    handed_over(&acme, &talk).await;
    priced(&acme, &talk, AT + Duration::seconds(3), Some(4_500)).await;
    let events = all(&acme).await;
    let mut kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    let expected = [
        "answer",
        "channel_send",
        "escalation",
        "escalation_closed",
        "good",
        "human",
        "message",
        "model_call",
        "release",
        "takeover",
    ];
    assert_eq!(kinds, expected);
    assert!(kinds.iter().all(|kind| KINDS.contains(kind)));
    assert!(events.iter().all(|event| event.conversation == Some(talk.conversation)), "{events:?}");
    assert!(events.iter().all(|event| event.channel.as_deref() == Some("slack")), "{events:?}");
    let one = |kind: &str| events.iter().find(|event| event.kind == kind).expect("it is listed");
    assert_eq!(
        (one("answer").spent_ms, one("answer").agent, one("answer").id),
        (Some(2_000), Some(acme.agent), talk.run.uuid())
    );
    assert_eq!((one("message").person, one("message").at), (Some(talk.person), AT));
    assert_eq!((one("good").person, one("good").agent), (Some(talk.person), Some(acme.agent)));
    assert_eq!((one("model_call").cost_micro_usd, one("model_call").model.as_deref()), (Some(70), Some("m")));
    assert_eq!((one("channel_send").cost_micro_usd, one("channel_send").agent), (Some(4_500), Some(acme.agent)));
    assert!(one("human").spent_ms.is_some_and(|spent| spent > 0), "{events:?}");
    assert!(events.windows(2).all(|pair| pair[0].at >= pair[1].at), "the newest first");
    assert_eq!(all(&globex).await.len(), 3, "its own");
}

#[tokio::test]
async fn pages_of_any_size_hold_each_event_once_also_of_one_millisecond() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    for _ in 0..7 {
        let talk = answered(&stage, &acme, AT).await;
        handed_over(&acme, &talk).await;
    }
    let whole = all(&acme).await;
    assert_eq!(whole.len(), 7 * 8);
    for limit in [1, 2, 5, 55] {
        let mut pages: Vec<Event> = Vec::new();
        loop {
            let place = pages.last().map(|last| Place { at: last.at, id: last.id, kind: last.kind.clone() });
            let wanted = Wanted { before: place.as_ref(), ..Wanted::default() };
            let page = listed(&acme, &wanted, limit).await;
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(pages, whole, "by {limit}");
    }
}

#[tokio::test]
async fn filters_leave_out_what_is_not_asked_for() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let (one, other) = (answered(&stage, &acme, AT).await, answered(&stage, &acme, AT + Duration::days(1)).await);
    opines(&acme, &one, "bad").await;
    handed_over(&acme, &one).await;
    let of = async |wanted: Wanted<'_>| listed(&acme, &wanted, 1_000).await.len();
    assert_eq!(of(Wanted::default()).await, 12);
    assert_eq!(of(Wanted { conversation: Some(other.conversation), ..Wanted::default() }).await, 3);
    assert_eq!(of(Wanted { conversation: Some(one.conversation), ..Wanted::default() }).await, 9);
    assert_eq!(of(Wanted { conversation: Some(ConversationId::new()), ..Wanted::default() }).await, 0);
    assert_eq!(of(Wanted { person: Some(other.person), ..Wanted::default() }).await, 1, "what they wrote");
    assert_eq!(of(Wanted { person: Some(PersonId::new()), ..Wanted::default() }).await, 0);
    assert_eq!(
        of(Wanted { agent: Some(acme.agent), ..Wanted::default() }).await,
        5,
        "answers, calls and an opinion"
    );
    assert_eq!(of(Wanted { agent: Some(AgentId::new()), ..Wanted::default() }).await, 0);
    assert_eq!(of(Wanted { kinds: &["takeover", "release"], ..Wanted::default() }).await, 2);
    assert_eq!(of(Wanted { channel: Some("whatsapp"), ..Wanted::default() }).await, 0);
    assert_eq!(of(Wanted { channel: Some("slack"), ..Wanted::default() }).await, 12);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let day = Span { from: date!(2026 - 10 - 08), to: date!(2026 - 10 - 08) };
    let found = events::list(&mut tx, day, "UTC", &Wanted::default(), 100).await.expect("they are read");
    assert_eq!(found.len(), 3, "of that day alone");
    let found =
        events::list(&mut tx, day, "Pacific/Auckland", &Wanted::default(), 100).await.expect("they are read");
    assert_eq!(found.len(), 4, "noon of the 7th there is the 8th, and noon of the 8th the 9th: {found:?}");
}

#[tokio::test]
async fn a_journey_tells_what_became_of_a_conversation_and_what_it_cost() {
    let stage = Stage::new().await;
    let (acme, globex) = (stage.firm("acme").await, stage.firm("globex").await);
    let (plain, rough) =
        (answered(&stage, &acme, AT).await, answered(&stage, &acme, AT + Duration::hours(2)).await);
    opines(&acme, &rough, "bad").await;
    handed_over(&acme, &rough).await;
    priced(&acme, &rough, AT + Duration::hours(3), Some(4_500)).await;
    let all = travelled(&acme, journeys::Wanted::default(), 100).await;
    let of = |talk: &Talk| all.iter().find(|one| one.conversation == talk.conversation).expect("it is listed");
    let calm = of(&plain);
    assert_eq!(
        (calm.messages, calm.answers, calm.first_answer_ms, calm.agent),
        (1, 1, Some(2_000), Some(acme.agent))
    );
    assert_eq!((calm.escalations, calm.taken_over, calm.released, calm.closed), (0, false, false, false));
    assert_eq!((calm.cost_micro_usd, calm.channel_cost_micro_usd, calm.bad), (70, 0, 0));
    let rough = of(&rough);
    assert_eq!((rough.escalations, rough.taken_over, rough.released, rough.closed), (1, true, true, true));
    assert_eq!((rough.good, rough.bad, rough.channel_cost_micro_usd), (0, 1, 4_500));
    let mut pages: Vec<Journey> = Vec::new();
    loop {
        let before = pages.last().map(|last| journeys::Place {
            last_message_at: last.last_message_at,
            conversation: last.conversation,
        });
        let page = travelled(&acme, journeys::Wanted { before, ..journeys::Wanted::default() }, 1).await;
        if page.is_empty() {
            break;
        }
        pages.extend(page);
    }
    assert_eq!(pages, all);
    assert!(travelled(&globex, journeys::Wanted::default(), 100).await.is_empty());
    let only = journeys::Wanted { agent: Some(AgentId::new()), ..journeys::Wanted::default() };
    assert!(travelled(&acme, only, 100).await.is_empty());
}

#[tokio::test]
async fn what_a_channel_takes_is_counted_beside_what_models_cost() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let talk = answered(&stage, &acme, AT).await;
    priced(&acme, &talk, AT + Duration::seconds(3), Some(4_500)).await;
    priced(&acme, &talk, AT + Duration::seconds(4), None).await;
    count(&acme).await;
    let measures = ["cost_micro_usd", "channel_cost_micro_usd", "channel_sends", "unpriced_sends"];
    assert_eq!(counts(&total(&acme).await, measures), [70, 4_500, 2, 1]);
}
