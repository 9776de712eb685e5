//! A long conversation is known beyond its window, until what was said is to be forgotten.

use std::time::Duration;

use crate::house::{House, Tenant};

impl Tenant<'_> {
    /// Waits until there are so many summaries, and no conversation waits for another one.
    async fn summed_up(&self, count: i64) {
        for _ in 0..600 {
            let waits = self.count("select count(*) from summary_requests where tenant_id = $1").await;
            if waits == 0 && self.count("select count(*) from summaries where tenant_id = $1").await >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nothing is summed up");
    }

    async fn hears_in_thread(&self, thread: &str, count: usize, text: &str) -> String {
        self.says_in_thread("CGENERAL", "UADA", text, thread);
        self.finished("CGENERAL", thread, count).await.remove(count - 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_the_window_is_known_until_it_is_to_be_forgotten() {
    let house = House::open_with(|config| config.summary_after = Some(1)).await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    let said = acme.asks("CGENERAL", "UADA", "The code word of the launch is Heron.");
    acme.finished("CGENERAL", &said.thread_ts, 1).await;
    let filler =
        "Lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ".repeat(130);
    for count in 2..5 {
        acme.hears_in_thread(&said.thread_ts, count, &filler).await;
    }
    acme.summed_up(1).await;
    let question = "What is the code word of the launch?";
    let answer = acme.hears_in_thread(&said.thread_ts, 5, question).await;
    assert!(answer.contains("Heron"), "{answer}");
    let foreign = house.tenant("other").await;
    assert_eq!(foreign.count("select count(*) from summaries where tenant_id <> $1").await, 0);

    let (_, list) = acme.ask_api(reqwest::Method::GET, "memories?q=heron&only=message", None).await;
    let path = format!("memories/{}", list["items"][0]["id"].as_str().expect("a memory"));
    assert_eq!(acme.ask_api(reqwest::Method::DELETE, &path, None).await.0, 200);
    acme.summed_up(0).await;
    let held = "select count(*) from summaries where tenant_id = $1 and body like '%Heron%'";
    assert_eq!(acme.count(held).await, 0);
    let prompts = house.model.requests();
    let prompt =
        prompts.iter().rev().find(|request| request.prompt_text().contains(question)).expect("it was asked");
    assert!(prompt.prompt_text().contains("Summary of what was said earlier"), "it came from the summary");
}
