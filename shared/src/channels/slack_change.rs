//! Slack's edits and deletions as values. What only looks like one (a link that got its preview, a thread whose count of
//! replies grew) is none.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    slack_author::{Author, author},
    slack_event::{Envelope, Event, FOLLOWS_CLOSELY, is_direct, keep_message, said},
    slack_ids::{is_id, sent_at},
    slack_kept::{Kept, lane, message_key},
};
use crate::{
    crypto::FingerprintKey,
    db::{
        changes::{Change, What},
        system::Route,
    },
};

/// What an event that is, or looks like, an edit or a deletion comes to.
pub enum Read {
    /// It is about something else.
    NoChange,
    /// Nothing a person would notice, or a bot's.
    Nothing,
    Changed(Box<Changed>),
}

pub struct Changed {
    team: String,
    channel: String,
    thread: String,
    external_id: String,
    changed_at: OffsetDateTime,
    what: What,
    concerns_agent: bool,
    /// The message as it reads now, if it is addressed to the agent: what it was before may not have been.
    pub message: Option<Kept>,
    /// Changed so soon after its thread began that it may have overtaken the thread's first message.
    pub follows_closely: bool,
}

pub fn read(envelope: &Envelope, route: &Route, now: OffsetDateTime) -> Read {
    let Some(event) = envelope.event.as_ref().filter(|event| event.kind == "message") else {
        return Read::NoChange;
    };
    let before = event.previous_message.as_deref();
    let changed = match event.subtype.as_deref() {
        Some("message_changed") => event.message.as_deref().and_then(|after| {
            if after.subtype.as_deref() == Some("tombstone") {
                // What stays of a thread whose first message was deleted is no longer its author's.
                let shell = bare(&after.ts, &after.thread_ts);
                deleted(envelope, event, before.unwrap_or(&shell), route, now)
            } else {
                edited(envelope, event, after, before, route, now)
            }
        }),
        Some("message_deleted") => {
            // Without a word of what it was, a message is found if it began its thread.
            let unknown = bare(&event.deleted_ts, &None);
            deleted(envelope, event, before.unwrap_or(&unknown), route, now)
        }
        _ => return Read::NoChange,
    };
    changed.map_or(Read::Nothing, |changed| Read::Changed(Box::new(changed)))
}

fn edited(
    envelope: &Envelope,
    event: &Event,
    after: &Event,
    before: Option<&Event>,
    route: &Route,
    now: OffsetDateTime,
) -> Option<Changed> {
    if author(envelope, after, route) != Author::Person {
        return None;
    }
    let (says, said_before) = (said(after, route), before.map(|before| said(before, route)));
    let same = said_before
        .as_ref()
        .map_or(after.edited.is_none(), |before| before.text == says.text && before.mention == says.mention);
    if same {
        return None;
    }
    let channel = id(&event.channel)?;
    let direct = is_direct(event, &channel);
    let addressed = says.mention || direct;
    let whole =
        Event { channel: event.channel.clone(), channel_type: event.channel_type.clone(), ..after.clone() };
    let message = addressed.then(|| keep_message(envelope, &whole, &id(&after.user)?, &channel, route, now));
    let what = What::Edited { text: says.text, mentions_others: says.mentions_others, addressed };
    let concerned = addressed || said_before.is_some_and(|before| before.mention);
    let at = after.edited.as_ref().and_then(|edited| edited.ts.as_ref()).or(event.event_ts.as_ref());
    changed(envelope, channel, after, at, (what, concerned), now)
        .map(|changed| Changed { message: message.flatten().filter(Kept::is_message), ..changed })
}

fn bare(ts: &Option<String>, thread_ts: &Option<String>) -> Event {
    Event { ts: ts.clone(), thread_ts: thread_ts.clone(), ..Event::default() }
}

fn deleted(
    envelope: &Envelope,
    event: &Event,
    message: &Event,
    route: &Route,
    now: OffsetDateTime,
) -> Option<Changed> {
    if author(envelope, message, route) != Author::Person {
        return None;
    }
    let channel = id(&event.channel)?;
    let concerned = is_direct(event, &channel) || said(message, route).mention;
    let at = event.event_ts.as_ref().or(event.ts.as_ref());
    changed(envelope, channel, message, at, (What::Deleted, concerned), now)
}

fn changed(
    envelope: &Envelope,
    channel: String,
    message: &Event,
    at: Option<&String>,
    (what, concerns_agent): (What, bool),
    now: OffsetDateTime,
) -> Option<Changed> {
    let external_id = id(&message.ts)?;
    let time = |ts: &str| sent_at(ts, envelope.event_time, now);
    let changed_at = at.map_or(now, |at| time(at));
    let thread = id(&message.thread_ts).unwrap_or_else(|| external_id.clone());
    Some(Changed {
        team: envelope.installation().unwrap_or_default().to_owned(),
        follows_closely: thread != external_id && changed_at - time(&thread) <= FOLLOWS_CLOSELY,
        thread,
        channel,
        external_id,
        changed_at,
        what,
        concerns_agent,
        message: None,
    })
}

fn id(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| is_id(text))
}

impl Changed {
    /// The identity of the message that was changed.
    pub fn message_key(&self, key: &FingerprintKey, route: &Route) -> Uuid {
        message_key(key, route, &self.team, (&self.channel, &self.external_id))
    }

    pub fn change(&self, key: &FingerprintKey, route: &Route) -> Change {
        Change {
            conversation: lane(key, route, &self.channel, &self.thread),
            external_id: self.external_id.clone(),
            changed_at: self.changed_at,
            what: self.what.clone(),
            concerns_agent: self.concerns_agent,
        }
    }
}
