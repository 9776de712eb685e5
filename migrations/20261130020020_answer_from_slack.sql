-- Where the tenant's people see to escalations: a channel of one of its workspaces, one row. Without it: nowhere in Slack.
create table escalation_desks (
    tenant_id           uuid not null references tenants,
    connection_id       uuid not null,
    channel_external_id text not null,
    changed_at          timestamptz not null default clock_timestamp(),
    primary key (tenant_id, connection_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
call enforce_tenant('escalation_desks');
grant select, insert, update, delete on escalation_desks to konstruct_app;

-- The thread in which one escalation is seen to.
create table desk_threads (
    tenant_id           uuid not null references tenants,
    escalation_id       uuid not null,
    connection_id       uuid not null,
    channel_external_id text not null,
    -- The platform's id of the notice; what is written below it goes to the customer. Null: it is not there yet.
    external_id         text,
    attempts            integer not null default 0,
    created_at          timestamptz not null default clock_timestamp(),
    primary key (tenant_id, escalation_id),
    foreign key (tenant_id, escalation_id) references escalations (tenant_id, escalation_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
create unique index desk_threads_by_place on desk_threads (tenant_id, connection_id, channel_external_id, external_id);
call enforce_tenant('desk_threads');
grant select, insert, update on desk_threads to konstruct_app;
