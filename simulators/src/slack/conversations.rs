//! Reading channels: their description, threads and history, and who may do so.

use serde_json::{Value, json};

use super::{
    Core,
    args::Args,
    events,
    people::{self, Caller},
    types::ChannelType,
    web::{Answer, Refusal},
    world::{Channel, Message, World},
};

const REPLIES_LIMIT_MAX: usize = 1_000;
const HISTORY_LIMIT_DEFAULT: usize = 100;
const HISTORY_LIMIT_MAX: usize = 999;
const CURSOR_PREFIX: &str = "next_ts:";

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Access {
    /// Only its description.
    Look,
    Read,
    Write,
}

/// The channel, if Slack would let this bot do that in it.
pub(crate) fn find<'a>(
    world: &'a mut World,
    team: &str,
    id: &str,
    access: Access,
) -> Result<&'a mut Channel, Refusal> {
    if !people::is_channel_id(id) {
        return Err(Refusal::new("channel_not_found"));
    }
    let channel = world.channel(team, id);
    let hidden = !channel.member && channel.is_private();
    if !channel.exists || hidden {
        return Err(Refusal::new("channel_not_found"));
    }
    if !channel.member && access != Access::Look {
        return Err(Refusal::new("not_in_channel"));
    }
    if channel.archived && access == Access::Write {
        return Err(Refusal::new("is_archived"));
    }
    Ok(channel)
}

pub(crate) fn open(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let user = args.need("users", "users_list_not_supplied")?;
    if !people::is_user_id(&user) {
        return Err(Refusal::new("user_not_found"));
    }
    let id = people::direct_channel_of(&user);
    find(&mut core.world(), &caller.team, &id, Access::Look)?;
    Ok(json!({ "ok": true, "channel": { "id": id } }))
}

pub(crate) fn info(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Look)?;
    let mut description = json!({
        "id": id,
        "is_channel": channel.kind == ChannelType::Channel,
        "is_group": channel.kind == ChannelType::Group,
        "is_im": channel.kind == ChannelType::Im,
        "is_mpim": channel.kind == ChannelType::Mpim,
        "is_private": channel.is_private(),
        "is_archived": channel.archived,
        "is_member": channel.member,
        "is_ext_shared": channel.shared,
        "is_org_shared": false,
        "context_team_id": caller.team,
    });
    if channel.kind == ChannelType::Im {
        description["user"] = json!(channel.person);
    } else {
        description["name"] = json!(channel.name);
        description["name_normalized"] = json!(channel.name);
        description["topic"] = json!({ "value": "" });
        description["purpose"] = json!({ "value": "" });
    }
    Ok(json!({ "ok": true, "channel": description }))
}

pub(crate) fn replies(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let ts = args.need("ts", "thread_not_found")?;
    let page = Page::read(args, REPLIES_LIMIT_MAX, REPLIES_LIMIT_MAX)?;
    let reader = Reader::new(core, caller, args);
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Read)?;
    let root = channel.messages.get(&ts).and_then(|message| message.thread_ts.clone()).unwrap_or(ts);
    let first = channel.messages.get(&root);
    if first.is_none() && channel.replies(&root).next().is_none() {
        return Err(Refusal::new("thread_not_found"));
    }

    let wanted: Vec<&Message> = channel.replies(&root).filter(|message| page.wants(&message.ts)).collect();
    let (replies, cursor) = page.cut(wanted);
    // The thread's first message leads the first page, whatever `oldest` says.
    let first = first.filter(|_| page.cursor.is_none());
    let messages =
        first.into_iter().chain(replies).map(|message| reader.show(channel, message)).collect::<Vec<_>>();
    Ok(listing(messages, cursor))
}

pub(crate) fn history(core: &Core, caller: &Caller, args: &Args) -> Answer {
    let id = args.need("channel", "channel_not_found")?;
    let page = Page::read(args, HISTORY_LIMIT_DEFAULT, HISTORY_LIMIT_MAX)?;
    let reader = Reader::new(core, caller, args);
    let mut world = core.world();
    let channel = find(&mut world, &caller.team, &id, Access::Read)?;

    let top_level =
        |message: &&Message| message.broadcast || message.thread_ts.as_ref().is_none_or(|ts| *ts == message.ts);
    let newest_first = channel.messages.values().rev();
    let wanted = newest_first.filter(top_level).filter(|message| page.wants_before(&message.ts)).collect();
    let (messages, cursor) = page.cut(wanted);
    let messages = messages.into_iter().map(|message| reader.show(channel, message)).collect::<Vec<_>>();
    Ok(listing(messages, cursor))
}

struct Reader {
    team: String,
    app_id: String,
    all_metadata: bool,
}

impl Reader {
    fn new(core: &Core, caller: &Caller, args: &Args) -> Self {
        let (team, app_id) = (caller.team.clone(), core.options().app_id);
        Self { team, app_id, all_metadata: args.flag("include_all_metadata") }
    }

    fn show(&self, channel: &Channel, message: &Message) -> Value {
        let mut shown = events::render(&self.team, &self.app_id, message, self.all_metadata);
        if let Some(last) = channel.replies(&message.ts).last() {
            shown["thread_ts"] = json!(message.ts);
            shown["reply_count"] = json!(channel.replies(&message.ts).count());
            shown["latest_reply"] = json!(last.ts);
        }
        shown
    }
}

struct Page {
    oldest: Option<String>,
    latest: Option<String>,
    inclusive: bool,
    limit: usize,
    /// The last `ts` of the page before.
    cursor: Option<String>,
}

impl Page {
    fn read(args: &Args, limit_default: usize, limit_max: usize) -> Result<Self, Refusal> {
        let limit = match args.text("limit").filter(|text| !text.is_empty()) {
            None => limit_default,
            Some(text) => text.parse().ok().filter(|limit| *limit > 0).ok_or(Refusal::new("invalid_limit"))?,
        };
        let cursor = match args.text("cursor").filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(decode_cursor(&text).ok_or(Refusal::new("invalid_cursor"))?),
        };
        Ok(Self {
            oldest: args.text("oldest").filter(|ts| !ts.is_empty() && ts != "0"),
            latest: args.text("latest").filter(|ts| !ts.is_empty()),
            inclusive: args.flag("inclusive"),
            limit: limit.min(limit_max),
            cursor,
        })
    }

    fn wants(&self, ts: &str) -> bool {
        self.in_window(ts) && self.cursor.as_deref().is_none_or(|cursor| ts > cursor)
    }

    fn wants_before(&self, ts: &str) -> bool {
        self.in_window(ts) && self.cursor.as_deref().is_none_or(|cursor| ts < cursor)
    }

    fn in_window(&self, ts: &str) -> bool {
        let after = self.oldest.as_deref().is_none_or(|oldest| ts > oldest || (self.inclusive && ts == oldest));
        let before = self.latest.as_deref().is_none_or(|latest| ts < latest || (self.inclusive && ts == latest));
        after && before
    }

    fn cut<'a>(&self, mut messages: Vec<&'a Message>) -> (Vec<&'a Message>, Option<String>) {
        let more = messages.len() > self.limit;
        messages.truncate(self.limit);
        let cursor =
            messages.last().filter(|_| more).map(|last| hex::encode(format!("{CURSOR_PREFIX}{}", last.ts)));
        (messages, cursor)
    }
}

fn decode_cursor(text: &str) -> Option<String> {
    let plain = String::from_utf8(hex::decode(text).ok()?).ok()?;
    plain.strip_prefix(CURSOR_PREFIX).map(str::to_owned)
}

fn listing(messages: Vec<Value>, cursor: Option<String>) -> Value {
    let mut body = json!({ "ok": true, "messages": messages, "has_more": cursor.is_some() });
    if let Some(cursor) = cursor {
        body["response_metadata"] = json!({ "next_cursor": cursor });
    }
    body
}
