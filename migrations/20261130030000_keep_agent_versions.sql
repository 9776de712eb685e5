-- What an agent was, each time it was changed: to be looked at, and taken back. The latest row is how it is now.
create table agent_versions (
    tenant_id  uuid not null references tenants,
    agent_id   uuid not null,
    version    integer not null check (version > 0),
    -- Role, tone, instructions, models and tools, as the API shows them.
    shape      jsonb not null,
    -- Who made it so, as the audit log names them.
    actor_kind text not null,
    actor_id   text not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, agent_id, version),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
call enforce_tenant('agent_versions');
grant select, insert on agent_versions to konstruct_app;
