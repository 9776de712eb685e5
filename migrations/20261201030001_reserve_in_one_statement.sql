-- Holds what a call may cost in every budget that concerns it, tenant, agent, person and conversation, in one statement. A
-- row for each: its room before, and what the call may cost; null where nobody knows its price. Nothing is held unless every
-- budget has room. The budgets are locked in the order of their ids, as budget_count() locks them.
create function budget_reserve(
    of_tenant uuid, call uuid, of_run uuid, of_agent uuid, of_conversation uuid, of_person uuid, of_model text,
    owner text, of_key uuid, input bigint, output bigint, what_for text
) returns table (budget uuid, room bigint, cost bigint)
language plpgsql
set search_path = pg_catalog, public
set plan_cache_mode = 'force_generic_plan'
as $$
declare
    concerned uuid[];
    rooms bigint[];
    price bigint;
begin
    select array_agg(c.budget_id), array_agg(c.room) into concerned, rooms
      from (
        select b.budget_id,
               b.limit_micro_usd - b.reserved_micro_usd
               - case when b.period_start < budget_period_start(b.period, b.time_zone, now()) then 0
                      else b.spent_micro_usd end as room
          from budgets b
         where b.tenant_id = of_tenant and b.limit_micro_usd is not null
           and (b.scope = 'tenant' or b.scope = 'agent' and b.agent_id = of_agent
                or b.scope = 'person' and b.person_id = of_person
                or b.scope = 'conversation' and b.conversation_id = of_conversation)
         order by b.budget_id
           for no key update
      ) c;
    if concerned is null then
        return;
    end if;
    select ((input * p.input_micro_usd_per_million + output * p.output_micro_usd_per_million + 999999) / 1000000)::bigint
      into price
      from model_prices p
     where p.model = of_model and p.effective_from <= now()
     order by p.effective_from desc limit 1;
    if price <= all (rooms) then
        update budgets b set reserved_micro_usd = b.reserved_micro_usd + price
         where b.tenant_id = of_tenant and b.budget_id = any (concerned);
        insert into budget_reservations (tenant_id, usage_id, budget_id, run_id, agent_id, person_id, conversation_id,
                                         model, key_owner, llm_key_id, input_tokens, output_tokens, amount_micro_usd,
                                         purpose)
        select of_tenant, call, held.id, of_run, of_agent, of_person, of_conversation, of_model, owner, of_key, input,
               output, price, what_for
          from unnest(concerned) as held (id);
    end if;
    return query select c.id, c.left_over, price from unnest(concerned, rooms) as c (id, left_over);
end
$$;
