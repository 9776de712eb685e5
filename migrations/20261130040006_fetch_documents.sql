-- Documents that are fetched from an address, and again. See shared/src/db/documents/addresses.rs.
create table document_addresses (
    tenant_id     uuid not null references tenants,
    document_id   uuid not null,
    address       text not null,
    -- A list of pages instead of a page: each of them is a document of its own, whose `listed_by` it is.
    is_sitemap    boolean not null,
    listed_by     uuid,
    every_hours   integer not null check (every_hours > 0),
    -- What the server said of what was fetched last, and a hash of it.
    etag          text,
    last_modified text,
    digest        bytea,
    -- When somebody looked last, and when it had changed.
    looked_at     timestamptz,
    fetched_at    timestamptz,
    -- When to look again. Whoever looks moves it ahead first.
    due_at        timestamptz not null default clock_timestamp(),
    failures      integer not null default 0,
    -- Why the last look came to nothing.
    reason        text,
    primary key (tenant_id, document_id),
    unique (tenant_id, address),
    foreign key (tenant_id, document_id) references documents (tenant_id, document_id) on delete cascade,
    foreign key (tenant_id, listed_by) references documents (tenant_id, document_id)
);
create index document_addresses_due on document_addresses (due_at);
create index document_addresses_listed on document_addresses (tenant_id, listed_by) where listed_by is not null;
call enforce_tenant('document_addresses');
grant select, insert, update on document_addresses to konstruct_app;
-- The schedule asks whose turn it is; addresses are read under the tenant.
create policy system_list on document_addresses for select to konstruct_system using (true);
grant select (tenant_id, document_id, due_at) on document_addresses to konstruct_system;
