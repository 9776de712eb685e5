-- Tenants, and the two policies every tenant table carries.

-- Ends every tenant table. The permissive policy opens the tenant's own rows, the restrictive copy keeps them shut to
-- everyone else even if a later migration adds a careless permissive policy (permissive ones are OR-ed together).
-- `nullif`: after a connection's first transaction the setting is '' rather than NULL, and ''::uuid would raise.
create procedure enforce_tenant(target regclass)
language plpgsql
set search_path = pg_catalog, public
as $$
declare
    own constant text := 'tenant_id = nullif(current_setting(''app.current_tenant'', true), '''')::uuid';
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy tenant_rows on %s for all to konstruct_app using (%s) with check (%s)', target, own, own);
    execute format(
        'create policy tenant_fence on %s as restrictive for all to konstruct_app using (%s) with check (%s)', target, own, own
    );
end
$$;

-- A system table holds ids and hashes, no content (but for quarantine, which nobody's service role can read), and is
-- listed with its reason in system_tables.toml.
create procedure enforce_system(target regclass)
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
end
$$;

create table tenants (
    tenant_id  uuid not null primary key,
    name       text not null check (length(name) between 1 and 200),
    plan       text not null default 'trial' check (plan in ('trial', 'team', 'business', 'enterprise')),
    created_at timestamptz not null default clock_timestamp()
);
call enforce_tenant('tenants');
grant select on tenants to konstruct_app;
-- Signing a customer up happens before there is a tenant to be.
create policy system_create on tenants for insert to konstruct_system with check (true);
create policy system_list on tenants for select to konstruct_system using (true);
grant insert on tenants to konstruct_system;
grant select (tenant_id, plan, created_at) on tenants to konstruct_system;

-- Looked up by hash before the tenant is known; the key itself is shown once and never stored.
create table api_keys (
    api_key_id   uuid not null primary key,
    tenant_id    uuid not null references tenants,
    key_hash     bytea not null unique check (length(key_hash) = 32),
    name         text not null,
    role         text not null check (role in ('customer_admin', 'customer_operator')),
    created_at   timestamptz not null default clock_timestamp(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
call enforce_system('api_keys');
create policy system_all on api_keys for all to konstruct_system using (true) with check (true);
grant select, insert, update on api_keys to konstruct_system;

-- A value sealed under the master key: proves at start that the key is the right one, and keys the dedupe hashes.
create table system_secrets (
    name       text not null primary key,
    sealed     bytea not null,
    created_at timestamptz not null default clock_timestamp()
);
call enforce_system('system_secrets');
create policy system_all on system_secrets for all to konstruct_system using (true) with check (true);
grant select, insert on system_secrets to konstruct_system;
