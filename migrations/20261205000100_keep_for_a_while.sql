-- For how many days a tenant's records are kept that nobody reads any more. See shared/src/db/privacy/retention.rs.
create table retention (
    tenant_id       uuid not null references tenants,
    -- Null: for good.
    inbox_days      integer,
    runs_days       integer,
    deliveries_days integer,
    jobs_days       integer,
    changed_at      timestamptz not null default clock_timestamp(),
    primary key (tenant_id)
);
call enforce_tenant('retention');
grant select, insert, update on retention to konstruct_app;
grant delete on webhook_deliveries, jobs to konstruct_app;

-- What no tenant could be found for: for thirty days, for all alike.
create policy system_find on quarantine for select to konstruct_system
    using (received_at < clock_timestamp() - interval '30 days');
create policy system_purge on quarantine for delete to konstruct_system
    using (received_at < clock_timestamp() - interval '30 days');
grant select (received_at), delete on quarantine to konstruct_system;
