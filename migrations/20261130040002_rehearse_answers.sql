-- Answers that nobody is sent: what a run would have said with another model, other instructions or without memory. See
-- shared/src/db/rehearsals.rs.
create table rehearsals (
    tenant_id       uuid not null references tenants,
    rehearsal_id    uuid not null,
    kind            text not null check (kind in ('replay')),
    conversation_id uuid not null,
    -- What is replayed, and whose budget pays.
    run_id          uuid not null,
    agent_id        uuid not null,
    -- What is changed; null: as the agent has it.
    model           text,
    instructions    text,
    with_memory     boolean not null,
    state           text not null default 'waiting' check (state in ('waiting', 'done', 'failed')),
    answer          text,
    -- Why there is none.
    reason          text,
    answered_by     text,
    input_tokens    bigint not null default 0,
    output_tokens   bigint not null default 0,
    recalled        uuid[] not null default '{}',
    basis           jsonb,
    requested_by    text not null,
    created_at      timestamptz not null default clock_timestamp(),
    finished_at     timestamptz,
    -- Somebody is at it.
    leased_until    timestamptz not null default '-infinity',
    attempts        integer not null default 0,
    primary key (tenant_id, rehearsal_id),
    check (state <> 'done' or answer is not null),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
create index rehearsals_of_runs on rehearsals (tenant_id, run_id, rehearsal_id);
create index rehearsals_waiting on rehearsals (leased_until) where state = 'waiting';
call enforce_tenant('rehearsals');
grant select, insert, update on rehearsals to konstruct_app;
-- The loop asks who has work; what is asked is read under the tenant.
create policy system_list on rehearsals for select to konstruct_system using (state = 'waiting');
grant select (tenant_id, state, leased_until) on rehearsals to konstruct_system;

-- What they cost stands in the ledger like any other call.
alter table usage drop constraint usage_purpose_check;
alter table usage add constraint usage_purpose_check
    check (purpose in ('answer', 'extraction', 'summary', 'transcription', 'case', 'check', 'replay'));
alter table budget_reservations drop constraint budget_reservations_purpose_check;
alter table budget_reservations add constraint budget_reservations_purpose_check
    check (purpose in ('answer', 'extraction', 'summary', 'replay', 'case'));
