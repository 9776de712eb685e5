//! One call: admitted or refused, written down, carried out, and its result noted.

use serde_json::{Map, Value, json};
use shared::{
    db::{
        Audience, DbError, TenantTx, approvals,
        audit::Actor,
        lanes, mcp_servers,
        messages::{self, Note},
        origins, people,
        tool_calls::{self, NewCall, Past, State},
    },
    ids::{MemoryId, ToolCallId},
    message::{ChannelKind, clean_text},
    tools::Class,
};
use time::macros::format_description;

use super::{
    Progress, Work, calculator,
    http::{self, Answered, Request},
    registry::{Admitted, What},
    wording,
};
use crate::{llm::Called, policy, recall, tools::registry};

/// Of what a model wrote that could not be read, in characters.
const WRITTEN_MAX: usize = 500;
const MEMORY_CHARS: usize = 400;
/// Memories that one search shows.
const RECALLED_MAX: usize = 10;
const NOT_ALLOWED: &str = "refused";

/// A call and where it stands in the run.
pub(super) struct At<'a> {
    pub(super) id: ToolCallId,
    pub(super) step: i32,
    pub(super) position: i32,
    call: &'a Called,
}

impl Work<'_> {
    /// What the model is told about its call.
    pub(super) async fn perform(
        &self,
        (step, position): (i32, i32),
        call: &Called,
        known: Option<&Past>,
        progress: &mut Progress,
    ) -> Result<String, DbError> {
        let id = known.map_or_else(ToolCallId::new, |known| known.id);
        let at = At { id, step, position, call };
        // Of an earlier life it is not asked whether it was allowed: that is on record.
        let tainted = progress.tainted && known.is_none();
        let admitted = match self.registry.admit(call, tainted) {
            Ok(admitted) => admitted,
            Err(sentence) => return self.refuse(&at, known, &sentence).await,
        };
        progress.tainted |= matches!(admitted.tool.what, What::Http { .. });
        match known {
            Some(known) => self.repeat(&at, known, &admitted, progress).await,
            None => self.begin(&at, &admitted, progress).await,
        }
    }

    async fn begin(
        &self,
        at: &At<'_>,
        admitted: &Admitted<'_>,
        progress: &mut Progress,
    ) -> Result<String, DbError> {
        let arguments = &admitted.arguments;
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        match &admitted.tool.what {
            What::Calculator => {
                let (state, said) = match calculator::calculate(text("sum")) {
                    Ok(value) => (State::Done, value),
                    Err(sentence) => (State::Failed, sentence),
                };
                self.note(at, admitted, state, said).await
            }
            What::CurrentTime => {
                let now = self.current_time().await?;
                self.note(at, admitted, State::Done, now).await
            }
            What::Escalate => {
                progress.hands_over = Some(format!("the agent asks for a human: {}", text("reason")));
                self.note(at, admitted, State::Done, "A colleague is asked.".into()).await
            }
            What::Recall => {
                let (said, tainted) = self.recall(text("about")).await?;
                progress.tainted |= tainted;
                self.note(at, admitted, State::Done, said).await
            }
            What::SearchKnowledge => {
                let said = self.search_knowledge(text("about")).await?;
                self.note(at, admitted, State::Done, said).await
            }
            What::FollowUp => self.follow_up(at, admitted).await,
            What::Remember => self.remember(at, admitted, &clean_text(text("note"))).await,
            What::Forget => self.forget(at, admitted, text("memory")).await,
            What::SendFile => self.send_file(at, admitted, progress).await,
            What::Http { .. } if admitted.tool.class == Class::Write => {
                self.ask_for_approval(at, admitted, progress).await
            }
            What::Http { .. } => {
                let mut tx = self.db.begin().await?;
                self.write(&mut tx, at, admitted, State::Running, None).await?;
                tx.commit().await?;
                self.request(at, admitted).await
            }
        }
    }

    /// A call that an earlier life of the run began: what is known of it stands, and a read that was cut off is made again.
    async fn repeat(
        &self,
        at: &At<'_>,
        known: &Past,
        admitted: &Admitted<'_>,
        progress: &mut Progress,
    ) -> Result<String, DbError> {
        let said = known.result.clone().unwrap_or_default();
        match (known.state, &admitted.tool.what) {
            (State::Running, What::Http { .. }) => {
                let mut tx = self.db.begin().await?;
                let begun = tool_calls::begin_again(&mut tx, self.lease, at.id).await?;
                tx.commit().await?;
                if begun { self.request(at, admitted).await } else { Err(DbError::Fenced) }
            }
            (State::Waiting, _) => {
                progress.waits.push(wording::call(&admitted.tool.name, &json!(admitted.arguments)));
                Ok(said)
            }
            (State::Done, What::SendFile) => {
                progress.files += 1;
                Ok(said)
            }
            (State::Done, What::Escalate) => {
                let reason = admitted.arguments.get("reason").and_then(Value::as_str).unwrap_or_default();
                progress.hands_over = Some(format!("the agent asks for a human: {reason}"));
                Ok(said)
            }
            _ => Ok(said),
        }
    }

    async fn refuse(&self, at: &At<'_>, known: Option<&Past>, sentence: &str) -> Result<String, DbError> {
        if let Some(known) = known {
            return Ok(known.result.clone().unwrap_or_else(|| sentence.to_owned()));
        }
        let written: String = clean_text(&at.call.arguments).chars().take(WRITTEN_MAX).collect();
        let arguments = json!({ "written": written });
        let class = self.registry.find(&at.call.name).map_or(Class::Write, |tool| tool.class);
        let new = NewCall {
            id: at.id,
            run: self.turn.run,
            person: self.asker,
            step: at.step,
            position: at.position,
            name: &at.call.name,
            tool: None,
            class,
            digest: shared::tools::digest(&[&at.call.name], &arguments),
            arguments: &arguments,
            state: State::Refused,
            result: Some(sentence),
        };
        let mut tx = self.db.begin().await?;
        let held = tool_calls::begin(&mut tx, self.lease, &new).await?;
        tx.commit().await?;
        count(NOT_ALLOWED);
        if held { Ok(sentence.to_owned()) } else { Err(DbError::Fenced) }
    }

    /// Writes the call down in the caller's transaction.
    pub(super) async fn write(
        &self,
        tx: &mut TenantTx,
        at: &At<'_>,
        admitted: &Admitted<'_>,
        state: State,
        result: Option<&str>,
    ) -> Result<(), DbError> {
        let arguments = Value::Object(admitted.arguments.clone());
        let (tool, digest) = match &admitted.tool.what {
            What::Http { tool, .. } => (Some(tool.id), tool.digest(&arguments)),
            _ => (None, shared::tools::digest(&[&admitted.tool.name], &arguments)),
        };
        let new = NewCall {
            id: at.id,
            run: self.turn.run,
            person: self.asker,
            step: at.step,
            position: at.position,
            name: &admitted.tool.name,
            tool,
            class: admitted.tool.class,
            arguments: &arguments,
            digest,
            state,
            result,
        };
        if tool_calls::begin(tx, self.lease, &new).await? { Ok(()) } else { Err(DbError::Fenced) }
    }

    /// A call whose result is known at once, because nothing outside is asked.
    pub(super) async fn note(
        &self,
        at: &At<'_>,
        admitted: &Admitted<'_>,
        state: State,
        said: String,
    ) -> Result<String, DbError> {
        let mut tx = self.db.begin().await?;
        self.write(&mut tx, at, admitted, state, Some(&said)).await?;
        tx.commit().await?;
        count(state.as_str());
        Ok(said)
    }

    /// Under the audiences of the place, like everything this turn was told.
    async fn recall(&self, about: &str) -> Result<(String, bool), DbError> {
        let names = recall::candidate_names(about);
        let mut named = Vec::new();
        if !names.is_empty() {
            let mut tx = self.db.begin().await?;
            named = people::named(&mut tx, &names).await?;
            tx.close().await?;
        }
        let embedder = (&self.orchestrator.embedder, self.db.id());
        let prepared = recall::prepare(embedder, about, &named, self.orchestrator.clock.now());
        let asked = recall::Asked { audiences: &self.turn.audiences, asker: self.asker, except: &[] };
        let mut memories = recall::recall(self.db, prepared, &asked).await?;
        memories.truncate(RECALLED_MAX);
        let form = format_description!("[year]-[month]-[day] [hour]:[minute]");
        let line = |memory: &shared::db::memories::Recalled| {
            let text: String = memory.body.split_whitespace().collect::<Vec<_>>().join(" ");
            let text: String = text.chars().take(MEMORY_CHARS).collect();
            let at = memory.said_at.format(form).unwrap_or_default();
            format!("- [{at}] {}: {text} (id {})", memory.author, memory.id)
        };
        let said = memories.iter().map(line).collect::<Vec<_>>().join("\n");
        let said = if said.is_empty() { "Nothing is remembered about that.".to_owned() } else { said };
        Ok((said, registry::is_tainted(&[], &[], &memories)))
    }

    /// The note and its entry are one transaction: it is there once.
    async fn remember(&self, at: &At<'_>, admitted: &Admitted<'_>, text: &str) -> Result<String, DbError> {
        let audience = self.audience();
        let mut tx = self.db.begin_for(std::slice::from_ref(&audience)).await?;
        self.write(&mut tx, at, admitted, State::Done, Some("It is noted.")).await?;
        let note = Note {
            conversation: self.lease.conversation,
            run: self.turn.run,
            person: self.asker,
            audience: &audience,
            text,
        };
        messages::note(&mut tx, &note).await?;
        tx.commit().await?;
        count(State::Done.as_str());
        Ok("It is noted.".into())
    }

    /// Whom a note is for: whoever was there when it was made.
    fn audience(&self) -> Audience {
        let own = Audience::Person(self.asker);
        match policy::kind(&self.turn.opening) {
            ChannelKind::Direct => own,
            ChannelKind::Public if self.turn.audiences.contains(&Audience::Tenant) => Audience::Tenant,
            _ => {
                let channel =
                    self.turn.audiences.iter().find(|audience| matches!(audience, Audience::Channel(..)));
                channel.cloned().unwrap_or(own)
            }
        }
    }

    /// Only what the asker said themselves, and only what may be recalled here.
    async fn forget(&self, at: &At<'_>, admitted: &Admitted<'_>, memory: &str) -> Result<String, DbError> {
        let mut tx = self.db.begin_for(&self.turn.audiences).await?;
        let forgotten = match memory.trim().parse::<MemoryId>() {
            Ok(id) => origins::forget_own(&mut tx, self.asker, id).await?,
            Err(_) => None,
        };
        let (state, said) = match forgotten {
            Some(_) => (State::Done, "It is forgotten."),
            None => (State::Failed, "There is no such memory of the person who asks."),
        };
        self.write(&mut tx, at, admitted, state, Some(said)).await?;
        tx.commit().await?;
        count(state.as_str());
        Ok(said.into())
    }

    /// Nothing is called: it waits, with everything that tells people of it, in one transaction.
    async fn ask_for_approval(
        &self,
        at: &At<'_>,
        admitted: &Admitted<'_>,
        progress: &mut Progress,
    ) -> Result<String, DbError> {
        let mut tx = self.db.begin().await?;
        if !lanes::hold(&mut tx, self.lease).await? {
            return Err(DbError::Fenced);
        }
        if approvals::waiting_in(&mut tx, self.lease.conversation).await? >= approvals::WAITING_MAX {
            tx.close().await?;
            let sentence = "Too many calls wait for an approval here already.";
            return self.note(at, admitted, State::Refused, sentence.into()).await;
        }
        self.write(&mut tx, at, admitted, State::Waiting, None).await?;
        let name = &admitted.tool.name;
        let mails = self.turn.opening.channel != "slack";
        approvals::ask(&mut tx, at.id, self.lease.conversation, (name, mails)).await?;
        tx.commit().await?;
        count(State::Waiting.as_str());
        progress.waits.push(wording::call(name, &json!(admitted.arguments)));
        Ok("It waits for an approval.".into())
    }

    /// A read whose intent is on disk.
    async fn request(&self, at: &At<'_>, admitted: &Admitted<'_>) -> Result<String, DbError> {
        let What::Http { tool, template, sealed } = &admitted.tool.what else {
            return Err(DbError::Damaged("a call of a tool that leads nowhere".into()));
        };
        let secret = mcp_servers::open_secret(self.db, &self.orchestrator.keys, tool, sealed.as_deref()).await?;
        let arguments: &Map<String, Value> = &admitted.arguments;
        let request = Request { id: at.id, tool, template, secret: secret.as_ref(), arguments };
        let answered = http::call(&self.orchestrator.guard, &request).await;
        let mut tx = self.db.begin().await?;
        let (state, said) = match answered {
            Answered::Done(said) => (State::Done, said),
            Answered::Failed(said) | Answered::Unclear(said) => (State::Failed, said),
            Answered::Changed => {
                mcp_servers::lock(&mut tx, &Actor::System, tool.id, None).await?;
                (State::Failed, http::CHANGED.to_owned())
            }
        };
        let noted = tool_calls::finish(&mut tx, self.lease, at.id, state, &said).await?;
        tx.commit().await?;
        count(state.as_str());
        if noted { Ok(said) } else { Err(DbError::Fenced) }
    }
}

pub(super) fn count(outcome: &'static str) {
    metrics::counter!("konstruct_tool_calls_total", "outcome" => outcome).increment(1);
}
