//! Open streams of events: what changes is told to those who may see it, and to nobody for longer than they may.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use gateway::{Gateway, Patience};
use serde_json::json;
use shared::{
    clock::Clock,
    db::Db,
    ids::{ConversationId, MessageId},
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use crate::{
    stage::{ANY_PORT, Firm, House},
    wire::{Ask, connect, write},
};

/// Whoever is told by Redis is told within this; the next look comes after two seconds.
const AT_ONCE: Duration = Duration::from_millis(1_500);
const SOON: Duration = Duration::from_secs(6);
/// What nobody may watch any more ends within this.
const REVOKED: Duration = Duration::from_secs(5);

/// An open stream, and what came of it so far.
struct Watch {
    stream: TcpStream,
    text: String,
}

impl Watch {
    async fn open(to: SocketAddr, ask: &Ask) -> Self {
        let mut stream = connect(to).await;
        write(&mut stream, &ask.bytes()).await;
        let mut watch = Self { stream, text: String::new() };
        assert!(watch.sees("event: counters", SOON).await, "{}", watch.text);
        assert!(watch.text.starts_with("HTTP/1.1 200 "), "{}", watch.text);
        assert!(watch.text.contains("content-type: text/event-stream"), "{}", watch.text);
        watch
    }

    async fn by_key(house: &House, firm: &Firm) -> Self {
        Self::open(house.address, &events().key(&firm.key)).await
    }

    /// Reads until the words are there; `false`: they did not come in time, or the stream ended before.
    async fn sees(&mut self, words: &str, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while !self.text.contains(words) {
            if !self.reads(deadline).await {
                return false;
            }
        }
        true
    }

    async fn sees_change_of(&mut self, conversation: ConversationId, within: Duration) -> bool {
        let words = format!("event: conversation\ndata: {{\"id\":\"{conversation}\"}}");
        let seen = self.sees(&words, within).await;
        self.text.clear();
        seen
    }

    /// How long it took until the stream ended; `None`: it did not.
    async fn ends(&mut self, within: Duration) -> Option<Duration> {
        let begun = Instant::now();
        while self.reads(begun + within).await {}
        (begun.elapsed() < within).then(|| begun.elapsed())
    }

    async fn reads(&mut self, deadline: Instant) -> bool {
        let mut piece = [0; 4_096];
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, self.stream.read(&mut piece)).await {
            Ok(Ok(length @ 1..)) => {
                self.text.push_str(&String::from_utf8_lossy(&piece[..length]));
                true
            }
            _ => false,
        }
    }
}

fn events() -> Ask {
    Ask::get("/api/v1/events")
}

/// A message that nothing announces.
async fn said(house: &House, firm: &Firm, conversation: ConversationId) {
    let mut tx = house.test.db.tenant(firm.tenant).begin().await.expect("a transaction begins");
    sqlx::query(
        "insert into messages (tenant_id, message_id, conversation_id, author_kind, body, sent_at)
         values ($1, $2, $3, 'operator', 'by the way', clock_timestamp())",
    )
    .bind(firm.tenant)
    .bind(MessageId::new())
    .bind(conversation)
    .execute(tx.conn())
    .await
    .expect("it is stored");
    tx.commit().await.expect("it is stored");
}

async fn take_over(house: &House, firm: &Firm, conversation: ConversationId) {
    let path = format!("/api/v1/conversations/{conversation}/takeover");
    assert_eq!(house.ask(&Ask::post(&path).key(&firm.key)).await.status, 200);
}

#[tokio::test]
async fn what_changes_is_told_at_once_and_what_nobody_announces_soon() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let conversation = house.talked(&acme).await.0;
    let mut watch = Watch::by_key(&house, &acme).await;
    take_over(&house, &acme, conversation).await;
    assert!(watch.sees_change_of(conversation, AT_ONCE).await, "a takeover");
    said(&house, &acme, conversation).await;
    assert!(watch.sees_change_of(conversation, SOON).await, "a message");
    let path = format!("/api/v1/conversations/{conversation}/release");
    house.ask(&Ask::post(&path).key(&acme.key)).await;
    assert!(watch.sees_change_of(conversation, AT_ONCE).await, "a release");
    let path = format!("/api/v1/conversations/{conversation}/notes");
    let written = house.ask(&Ask::post(&path).key(&acme.key).json(&json!({ "text": "Call them." }))).await.json();
    assert!(watch.sees_change_of(conversation, AT_ONCE).await, "a note");
    let path = format!("{path}/{}", written["id"].as_str().expect("an id"));
    assert_eq!(house.ask(&Ask::new("DELETE", &path).key(&acme.key)).await.status, 204);
    assert!(watch.sees_change_of(conversation, AT_ONCE).await, "no note any more");
    house.escalated(acme.tenant, conversation).await;
    assert!(watch.sees("\"waiting\":1", SOON).await && watch.text.contains("\"unseen\":1"), "{}", watch.text);
    // Nothing happens, so nothing is told.
    watch.text.clear();
    assert!(!watch.sees("event:", Duration::from_secs(3)).await, "{}", watch.text);
}

#[tokio::test]
async fn attack_66_another_tenant_is_told_nothing() {
    let house = House::open().await;
    let (acme, bolt) = (house.firm("acme").await, house.firm("bolt").await);
    let (ours, theirs) = (house.talked(&acme).await.0, house.talked(&bolt).await.0);
    let (mut watch, mut foreign) = (Watch::by_key(&house, &acme).await, Watch::by_key(&house, &bolt).await);
    foreign.text.clear();
    take_over(&house, &acme, ours).await;
    house.escalated(acme.tenant, house.talked(&acme).await.0).await;
    assert!(watch.sees_change_of(ours, SOON).await);
    assert!(!foreign.sees("event:", Duration::from_secs(5)).await, "{}", foreign.text);
    take_over(&house, &bolt, theirs).await;
    assert!(foreign.sees_change_of(theirs, SOON).await, "it is alive");
}

#[tokio::test]
async fn attack_89_a_stream_ends_with_the_session_the_membership_and_the_key() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    house.talked(&acme).await;
    let (user, mut signs_out) = house.person(acme.tenant, "customer_operator").await;
    let mut stays = house.browser(user, Some(acme.tenant)).await;
    let (removed, member) = house.person(acme.tenant, "reader").await;
    let key = house.new_key(acme.tenant, "customer_operator").await;
    let (ended, other, gone) = (
        Watch::open(house.address, &signs_out.with_cookies(events())).await,
        Watch::open(house.address, &stays.with_cookies(events())).await,
        Watch::open(house.address, &member.with_cookies(events())).await,
    );
    let revoked = Watch::open(house.address, &events().key(&key)).await;
    let reply = signs_out.ask(&house, Ask::post("/api/v1/auth/logout")).await;
    assert!(reply.status < 300, "{}", reply.text());
    let mut owner = house.test.system().await;
    sqlx::query("update api_keys set revoked_at = now() where key_hash = $1")
        .bind(shared::crypto::token_hash(&key).as_slice())
        .execute(&mut owner)
        .await
        .expect("it can be revoked");
    let mut tx = house.test.db.tenant(acme.tenant).begin().await.expect("a transaction begins");
    sqlx::query("delete from memberships where tenant_id = $1 and user_id = $2")
        .bind(acme.tenant)
        .bind(removed)
        .execute(tx.conn())
        .await
        .expect("a member can be removed");
    tx.commit().await.expect("removed");
    let (mut ended, mut gone, mut revoked, mut other) = (ended, gone, revoked, other);
    let (session, membership, key) = tokio::join!(ended.ends(REVOKED), gone.ends(REVOKED), revoked.ends(REVOKED));
    assert!(session.is_some() && membership.is_some() && key.is_some(), "{session:?} {membership:?} {key:?}");
    // Another device of the same person goes on.
    assert_eq!(other.ends(Duration::from_secs(1)).await, None);
    let (second, _) = house.test.tenant("second").await;
    house.member(second, user, "customer_operator").await;
    let body = json!({ "tenant_id": second });
    let switched = stays.ask(&house, Ask::post("/api/v1/auth/tenant").json(&body)).await;
    assert_eq!(switched.status, 200, "{}", switched.text());
    assert!(other.ends(REVOKED).await.is_some(), "it speaks for another tenant now");
}

#[tokio::test]
async fn a_stream_in_somebodys_name_ends_with_the_consent() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    cast.consent(&house, "read").await;
    assert_eq!(cast.begin(&house).await.status, 200);
    let mut watch = Watch::open(house.address, &cast.platform.with_cookies(events())).await;
    assert_eq!(watch.ends(Duration::from_secs(5)).await, None, "while it lasts");
    cast.consent(&house, "none").await;
    assert!(watch.ends(REVOKED).await.is_some());
}

#[tokio::test]
async fn a_stream_of_a_suspended_tenant_ends_but_for_its_admins() {
    let house = House::open().await;
    let mut cast = house.cast().await;
    let (_, operator) = house.person(cast.tenant, "customer_operator").await;
    let mut theirs = Watch::open(house.address, &operator.with_cookies(events())).await;
    let mut owners = Watch::open(house.address, &cast.owner.with_cookies(events())).await;
    cast.suspend(&house, "An invoice is open").await;
    assert!(theirs.ends(REVOKED).await.is_some());
    assert_eq!(owners.ends(Duration::from_secs(3)).await, None);
}

#[tokio::test]
async fn every_gateway_tells_what_happens_at_another_also_without_redis() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let conversation = house.talked(&acme).await.0;
    let mut alone = house.test.config.clone();
    alone.redis_url = "redis://127.0.0.1:1".to_owned().into();
    let mut watches = Vec::new();
    for config in [house.test.config.clone(), alone] {
        let db = Db::connect(&config.database_url, &config.database_system_url).expect("the addresses are valid");
        let gateway = Gateway::new(&config, &db, Clock::system()).await.expect("the gateway starts");
        let listener = TcpListener::bind(ANY_PORT).await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), std::future::pending()));
        watches.push(Watch::open(address, &events().key(&acme.key)).await);
    }
    take_over(&house, &acme, conversation).await;
    for (watch, within) in watches.iter_mut().zip([AT_ONCE, SOON]) {
        assert!(watch.sees_change_of(conversation, within).await, "{}", watch.text);
    }
}

#[tokio::test]
async fn one_identity_has_eight_streams_at_most() {
    let house = House::open().await;
    let acme = house.firm("acme").await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Watch::by_key(&house, &acme).await);
    }
    let refused = house.ask(&events().key(&acme.key)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too_many_streams"));
    drop(open.pop());
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A client that went is noticed with the next thing to tell it.
    take_over(&house, &acme, house.talked(&acme).await.0).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(house.ask(&events().key(&acme.key)).await.status, 200);
}

#[tokio::test]
async fn a_quiet_stream_beats_and_is_not_taken_for_an_idle_line() {
    let patience = Patience { idle: Duration::from_secs(17), ..Patience::default() };
    let house = House::open_for(patience, |_| {}).await;
    let acme = house.firm("acme").await;
    let mut watch = Watch::by_key(&house, &acme).await;
    assert!(watch.sees(": beat", Duration::from_secs(16)).await, "{}", watch.text);
    assert_eq!(watch.ends(Duration::from_secs(4)).await, None);
}
