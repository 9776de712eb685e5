-- Rules that hand a conversation to a human, and what was handed over.

-- Each change of a rule is a row of its own; the one that nothing replaced is how it is now.
create table escalation_rules (
    tenant_id   uuid not null references tenants,
    rule_id     uuid not null,
    version     integer not null,
    name        text not null check (length(name) between 1 and 80),
    condition   text not null check (length(condition) between 1 and 500),
    enabled     boolean not null,
    deleted     boolean not null default false,
    -- Who made it so, as the audit log names them.
    actor_kind  text not null,
    actor_id    text not null,
    created_at  timestamptz not null default clock_timestamp(),
    replaced_at timestamptz,
    primary key (tenant_id, rule_id, version)
);
create unique index escalation_rules_current on escalation_rules (tenant_id, rule_id) where replaced_at is null;
call enforce_tenant('escalation_rules');
grant select, insert, update on escalation_rules to konstruct_app;

-- waiting → human → closed, each with its time; a conversation has one that is not closed at most.
create table escalations (
    tenant_id       uuid not null references tenants,
    escalation_id   uuid not null,
    conversation_id uuid not null,
    state           text not null default 'waiting' check (state in ('closed', 'human', 'waiting')),
    -- Null: the person asked for a human, which no rule of the tenant's has to say.
    rule_id         uuid,
    rule_version    integer,
    reason          text not null,
    -- What was said when it happened, and by whom. Null: by a command.
    message_id      uuid,
    person_id       uuid not null,
    -- For who takes over. Erased with what the person said.
    summary         text not null,
    opened_at       timestamptz not null default clock_timestamp(),
    -- Null: somebody is there, or was reminded of it.
    remind_at       timestamptz default clock_timestamp() + interval '30 minutes',
    taken_at        timestamptz,
    assigned_to     text,
    closed_at       timestamptz,
    primary key (tenant_id, escalation_id),
    check ((rule_id is null) = (rule_version is null)),
    check (state <> 'waiting' or (taken_at is null and assigned_to is null)),
    check (state <> 'human' or (taken_at is not null and assigned_to is not null)),
    check ((state = 'closed') = (closed_at is not null)),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, rule_id, rule_version) references escalation_rules (tenant_id, rule_id, version),
    foreign key (tenant_id, message_id) references messages (tenant_id, message_id),
    foreign key (tenant_id, person_id) references people (tenant_id, person_id)
);
create unique index escalations_open on escalations (tenant_id, conversation_id) where state <> 'closed';
create index escalations_of_conversation on escalations (tenant_id, conversation_id, closed_at desc);
create index escalations_due on escalations (remind_at) where remind_at is not null;
call enforce_tenant('escalations');
grant select, insert, update on escalations to konstruct_app;
-- The schedule asks whose turn it is.
create policy system_due on escalations for select to konstruct_system using (remind_at is not null);
grant select (tenant_id, escalation_id, remind_at) on escalations to konstruct_system;

alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check
    check (kind in ('connection_dead', 'token_refused', 'workspace_removed', 'events_held_back', 'escalation'));
-- What a human should look at.
alter table notices add column conversation_id uuid;
alter table notices add foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id);
