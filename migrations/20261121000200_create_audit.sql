-- The audit log: append-only, one hash chain per tenant, written only through audit_append().

create table audit_events (
    tenant_id   uuid not null references tenants,
    n           bigint not null,
    at          timestamptz not null,
    actor_kind  text not null check (actor_kind in ('operator', 'api_key', 'command_line', 'system')),
    actor_id    text not null,
    action      text not null,
    target_kind text not null,
    target_id   text not null,
    detail      jsonb not null,
    -- Lets a test prove that the change and its audit row share one transaction.
    transaction_id xid8 not null default pg_current_xact_id(),
    previous    bytea not null,
    hash        bytea not null,
    primary key (tenant_id, n)
);
call enforce_tenant('audit_events');
grant select on audit_events to konstruct_app;

create table audit_heads (
    tenant_id uuid not null primary key references tenants,
    n         bigint not null,
    hash      bytea not null
);
call enforce_tenant('audit_heads');
grant select on audit_heads to konstruct_app;

create policy audit_append on audit_events for all to konstruct_audit
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
create policy audit_head on audit_heads for all to konstruct_audit
    using (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid);
grant select, insert on audit_events to konstruct_audit;
grant select, insert, update on audit_heads to konstruct_audit;

-- Each part is preceded by its length, so that 'a|b' + '' and 'a' + '|b' differ.
create function audit_hash(variadic parts text[]) returns bytea
language sql immutable strict
set search_path = pg_catalog
as $$
    select sha256(convert_to(string_agg(length(part)::text || ':' || part, '' order by position), 'UTF8'))
      from unnest(parts) with ordinality as listed (part, position)
$$;

-- Appends one event for the current tenant. The head row is locked, so writers queue and the chain never forks.
create function audit_append(actor_kind text, actor_id text, action text, target_kind text, target_id text, detail jsonb)
returns bigint
language plpgsql
security definer
set search_path = pg_catalog, public
as $$
declare
    tenant constant uuid := nullif(current_setting('app.current_tenant', true), '')::uuid;
    moment constant timestamptz := clock_timestamp();
    head public.audit_heads;
    link bytea;
begin
    if tenant is null then
        raise exception 'audit_append needs app.current_tenant' using errcode = '42501';
    end if;
    insert into public.audit_heads values (tenant, 0, sha256('')) on conflict do nothing;
    select * into strict head from public.audit_heads h where h.tenant_id = tenant for update;
    link := public.audit_hash(
        encode(head.hash, 'hex'), tenant::text, (head.n + 1)::text, extract(epoch from moment)::text,
        actor_kind, actor_id, action, target_kind, target_id, detail::text
    );
    insert into public.audit_events
        (tenant_id, n, at, actor_kind, actor_id, action, target_kind, target_id, detail, previous, hash)
    values (tenant, head.n + 1, moment, actor_kind, actor_id, action, target_kind, target_id, detail, head.hash, link);
    update public.audit_heads h set n = head.n + 1, hash = link where h.tenant_id = tenant;
    return head.n + 1;
end
$$;

grant create on schema public to konstruct_audit;
alter function audit_append(text, text, text, text, text, jsonb) owner to konstruct_audit;
revoke create on schema public from konstruct_audit;
revoke execute on function audit_append(text, text, text, text, text, jsonb) from public;
grant execute on function audit_append(text, text, text, text, text, jsonb) to konstruct_app, konstruct_system;
