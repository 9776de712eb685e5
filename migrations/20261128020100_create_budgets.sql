-- Budgets: how much models may cost, in a day or a month. See shared/src/db/budgets.rs.

create table budgets (
    tenant_id          uuid not null references tenants,
    budget_id          uuid not null,
    scope              text not null check (scope in ('agent', 'person', 'conversation', 'tenant')),
    agent_id           uuid,
    person_id          uuid,
    conversation_id    uuid,
    period             text not null check (period in ('month', 'day')),
    time_zone          text not null,
    -- Null: no limit is set.
    limit_micro_usd    bigint check (limit_micro_usd >= 0),
    -- The ledger's sum since the period began; counted by a trigger, so that no writer of the ledger can forget it.
    period_start       timestamptz not null,
    spent_micro_usd    bigint not null default 0,
    -- Held for calls that are under way.
    reserved_micro_usd bigint not null default 0,
    -- The highest threshold of this period that the admins were told of.
    alerted_percent    integer not null default 0,
    created_at         timestamptz not null default clock_timestamp(),
    primary key (tenant_id, budget_id),
    unique nulls not distinct (tenant_id, scope, period, agent_id, person_id, conversation_id),
    check (case scope when 'agent' then agent_id is not null
                      when 'person' then person_id is not null
                      when 'conversation' then conversation_id is not null
                      else true end),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id),
    foreign key (tenant_id, person_id) references people (tenant_id, person_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
);
call enforce_tenant('budgets');
grant select, insert, update, delete on budgets to konstruct_app;
-- The schedule asks who has budgets to sum up; amounts are read under each tenant.
create policy system_list on budgets for select to konstruct_system using (true);
grant select (tenant_id) on budgets to konstruct_system;

-- What a call under way may cost at most, once for each budget it counts against. Its ledger row releases it; without
-- one (the process was killed) the schedule writes the ledger row, at what was reserved.
create table budget_reservations (
    tenant_id        uuid not null references tenants,
    usage_id         uuid not null,
    budget_id        uuid not null,
    run_id           uuid not null,
    agent_id         uuid not null,
    conversation_id  uuid not null,
    person_id        uuid,
    model            text not null,
    key_owner        text not null check (key_owner in ('platform', 'tenant')),
    llm_key_id       uuid,
    input_tokens     bigint not null,
    output_tokens    bigint not null,
    amount_micro_usd bigint not null,
    created_at       timestamptz not null default clock_timestamp(),
    primary key (tenant_id, usage_id, budget_id),
    foreign key (tenant_id, budget_id) references budgets (tenant_id, budget_id) on delete cascade,
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id)
);
create index budget_reservations_by_time on budget_reservations (created_at);
call enforce_tenant('budget_reservations');
grant select, insert, delete on budget_reservations to konstruct_app;
create policy system_list on budget_reservations for select to konstruct_system using (true);
grant select (tenant_id, created_at) on budget_reservations to konstruct_system;

-- When the period began in which `at` lies. A zone that the server does not know counts as UTC.
create function budget_period_start(period text, zone text, at timestamptz) returns timestamptz
language plpgsql stable
set search_path = pg_catalog
as $$
begin
    return date_trunc(period, at at time zone zone) at time zone zone;
exception when invalid_parameter_value then
    return date_trunc(period, at at time zone 'UTC') at time zone 'UTC';
end
$$;

-- Counts a ledger row in every budget it belongs to, and lets go what was held for it. The budgets are locked in the
-- order of their ids, here and where money is reserved: two turns can't wait for each other.
create function budget_count() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    perform from budgets b
      where b.tenant_id = new.tenant_id
        and (b.scope = 'tenant' or b.scope = 'agent' and b.agent_id = new.agent_id
             or b.scope = 'person' and b.person_id = new.person_id
             or b.scope = 'conversation' and b.conversation_id = new.conversation_id)
      order by b.budget_id for no key update;
    if not found then
        return null;
    end if;
    with released as (
        delete from budget_reservations r where r.tenant_id = new.tenant_id and r.usage_id = new.usage_id
        returning r.budget_id, r.amount_micro_usd
    )
    update budgets b
       set reserved_micro_usd = b.reserved_micro_usd
                              - coalesce((select r.amount_micro_usd from released r where r.budget_id = b.budget_id), 0),
           spent_micro_usd = case when p.start = b.period_start then b.spent_micro_usd + coalesce(new.cost_micro_usd, 0)
                                  when p.start > b.period_start then coalesce(new.cost_micro_usd, 0)
                                  -- Of a period that is over: it counts in the ledger, and here no more.
                                  else b.spent_micro_usd end,
           alerted_percent = case when p.start > b.period_start then 0 else b.alerted_percent end,
           period_start = greatest(p.start, b.period_start)
      from (select o.budget_id, budget_period_start(o.period, o.time_zone, new.created_at) as start
              from budgets o where o.tenant_id = new.tenant_id) p
     where b.tenant_id = new.tenant_id and p.budget_id = b.budget_id
       and (b.scope = 'tenant' or b.scope = 'agent' and b.agent_id = new.agent_id
            or b.scope = 'person' and b.person_id = new.person_id
            or b.scope = 'conversation' and b.conversation_id = new.conversation_id);
    return null;
end
$$;
create trigger usage_counts after insert on usage for each row execute function budget_count();

-- Budgets whose counter is not the ledger's sum, or whose held money is not its reservations' sum: none, at any time.
create function budget_drift()
returns table (tenant_id uuid, budget_id uuid, spent_micro_usd bigint, ledger_micro_usd bigint,
               reserved_micro_usd bigint, held_micro_usd bigint)
language sql stable
set search_path = pg_catalog, public
as $$
    select b.tenant_id, b.budget_id, b.spent_micro_usd, ledger.total, b.reserved_micro_usd, held.total
      from budgets b
     cross join lateral (
        select coalesce(sum(u.cost_micro_usd), 0)::bigint as total
          from usage u
         where u.tenant_id = b.tenant_id and u.created_at >= b.period_start
           and budget_period_start(b.period, b.time_zone, u.created_at) = b.period_start
           and (b.scope = 'tenant' or b.scope = 'agent' and u.agent_id = b.agent_id
                or b.scope = 'person' and u.person_id = b.person_id
                or b.scope = 'conversation' and u.conversation_id = b.conversation_id)
     ) ledger
     cross join lateral (
        select coalesce(sum(r.amount_micro_usd), 0)::bigint as total
          from budget_reservations r where r.tenant_id = b.tenant_id and r.budget_id = b.budget_id
     ) held
     where b.spent_micro_usd <> ledger.total or b.reserved_micro_usd <> held.total
$$;

-- What admins are told: a threshold was reached; somebody went without an answer.
alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check
    check (kind in ('connection_dead', 'token_refused', 'workspace_removed', 'events_held_back', 'escalation',
                    'budget_alert', 'budget_exhausted'));
