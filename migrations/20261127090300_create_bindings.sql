-- Which agent answers where. See shared/src/db/bindings.rs for what comes before what.

create table bindings (
    tenant_id           uuid not null references tenants,
    binding_id          uuid not null,
    -- Null: of every connection.
    connection_id       uuid,
    channel_external_id text,
    -- A word or words of the question, in lower case.
    keyword             text check (length(keyword) between 1 and 80),
    agent_id            uuid not null,
    created_at          timestamptz not null default clock_timestamp(),
    primary key (tenant_id, binding_id),
    unique nulls not distinct (tenant_id, connection_id, channel_external_id, keyword),
    -- A channel is one of a connection; and what narrows nothing down is the default agent's business.
    check (channel_external_id is null or connection_id is not null),
    check (connection_id is not null or keyword is not null),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
call enforce_tenant('bindings');
grant select, insert, delete on bindings to konstruct_app;
