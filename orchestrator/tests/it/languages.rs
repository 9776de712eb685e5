//! What people hear without a model, and what models are told: in the languages that a tenant's agents speak.

use shared::{
    conditions::Language,
    db::{audit::Actor, languages},
};
use simulators::{FaultKind, FaultRule};

use crate::stage::Stage;

const GERMAN: &str = "Wo ist mein Paket? Ich warte noch auf die Lieferung.";

async fn speaks(stage: &Stage, spoken: Option<&[Language]>) {
    let mut tx = stage.db.begin().await.expect("a transaction begins");
    languages::set(&mut tx, &Actor::System, spoken).await.expect("they are set");
    tx.commit().await.expect("it is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_german_is_apologized_to_in_german_if_that_is_spoken() {
    let mut stage = Stage::new().await;
    stage.test.config.llm.fallback_model = None;
    stage.model.faults().add(FaultRule::always("completions", FaultKind::Status { code: 400, retry_after: None }));
    let _orchestrator = stage.orchestrator();
    for (spoken, begins) in [
        (None, "Entschuldigung"),
        (Some([Language::French, Language::German].as_slice()), "Entschuldigung"),
        (Some([Language::French, Language::English].as_slice()), "Désolé"),
    ] {
        speaks(&stage, spoken).await;
        let asked = stage.asks(GERMAN).await;
        stage.ended().await;
        let said = &stage.replies(&asked)[0].text;
        assert!(said.starts_with(begins), "{spoken:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_told_what_is_spoken_where_somebody_said_so() {
    let stage = Stage::new().await;
    let _orchestrator = stage.orchestrator();
    for (spoken, told) in [
        (None, ""),
        (Some([Language::German].as_slice()), "Always answer in German."),
        (Some([Language::German, Language::Spanish].as_slice()), "You speak German, Spanish. Answer"),
    ] {
        speaks(&stage, spoken).await;
        let before = stage.model.requests().len();
        stage.asks("What do you know?").await;
        stage.ended().await;
        let asked: String = stage.model.requests()[before..].iter().map(|request| request.prompt_text()).collect();
        let says_anything = asked.contains("Always answer in") || asked.contains("You speak ");
        assert_eq!((asked.contains(told), says_anything), (true, spoken.is_some()), "{asked}");
    }
}
