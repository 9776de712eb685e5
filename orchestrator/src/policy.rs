//! Who is answered, by whom, and what they may be reminded of: pure steps from what a turn found.

use shared::{
    db::{
        Audience,
        bindings::{self, Asked, Because, Binding},
        connections::Outsiders,
        messages::Author,
        people::Standing,
        runs::{Opening, Pending},
    },
    ids::AgentId,
    message::{ChannelKind, InboundMessage},
};

/// Answers to bots in one conversation and hour, without a word of a person in between.
pub const BOT_ANSWERS_MAX: i64 = 3;

pub const OUTSIDERS_IGNORED: &str = "outsiders are not answered here";
pub const BOTS_ANSWERED_ENOUGH: &str = "bots were answered enough without a person";

/// A mention, a direct message, or a follow-up in the agent's own thread that is not meant for someone else. A bot has to
/// name the agent.
pub fn wants_answer(opening: &Opening, pending: &Pending) -> bool {
    let follows_up = opening.takes_part && !pending.message.mentions_others && !pending.message.by_bot;
    pending.addressed || follows_up
}

/// What must not be answered although somebody asks; with the authors of what waits, in its order.
pub fn refusal(opening: &Opening, authors: &[Author], bot_answers: i64) -> Option<&'static str> {
    let mut why = None;
    for (pending, author) in opening.pending.iter().zip(authors) {
        if !wants_answer(opening, pending) {
            continue;
        }
        why = match (is_outside(pending, author), pending.message.by_bot) {
            (true, _) if opening.outsiders == Outsiders::Ignore => Some(OUTSIDERS_IGNORED),
            (_, true) if bot_answers >= BOT_ANSWERS_MAX => Some(BOTS_ANSWERED_ENOUGH),
            _ => return None,
        };
    }
    why
}

fn is_outside(pending: &Pending, author: &Author) -> bool {
    pending.message.outsider || author.standing.is_outside()
}

/// Whom a memory may be shown to here: everyone's in the tenant, this channel's, and in a direct message the person's own.
/// Where another company reads along, only what was said there; to outsiders, nothing of what insiders said.
pub fn audiences(opening: &Opening, authors: &[Author]) -> Vec<Audience> {
    let channel = Audience::Channel(opening.connection, opening.pending[0].message.channel.clone());
    let own = || authors.first().map(|author| Audience::Person(author.person));
    let direct = kind(opening) == ChannelKind::Direct;
    let mut asking = opening.pending.iter().zip(authors).filter(|(pending, _)| wants_answer(opening, pending));
    let outside = asking.any(|(pending, author)| is_outside(pending, author));
    if outside && opening.outsiders != Outsiders::LikeMembers {
        return own().filter(|_| direct).into_iter().collect();
    }
    // Another bot may repeat what it hears anywhere.
    let bot = authors.iter().any(|author| author.standing == Standing::Bot);
    let mut audiences = if bot || reads_along(opening) { vec![channel] } else { vec![Audience::Tenant, channel] };
    audiences.extend(own().filter(|_| direct));
    audiences
}

/// Tools are for the tenant's own people, and for its customers in a chat of their own. Whatever the connection's policy says
/// of outsiders' questions, they and bots make an agent do nothing.
pub fn may_use_tools(opening: &Opening, authors: &[Author]) -> bool {
    let mut asking = opening.pending.iter().zip(authors);
    asking.all(|(pending, author)| {
        !is_outside(pending, author) && !pending.message.by_bot && author.standing != Standing::Bot
    })
}

fn reads_along(opening: &Opening) -> bool {
    opening.channel_shared || opening.pending.iter().any(|pending| pending.message.with_outsiders)
}

/// What is stored: what was said in a shared channel stays there, whether or not the event says that it is shared.
pub fn as_stored(opening: &Opening) -> Vec<InboundMessage> {
    let with_outsiders = reads_along(opening);
    let stored = |pending: &Pending| InboundMessage { with_outsiders, ..pending.message.clone() };
    opening.pending.iter().map(stored).collect()
}

/// What the platform told us about the channel, or what came with a message; of two, the one that is more private.
pub fn kind(opening: &Opening) -> ChannelKind {
    let told = opening.pending.iter().map(|pending| pending.message.channel_kind);
    let told = told.into_iter().find(|kind| *kind != ChannelKind::Unknown).unwrap_or(ChannelKind::Unknown);
    match (opening.channel_kind, told) {
        (ChannelKind::Unknown, told) => told,
        (ChannelKind::Public, told) if told != ChannelKind::Unknown => told,
        (known, _) => known,
    }
}

/// Whether what we know of the channel has to be asked for: it is unknown, or no longer what it was.
pub fn is_in_doubt(opening: &Opening) -> bool {
    let kind = kind(opening);
    kind == ChannelKind::Unknown || (opening.channel_kind == ChannelKind::Public && kind != ChannelKind::Public)
}

/// Who answers instead of the default agent.
pub fn agent(opening: &Opening, bindings: &[Binding]) -> Option<(AgentId, Because)> {
    let last = last_addressed(&opening.pending);
    bindings::choose(
        bindings,
        &Asked {
            connection: opening.connection,
            channel: &last.channel,
            text: &last.text,
            thread_agent: opening.thread_agent,
        },
    )
}

pub fn last_addressed(pending: &[Pending]) -> &InboundMessage {
    let last = pending.iter().rev().find(|pending| pending.addressed).unwrap_or(&pending[pending.len() - 1]);
    &last.message
}
