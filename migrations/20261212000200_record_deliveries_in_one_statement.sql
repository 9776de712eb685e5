-- Records how messages of the tenant's connections fared. The reports of one message are taken together, the furthest first, so
-- that a statement touches no row twice. A price that was reported once stays. What was given up as unknown, and is reported as
-- there, was sent; what was sent and is reported as failed was not: it waits to be sent again, if that makes sense. A report about
-- a message that another has taken the place of says nothing about its row. Returns what failed; if nothing may follow from
-- it (`alone`), nothing is recorded then.
create function deliveries_record(
    of_tenant uuid, connections uuid[], messages_of text[], outboxes uuid[], words text[], ranks int[], times timestamptz[],
    codes int[], errors text[], categories text[], pricings text[], recipients text[], pauses float8[], resends_max int,
    age_max float8, alone boolean
) returns table (outbox_id uuid, conversation_id uuid, state text, error text, resends int, pause float8)
language plpgsql
set search_path = pg_catalog, public
as $$
#variable_conflict use_column
begin
    return query
    with given as (
        select * from unnest(connections, messages_of, outboxes, words, ranks, times, codes,
                             errors, categories, pricings, recipients, pauses)
          as g (connection_id, external_id, outbox_id, status, rank, changed_at, error_code, error, category, pricing,
                recipient, pause)
    ), furthest as (
        select distinct on (connection_id, external_id) connection_id, external_id, status, rank, changed_at, error_code,
               error, pause,
               (max(outbox_id::text) over message)::uuid as outbox_id,
               max(category) over message as category, max(pricing) over message as pricing,
               max(recipient) over message as recipient
          from given
        window message as (partition by connection_id, external_id)
         order by connection_id, external_id, rank desc
    ), priced as (
        select f.*, case when f.pricing <> 'regular' then 0 else p.micro_usd end as cost
          from furthest f
          left join lateral (
            select micro_usd from channel_prices p
             where p.channel = 'whatsapp' and p.category = f.category and starts_with(f.recipient, p.market)
               and p.effective_from <= f.changed_at
             order by length(p.market) desc, p.effective_from desc limit 1
          ) p on true
    ), stored as (
        insert into delivery_statuses as d (tenant_id, connection_id, external_id, outbox_id, status, rank, changed_at,
                                            error_code, error, pricing_category, pricing_type, cost_micro_usd)
        select of_tenant, connection_id, external_id, outbox_id, status, rank, changed_at, error_code, error, category, pricing, cost
          from priced order by connection_id, external_id
        on conflict (tenant_id, connection_id, external_id) do update
           set status = case when excluded.rank > d.rank then excluded.status else d.status end,
               changed_at = case when excluded.rank > d.rank then excluded.changed_at else d.changed_at end,
               error_code = case when excluded.rank > d.rank then excluded.error_code else d.error_code end,
               error = case when excluded.rank > d.rank then excluded.error else d.error end,
               rank = greatest(excluded.rank, d.rank),
               outbox_id = coalesce(d.outbox_id, excluded.outbox_id),
               pricing_category = coalesce(d.pricing_category, excluded.pricing_category),
               pricing_type = coalesce(d.pricing_type, excluded.pricing_type),
               cost_micro_usd = coalesce(d.cost_micro_usd, excluded.cost_micro_usd)
        returning d.connection_id, d.outbox_id, d.external_id, d.status, d.error_code, d.error
    ), verdicts as (
        select s.*, s.status = 'failed' as failed, f.pause from stored s join furthest f using (connection_id, external_id)
    ), locked as (
        -- Read as it is once nobody else is at it: whoever sends again may just have got the id that is reported here.
        select o.outbox_id, o.external_id, o.state, o.resend_at, v.external_id as reported, v.status, v.failed, v.error_code, v.error,
               case when o.resends < resends_max and o.created_at > clock_timestamp() - make_interval(secs => age_max) then v.pause end as pause
          from outbox o join verdicts v on v.outbox_id = o.outbox_id
         where o.tenant_id = of_tenant and (v.failed or o.state = 'unknown' or o.resend_at is not null)
           for no key update of o
    ), settled as (
        update outbox o
           set state = case when not k.failed then 'sent' when k.pause is not null then 'sending' else 'dead' end,
               resend_at = case when k.failed and k.pause is not null then clock_timestamp() end,
               external_id = coalesce(o.external_id, k.reported),
               error = case when k.failed then concat_ws(': ', k.error_code, k.error) end,
               sent_at = coalesce(o.sent_at, clock_timestamp())
          from locked k
         where o.tenant_id = of_tenant and o.outbox_id = k.outbox_id
           and (k.external_id is null or k.external_id = k.reported)
           and ((k.failed and k.resend_at is null and k.state in ('sending', 'sent', 'unknown'))
                or (k.status in ('sent', 'delivered', 'read', 'played') and k.state = 'unknown')
                or (k.status in ('delivered', 'read', 'played') and k.state = 'sending' and k.resend_at is not null))
        returning o.outbox_id, o.conversation_id, o.run_id, o.kind, o.body, o.external_id, o.state, o.error, o.resends,
                  k.pause, k.failed
    ), said as (
        -- Its turn ended without knowing that it had arrived.
        insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, agent_id, run_id, body, sent_at)
        select of_tenant, s.outbox_id, s.conversation_id, s.external_id, 'agent', r.agent_id, r.run_id, s.body, clock_timestamp()
          from settled s join runs r on r.tenant_id = of_tenant and r.run_id = s.run_id
         where not s.failed and s.kind <> 'placeholder' and r.state <> 'running'
        on conflict do nothing
    )
    select outbox_id, conversation_id, state, error, resends, pause from settled where failed;
    if alone and found then
        raise exception 'a message failed, and something follows from that' using errcode = 'triggered_action_exception';
    end if;
end
$$;
