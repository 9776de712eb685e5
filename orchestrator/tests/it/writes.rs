//! Calls that change something outside: they wait for a second person, happen once, and never twice for want of a result.

use serde_json::json;
use shared::{
    db::{
        approvals,
        audit::Actor,
        tools::{self, Secret, Shape},
    },
    ids::{ApprovalId, ToolId, UserId},
    tools::Class,
};
use simulators::{DeskSimulator, Manner, Said};

use crate::stage::{Stage, eventually};

const ADA: &str = "UADA";

struct Desk {
    stage: Stage,
    service: DeskSimulator,
    tool: ToolId,
}

impl Desk {
    /// An agent that may open tickets, where somebody else agrees.
    async fn open() -> Self {
        let stage = Stage::with_tools(&[]).await;
        let service = DeskSimulator::start().await.expect("a port is free");
        let url = format!("http://{}/tickets", service.address);
        let schema = json!({ "properties": { "title": { "type": "string" } }, "required": ["title"] });
        let tool = stage.tool("open_ticket", Class::Write, "post", &url, schema).await;
        stage.grant(&[], &[tool]).await;
        Self { stage, service, tool }
    }

    /// Ada asks for a ticket, and it waits.
    async fn asked(&self) -> (Said, ApprovalId) {
        let said = self.stage.asks("Open a ticket: Printer is broken").await;
        self.stage.ended().await;
        let shown = self.shown(&said);
        assert!(
            shown.contains("need a colleague's approval") && shown.contains("title: Printer is broken"),
            "{shown}"
        );
        assert_eq!(self.service.asked(), [] as [String; 0], "nothing was called");
        let mut tx = self.stage.db.begin().await.expect("a transaction begins");
        let waiting = approvals::list(&mut tx, Some(approvals::State::Waiting), None, 10).await.expect("a list");
        tx.close().await.expect("it ends");
        assert_eq!(waiting.len(), 1);
        (said, waiting[0].id)
    }

    async fn decide(&self, approval: ApprovalId, approve: bool) -> bool {
        let mut tx = self.stage.db.begin().await.expect("a transaction begins");
        let actor = Actor::User(UserId::new());
        let decided = approvals::decide(&mut tx, approval, approve, &actor, "Grace").await.expect("it is decided");
        tx.commit().await.expect("it is stored");
        decided
    }

    async fn report(&self, said: &Said, approval: ApprovalId) -> String {
        self.stage.decided(said, ADA, &approval.to_string()).await;
        self.stage.ended().await;
        self.shown(said)
    }

    fn shown(&self, said: &Said) -> String {
        self.stage.replies(said).last().map(|reply| reply.text.clone()).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_call_is_made_once_with_what_was_shown() {
    let desk = Desk::open().await;
    desk.service.set(Manner::Says(201, "application/json", "{\"ticket\":4711}".into()));
    let _orchestrator = desk.stage.orchestrator();
    let (said, approval) = desk.asked().await;
    assert!(desk.decide(approval, true).await);
    assert!(!desk.decide(approval, true).await, "once");
    assert!(!desk.decide(approval, false).await, "and not otherwise");
    let report = desk.report(&said, approval).await;
    assert!(report.contains("Done:") && report.contains("Grace") && report.contains("4711"), "{report}");
    let asked = desk.service.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].starts_with("POST /tickets ") && asked[0].ends_with("{\"title\":\"Printer is broken\"}"),
        "{asked:?}"
    );
    assert!(asked[0].contains("idempotency-key: tcl_"), "{asked:?}");
    assert_eq!(desk.stage.ledger().await, ["open_ticket done {\"ticket\":4711}"]);
    assert_eq!(desk.stage.texts("select state from approvals").await, ["used"]);
    let acts = "select string_agg(action, ', ' order by n) from audit_events
                 where action like 'approval.%' or action like 'tool.%'";
    assert_eq!(desk.stage.texts(acts).await, ["approval.ask, approval.approve, tool.call"]);
    assert_eq!(desk.stage.model.requests().len(), 1, "the report needs no model");
    let jobs =
        "select string_agg(kind, ', ' order by kind) from jobs where kind like '%approval' or kind like '%call'";
    assert_eq!(
        desk.stage.texts(jobs).await,
        ["expire_approval, report_approval, settle_tool_call, show_approval, show_approval"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_or_too_late_is_not_called_and_said_so() {
    let desk = Desk::open().await;
    let _orchestrator = desk.stage.orchestrator();
    let (said, approval) = desk.asked().await;
    assert!(desk.decide(approval, false).await);
    let report = desk.report(&said, approval).await;
    assert!(report.contains("Grace did not approve") && report.contains("nothing was done"), "{report}");
    let (said, approval) = desk.asked().await;
    let mut tx = desk.stage.db.begin().await.expect("a transaction begins");
    assert!(!approvals::expire(&mut tx, approval).await.expect("it is looked at"), "there is time");
    sqlx::query("update approvals set expires_at = now() - interval '1 second' where state = 'waiting'")
        .execute(tx.conn())
        .await
        .expect("time passes");
    tx.commit().await.expect("it is stored");
    assert!(!desk.decide(approval, true).await, "it is too late");
    let mut tx = desk.stage.db.begin().await.expect("a transaction begins");
    assert!(approvals::expire(&mut tx, approval).await.expect("it is looked at"));
    tx.commit().await.expect("it is stored");
    let report = desk.report(&said, approval).await;
    assert!(report.contains("Nobody approved") && report.contains("nothing was done"), "{report}");
    assert_eq!(desk.service.asked(), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_for_the_tool_as_it_was_and_for_an_agent_that_may_use_it() {
    let desk = Desk::open().await;
    let _orchestrator = desk.stage.orchestrator();
    let (said, approval) = desk.asked().await;
    assert!(desk.decide(approval, true).await);
    let (url, arguments) = (
        format!("http://{}/payments", desk.service.address),
        json!({ "properties": { "title": { "type": "string" } }, "required": ["title"] }),
    );
    let shape = Shape {
        name: "open_ticket",
        description: "What a test calls.",
        class: Class::Write,
        method: "post",
        url_template: &url,
        arguments: &arguments,
        timeout_ms: 1_500,
        answer_max: 10_000,
        enabled: true,
    };
    let mut tx = desk.stage.db.begin().await.expect("a transaction begins");
    let keys = &desk.stage.test.config.master_keys;
    tools::change(&mut tx, keys, desk.tool, &shape, Secret::Kept).await.expect("it is changed");
    tx.commit().await.expect("it is stored");
    let report = desk.report(&said, approval).await;
    assert!(report.contains("changed after it was approved"), "{report}");

    let (said, approval) = desk.asked().await;
    assert!(desk.decide(approval, true).await);
    desk.stage.grant(&["calculator"], &[]).await;
    let report = desk.report(&said, approval).await;
    assert!(report.contains("may not use the tool any more"), "{report}");
    assert_eq!(desk.service.asked(), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_clear_result_is_never_tried_again_and_a_human_looks_into_it() {
    let desk = Desk::open().await;
    desk.service.set(Manner::Hangs);
    let _orchestrator = desk.stage.orchestrator();
    let (said, approval) = desk.asked().await;
    assert!(desk.decide(approval, true).await);
    let report = desk.report(&said, approval).await;
    assert!(report.contains("don't know whether it was carried out"), "{report}");
    assert_eq!(desk.service.asked().len(), 1);
    assert_eq!(desk.stage.texts("select state from tool_calls").await, ["unknown"]);
    let handed = "select reason from escalations where state = 'waiting'";
    assert_eq!(
        desk.stage.texts(handed).await,
        ["it is not known whether the tool “open_ticket” did what it was approved for"]
    );
    assert_eq!(desk.stage.texts("select by_human::text from lanes").await, ["true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_between_intent_and_result_leaves_one_call_and_an_escalation() {
    let desk = Desk::open().await;
    let orchestrator = desk.stage.orchestrator();
    let (said, approval) = desk.asked().await;
    assert!(desk.decide(approval, true).await);
    desk.service.set(Manner::Hangs);
    let slow = "update tools set timeout_ms = 30000";
    let mut tx = desk.stage.db.begin().await.expect("a transaction begins");
    sqlx::query(slow).execute(tx.conn()).await.expect("it may take longer");
    tx.commit().await.expect("it is stored");
    desk.stage.decided(&said, ADA, &approval.to_string()).await;
    eventually("the service is asked", || desk.service.asked().len() == 1).await;
    drop(orchestrator);
    let _next = desk.stage.orchestrator();
    desk.stage.ended().await;
    let report = desk.shown(&said);
    assert!(report.contains("don't know whether it was carried out"), "{report}");
    assert_eq!(desk.service.asked().len(), 1, "it was not tried again");
    assert_eq!(desk.stage.texts("select state || ' ' || attempts::text from tool_calls").await, ["unknown 1"]);
    assert_eq!(desk.stage.texts("select count(*)::text from escalations").await, ["1"]);
}
