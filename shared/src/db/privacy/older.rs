//! What is older than it is kept, table by table: the statements of `retention.rs`, each for rows older than $2 days and for $3 of
//! them at most.

/// What was said, and what repeats it. What was learned from it is among [`FACTS`].
pub(super) const MESSAGES: [&str; 11] = [
    "update messages set body = '', deleted_at = coalesce(deleted_at, clock_timestamp())
      where tenant_id = $1 and message_id in (
                select message_id from messages
                 where tenant_id = $1 and (body <> '' or deleted_at is null)
                   and sent_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "delete from memories
      where tenant_id = $1 and memory_id in (
                select memory_id from memories
                 where tenant_id = $1 and kind = 'message'
                   and said_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "delete from summaries
      where tenant_id = $1 and summary_id in (
                select summary_id from summaries
                 where tenant_id = $1 and from_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "delete from rehearsals
      where tenant_id = $1 and rehearsal_id in (
                select rehearsal_id from rehearsals
                 where tenant_id = $1 and kind = 'replay' and state <> 'waiting'
                   and created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "delete from forks
      where tenant_id = $1 and fork_id in (
                select fork_id from forks
                 where tenant_id = $1 and created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "delete from conversation_notes
      where tenant_id = $1 and note_id in (
                select note_id from conversation_notes
                 where tenant_id = $1 and created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update tool_calls set arguments = '{}', result = null, digest = ''
      where tenant_id = $1 and call_id in (
                select call_id from tool_calls
                 where tenant_id = $1 and (arguments <> '{}' or result is not null or digest <> '')
                   and finished_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update escalations set summary = '', reason = 'erased'
      where tenant_id = $1 and escalation_id in (
                select escalation_id from escalations
                 where tenant_id = $1 and (summary <> '' or reason <> 'erased')
                   and closed_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update notices set body = ''
      where tenant_id = $1 and notice_id in (
                select notice_id from notices
                 where tenant_id = $1 and conversation_id is not null and body <> ''
                   and created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update feedback set comment = null
      where tenant_id = $1 and (run_id, person_id) in (
                select run_id, person_id from feedback
                 where tenant_id = $1 and comment is not null
                   and changed_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update follow_ups set about = ''
      where tenant_id = $1 and follow_up_id in (
                select follow_up_id from follow_ups
                 where tenant_id = $1 and about <> ''
                   and ended_at < clock_timestamp() - make_interval(days => $2) limit $3)",
];

pub(super) const FACTS: [&str; 1] = ["delete from memories
      where tenant_id = $1 and memory_id in (
                select memory_id from memories
                 where tenant_id = $1 and kind = 'fact'
                   and said_at < clock_timestamp() - make_interval(days => $2) limit $3)"];

/// Files that came, and are not on their way.
pub(super) const MEDIA: &str = "
select media_id from media
 where tenant_id = $1 and state <> 'pending' and reason is distinct from 'erased'
   and created_at < clock_timestamp() - make_interval(days => $2) limit $3";

/// Files that the agent made.
pub(super) const MADE: &str = "
select o.run_id, o.part
  from sent_files f join outbox o on o.tenant_id = $1 and o.outbox_id = f.outbox_id
 where f.tenant_id = $1 and f.name <> 'erased' and o.state <> 'sending' and o.run_id is not null
   and o.created_at < clock_timestamp() - make_interval(days => $2) limit $3";

/// As an erased person's.
pub(super) const MEDIA_GONE: &str = "
update media
   set reference = 'erased:' || media_id, name = '', claimed_type = '', claimed_size = null, claimed_sha256 = null, kind = null,
       content_type = null, size = null, sha256 = null, body = null, state = 'refused', reason = 'erased',
       ended_at = coalesce(ended_at, clock_timestamp())
 where tenant_id = $1 and media_id = any ($2)";

pub(super) const MADE_GONE: &str = "
update sent_files f set name = 'erased', upload_id = null
  from outbox o, unnest($2::uuid[], $3::int[]) as g (run_id, part)
 where f.tenant_id = $1 and o.tenant_id = $1 and o.outbox_id = f.outbox_id and o.run_id = g.run_id and o.part = g.part";

pub(super) const INBOX: [&str; 3] = [
    "update inbox set raw = '', normalized = null
      where tenant_id = $1 and (conversation_id, seq) in (
                select conversation_id, seq from inbox
                 where tenant_id = $1 and state <> 'pending' and raw <> ''
                   and received_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update interactions set raw = '', detail = '{}'
      where tenant_id = $1 and interaction_id in (
                select interaction_id from interactions
                 where tenant_id = $1 and state <> 'pending' and raw <> ''
                   and received_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "delete from message_changes
      where tenant_id = $1 and ctid = any (array(
                select ctid from message_changes
                 where tenant_id = $1 and applied_at is not null
                   and received_at < clock_timestamp() - make_interval(days => $2) limit $3))",
];
pub(super) const RUNS: [&str; 3] = [
    "update run_steps set result = '{}', request_hash = ''
      where tenant_id = $1 and (run_id, step) in (
                select s.run_id, s.step from run_steps s
                  join runs r on r.tenant_id = $1 and r.run_id = s.run_id and r.state <> 'running'
                 where s.tenant_id = $1 and s.result <> '{}'
                   and s.created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update outbox_parts set text = ''
      where tenant_id = $1 and (outbox_id, n) in (
                select p.outbox_id, p.n from outbox_parts p
                  join outbox o on o.tenant_id = $1 and o.outbox_id = p.outbox_id and o.state <> 'sending'
                 where p.tenant_id = $1 and p.text <> ''
                   and p.created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
    "update outbox set body = '', head = '', tail = ''
      where tenant_id = $1 and outbox_id in (
                select outbox_id from outbox
                 where tenant_id = $1 and state <> 'sending' and body <> ''
                   and created_at < clock_timestamp() - make_interval(days => $2) limit $3)",
];
pub(super) const DELIVERIES: [&str; 1] = ["delete from webhook_deliveries
      where tenant_id = $1 and delivery_id in (
                select delivery_id from webhook_deliveries
                 where tenant_id = $1 and state <> 'waiting'
                   and finished_at < clock_timestamp() - make_interval(days => $2) limit $3)"];
pub(super) const JOBS: [&str; 1] = ["delete from jobs
      where tenant_id = $1 and job_id in (
                select job_id from jobs
                 where tenant_id = $1 and state in ('done', 'discarded')
                   and finished_at < clock_timestamp() - make_interval(days => $2) limit $3)"];
