-- What was asked for with an `Idempotency-Key`, so that it is done once. The answer is written in the transaction that does it.
create table idempotency_keys (
    tenant_id    uuid not null references tenants,
    -- Whose key it is: two callers may use the same.
    principal    text not null check (length(principal) <= 100),
    key_hash     bytea not null check (length(key_hash) = 32),
    -- Of method, address and body.
    request_hash bytea not null check (length(request_hash) = 32),
    -- One try; another takes over once the process of the first is gone.
    attempt_id   uuid not null,
    begun_at     timestamptz not null default clock_timestamp(),
    status       integer,
    -- Sealed: it may hold a new API key.
    answer       bytea,
    primary key (tenant_id, principal, key_hash),
    check ((status is null) = (answer is null))
);
create unique index idempotency_keys_by_attempt on idempotency_keys (tenant_id, attempt_id);
create index idempotency_keys_by_age on idempotency_keys (begun_at);
call enforce_tenant('idempotency_keys');
grant select, insert, update, delete on idempotency_keys to konstruct_app;
-- The sweep, for all tenants at once.
create policy system_find on idempotency_keys for select to konstruct_system
    using (begun_at < clock_timestamp() - interval '24 hours');
create policy system_purge on idempotency_keys for delete to konstruct_system
    using (begun_at < clock_timestamp() - interval '24 hours');
grant select (begun_at), delete on idempotency_keys to konstruct_system;
