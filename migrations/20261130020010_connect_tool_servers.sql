-- Servers of others that bring tools along (Model Context Protocol). Their tools are rows of `tools`, pinned to what an
-- operator saw.
create table mcp_servers (
    tenant_id    uuid not null references tenants,
    server_id    uuid not null,
    name         text not null check (length(name) between 1 and 40),
    url          text not null,
    -- A bearer token. Null: none is sent.
    token        bytea,
    token_hint   text,
    created_by   text not null,
    created_at   timestamptz not null default clock_timestamp(),
    -- When its tools were looked at last.
    looked_at    timestamptz not null default clock_timestamp(),
    deleted_at   timestamptz,
    primary key (tenant_id, server_id),
    check ((token is null) = (token_hint is null))
);
create unique index mcp_servers_by_name on mcp_servers (tenant_id, name) where deleted_at is null;
call enforce_tenant('mcp_servers');
grant select, insert, update on mcp_servers to konstruct_app;

alter table tools
    add column server_id        uuid,
    -- What the server calls it.
    add column remote_name      text,
    -- Of its description and schema as an operator saw them: with another one it is not called.
    add column remote_digest    bytea,
    -- The server's own word for it; nothing depends on it.
    add column read_only_hint   boolean,
    -- The server describes it otherwise since then.
    add column locked_at        timestamptz,
    -- How; null: it is gone there, or can't be used as it is.
    add column seen_description text,
    add column seen_arguments   jsonb,
    add column seen_digest      bytea,
    add foreign key (tenant_id, server_id) references mcp_servers (tenant_id, server_id),
    add check ((server_id is null) = (remote_name is null)),
    add check ((server_id is null) = (remote_digest is null)),
    drop constraint tools_method_check,
    add constraint tools_method_check check (method in ('mcp', 'delete', 'get', 'patch', 'post', 'put')),
    add check ((method = 'mcp') = (server_id is not null));
create unique index tools_of_server on tools (tenant_id, server_id, remote_name) where deleted_at is null;
