//! People change their minds about what they wrote: what they get is the answer to what stands there now.

use serde_json::json;
use simulators::{Delete, Edit, FaultKind, FaultRule, React, Said, WhatsAppSay};

use crate::{
    house::{House, PATIENCE, Tenant, eventually},
    phones::{ADA, Phones},
};

impl Tenant<'_> {
    pub fn edits(&self, channel: &str, said: &Said, text: &str) {
        let edit =
            Edit { team: self.team.clone(), channel: channel.into(), ts: said.ts.clone(), text: text.into() };
        self.house.slack.edit(edit).expect("the message is there");
    }

    pub fn deletes(&self, channel: &str, said: &Said) {
        let delete = Delete { team: self.team.clone(), channel: channel.into(), ts: said.ts.clone() };
        self.house.slack.delete(delete).expect("the message is there");
    }

    /// Waits until the agent is seen to be at work on it.
    async fn at_work_on(&self, channel: &str, said: &Said) {
        eventually("the agent begins", || !self.replies(channel, &said.thread_ts).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_edited_while_it_is_answered_is_answered_as_it_reads_now() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    house.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(8_000)));
    let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    acme.at_work_on("CGENERAL", &asked).await;
    acme.edits("CGENERAL", &asked, "The launch is on 15 March.");
    // What the first run had shown is finished, and the answer follows.
    let shown = acme.finished("CGENERAL", &asked.thread_ts, 2).await;
    assert!(shown[0].contains("changed") && shown[1].contains("Noted"), "{shown:?}");
    acme.inbox().await;
    let prompts = house.model.requests();
    let last = prompts.last().expect("a prompt").prompt_text();
    assert!(last.contains("15 March") && !last.contains("14 March"), "{last}");
    assert_eq!(acme.count("select count(*) from runs where tenant_id = $1 and state = 'dropped'").await, 1);
    let remembered = "select count(*) from memories where tenant_id = $1 and body = 'The launch is on 15 March.'";
    assert_eq!((acme.count(remembered).await, acme.replies("CGENERAL", &asked.thread_ts).len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_deleted_while_it_is_answered_gets_no_answer() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    house.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(8_000)));
    let asked = acme.asks("CGENERAL", "UADA", "My badge code is 4711.");
    acme.at_work_on("CGENERAL", &asked).await;
    acme.deletes("CGENERAL", &asked);
    let gone = |_: &simulators::SlackSimulator| {
        acme.replies("CGENERAL", &asked.thread_ts).iter().any(|reply| reply.text.contains("deleted")).then_some(())
    };
    house.slack.wait_until(PATIENCE, gone).await.expect("the placeholder is finished");
    assert_eq!(acme.inbox().await, [("ignored".into(), Some("deleted by its author".into()))]);
    let open = "select count(*) from lanes where tenant_id = $1 and (owner is not null or done_seq < last_seq)";
    while acme.count(open).await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(acme.replies("CGENERAL", &asked.thread_ts).len(), 1, "and nothing else is said");
    assert_eq!(acme.count("select count(*) from memories where tenant_id = $1").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_follows_an_edit_of_what_was_answered_and_forgets_what_was_deleted() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let told = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
    acme.finished("CGENERAL", &told.thread_ts, 1).await;
    let secret = acme.asks("CGENERAL", "UADA", "The budget code is 4712.");
    acme.finished("CGENERAL", &secret.thread_ts, 1).await;
    acme.everything_remembered().await;
    acme.edits("CGENERAL", &told, "The launch is on 15 March.");
    acme.deletes("CGENERAL", &secret);
    let followed = "select count(*) from memories where tenant_id = $1 and body like '%15 March%'";
    let left = "select count(*) from memories where tenant_id = $1 and body like '%4712%'";
    while acme.count(followed).await == 0 || acme.count(left).await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    acme.everything_remembered().await;
    let asked = acme.asks("COTHER", "UGRACE", "When is the launch?");
    let answer = acme.finished("COTHER", &asked.thread_ts, 1).await;
    assert!(answer[0].contains("15 March") && !answer[0].contains("4712"), "{answer:?}");
    let prompt = house.model.requests().last().expect("a prompt").prompt_text();
    assert!(!prompt.contains("14 March") && !prompt.contains("4712"), "{prompt}");
    assert_eq!(acme.replies("CGENERAL", &told.thread_ts).len(), 1, "no second answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_edits_while_it_is_answered_is_answered_as_it_reads_now() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let shop = phones.shop("acme").await;
    phones.house.model.faults().add(FaultRule::once("completions", FaultKind::DelayMs(8_000)));
    let said = shop.hears(ADA, "The launch is on 14 March.");
    shop.eventually("select count(*)::text from runs where tenant_id = $1 and state = 'running'", "1").await;
    let edit = json!({ "type": "edit", "edit": { "original_message_id": said,
                       "message": { "type": "text", "text": { "body": "The launch is on 15 March." } } } });
    let change = WhatsAppSay { message: Some(edit), ..WhatsAppSay::new(&shop.number, ADA, "") };
    phones.whatsapp.say(change);
    let answers = shop.answered(ADA, 1).await;
    let prompts = phones.house.model.requests();
    let last = prompts.last().expect("a prompt").prompt_text();
    assert!(last.contains("15 March") && !last.contains("14 March"), "{last}");
    shop.eventually(
        "select string_agg(body, '; ') from memories where tenant_id = $1",
        "The launch is on 15 March.",
    )
    .await;
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumb_on_an_answer_in_slack_is_an_opinion_until_it_is_taken_away() {
    let house = House::open().await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let asked = acme.asks("CGENERAL", "UADA", "When is the launch?");
    acme.finished("CGENERAL", &asked.thread_ts, 1).await;
    acme.inbox().await;
    let [answer] = acme.replies("CGENERAL", &asked.thread_ts).try_into().expect("one answer");
    let opinions = "select count(*) from feedback where tenant_id = $1 and verdict = 'good'";
    for (remove, expected) in [(false, 1), (true, 0)] {
        let react = React {
            team: acme.team.clone(),
            channel: "CGENERAL".into(),
            ts: answer.ts.clone(),
            user: "UADA".into(),
            emoji: "+1".into(),
            remove,
        };
        house.slack.react(&react).expect("the answer is there");
        let mut seen = -1;
        for _ in 0..100 {
            seen = acme.count(opinions).await;
            if seen == expected {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(seen, expected, "taken away: {remove}");
    }
}
