-- Where a tenant is reachable (connections), who answers there (agents), and who talks (people, channels).

create table channel_connections (
    tenant_id      uuid not null references tenants,
    connection_id  uuid not null,
    channel        text not null check (channel in ('slack', 'whatsapp')),
    -- Slack: the team; WhatsApp: the phone number id.
    external_id    text not null,
    -- '' means the platform's own app; otherwise the customer's.
    app_id         text not null default '',
    bot_user_id    text not null,
    bot_id         text not null default '',
    display_name   text not null,
    access_token   bytea not null,
    signing_secret bytea,
    status         text not null default 'active' check (status in ('active', 'dead')),
    dead_reason    text,
    created_at     timestamptz not null default clock_timestamp(),
    primary key (tenant_id, connection_id),
    unique (tenant_id, channel, app_id, external_id)
);
call enforce_tenant('channel_connections');
grant select, insert, update on channel_connections to konstruct_app;

-- A provider names a workspace or number, never a tenant: this is read before the tenant is known.
create table connection_routes (
    channel       text not null,
    app_id        text not null,
    external_id   text not null,
    tenant_id     uuid not null,
    connection_id uuid not null,
    bot_user_id   text not null,
    bot_id        text not null,
    primary key (channel, app_id, external_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id) on delete cascade
);
call enforce_tenant('connection_routes');
grant select, insert, update, delete on connection_routes to konstruct_app;
create policy system_resolve on connection_routes for select to konstruct_system using (true);
grant select on connection_routes to konstruct_system;

create table agents (
    tenant_id    uuid not null references tenants,
    agent_id     uuid not null,
    name         text not null check (length(name) between 1 and 80),
    role         text not null default '',
    tone         text not null default '',
    instructions text not null default '' check (length(instructions) <= 20000),
    model        text,
    is_default   boolean not null default false,
    created_at   timestamptz not null default clock_timestamp(),
    updated_at   timestamptz not null default clock_timestamp(),
    primary key (tenant_id, agent_id),
    unique (tenant_id, name)
);
create unique index agents_one_default on agents (tenant_id) where is_default;
call enforce_tenant('agents');
grant select, insert, update on agents to konstruct_app;

create table people (
    tenant_id          uuid not null references tenants,
    person_id          uuid not null,
    connection_id      uuid not null,
    external_id        text not null,
    display_name       text not null,
    profile_fetched_at timestamptz,
    created_at         timestamptz not null default clock_timestamp(),
    primary key (tenant_id, person_id),
    unique (tenant_id, connection_id, external_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
call enforce_tenant('people');
grant select, insert, update on people to konstruct_app;

-- `unknown` until the platform told us: an unknown channel is treated as private.
create table channels (
    tenant_id     uuid not null references tenants,
    connection_id uuid not null,
    external_id   text not null,
    kind          text not null default 'unknown' check (kind in ('public', 'private', 'direct', 'group_direct', 'unknown')),
    name          text not null default '',
    created_at    timestamptz not null default clock_timestamp(),
    primary key (tenant_id, connection_id, external_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
call enforce_tenant('channels');
grant select, insert, update on channels to konstruct_app;
