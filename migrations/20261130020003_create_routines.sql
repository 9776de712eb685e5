-- What an agent does again and again: an instruction, a place, and when.
create table routines (
    tenant_id           uuid not null references tenants,
    routine_id          uuid not null,
    agent_id            uuid not null,
    connection_id       uuid not null,
    channel_external_id text not null,
    -- Its lane: its runs wait for each other and for nobody else.
    conversation_id     uuid not null,
    name                text not null check (length(name) between 1 and 80),
    instruction         text not null check (length(instruction) between 1 and 2000),
    -- Five fields of cron, by the tenant's clock.
    schedule            text not null,
    -- Only while somebody is there.
    business_hours      boolean not null,
    enabled             boolean not null,
    -- When it is due next. Null: it is switched off, or will never be.
    next_at             timestamptz,
    created_by          text not null,
    created_at          timestamptz not null default clock_timestamp(),
    changed_at          timestamptz not null default clock_timestamp(),
    -- Its runs stay on record when it is gone.
    deleted_at          timestamptz,
    primary key (tenant_id, routine_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
create unique index routines_by_name on routines (tenant_id, name) where deleted_at is null;
create index routines_due on routines (next_at) where next_at is not null;
call enforce_tenant('routines');
grant select, insert, update on routines to konstruct_app;
create policy system_due on routines for select to konstruct_system using (next_at is not null);
grant select (tenant_id, routine_id, next_at) on routines to konstruct_system;

-- Each time of it.
create table routine_runs (
    tenant_id      uuid not null references tenants,
    routine_run_id uuid not null,
    routine_id     uuid not null,
    -- The time it was meant for. Two workers that find it due make one row.
    due_at         timestamptz not null,
    -- What was to be done: the routine may say something else by now.
    agent_id       uuid not null,
    instruction    text not null,
    begun_by       text not null,
    begun_at       timestamptz not null default clock_timestamp(),
    primary key (tenant_id, routine_run_id),
    unique (tenant_id, routine_id, due_at),
    foreign key (tenant_id, routine_id) references routines (tenant_id, routine_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
call enforce_tenant('routine_runs');
grant select, insert on routine_runs to konstruct_app;
