//! Facts are drawn from what people wrote, never from what the agent said or was reminded of.

use std::time::Duration;

use shared::db::budgets::{self, Limit, NewBudget, Scope};
use simulators::{FaultKind, FaultRule, ModelRequest, Say};

use crate::stage::{CHANNEL, PATIENCE, Stage, TEAM};

/// Facts are drawn as soon as a message is stored.
async fn eager() -> Stage {
    let mut stage = Stage::new().await;
    stage.test.config.facts_after = Some(Duration::ZERO);
    stage
}

impl Stage {
    /// Waits until facts were drawn from everything.
    async fn learned(&self) -> Vec<String> {
        let begun = std::time::Instant::now();
        loop {
            if self.all_texts("select count(*)::text from learnings").await == ["0"] {
                return self
                    .all_texts("select body from memories where kind = 'fact' order by said_at, body")
                    .await;
            }
            assert!(begun.elapsed() < PATIENCE, "facts are not drawn");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Memories included.
    async fn all_texts(&self, sql: &'static str) -> Vec<String> {
        let mut tx = self.db.begin_for_all_audiences().await.expect("a transaction begins");
        let texts = sqlx::query_scalar(sql).fetch_all(tx.conn()).await.expect("rows");
        tx.close().await.expect("it ends");
        texts
    }

    /// What a model was given to draw facts from.
    fn notes_asked_for(&self) -> Vec<ModelRequest> {
        let asked = self.model.requests().into_iter();
        asked.filter(|request| request.prompt_text().contains("keep the notes of an AI employee")).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_agent_is_paused_pays_for_no_facts() {
    let stage = eager().await;
    let mut tx = stage.db.begin().await.expect("a transaction begins");
    sqlx::query(
        "insert into subscriptions (tenant_id, subscription, status, created_at) values ($1, 'sub_1', 'unpaid', now())",
    )
    .bind(stage.db.id())
    .execute(tx.conn())
    .await
    .expect("a subscription");
    tx.commit().await.expect("it is stored");
    let _orchestrator = stage.orchestrator();
    stage.asks("Remember that the launch is on 14 March.").await;
    stage.ended().await;
    assert_eq!(stage.learned().await, [""; 0]);
    assert_eq!(stage.model.requests().len(), 0, "neither an answer nor facts");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_state_is_learned_and_told_elsewhere_with_its_source() {
    let stage = eager().await;
    let _orchestrator = stage.orchestrator();
    stage.asks("Remember that the launch is on 14 March. Are you ready?").await;
    stage.ended().await;
    assert_eq!(stage.learned().await, ["Remember that the launch is on 14 March."]);
    stage.asks("We decided to paint the office green.").await;
    stage.asks("The launch moved to 21 March.").await;
    stage.ended().await;
    assert_eq!(stage.learned().await.len(), 3);
    let open =
        "select attribute || ' ' || value from memories where kind = 'fact' and valid_until is null order by 1";
    assert_eq!(stage.all_texts(open).await, ["date 21 March", "decided paint the office green"]);

    let asked = stage.asks("When is the launch?").await;
    stage.ended().await;
    let prompts = stage.model.requests();
    let prompt = prompts.iter().rev().find(|request| request.prompt_text().contains("When is the launch?"));
    let prompt = prompt.expect("a model was asked").prompt_text();
    assert!(prompt.contains("no longer so since"), "{prompt}");
    assert!(stage.replies(&asked)[0].text.contains("21 March"), "{:?}", stage.replies(&asked));

    let booked = "select purpose || ' ' || status from usage order by 1";
    let booked = stage.texts(booked).await;
    assert_eq!(booked.iter().filter(|line| *line == "extraction ok").count(), stage.notes_asked_for().len());
    let source = "select distinct m.body from fact_sources s join messages m using (tenant_id, message_id)
                   where m.author_kind <> 'person'";
    assert_eq!(stage.all_texts(source).await, [""; 0]);
}

/// A loop like the one that filled another system's memory with its own recall (mem0#4573).
#[tokio::test(flavor = "multi_thread")]
async fn recalled_text_in_every_prompt_becomes_no_fact() {
    const CHATS: usize = 120;
    let stage = eager().await;
    let _orchestrator = stage.orchestrator();
    for statement in ["The launch is on 14 March.", "My badge number is 4711.", "Our venue is Bletchley Park."] {
        stage.asks(statement).await;
    }
    stage.ended().await;
    assert_eq!(stage.learned().await.len(), 3);
    let questions = ["When is the launch?", "What is my badge number?", "Which venue is it?"];
    for chat in 0..CHATS {
        stage.says(Say::new(TEAM, CHANNEL, "UADA", questions[chat % 3])).await;
        if chat % 20 == 19 {
            stage.ended().await;
        }
    }
    stage.ended().await;
    let known = stage.learned().await;
    assert_eq!(known.len(), 3, "nothing new was said: {known:?}");
    let prompts = stage.model.requests();
    let reminded = prompts.iter().filter(|request| {
        let text = request.prompt_text();
        text.contains("What you remember") && !text.contains("keep the notes")
    });
    assert!(reminded.count() >= CHATS, "recalled text was in every prompt");
    for request in stage.notes_asked_for() {
        let shown = request.prompt_text();
        assert!(!shown.contains("told me") && !shown.contains("What you remember"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_money_nothing_is_learned_and_all_is_remembered() {
    let mut stage = eager().await;
    // It costs nothing.
    stage.test.config.llm.fallback_model = None;
    let mut tx = stage.db.begin().await.expect("a transaction begins");
    let new = NewBudget { scope: Scope::Tenant, period: "month", time_zone: "UTC", limit: Limit::usd(Some(0)) };
    budgets::create(&mut tx, &new).await.expect("a budget");
    sqlx::query("update agents set model = 'gpt-4o-mini' where tenant_id = $1")
        .bind(stage.db.id())
        .execute(tx.conn())
        .await
        .expect("a model that costs something");
    tx.commit().await.expect("committed");
    let _orchestrator = stage.orchestrator();
    stage.asks("The launch is on 14 March.").await;
    stage.ended().await;
    assert_eq!(stage.learned().await, [""; 0]);
    assert_eq!(stage.notes_asked_for().len(), 0);
    assert_eq!(stage.all_texts("select body from memories").await, ["The launch is on 14 March."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_away_is_asked_again_later() {
    let stage = eager().await;
    {
        let _orchestrator = stage.orchestrator();
        stage.asks("The launch is on 14 March.").await;
        stage.ended().await;
        stage.learned().await;
    }
    let failures = "select failures::text from learnings";
    let away = FaultKind::Status { code: 500, retry_after: None };
    stage.model.faults().add(FaultRule::always("completions", away));
    let _orchestrator = stage.orchestrator();
    stage.asks("The launch moved to 21 March.").await;
    let begun = std::time::Instant::now();
    while stage.all_texts(failures).await.first().is_none_or(|count| count == "0") {
        assert!(begun.elapsed() < PATIENCE, "it is never put off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stage.all_texts("select body from memories where kind = 'fact'").await.len(), 1);
}
