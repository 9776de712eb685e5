-- Slack workspaces are connected by a click: links that begin an installation, and tokens that have to be renewed.

alter table channel_connections
    -- Installed for a whole organization: external_id is the enterprise's.
    add column org_wide boolean not null default false,
    -- What the installation was granted, separated by commas; '' where it was not said.
    add column scopes text not null default '',
    -- The customer's own app as an OAuth client; '' means the platform's.
    add column client_id text not null default '',
    add column client_secret bytea,
    -- The last time it was connected. What a platform reports of an earlier time is about the installation before.
    add column installed_at timestamptz not null default clock_timestamp();

-- A link somebody may connect a workspace with, and the one visit to the platform that it stands for. Link, state and
-- browser are known by their hashes only. Opening the link again binds it to the browser that opened it last.
create table install_links (
    tenant_id        uuid not null references tenants,
    link_id          uuid not null,
    link_hash        bytea not null check (length(link_hash) = 32),
    actor_kind       text not null check (actor_kind in ('user', 'api_key', 'command_line', 'system')),
    actor_id         text not null,
    -- Set: only this connection may be renewed by it.
    connection_id    uuid,
    -- The customer's own app, if it is one.
    app_id           text not null default '',
    client_id        text not null default '',
    client_secret    bytea,
    signing_secret   bytea,
    expires_at       timestamptz not null,
    state_hash       bytea check (length(state_hash) = 32),
    browser_hash     bytea check (length(browser_hash) = 32),
    state_expires_at timestamptz,
    used_at          timestamptz,
    created_at       timestamptz not null default clock_timestamp(),
    primary key (tenant_id, link_id),
    unique (tenant_id, link_hash),
    unique (tenant_id, state_hash),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
call enforce_tenant('install_links');
grant select, insert, update, delete on install_links to konstruct_app;

-- The connections whose token lives for hours. A refresh token works once: whoever uses it holds the row's lease, and
-- what came of it replaces both tokens in one transaction.
create table token_rotations (
    tenant_id     uuid not null,
    connection_id uuid not null,
    refresh_token bytea not null,
    -- Of the access token.
    expires_at    timestamptz not null,
    -- When a worker looks at it next; null: never, the connection is dead.
    refresh_at    timestamptz,
    leased_until  timestamptz,
    -- The platform no longer takes the refresh token; the access token works on until it expires.
    refused_at    timestamptz,
    primary key (tenant_id, connection_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id) on delete cascade
);
create index token_rotations_due on token_rotations (refresh_at) where refresh_at is not null;
call enforce_tenant('token_rotations');
grant select, insert, update, delete on token_rotations to konstruct_app;
-- The schedule asks whose token runs out; it sees ids and times.
create policy system_due on token_rotations for select to konstruct_system using (refresh_at is not null);
grant select (tenant_id, connection_id, refresh_at) on token_rotations to konstruct_system;
