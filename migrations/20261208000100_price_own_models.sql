-- What a model costs that only a tenant knows: by a key of its own, for calls that the key pays. See .planning/decisions/0151.

create table llm_key_prices (
    tenant_id      uuid not null references tenants,
    llm_key_id     uuid not null,
    model          text not null,
    effective_from timestamptz not null default clock_timestamp(),
    -- For a million tokens.
    input_micro_usd_per_million  bigint not null check (input_micro_usd_per_million >= 0),
    -- Of a prompt that the provider had at hand. Null: like any other.
    cached_micro_usd_per_million bigint,
    output_micro_usd_per_million bigint not null check (output_micro_usd_per_million >= 0),
    created_by     text not null,
    primary key (tenant_id, llm_key_id, model, effective_from),
    -- Never more than an uncached one: money is held for a prompt of which nothing is cached.
    check (cached_micro_usd_per_million between 0 and input_micro_usd_per_million),
    foreign key (tenant_id, llm_key_id) references llm_keys (tenant_id, llm_key_id) on delete cascade
);
call enforce_tenant('llm_key_prices');
-- Only ever inserted: what was booked keeps its cost, and a new price is a new row.
grant select, insert on llm_key_prices to konstruct_app;

alter table model_prices
    add column cached_micro_usd_per_million bigint
        check (cached_micro_usd_per_million between 0 and input_micro_usd_per_million);
-- Of the prompt's tokens, those that the provider says it had at hand.
alter table usage
    add column cached_tokens bigint not null default 0 check (cached_tokens between 0 and input_tokens);

-- What a call costs in micro-dollars, not rounded; null where nobody knows. A key of the tenant's own is charged as the tenant
-- says, or else like everybody's; the platform's keys never as a tenant says.
create function call_cost(
    of_tenant uuid, of_key uuid, of_model text, input bigint, cached bigint, output bigint
) returns numeric
language sql stable
set search_path = pg_catalog, public
as $$
    select ((input - cached) * p.input_price::numeric + cached * coalesce(p.cached_price, p.input_price)::numeric
            + output * p.output_price::numeric) / 1000000
      from (
        (select 1 as place, k.input_micro_usd_per_million as input_price, k.cached_micro_usd_per_million as cached_price,
                k.output_micro_usd_per_million as output_price
           from llm_key_prices k
          where k.tenant_id = of_tenant and k.llm_key_id = of_key and k.model = of_model and k.effective_from <= now()
          order by k.effective_from desc limit 1)
        union all
        (select 2, m.input_micro_usd_per_million, m.cached_micro_usd_per_million, m.output_micro_usd_per_million
           from model_prices m
          where m.model = of_model and m.effective_from <= now()
          order by m.effective_from desc limit 1)
      ) p
     order by p.place limit 1
$$;

-- As before, but for the limit's currency and the tenant's own prices.
create or replace function budget_reserve(
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
               micro_usd_of(b.limit_micro, b.currency, greatest(b.period_start, p.start)) - b.reserved_micro_usd
               - case when b.period_start < p.start then 0 else b.spent_micro_usd end as room
          from budgets b
         cross join lateral (select budget_period_start(b.period, b.time_zone, now()) as start) p
         where b.tenant_id = of_tenant and b.limit_micro is not null
           and (b.scope = 'tenant' or b.scope = 'agent' and b.agent_id = of_agent
                or b.scope = 'person' and b.person_id = of_person
                or b.scope = 'conversation' and b.conversation_id = of_conversation)
         order by b.budget_id
           for no key update of b
      ) c;
    if concerned is null then
        return;
    end if;
    price := ceil(call_cost(of_tenant, of_key, of_model, input, 0, output))::bigint;
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
