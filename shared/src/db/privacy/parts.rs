//! What of a person lies where: the one list that erasing and exporting go by.
//!
//! Each part names rows of a table and what becomes of them. What hangs on something stands before it: where the work was cut
//! off, what is left is found again. A test holds the list against the catalogue: no table is forgotten.

/// Rows of one table that are a person's.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    pub table: &'static str,
    /// Changes at most $6 rows, and counts them.
    pub(super) erase: &'static str,
    /// The places of all rows that it would change now.
    pub(super) due: &'static str,
    /// The rows as they are, $6 at most; `Err`: why a person is not handed them.
    pub(super) export: Result<&'static str, &'static str>,
}

/// The tenant's rows `t` of a table for which a condition holds, $6 at most, by their place.
macro_rules! rows {
    ($table:literal, [$($whose:tt)*], $still:literal) => {
        concat!(
            " where t.tenant_id = $1 and t.ctid = any (array(select t.ctid from ",
            $table,
            " t where t.tenant_id = $1 and (",
            $($whose)*,
            ") and (",
            $still,
            ") limit $6))"
        )
    };
}

macro_rules! due {
    ($table:literal, [$($whose:tt)*], $still:literal) => {
        concat!("select t.ctid from ", $table, " t where t.tenant_id = $1 and (", $($whose)*, ") and (", $still, ")")
    };
}

macro_rules! part {
    ($table:literal, [$($whose:tt)*], delete, $export:tt) => {
        Part {
            table: $table,
            erase: concat!("delete from ", $table, " t", rows!($table, [$($whose)*], "true")),
            due: due!($table, [$($whose)*], "true"),
            export: export!($table, [$($whose)*], $export),
        }
    };
    ($table:literal, [$($whose:tt)*], set $set:literal, still $still:literal, $export:tt) => {
        Part {
            table: $table,
            erase: concat!("update ", $table, " t set ", $set, rows!($table, [$($whose)*], $still)),
            due: due!($table, [$($whose)*], $still),
            export: export!($table, [$($whose)*], $export),
        }
    };
}

/// Without what only machines can read.
macro_rules! export {
    ($table:literal, [$($whose:tt)*], whole) => {
        Ok(concat!(
            "select (to_jsonb(t) - array['tenant_id', 'embedding', 'bq', 'tsv', 'words', 'raw', 'digest', 'request_hash',
                                         'sha256', 'claimed_sha256', 'info', 'model', 'fence', 'identity'])
               from ",
            $table,
            " t where t.tenant_id = $1 and (",
            $($whose)*,
            ") limit $6"
        ))
    };
    ($table:literal, [$($whose:tt)*], $why:literal) => {
        Err($why)
    };
}

macro_rules! outboxes {
    () => {
        "t.outbox_id in (select o.outbox_id from outbox o
                          where o.tenant_id = $1
                            and (o.state <> 'sending' or o.created_at < clock_timestamp() - interval '10 minutes')
                            and (o.run_id = any ($5) or o.conversation_id = any ($4)))"
    };
}

/// Of a table with a connection and an id of a channel there.
macro_rules! own_channel {
    () => {
        "(t.connection_id, t.channel_external_id) in (
             select c.connection_id, c.channel_external_id from conversations c
              where c.tenant_id = $1 and c.conversation_id = any ($4))"
    };
}

/// What is known of them, by whoever said it.
macro_rules! remembered {
    () => {
        "t.person_id = any ($2) or t.audience = 'erased:' || ($2::uuid[])[1]
         or t.audience in (select 'person:' || p from unnest($2) as g (p))
         or t.conversation_id = any ($4)
         or t.kind = 'fact' and t.subject in (select lower(p.display_name) from people p
                                               where p.tenant_id = $1 and p.person_id = any ($2))
         or t.kind = 'fact' and t.memory_id in (
                select s.memory_id from fact_sources s
                  join messages m on m.tenant_id = s.tenant_id and m.message_id = s.message_id
                 where s.tenant_id = $1 and m.person_id = any ($2))"
    };
}

/// Takes it out of every search; deleted is it when no turn is under way any more that found it.
pub(super) const HIDDEN: Part = part!(
    "memories",
    [remembered!()],
    set "audience = 'erased:' || ($2::uuid[])[1]",
    still "t.audience not like 'erased:%'",
    "it is exported as what it is"
);

/// In this order.
pub const PARTS: [Part; 38] = [
    part!(
        "approvals",
        ["t.call_id in (select c.call_id from tool_calls c
                        where c.tenant_id = $1
                          and (c.person_id = any ($2) or c.run_id = any ($5) or c.conversation_id = any ($4)))"],
        set "digest = '', external_id = null, state = case t.state when 'waiting' then 'expired' else t.state end",
        still "t.digest <> '' or t.external_id is not null or t.state = 'waiting'",
        "what others decided about a call; the call itself is exported"
    ),
    part!(
        "approvals",
        ["t.decided_kind = 'person' and t.decided_by in (select type_id('per', p) from unnest($2) as g (p))"],
        set "decided_name = null",
        still "t.decided_name is not null",
        whole
    ),
    part!(
        "tool_calls",
        ["t.person_id = any ($2) or t.conversation_id = any ($4)"],
        set "arguments = '{}', result = null, digest = '',
           state = case t.state when 'waiting' then 'expired' else t.state end,
           finished_at = coalesce(t.finished_at, case t.state when 'waiting' then clock_timestamp() end)",
        still "t.arguments <> '{}' or t.result is not null or t.digest <> '' or t.state = 'waiting'",
        whole
    ),
    part!(
        "tool_calls",
        ["t.run_id = any ($5)"],
        set "arguments = '{}', result = null, digest = '',
           state = case t.state when 'waiting' then 'expired' else t.state end,
           finished_at = coalesce(t.finished_at, case t.state when 'waiting' then clock_timestamp() end)",
        still "t.arguments <> '{}' or t.result is not null or t.digest <> '' or t.state = 'waiting'",
        "what the agent did for others in such turns"
    ),
    part!(
        "run_steps",
        ["t.run_id = any ($5)"],
        set "result = '{}', request_hash = ''",
        still "t.result <> '{}' or t.request_hash <> ''",
        "it mixes what several people said; what they said themselves is among the messages"
    ),
    part!(
        "outbox_parts",
        [outboxes!()],
        set "text = ''",
        still "t.text <> ''",
        "pieces of answers that are among the messages"
    ),
    part!(
        "sent_files",
        [outboxes!()],
        set "name = 'erased', upload_id = null",
        still "t.name <> 'erased' or t.upload_id is not null",
        "files that the agent made; what it said of them is among the messages"
    ),
    part!(
        "delivery_statuses",
        [outboxes!()],
        set "external_id = 'erased:' || gen_random_uuid(), error = null",
        still "t.external_id not like 'erased:%' or t.error is not null",
        whole
    ),
    part!(
        "outbox",
        ["(t.state <> 'sending' or t.created_at < clock_timestamp() - interval '10 minutes')
         and (t.run_id = any ($5) or t.conversation_id = any ($4))"],
        set "body = '', head = '', tail = '', error = null, external_id = null, target_external_id = null,
           resend_at = null, state = case t.state when 'sending' then 'dropped' else t.state end",
        still "t.body <> '' or t.head <> '' or t.tail <> '' or t.error is not null or t.external_id is not null
         or t.target_external_id is not null or t.resend_at is not null",
        "what the agent sent is among the messages"
    ),
    part!(
        "messages",
        ["t.author_kind <> 'person' and t.conversation_id = any ($4)"],
        set "body = '', external_id = null, edited_at = null, deleted_at = coalesce(t.deleted_at, clock_timestamp())",
        still "t.body <> '' or t.external_id is not null or t.edited_at is not null or t.deleted_at is null",
        whole
    ),
    part!(
        "messages",
        ["t.author_kind <> 'person' and t.run_id = any ($5)"],
        set "body = '', external_id = null, edited_at = null, deleted_at = coalesce(t.deleted_at, clock_timestamp())",
        still "t.body <> '' or t.external_id is not null or t.edited_at is not null or t.deleted_at is null",
        "what the agent answered to others after reading them"
    ),
    part!(
        "messages",
        ["t.operator_name in (select p.display_name from people p where p.tenant_id = $1 and p.person_id = any ($2))"],
        set "operator_name = null",
        still "true",
        "what they wrote as an operator belongs to the conversations of others"
    ),
    part!(
        "media",
        ["t.message_id in (select m.message_id from messages m
                           where m.tenant_id = $1 and (m.person_id = any ($2) or m.conversation_id = any ($4)))"],
        set "reference = 'erased:' || t.media_id, name = '', claimed_type = '', claimed_size = null,
           claimed_sha256 = null, kind = null, content_type = null, size = null, sha256 = null, body = null,
           state = 'refused', reason = 'erased', ended_at = coalesce(t.ended_at, clock_timestamp())",
        still "t.reason is distinct from 'erased'",
        whole
    ),
    part!(
        "message_changes",
        ["t.conversation_id = any ($4)
         or (t.conversation_id, t.external_id) in (
                select m.conversation_id, m.external_id from messages m
                 where m.tenant_id = $1 and m.person_id = any ($2))"],
        delete,
        whole
    ),
    part!(
        "rehearsals",
        ["t.conversation_id = any ($3) or t.run_id = any ($5)"],
        delete,
        "it mixes what several people said; what they said themselves is among the messages"
    ),
    part!(
        "forks",
        ["t.conversation_id = any ($3)"],
        delete,
        "it mixes what several people said; what they said themselves is among the messages"
    ),
    part!(
        "summaries",
        ["t.conversation_id = any ($4)
         or t.summary_id in (select s.summary_id from summary_sources s
                               join messages m on m.tenant_id = s.tenant_id and m.message_id = s.message_id
                              where s.tenant_id = $1 and m.person_id = any ($2))"],
        delete,
        "it mixes what several people said; what they said themselves is among the messages"
    ),
    part!("memories", [remembered!()], delete, whole),
    part!(
        "messages",
        ["t.person_id = any ($2) or t.author_kind = 'person' and t.conversation_id = any ($4)"],
        set "body = '', external_id = null, edited_at = null, deleted_at = coalesce(t.deleted_at, clock_timestamp())",
        still "t.body <> '' or t.external_id is not null or t.edited_at is not null or t.deleted_at is null",
        whole
    ),
    part!(
        "inbox",
        ["t.state <> 'pending'
         and (t.conversation_id = any ($4)
              or (t.connection_id, t.normalized ->> 'author') in (
                     select p.connection_id, p.external_id from people p
                      where p.tenant_id = $1 and p.person_id = any ($2))
              or t.normalized is null and t.conversation_id = any ($3)
                 and exists (select from people p
                              where p.tenant_id = $1 and p.person_id = any ($2) and p.connection_id = t.connection_id
                                and position(convert_to(p.external_id, 'UTF8') in t.raw) > 0))"],
        set "raw = '', normalized = null",
        still "t.raw <> '' or t.normalized is not null",
        whole
    ),
    part!(
        "interactions",
        ["(t.state <> 'pending' or t.received_at < clock_timestamp() - interval '10 minutes')
         and exists (select from people p
                      where p.tenant_id = $1 and p.person_id = any ($2) and p.connection_id = t.connection_id
                        and t.external_user = p.external_id)"],
        set "raw = '', detail = '{}', channel_external_id = '', external_user = 'erased'",
        still "true",
        whole
    ),
    part!(
        "interactions",
        ["(t.state <> 'pending' or t.received_at < clock_timestamp() - interval '10 minutes')
         and exists (select from people p
                      where p.tenant_id = $1 and p.person_id = any ($2) and p.connection_id = t.connection_id
                        and position(convert_to(p.external_id, 'UTF8') in t.raw) > 0)"],
        set "raw = '', detail = '{}'",
        still "true",
        "what others pressed about their messages"
    ),
    part!(
        "escalations",
        ["t.person_id = any ($2) or t.conversation_id = any ($4)"],
        set "summary = '', reason = 'erased'",
        still "t.summary <> '' or t.reason <> 'erased'",
        whole
    ),
    part!(
        "escalations",
        ["t.conversation_id = any ($3)"],
        set "summary = '', reason = 'erased'",
        still "t.summary <> '' or t.reason <> 'erased'",
        "escalations of others in the same conversation"
    ),
    part!(
        "notices",
        ["t.conversation_id = any ($3)"],
        set "body = ''",
        still "t.body <> ''",
        "what operators were told of a conversation"
    ),
    part!(
        "feedback",
        ["t.person_id = any ($2)"],
        set "comment = null",
        still "t.comment is not null",
        whole
    ),
    part!(
        "follow_ups",
        ["t.person_id = any ($2) or t.conversation_id = any ($4)"],
        set "about = '', ended_at = coalesce(t.ended_at, clock_timestamp()),
           state = case t.state when 'waiting' then 'cancelled' else t.state end",
        still "t.about <> '' or t.state = 'waiting'",
        whole
    ),
    part!(
        "routine_runs",
        ["t.routine_id in (select r.routine_id from routines r join conversations c
                               on c.tenant_id = r.tenant_id and c.connection_id = r.connection_id
                              and c.channel_external_id = r.channel_external_id
                            where r.tenant_id = $1 and c.conversation_id = any ($4))"],
        set "instruction = ''",
        still "t.instruction <> ''",
        "what the tenant has its agent do"
    ),
    part!(
        "routines",
        [own_channel!()],
        set "name = 'erased', instruction = 'erased', channel_external_id = 'erased', enabled = false, next_at = null,
           deleted_at = coalesce(t.deleted_at, clock_timestamp())",
        still "t.instruction <> 'erased'",
        "what the tenant has its agent do"
    ),
    part!(
        "usage",
        ["t.person_id = any ($2)"],
        set "person_id = null",
        still "true",
        whole
    ),
    part!(
        "budget_reservations",
        ["t.person_id = any ($2)"],
        set "person_id = null",
        still "true",
        "money that is held while a model answers"
    ),
    part!("budgets", ["t.person_id = any ($2) or t.conversation_id = any ($4)"], delete, whole),
    part!("conversation_notes", ["t.conversation_id = any ($4)"], delete, whole),
    part!("conversation_tags", ["t.conversation_id = any ($4)"], delete, whole),
    part!(
        "jobs",
        ["t.state <> 'queued'
         and (t.payload ->> 'person' in (select type_id('per', p) from unnest($2) as g (p))
              or t.payload ->> 'channel' in (select c.channel_external_id from conversations c
                                              where c.tenant_id = $1 and c.conversation_id = any ($4)))"],
        set "payload = '{}', error = null, state = case t.state when 'dead' then 'discarded' else t.state end",
        still "t.payload <> '{}'",
        "work that was done, by ids"
    ),
    part!(
        "channels",
        ["(t.connection_id, t.external_id) in (
                select c.connection_id, c.channel_external_id from conversations c
                 where c.tenant_id = $1 and c.conversation_id = any ($4))"],
        delete,
        whole
    ),
    part!(
        "conversations",
        ["t.conversation_id = any ($4)"],
        set "channel_external_id = 'erased:' || t.conversation_id, thread_external_id = null, waits_since = null",
        still "t.channel_external_id not like 'erased:%'",
        whole
    ),
    part!(
        "people",
        ["t.person_id = any ($2)"],
        set "external_id = 'erased:' || t.person_id, display_name = 'Erased person', phone = null, opted_out_at = null,
           standing = 'unknown', vip = false, profile_fetched_at = clock_timestamp()",
        still "t.external_id not like 'erased:%'",
        whole
    ),
];
