-- When somebody of the tenant is there, and by which clock. Without a row: nobody said so, and the clock is UTC's.
create table office_hours (
    tenant_id   uuid not null references tenants,
    -- A name of the tz database.
    time_zone   text not null,
    -- {"monday": ["09:00-17:00"]}
    week        jsonb not null,
    -- Days on which nobody is there.
    closed_days text[] not null default '{}',
    changed_at  timestamptz not null default clock_timestamp(),
    primary key (tenant_id)
);
call enforce_tenant('office_hours');
grant select, insert, update on office_hours to konstruct_app;
