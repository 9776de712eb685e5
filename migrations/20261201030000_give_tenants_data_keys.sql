-- What a tenant's secrets are sealed under, sealed under a master key. See shared/src/db/data_keys.rs.
create table data_keys (
    tenant_id   uuid not null references tenants,
    data_key_id uuid not null,
    sealed      bytea not null,
    created_at  timestamptz not null default clock_timestamp(),
    -- One of each tenant.
    primary key (tenant_id)
);
call enforce_tenant('data_keys');
-- Whoever seals holds the row, which takes the right to update some column.
grant select, insert, delete, update (sealed) on data_keys to konstruct_app;
