-- What people do besides writing: buttons, commands, dialogs; and what they think of an answer.

-- Stored before Slack is answered; what takes longer is a job that reads its row.
create table interactions (
    tenant_id           uuid not null references tenants,
    interaction_id      uuid not null,
    connection_id       uuid not null,
    -- Keyed hash of what Slack gives out once for every click, command and dialog.
    identity            uuid not null,
    act                 text not null,
    external_user       text not null,
    channel_external_id text not null,
    -- As received. Emptied when the person wants to be forgotten, and `detail` with it.
    raw                 bytea not null,
    detail              jsonb not null,
    state               text not null check (state in ('pending', 'done', 'refused', 'ignored')),
    reason              text,
    attempts            integer not null default 0,
    received_at         timestamptz not null default clock_timestamp(),
    ended_at            timestamptz,
    primary key (tenant_id, interaction_id),
    unique (tenant_id, identity),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
create index interactions_of_people on interactions (tenant_id, connection_id, external_user, received_at);
call enforce_tenant('interactions');
grant select, insert, update on interactions to konstruct_app;

-- One opinion a person and answer; changing one's mind replaces it.
create table feedback (
    tenant_id  uuid not null references tenants,
    run_id     uuid not null,
    person_id  uuid not null,
    verdict    text not null check (verdict in ('good', 'bad')),
    comment    text check (length(comment) <= 3000),
    -- How it was given: `button`.
    source     text not null,
    created_at timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, run_id, person_id),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id),
    foreign key (tenant_id, person_id) references people (tenant_id, person_id)
);
call enforce_tenant('feedback');
grant select, insert, update on feedback to konstruct_app;
