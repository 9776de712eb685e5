-- A long answer is streamed: an outbox row is one visible message, its parts are what is appended to it, each on disk before
-- anybody sees it.

alter table outbox drop constraint outbox_operation_check;
alter table outbox add constraint outbox_operation_check check (operation in ('post', 'update', 'stream'));

-- Marks around a streamed message that the answer itself does not have: a code fence that goes on in the next message is
-- closed here and opened there again.
alter table outbox add column head text not null default '';
alter table outbox add column tail text not null default '';

create table outbox_parts (
    tenant_id  uuid not null references tenants,
    outbox_id  uuid not null,
    n          integer not null,
    text       text not null,
    fence      bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, outbox_id, n),
    foreign key (tenant_id, outbox_id) references outbox (tenant_id, outbox_id)
);
call enforce_tenant('outbox_parts');
grant select, insert on outbox_parts to konstruct_app;
