-- Ends a run and gives the lane back under its fence: `true` if more arrived meanwhile and the lane is ready again, null if the
-- lane is somebody else's by now. Inbox rows that ended earlier keep their state. The agent's words become messages of the
-- conversation.
create function run_finish(
    of_tenant uuid, of_conversation uuid, of_fence bigint, up_to bigint, deliveries uuid[], states text[],
    external_ids text[], errors text[], words uuid[], of_run uuid, run_ends text, why text, inbox_ends text
) returns boolean
language plpgsql
set search_path = pg_catalog, public
as $$
declare
    waits boolean;
begin
    with lane as (
        update lanes l
           set done_seq = greatest(l.done_seq, up_to), owner = null, claims = 0,
               ready_at = case when l.last_seq > up_to then clock_timestamp() end
         where l.tenant_id = of_tenant and l.conversation_id = of_conversation and l.fence = of_fence
        returning l.ready_at
    ), delivered as (
        update outbox o
           -- A failure that the platform reported meanwhile stays one, also if it is about to be sent again.
           set state = case when o.state = 'dead' or o.resend_at is not null then o.state else g.state end,
               error = case when o.state = 'dead' or o.resend_at is not null then o.error else g.error end,
               external_id = coalesce(g.external_id, o.external_id),
               sent_at = case when g.state = 'sent' then clock_timestamp() end
          from lane, unnest(deliveries, states, external_ids, errors) as g (outbox_id, state, external_id, error)
         where o.tenant_id = of_tenant and o.outbox_id = g.outbox_id
        returning o.outbox_id, o.kind, o.body, o.external_id, o.state
    ), said as (
        insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, agent_id, run_id, body,
                              sent_at)
        select of_tenant, g.message_id, of_conversation, d.external_id, 'agent', r.agent_id, r.run_id, d.body,
               clock_timestamp()
          from delivered d
          join unnest(deliveries, words) as g (outbox_id, message_id) using (outbox_id)
          join runs r on r.tenant_id = of_tenant and r.run_id = of_run
         where d.kind <> 'placeholder' and d.state = 'sent'
        on conflict (tenant_id, conversation_id, external_id) do nothing
    ), ended as (
        update runs r set state = run_ends, failure = why, finished_at = clock_timestamp()
          from lane where r.tenant_id = of_tenant and r.run_id = of_run
    ), answered as (
        update inbox i set state = inbox_ends::inbox_state, reason = why, run_id = of_run, ended_at = clock_timestamp()
          from lane
         where i.tenant_id = of_tenant and i.conversation_id = of_conversation and i.seq <= up_to and i.state = 'pending'
    )
    select lane.ready_at is not null into waits from lane;
    return waits;
end
$$;
