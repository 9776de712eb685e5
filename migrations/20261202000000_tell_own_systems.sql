-- Where a tenant's own systems are told what its audit log says, each act as it comes.
create table webhook_endpoints (
    tenant_id     uuid not null references tenants,
    endpoint_id   uuid not null,
    url           text not null check (length(url) between 1 and 2000),
    -- Acts, or words with which their names begin; none: all of them.
    actions       text[] not null default '{}' check (cardinality(actions) <= 50),
    -- Signs what is sent. Gone with the endpoint.
    secret        bytea,
    enabled       boolean not null,
    -- The last act that was looked at for it.
    told_n        bigint not null,
    -- Since when what it was told is given up; null: it hears.
    failing_since timestamptz,
    created_by    text not null,
    created_at    timestamptz not null default clock_timestamp(),
    deleted_at    timestamptz,
    primary key (tenant_id, endpoint_id)
);
call enforce_tenant('webhook_endpoints');
grant select, insert, update on webhook_endpoints to konstruct_app;
create index webhook_endpoints_enabled on webhook_endpoints (tenant_id, endpoint_id) where enabled;
create policy system_due on webhook_endpoints for select to konstruct_system using (enabled);
grant select (tenant_id, endpoint_id, told_n, enabled) on webhook_endpoints to konstruct_system;

-- What one of them is told: one act of the log. Its words are read from there when it is sent.
create table webhook_deliveries (
    tenant_id   uuid not null references tenants,
    delivery_id uuid not null,
    endpoint_id uuid not null,
    n           bigint not null,
    state       text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
    attempts    integer not null default 0,
    -- What was answered last; null: nothing was.
    status      integer,
    error       text,
    created_at  timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    primary key (tenant_id, delivery_id),
    unique (tenant_id, endpoint_id, n),
    foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, endpoint_id)
);
call enforce_tenant('webhook_deliveries');
grant select, insert, update on webhook_deliveries to konstruct_app;

alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check
    check (kind in ('connection_dead', 'token_refused', 'workspace_removed', 'events_held_back', 'escalation',
                    'budget_alert', 'budget_exhausted', 'payment_due', 'access_changed', 'send_failed', 'send_unclear',
                    'answers_used_up', 'memories_rest', 'webhook_failing'));
