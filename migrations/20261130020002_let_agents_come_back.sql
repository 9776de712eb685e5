-- What an agent comes back to in its conversation, later. waiting → begun, or cancelled, or dropped; never back.
create table follow_ups (
    tenant_id       uuid not null references tenants,
    follow_up_id    uuid not null,
    conversation_id uuid not null,
    -- The run in which it was set.
    run_id          uuid not null,
    -- Who asked for it.
    person_id       uuid not null,
    -- What about. Empty once the person is forgotten.
    about           text not null check (length(about) <= 500),
    due_at          timestamptz not null,
    state           text not null default 'waiting' check (state in ('begun', 'cancelled', 'dropped', 'waiting')),
    created_at      timestamptz not null default clock_timestamp(),
    ended_at        timestamptz,
    primary key (tenant_id, follow_up_id),
    check ((state = 'waiting') = (ended_at is null)),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id),
    foreign key (tenant_id, person_id) references people (tenant_id, person_id)
);
create index follow_ups_waiting on follow_ups (tenant_id, conversation_id) where state = 'waiting';
create index follow_ups_of_person on follow_ups (tenant_id, person_id);
call enforce_tenant('follow_ups');
grant select, insert, update on follow_ups to konstruct_app;
