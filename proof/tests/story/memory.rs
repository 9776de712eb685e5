//! What is remembered, by whom it may be heard, and what is answered at all.

use crate::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_later_another_thread_remembers_and_the_other_tenant_learns_nothing() {
    let house = House::open().await;
    house.start_orchestrator();
    let (acme, other) = (house.tenant("acme").await, house.tenant("other").await);

    let told = acme.asks("CGENERAL", "UADA", "The launch of Apollo is on 14 March.");
    let noted = acme.finished("CGENERAL", &told.thread_ts, 1).await;
    assert!(noted[0].contains("Noted"), "{noted:?}");
    acme.everything_remembered().await;
    acme.change("update memories set said_at = said_at - interval '1 day' where tenant_id = $1").await;
    acme.change("update messages set sent_at = sent_at - interval '1 day' where tenant_id = $1").await;

    let asked = acme.asks("CLAUNCH", "UGRACE", "When is the launch of Apollo?");
    let answer = acme.finished("CLAUNCH", &asked.thread_ts, 1).await;
    assert_eq!(answer.len(), 1);
    assert!(answer[0].contains("14 March"), "{answer:?}");

    let foreign = other.asks("CGENERAL", "UADA", "When is the launch of Apollo?");
    let nothing = other.finished("CGENERAL", &foreign.thread_ts, 1).await;
    assert!(nothing[0].contains("don't know"), "{nothing:?}");
    let prompts: Vec<String> = house.model.requests().iter().map(|request| request.prompt_text()).collect();
    let foreign_prompt = prompts.last().expect("a prompt");
    assert!(!foreign_prompt.contains("14 March"), "the other tenant's prompt holds the memory");

    assert_eq!(acme.inbox().await, [("replied".into(), None), ("replied".into(), None)]);
    assert_eq!(acme.count("select count(*) from usage where tenant_id = $1 and status = 'ok'").await, 2);
    // One trace from webhook to reply.
    let traced = "select count(*) from inbox i join runs r using (tenant_id, run_id)
                   where i.tenant_id = $1 and i.trace = r.trace and length(i.trace) = 55";
    assert_eq!(acme.count(traced).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_in_private_is_not_repeated_in_public() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    for (channel, user, secret) in
        [("DADA", "UADA", "My badge code is 4711."), ("GBOARD", "UADA", "The budget code is 4712.")]
    {
        let told = acme.asks(channel, user, secret);
        acme.finished(channel, &told.thread_ts, 1).await;
    }
    acme.everything_remembered().await;

    for (channel, user) in [("CGENERAL", "UGRACE"), ("DGRACE", "UGRACE")] {
        let asked = acme.asks(channel, user, "What is the badge code, and what is the budget code?");
        let answer = acme.finished(channel, &asked.thread_ts, 1).await;
        assert!(!answer[0].contains("471"), "{channel}: {answer:?}");
    }
    let prompts = house.model.requests();
    assert!(prompts[prompts.len() - 2..].iter().all(|request| !request.prompt_text().contains("471")));

    let asked = acme.asks("DADA", "UADA", "What is my badge code?");
    assert!(acme.finished("DADA", &asked.thread_ts, 1).await[0].contains("4711"));
    let asked = acme.asks("GBOARD", "UGRACE", "What is the budget code?");
    assert!(acme.finished("GBOARD", &asked.thread_ts, 1).await[0].contains("4712"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_needs_no_mention_and_talk_to_others_gets_no_answer() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let first = acme.asks("CGENERAL", "UADA", "The venue is Bletchley Park.");
    acme.finished("CGENERAL", &first.thread_ts, 1).await;
    acme.says_in_thread("CGENERAL", "UGRACE", "Which venue is it?", &first.thread_ts);
    let replies = acme.finished("CGENERAL", &first.thread_ts, 2).await;
    assert!(replies[1].contains("Bletchley Park"), "{replies:?}");

    acme.says_in_thread("CGENERAL", "UADA", "<@UGRACE> can you book it?", &first.thread_ts);
    let stored = "select count(*) from inbox where tenant_id = $1";
    while acme.count(stored).await < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let states = acme.inbox().await;
    assert_eq!(states[2], ("ignored".into(), Some("not addressed".into())));
    // Talk elsewhere in the channel is not even stored.
    house.slack.say(simulators::Say::new(&acme.team, "CGENERAL", "UADA", "Lunch, anyone?"));
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(acme.count(stored).await, 3);
    assert_eq!(acme.replies("CGENERAL", &first.thread_ts).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_works_a_little_later() {
    let house = House::open_with(|config| config.redis_url = "redis://127.0.0.1:1".to_owned().into()).await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let asked = acme.asks("DADA", "UADA", "Are you a human?");
    let answer = acme.finished("DADA", &asked.thread_ts, 1).await;
    assert!(answer[0].contains("AI"), "{answer:?}");
}
