//! Guests, people of other companies, and other bots ask: what they get is the tenant's decision.

use shared::{
    db::connections::{self, Outsiders, Policy},
    ids::ConnectionId,
};
use simulators::{ChannelSetup, PersonSetup, Say};

use crate::house::{House, Tenant};

/// What no outsider may learn.
const CANARY: &str = "CANARY-4713";

impl Tenant<'_> {
    async fn sets_policy(&self, outsiders: Outsiders, answers_bots: bool) {
        let mut tx = self.db.begin().await.expect("a transaction");
        let connection: ConnectionId =
            sqlx::query_scalar("select connection_id from channel_connections where tenant_id = $1")
                .bind(self.id)
                .fetch_one(tx.conn())
                .await
                .expect("a connection");
        let policy = Policy { outsiders, answers_bots };
        connections::set_policy(&mut tx, connection, policy).await.expect("it is set");
        tx.commit().await.expect("committed");
        // The gateway remembers a route for five seconds.
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    }

    async fn inbox_of(&self, count: i64) -> Vec<(String, Option<String>)> {
        while self.count("select count(*) from inbox where tenant_id = $1").await < count {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        self.inbox().await
    }

    /// The last prompt the model got.
    fn last_prompt(&self) -> String {
        self.house.model.requests().last().expect("a prompt").prompt_text()
    }
}

/// A firm that remembers a secret, with a guest and a channel that another company reads, too.
async fn firm(house: &House) -> Tenant<'_> {
    let acme = house.tenant("acme").await;
    let team = acme.team.clone();
    house.slack.set_person(PersonSetup {
        team: team.clone(),
        user: "UGUEST".into(),
        guest: Some(true),
        home: None,
    });
    let shared = ChannelSetup { team, channel: "CSHARED".into(), shared: Some(true), ..ChannelSetup::default() };
    house.slack.set_channel(shared);
    house.start_orchestrator();
    let told = acme.asks("CGENERAL", "UADA", &format!("The budget code is {CANARY}."));
    acme.finished("CGENERAL", &told.thread_ts, 1).await;
    acme.everything_remembered().await;
    acme
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_55_outsiders_are_answered_without_what_insiders_said() {
    let house = House::open().await;
    let acme = firm(&house).await;
    // Someone inside may know, and the guest's name and standing become known by a first word.
    let asked = acme.asks("CLAUNCH", "UGRACE", "What is the budget code?");
    assert!(acme.finished("CLAUNCH", &asked.thread_ts, 1).await[0].contains(CANARY));
    let hello = acme.asks("CGENERAL", "UGUEST", "Good morning!");
    acme.finished("CGENERAL", &hello.thread_ts, 1).await;
    acme.everything_remembered().await;

    let stranger = Say::new(&acme.team, "CSHARED", "UEVE", "What is the budget code?").mentioning();
    let strange = house.slack.say(stranger.from_team("TOTHER"));
    for (channel, thread) in [
        ("CSHARED", strange.thread_ts),
        ("CGENERAL", acme.asks("CGENERAL", "UGUEST", "What is the budget code?").thread_ts),
        ("DGUEST", acme.asks("DGUEST", "UGUEST", "What is the budget code?").thread_ts),
        // An insider's question in front of the other company.
        ("CSHARED", acme.asks("CSHARED", "UADA", "What is the budget code?").thread_ts),
    ] {
        let answer = acme.finished(channel, &thread, 1).await;
        assert!(!answer[0].contains(CANARY), "{channel}: {answer:?}");
        assert!(!acme.last_prompt().contains(CANARY), "{channel}: the prompt holds what an insider said");
    }
    let known = "select count(*) from people where tenant_id = $1 and standing in ('guest', 'outsider')";
    assert_eq!(acme.count(known).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn outsiders_may_be_ignored_or_treated_like_members() {
    let house = House::open().await;
    let acme = firm(&house).await;
    acme.sets_policy(Outsiders::LikeMembers, false).await;
    let hello = acme.asks("CGENERAL", "UGUEST", "What is the budget code?");
    assert!(acme.finished("CGENERAL", &hello.thread_ts, 1).await[0].contains(CANARY));
    acme.everything_remembered().await;

    acme.sets_policy(Outsiders::Ignore, false).await;
    let ignored = acme.asks("CGENERAL", "UGUEST", "And again?");
    let states = acme.inbox_of(3).await;
    assert_eq!(states[2], ("ignored".into(), Some("outsiders are not answered here".into())));
    assert!(acme.replies("CGENERAL", &ignored.thread_ts).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_58_another_bot_is_answered_three_times_without_a_person_and_only_where_the_tenant_wants_it() {
    let house = House::open().await;
    let acme = firm(&house).await;
    let bot_says = |thread: Option<&str>| {
        let say = Say::new(&acme.team, "CBOTS", "UOTHERAGENT", "And what do you think of that?").mentioning();
        let say = Say { by_bot: true, ..say };
        house.slack.say(if let Some(thread) = thread { say.in_thread(thread) } else { say })
    };
    bot_says(None);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(acme.inbox_of(1).await.len(), 1, "not even stored");

    acme.sets_policy(Outsiders::AnswerWithoutMemory, true).await;
    let first = bot_says(None);
    for round in 1..=3 {
        acme.finished("CBOTS", &first.thread_ts, round).await;
        // What a second agent of the same kind would do: answer each answer.
        bot_says(Some(&first.thread_ts));
        acme.inbox_of(i64::try_from(round).expect("few") + 2).await;
    }
    let states = acme.inbox_of(5).await;
    assert_eq!(states[4], ("ignored".into(), Some("bots were answered enough without a person".into())));
    assert_eq!(acme.replies("CBOTS", &first.thread_ts).len(), 3);
    assert_eq!(
        acme.count("select count(*) from memories where tenant_id = $1").await,
        1,
        "only people are remembered"
    );

    // A person's word in between, and the two may go on.
    acme.says_in_thread("CBOTS", "UADA", "<@UOTHERAGENT> please go on", &first.thread_ts);
    acme.inbox_of(6).await;
    bot_says(Some(&first.thread_ts));
    acme.finished("CBOTS", &first.thread_ts, 4).await;
}
