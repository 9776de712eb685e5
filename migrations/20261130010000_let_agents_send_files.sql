-- Files that an agent sends: an outbox row of kind `file` in its conversation, and what it brings there.

alter table outbox drop constraint outbox_kind_check;
alter table outbox add constraint outbox_kind_check
    check (kind in ('placeholder', 'answer', 'apology', 'notice', 'operator', 'file'));

-- The bytes lie in the storage under tenant, run and part, never under a name a model chose, until the row has ended.
create table sent_files (
    tenant_id    uuid not null references tenants,
    outbox_id    uuid not null,
    name         text not null check (length(name) between 1 and 100),
    content_type text not null,
    size         bigint not null check (size > 0),
    -- The platform's id of the bytes, once it has them: nobody sees them before they are put into a conversation by it.
    upload_id    text,
    erased_at    timestamptz,
    primary key (tenant_id, outbox_id),
    foreign key (tenant_id, outbox_id) references outbox (tenant_id, outbox_id)
);
call enforce_tenant('sent_files');
grant select, insert, update on sent_files to konstruct_app;
