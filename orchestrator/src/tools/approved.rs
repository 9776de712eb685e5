//! A turn that a decision began: it carries out what was approved, once, or says that nothing was done. No model is asked.

use serde_json::{Map, Value};
use shared::{
    db::{
        DbError, TenantDb,
        approvals::{self, Approval, State},
        audit::Actor,
        lanes::Lease,
        mcp_servers,
        tool_calls::{self, State as CallState},
        tools::{self, Granted, Tool},
    },
    ids::ApprovalId,
    tools::address::Template,
};

use super::{
    act::count,
    http::{self, Answered, Request},
    wording,
};
use crate::{Orchestrator, opening::Turn, turn::Outcome};

/// What is carried out, with what that needs.
struct Ready {
    tool: Tool,
    template: Template,
    sealed: Option<Vec<u8>>,
    arguments: Map<String, Value>,
}

pub async fn carry_out(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    (lease, turn): (&Lease, &Turn),
    id: ApprovalId,
) -> Result<Outcome, DbError> {
    let mut approval = find(db, lease, id).await?;
    match (approval.state, approval.call_state.as_str()) {
        (State::Approved, "waiting") => {
            if let Some(ready) = begin(db, (lease, turn), &approval).await? {
                call(orchestrator, (db, lease), &approval, &ready).await?;
            }
            approval = find(db, lease, id).await?;
        }
        // An earlier life of this turn began it, and was gone before its end.
        (State::Used, "running") => {
            let mut tx = db.begin().await?;
            tool_calls::give_up(&mut tx, approval.call, "The process that made the call is gone.").await?;
            tx.commit().await?;
            approval = find(db, lease, id).await?;
        }
        _ => {}
    }
    let unknown = approval.call_state == CallState::Unknown.as_str();
    let hand_over = unknown.then(|| tool_calls::unknown(&approval.tool_name));
    Ok(Outcome::Told { text: wording::report(&approval), hand_over, request_hash: [0; 32] })
}

async fn find(db: &TenantDb, lease: &Lease, id: ApprovalId) -> Result<Approval, DbError> {
    let mut tx = db.begin().await?;
    let found = approvals::find(&mut tx, id).await?;
    tx.close().await?;
    found
        .filter(|approval| approval.conversation == lease.conversation)
        .ok_or_else(|| DbError::Damaged("a decision about an approval of another conversation".into()))
}

/// Checks what was approved against what is there now, and writes the intent down. `None`: nothing is carried out, which is on
/// record.
async fn begin(
    db: &TenantDb,
    (lease, turn): (&Lease, &Turn),
    approval: &Approval,
) -> Result<Option<Ready>, DbError> {
    let mut tx = db.begin().await?;
    let granted = turn
        .tools
        .iter()
        .any(|granted| matches!(granted, Granted::Own(tool, _) if Some(tool.id) == approval.tool));
    let found = match approval.tool {
        Some(id) => tools::lock(&mut tx, id).await?,
        None => None,
    };
    let refusal = match &found {
        None => Some("The tool is gone."),
        Some((tool, _)) if !tool.enabled => Some("The tool is switched off."),
        Some(_) if !granted || turn.agent.id != approval.agent => Some("The agent may not use the tool any more."),
        Some((tool, _)) if tool.digest(&approval.arguments).as_slice() != approval.digest => {
            Some("The tool was changed after it was approved.")
        }
        Some((tool, _)) if tool.remote.as_ref().is_some_and(|remote| remote.locked_at.is_some()) => {
            Some(http::CHANGED)
        }
        Some(_) => None,
    };
    if let (None, Some((tool, sealed))) = (refusal, found) {
        let template = Template::parse(&tool.url_template).map_err(DbError::Damaged)?;
        let arguments = approval.arguments.as_object().cloned().unwrap_or_default();
        if approvals::use_up(&mut tx, lease, approval, &tool.digest(&approval.arguments)).await? {
            tx.commit().await?;
            return Ok(Some(Ready { tool, template, sealed, arguments }));
        }
    }
    let why = refusal.unwrap_or("It came too late.");
    let held = approvals::void(&mut tx, lease, approval, why).await?;
    tx.commit().await?;
    count("refused");
    if held { Ok(None) } else { Err(DbError::Fenced) }
}

/// The one request, and its result.
async fn call(
    orchestrator: &Orchestrator,
    (db, lease): (&TenantDb, &Lease),
    approval: &Approval,
    ready: &Ready,
) -> Result<(), DbError> {
    let secret = mcp_servers::open_secret(db, &orchestrator.keys, &ready.tool, ready.sealed.as_deref()).await?;
    let request = Request {
        id: approval.call,
        tool: &ready.tool,
        template: &ready.template,
        secret: secret.as_ref(),
        arguments: &ready.arguments,
    };
    let answered = http::call(&orchestrator.guard, &request).await;
    let mut tx = db.begin().await?;
    let (state, said) = match answered {
        Answered::Done(said) => (CallState::Done, said),
        Answered::Failed(said) => (CallState::Failed, said),
        Answered::Unclear(said) => (CallState::Unknown, said),
        Answered::Changed => {
            mcp_servers::lock(&mut tx, &Actor::System, ready.tool.id, None).await?;
            (CallState::Failed, http::CHANGED.to_owned())
        }
    };
    tool_calls::finish(&mut tx, lease, approval.call, state, &said).await?;
    tx.commit().await?;
    count(state.as_str());
    Ok(())
}
