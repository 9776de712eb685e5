-- What a tenant lets platform admins do for it, and when it last said so: what was begun before that is over.
alter table tenants
    add column support_access text not null default 'none' check (support_access in ('none', 'read', 'write')),
    add column support_changed_at timestamptz not null default clock_timestamp();
grant update (support_access, support_changed_at) on tenants to konstruct_app;
grant select (support_access, support_changed_at) on tenants to konstruct_system;

-- A platform admin who acts in a tenant as one of its members, with a session of their own. Found by the session before
-- the tenant is known. What the tenant sees of it stands in its audit log.
create table impersonations (
    impersonation_id uuid not null primary key,
    session_id       uuid not null,
    admin_id         uuid not null,
    tenant_id        uuid not null references tenants,
    subject_id       uuid not null,
    reason           text not null check (length(reason) between 1 and 500),
    ticket           text not null check (length(ticket) between 1 and 100),
    started_at       timestamptz not null default clock_timestamp(),
    expires_at       timestamptz not null,
    -- Its end is recorded.
    ended_at         timestamptz,
    end_reason       text check (end_reason in ('stopped', 'expired', 'consent', 'session', 'rights')),
    -- The admin knows that it is over: until then their session is nobody's, so that no page goes on as somebody else.
    left_at          timestamptz
);
-- None inside another.
create unique index impersonations_one on impersonations (session_id) where left_at is null;
create index impersonations_open on impersonations (started_at) where ended_at is null;
call enforce_system('impersonations');
create policy system_all on impersonations for all to konstruct_system using (true) with check (true);
grant select, insert on impersonations to konstruct_system;
grant update (ended_at, end_reason, left_at) on impersonations to konstruct_system;

-- What was looked at, each once, so that the log tells it once.
create table impersonation_looks (
    impersonation_id uuid not null references impersonations on delete cascade,
    path             text not null check (length(path) <= 300),
    primary key (impersonation_id, path)
);
call enforce_system('impersonation_looks');
create policy system_all on impersonation_looks for all to konstruct_system using (true) with check (true);
grant select, insert on impersonation_looks to konstruct_system;
