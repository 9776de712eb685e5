-- Erasing people and tenants. See shared/src/db/privacy.rs, shared/src/db/endings.rs and decisions 0140 and 0141.

-- What a person asked to have erased, or who was asked for, and what came of it. It holds no word and no id of a provider's.
create table erasures (
    tenant_id    uuid not null references tenants,
    erasure_id   uuid not null,
    -- One human can be several people here: one of each connection.
    people       uuid[] not null default '{}',
    -- Keyed hashes of their ids at the provider: whoever has the key and an id can tell whether it was erased.
    subjects     uuid[] not null default '{}',
    actor_kind   text not null,
    actor_id     text not null,
    requested_at timestamptz not null default clock_timestamp(),
    -- Since then nothing of theirs can be recalled.
    hidden_at    timestamptz,
    finished_at  timestamptz,
    -- Rows by table.
    counts       jsonb not null default '{}',
    -- Signed, as it is kept outside of the database.
    certificate  text,
    primary key (tenant_id, erasure_id)
);
call enforce_tenant('erasures');
grant select, insert, update on erasures to konstruct_app;

-- What only an erasure may change or remove.
grant update (result, request_hash) on run_steps to konstruct_app;
grant update (text) on outbox_parts to konstruct_app;
grant update (person_id) on usage to konstruct_app;
grant update (person_id) on budget_reservations to konstruct_app;
grant update (instruction) on routine_runs to konstruct_app;
grant delete on message_changes, channels to konstruct_app;

-- A tenant that is being erased: it was stopped before, and never goes on.
alter table tenants add column ending_at timestamptz;
grant select (ending_at), update (ending_at) on tenants to konstruct_system;

-- What is known of tenants that are gone. No foreign key: the row outlives them.
create table tenant_erasures (
    erasure_id    uuid not null primary key,
    erased_tenant uuid not null unique,
    actor_kind    text not null,
    actor_id      text not null,
    begun_at      timestamptz not null default clock_timestamp(),
    finished_at   timestamptz,
    counts        jsonb not null default '{}',
    -- The end of its audit log, for checkpoints that tell of it.
    audit_n       bigint not null default 0,
    audit_hash    text not null default '',
    certificate   text
);
call enforce_system('tenant_erasures');
create policy system_all on tenant_erasures for all to konstruct_system using (true) with check (true);
grant select, insert, update on tenant_erasures to konstruct_system;

-- Rows of a tenant that ends are removed by a role that nobody logs in as, and that sees one tenant at a time like any other:
-- so every table carries a third policy, those of today and, by the same procedure, those to come.
create or replace procedure enforce_tenant(target regclass)
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
    execute format('create policy tenant_end on %s for all to konstruct_eraser using (%s) with check (%s)', target, own, own);
    execute format('grant select, delete on %s to konstruct_eraser', target);
end
$$;

do $$
declare
    own constant text := 'tenant_id = nullif(current_setting(''app.current_tenant'', true), '''')::uuid';
    target regclass;
begin
    for target in
        select a.attrelid::regclass from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attname = 'tenant_id' and not a.attisdropped
    loop
        execute format('create policy tenant_end on %s for all to konstruct_eraser using (%s) with check (%s)', target, own, own);
        execute format('grant select, delete on %s to konstruct_eraser', target);
    end loop;
end
$$;

-- Removes rows of the current tenant from one table; returns how many. Only of a tenant that ends.
create function tenant_rows_end(of_table text, at_most integer) returns bigint
language plpgsql
security definer
set search_path = pg_catalog, public
as $$
declare
    tenant constant uuid := nullif(current_setting('app.current_tenant', true), '')::uuid;
    gone bigint;
begin
    if not exists (select from public.tenants t where t.tenant_id = tenant and t.ending_at is not null) then
        raise exception 'only rows of a tenant that ends can be removed' using errcode = '42501';
    end if;
    execute format(
        'delete from public.%1$I where tenant_id = $1 and ctid = any (array(
             select ctid from public.%1$I where tenant_id = $1 limit $2))', of_table
    ) using tenant, at_most;
    get diagnostics gone = row_count;
    return gone;
end
$$;
grant create on schema public to konstruct_eraser;
alter function tenant_rows_end(text, integer) owner to konstruct_eraser;
revoke create on schema public from konstruct_eraser;
revoke execute on function tenant_rows_end(text, integer) from public;
grant execute on function tenant_rows_end(text, integer) to konstruct_system;

-- Facts and summaries of a tenant that ends go with the rest of its rows: nothing is to be learned or summed up anew.
drop trigger memory_gone on memories;
create trigger memory_gone after delete on memories
    for each row when (old.kind = 'message' and current_user <> 'konstruct_eraser') execute function facts_follow_source();
drop trigger summary_forgets on memories;
create trigger summary_forgets after delete on memories
    for each row when (old.kind = 'message' and current_user <> 'konstruct_eraser') execute function summaries_follow_source();
