//! What people do besides writing, from the click to what they see: commands, shortcuts, the home page, humans.

use std::time::Duration;

use serde_json::{Value, json};
use simulators::{Click, Command, FaultKind, FaultRule, Shortcut, SlackSimulator, Submit, Whisper};

use crate::house::{House, PATIENCE, Tenant};

const ADA: &str = "UADA";

impl Tenant<'_> {
    async fn command(&self, channel: &str, text: &str) -> Value {
        let command = Command {
            team: self.team.clone(),
            user: ADA.into(),
            channel: channel.into(),
            command: "/konstruct".into(),
            text: text.into(),
        };
        let outcome = self.house.slack.command(&command).await;
        assert_eq!(outcome.status, Some(200), "{outcome:?}");
        serde_json::from_str(&outcome.body).expect("JSON")
    }

    /// Waits until Ada is told something that contains these words, by nobody else's leave.
    async fn whispered(&self, words: &str) -> Whisper {
        let told = |slack: &SlackSimulator| {
            slack.whispers(&self.team, ADA).into_iter().find(|line| line.text.contains(words))
        };
        self.house.slack.wait_until(PATIENCE, told).await.unwrap_or_else(|| {
            panic!("Ada was not told `{words}` but {:?}", self.house.slack.whispers(&self.team, ADA))
        })
    }

    async fn sees(&self, what: &str, ask: impl Fn(&SlackSimulator) -> bool) {
        let seen = self.house.slack.wait_until(PATIENCE, |slack| ask(slack).then_some(())).await;
        assert!(seen.is_some(), "it never happened: {what}");
    }

    async fn happens(&self, what: &str, query: &'static str) {
        for _ in 0..600 {
            if self.count(query).await > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never happened: {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_every_answer_people_say_what_they_think_of_it() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let asked = acme.asks("CGENERAL", ADA, "When is the launch of Apollo?");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    acme.inbox().await;
    let [answer] = acme.replies("CGENERAL", &asked.thread_ts).try_into().expect("one answer");
    let click = |user: &str, value: &str| Click {
        team: acme.team.clone(),
        user: user.into(),
        channel: "CGENERAL".into(),
        ts: answer.ts.clone(),
        action_id: "feedback:".into(),
        value: Some(value.into()),
        ..Click::default()
    };
    let pressed = house.slack.click(&click(ADA, "up")).await.expect("the buttons are there");
    assert_eq!(pressed.status, Some(200));
    acme.whispered("Thank you").await;
    house.slack.click(&click("UGRACE", "down")).await.expect("the buttons are there");
    let [dialog] = house.slack.dialogs(&acme.team, "UGRACE").try_into().expect("one dialog");
    let submit = Submit {
        team: acme.team.clone(),
        user: "UGRACE".into(),
        view_id: dialog.id,
        fields: vec![("text".into(), "text".into(), "It says nothing.".into())],
    };
    assert_eq!(house.slack.submit(&submit).await.expect("it is open").status, Some(200));
    let opinions = "select count(*) from feedback f join runs r using (tenant_id, run_id)
                     where f.tenant_id = $1 and (f.verdict, coalesce(f.comment, '')) in
                           (('good', ''), ('bad', 'It says nothing.'))";
    assert_eq!(acme.count(opinions).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_by_command_is_shown_and_answered_in_its_thread() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let told =
        acme.command("CGENERAL", "Remember: the <b>launch</b> of Apollo is on 14 March & no <!channel>.").await;
    assert_eq!(told["response_type"], "ephemeral");
    acme.sees("question and answer", |slack| slack.transcript(&acme.team, "CGENERAL", None).len() >= 2).await;
    let shown = house.slack.transcript(&acme.team, "CGENERAL", None);
    let blocks = shown[0].blocks.as_ref().expect("blocks").to_string();
    assert!(
        blocks.contains("<@UADA> asks:") && blocks.contains("&lt;!channel&gt;") && blocks.contains("14 March")
    );
    assert!(!blocks.contains("<!channel>"));
    acme.finished("CGENERAL", &shown[0].ts, 2).await;
    assert_eq!(acme.inbox().await, [("replied".into(), None)]);
    let said = "select count(*) from messages m join people p using (tenant_id, person_id)
                 where m.tenant_id = $1 and p.external_id = 'UADA' and m.body like '%<b>launch</b>%'";
    assert_eq!(acme.count(said).await, 1, "it counts as Ada's words");
    assert_eq!(acme.count("select count(*) from interactions where tenant_id = $1 and state = 'done'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_where_the_app_is_not_is_declined_where_it_was_asked() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    house.slack.set_channel(simulators::ChannelSetup {
        team: acme.team.clone(),
        channel: "CELSEWHERE".into(),
        member: Some(false),
        ..Default::default()
    });
    acme.command("CELSEWHERE", "Anybody here?").await;
    assert_eq!(acme.whispered("not in this channel").await.channel, "CELSEWHERE");
    let refused = "select count(*) from interactions where tenant_id = $1 and state = 'refused'";
    acme.happens("the question is refused", refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_a_message_is_answered_in_its_thread() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let said =
        house.slack.say(simulators::Say::new(&acme.team, "CGENERAL", "UGRACE", "The budget is 4711 euros."));
    let shortcut = Shortcut {
        team: acme.team.clone(),
        user: ADA.into(),
        channel: "CGENERAL".into(),
        ts: said.ts.clone(),
        callback_id: "ask_about_message".into(),
    };
    let outcome = house.slack.shortcut(&shortcut).await.expect("the message is there");
    assert_eq!(outcome.status, Some(200));
    let [dialog] = house.slack.dialogs(&acme.team, ADA).try_into().expect("one dialog");
    let submit = |text: &str| Submit {
        team: acme.team.clone(),
        user: ADA.into(),
        view_id: dialog.id.clone(),
        fields: vec![("text".into(), "text".into(), text.into())],
    };
    house.slack.submit(&submit(" ")).await.expect("the dialog is open");
    let [still] = house.slack.dialogs(&acme.team, ADA).try_into().expect("it stays open");
    assert!(still.errors.expect("a complaint")["text"].is_string());
    house.slack.submit(&submit("What is the budget?")).await.expect("the dialog is open");
    assert!(house.slack.dialogs(&acme.team, ADA).is_empty(), "it closed");
    acme.finished("CGENERAL", &said.ts, 2).await;
    let prompt = house.model.requests().last().expect("a prompt").prompt_text();
    assert!(prompt.contains("What is the budget?") && prompt.contains("The budget is 4711 euros."), "{prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_erases_what_a_person_said_and_nothing_else() {
    let house = House::open().await;
    house.start_orchestrator();
    let (acme, other) = (house.tenant("acme").await, house.tenant("other").await);
    for (tenant, user) in [(&acme, ADA), (&acme, "UGRACE"), (&other, ADA)] {
        let told = tenant.asks("CGENERAL", user, "My badge code is 4711.");
        tenant.finished("CGENERAL", &told.thread_ts, 1).await;
    }
    let asked = acme.command("CGENERAL", "forget me").await;
    assert!(asked["blocks"].to_string().contains("forget_me"));
    let whispered = acme.whispered("erase all").await;
    let click = Click {
        team: acme.team.clone(),
        user: ADA.into(),
        channel: "CGENERAL".into(),
        ts: whispered.ts,
        action_id: "forget_me".into(),
        ..Click::default()
    };
    assert_eq!(house.slack.click(&click).await.expect("the button is there").status, Some(200));
    let receipt = acme.whispered("erased").await;
    assert_eq!((receipt.channel.as_str(), receipt.text.contains("1 memories")), ("DUADA", true), "{receipt:?}");

    // Who asked is told first: the last thing to be erased is what they are known by.
    let audited = "select count(*) from audit_events where tenant_id = $1 and action = 'person.forget'";
    acme.until("the erasure is done", audited, 1).await;
    let of_ada = "select count(*) from messages m join people p using (tenant_id, person_id)
                   where m.tenant_id = $1 and p.external_id = 'UADA' and m.body <> '' and m.author_kind = 'person'";
    let memories = "select count(*) from memories m where m.tenant_id = $1";
    let traces = "select count(*) from inbox where tenant_id = $1
                   and (position('UADA' in coalesce(normalized::text, '')) > 0
                        or position(convert_to('UADA', 'UTF8') in raw) > 0)";
    let acts = "select count(*) from interactions where tenant_id = $1 and external_user = 'UADA' and raw <> ''";
    for (query, left, elsewhere) in [(of_ada, 0, 1), (memories, 1, 1), (traces, 0, 1), (acts, 0, 0)] {
        assert_eq!((acme.count(query).await, other.count(query).await), (left, elsewhere), "{query}");
    }
    assert_eq!(other.count(audited).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_page_shows_the_persons_own_conversations_only() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let told = acme.asks("CGENERAL", ADA, "The launch of Apollo is on 14 March.");
    acme.finished("CGENERAL", &told.thread_ts, 1).await;
    let secret = acme.asks("DUGRACE", "UGRACE", "My badge code is 4711.");
    acme.finished("DUGRACE", &secret.thread_ts, 1).await;
    acme.inbox().await;
    house.slack.open_home(&acme.team, ADA);
    acme.sees("a home page", |slack| slack.home(&acme.team, ADA).is_some()).await;
    let page = house.slack.home(&acme.team, ADA).expect("it is there").to_string();
    for part in
        ["Kona at work for you", "Talk to me", "Last answers", "CGENERAL", "|open>", "forget_me", "1 of your"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("4711") && !page.contains("DUGRACE"), "{page}");
    let click =
        Click { team: acme.team.clone(), user: ADA.into(), action_id: "forget_me".into(), ..Click::default() };
    assert_eq!(house.slack.click(&click).await.expect("the button is there").status, Some(200));
    acme.whispered("erased").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_about_to_write_is_shown_what_to_ask() {
    let house = House::open().await;
    let acme = house.tenant("acme").await;
    house.slack.open_messages(&acme.team, ADA);
    let shown = |slack: &SlackSimulator| {
        let history = slack.history(Some(&acme.team));
        history.iter().any(|entry| {
            entry.method.as_deref() == Some("assistant.threads.setSuggestedPrompts")
                && entry.text.as_deref().is_some_and(|titles| titles.contains("What can you do?"))
        })
    };
    acme.sees("suggested prompts", shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_humans_reply_reaches_the_thread_once_also_after_a_lost_answer() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let asked = acme.asks("CGENERAL", ADA, "Where is my parcel?");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    acme.inbox().await;
    let conversation = acme.post("takeover", json!({})).await;
    house.slack.faults().add(FaultRule::once("chat.postMessage", FaultKind::DropConnectionAfter));
    acme.post("reply", json!({ "text": "It is on its *way*.", "name": "Grace" })).await;
    let sent = "select count(*) from outbox where tenant_id = $1 and kind = 'operator' and state = 'sent'";
    acme.happens("the reply is sent", sent).await;
    let replies = acme.replies("CGENERAL", &asked.thread_ts);
    let from_grace = replies.iter().filter(|reply| reply.text.contains("*Grace:* It is on its")).count();
    assert_eq!(from_grace, 1, "{replies:?} in {conversation}");
    // The agent stays silent while a human has the conversation, and answers again afterwards, knowing what was said.
    acme.says_in_thread("CGENERAL", ADA, "Thank you, Grace!", &asked.thread_ts);
    acme.happens("it is held", "select count(*) from inbox where tenant_id = $1 and state = 'held'").await;
    acme.post("release", json!({})).await;
    let count = acme.replies("CGENERAL", &asked.thread_ts).len();
    acme.asks_in_thread("CGENERAL", ADA, "Is it still on its way?", &asked.thread_ts);
    acme.finished("CGENERAL", &asked.thread_ts, count + 1).await;
    let prompt = house.model.requests().last().expect("a prompt").prompt_text();
    assert!(prompt.contains("Thank you, Grace!") && prompt.contains("It is on its *way*."), "{prompt}");
}

/// Also with a model that is away: words decide.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_asks_for_a_human_gets_one_without_a_model() {
    let house = House::open().await;
    house.model.faults().add(FaultRule::always("*", FaultKind::Status { code: 503, retry_after: None }));
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    for (channel, text) in [("CGENERAL", "human"), ("DUADA", "Mensch, bitte!")] {
        let asked = acme.asks(channel, ADA, text);
        let held = "select count(*) from inbox where tenant_id = $1 and state = 'held'";
        let told = |slack: &SlackSimulator| {
            let lines = slack.whispers(&acme.team, ADA);
            lines
                .into_iter()
                .any(|line| line.channel == channel && line.thread_ts.as_ref() == Some(&asked.thread_ts))
        };
        acme.sees("Ada is told", told).await;
        acme.happens("it is held", held).await;
        acme.says_in_thread(channel, ADA, "Is anybody there?", &asked.thread_ts);
        acme.inbox().await;
        assert!(acme.replies(channel, &asked.thread_ts).is_empty(), "the agent stays silent");
    }
    assert!(
        acme.inbox().await.iter().all(|(state, reason)| {
            state == "held" && reason.as_deref() == Some("a human has this conversation")
        })
    );
    assert_eq!(
        acme.count("select count(*) from conversations where tenant_id = $1 and waits_since is not null").await,
        2
    );
    let audited = "select count(*) from audit_events where tenant_id = $1 and action = 'conversation.ask_human'
                      and actor_kind = 'person'";
    assert_eq!(acme.count(audited).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_takeover_nothing_of_the_agent_is_committed() {
    let house = House::open().await;
    house.model.faults().add(FaultRule::always("*", FaultKind::DelayMs(1_500)));
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    for round in 0..3 {
        let asked = acme.asks("CGENERAL", ADA, "Where is my parcel?");
        acme.happens("it is thinking", "select count(*) from runs where tenant_id = $1 and state = 'running'")
            .await;
        tokio::time::sleep(Duration::from_millis(400 * round)).await;
        acme.post("takeover", json!({})).await;
        acme.inbox().await;
        let ended = |_: &SlackSimulator| {
            acme.replies("CGENERAL", &asked.thread_ts).iter().all(|reply| !reply.text.starts_with("_Thinking"))
        };
        acme.sees("the placeholder is finished", ended).await;
        assert!(acme.replies("CGENERAL", &asked.thread_ts).iter().all(|reply| reply.text.contains("colleague")));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    // What was committed as `sending` after the takeover would be an answer's row.
    assert_eq!(
        acme.count("select count(*) from outbox where tenant_id = $1 and kind in ('answer', 'apology')").await,
        0
    );
    assert_eq!(acme.count("select count(*) from inbox where tenant_id = $1 and state = 'held'").await, 3);
}

impl Tenant<'_> {
    fn asks_in_thread(&self, channel: &str, user: &str, text: &str, thread: &str) -> simulators::Said {
        self.house.slack.say(simulators::Say::new(&self.team, channel, user, text).in_thread(thread).mentioning())
    }

    /// Does something with the tenant's only conversation through the API; returns its id.
    async fn post(&self, act: &str, body: Value) -> String {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let list =
            http.get(self.house.api("conversations")).bearer_auth(&self.key).send().await.expect("an answer");
        let list: Value = list.json().await.expect("JSON");
        let id = list["items"][0]["id"].as_str().expect("a conversation").to_owned();
        let url = self.house.api(&format!("conversations/{id}/{act}"));
        let request = http.post(url).bearer_auth(&self.key);
        let request = if act == "reply" { request.json(&body) } else { request };
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
        id
    }
}
