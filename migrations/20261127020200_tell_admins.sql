-- What a tenant's admins should know: notices in the portal, which mails carry to them.

create table notices (
    tenant_id     uuid not null references tenants,
    notice_id     uuid not null,
    kind          text not null check (kind in ('connection_dead', 'token_refused', 'workspace_removed')),
    connection_id uuid,
    -- A sentence or two: what happened, and what to do. Nobody's messages.
    body          text not null,
    created_at    timestamptz not null default clock_timestamp(),
    -- When the mails to the admins were made.
    mailed_at     timestamptz,
    seen_at       timestamptz,
    primary key (tenant_id, notice_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
call enforce_tenant('notices');
grant select, insert, update on notices to konstruct_app;
