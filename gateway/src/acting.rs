//! How far somebody gets who acts as another, and who is let into a tenant that is suspended. Two tables, for every route.

use axum::{
    extract::MatchedPath,
    http::{Method, request::Parts},
};
use shared::db::{
    audit::Actor,
    impersonations::{self, Impersonation},
    suspensions::Suspension,
};

use crate::{Gateway, error::ApiError};

/// What a platform admin who acts as a member may ask for, by the beginning of the address. What is not here they may not:
/// keys and tokens, billing, members and invitations, whatever speaks to people or agrees in somebody's name.
const LOOK: [&str; 30] = [
    "/agents",
    "/analytics",
    "/approvals",
    "/audit",
    "/bindings",
    "/budgets",
    "/cases",
    "/channels",
    "/connections",
    "/conversations",
    "/currency",
    "/escalation-desk",
    "/escalation-rules",
    "/escalations",
    "/events",
    "/follow-ups",
    "/forks",
    "/knowledge",
    "/languages",
    "/mcp-servers",
    "/members",
    "/memories",
    "/notices",
    "/office-hours",
    "/onboarding",
    "/people",
    "/routines",
    "/tools",
    "/usage",
    "/impersonation/consent",
];
/// What they may change where the tenant allows that: how its agents are set up.
const CHANGE: [&str; 8] = [
    "/agents",
    "/bindings",
    "/cases",
    "/escalation-rules",
    "/knowledge",
    "/languages",
    "/office-hours",
    "/audit/verify",
];
/// Of a suspended tenant, what its admins may change: they pay, and look.
const CHANGE_WHILE_SUSPENDED: [&str; 1] = ["/billing"];

fn begins(path: &str, with: &[&str]) -> bool {
    let Some(path) = path.strip_prefix("/api/v1") else { return false };
    with.iter().any(|start| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

pub(crate) fn may_impersonating(method: &Method, path: &str) -> bool {
    begins(path, if method.is_safe() { &LOOK } else { &CHANGE })
}

/// Who acts, if they may go on and ask for this. What they look at is noted before it is shown.
pub async fn enter(parts: &Parts, gateway: &Gateway, acting: &Impersonation) -> Result<Actor, ApiError> {
    if !acting.lives {
        return Err(ApiError::impersonation_ended());
    }
    if !may_impersonating(&parts.method, matched(parts)) {
        return Err(ApiError::not_in_a_name());
    }
    if !parts.method.is_safe() && !acting.can_write {
        return Err(ApiError::read_only());
    }
    if parts.method.is_safe() {
        impersonations::note_look(&gateway.db.system(), acting, parts.uri.path()).await?;
    }
    Ok(Actor::Impersonator(Box::new(acting.clone())))
}

/// Whether somebody may ask for this although the tenant is suspended.
pub fn pass(parts: &Parts, is_admin: bool, suspended: Option<&Suspension>) -> Result<(), ApiError> {
    let Some(suspension) = suspended else { return Ok(()) };
    let may = parts.method.is_safe() || begins(matched(parts), &CHANGE_WHILE_SUSPENDED);
    if is_admin && may { Ok(()) } else { Err(ApiError::suspended(suspension)) }
}

/// The address as the router knows it.
fn matched(parts: &Parts) -> &str {
    parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_101_secrets_money_people_and_agreement_are_out_of_reach() {
        let change = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let never = [
            "/llm-keys",
            "/api-keys",
            "/billing",
            "/billing/checkout",
            "/invitations",
            "/tenants",
            "/auth/password",
        ];
        for path in never {
            let path = format!("/api/v1{path}");
            assert!(!may_impersonating(&Method::GET, &path), "{path}");
            assert!(change.iter().all(|method| !may_impersonating(method, &path)), "{path}");
        }
        let looked_at = [
            "/members/{user_id}",
            "/approvals/{approval_id}/approve",
            "/conversations/{conversation_id}/reply",
            "/conversations/{conversation_id}/takeover",
            "/impersonation/consent",
            "/connections",
            "/mcp-servers",
            "/tools",
        ];
        for path in looked_at {
            let path = format!("/api/v1{path}");
            assert!(change.iter().all(|method| !may_impersonating(method, &path)), "{path}");
        }
    }

    #[test]
    fn a_route_that_only_begins_alike_is_another() {
        assert!(may_impersonating(&Method::GET, "/api/v1/agents/{agent_id}/versions"));
        assert!(!may_impersonating(&Method::GET, "/api/v1/agents-of-tomorrow"));
        assert!(!may_impersonating(&Method::GET, "/oauth/slack/install"));
        assert!(!may_impersonating(&Method::GET, ""));
    }
}
