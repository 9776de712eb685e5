-- Cases: questions with what their answer must contain, cite, or hand over. See shared/src/db/rehearsals/cases.rs.
create table cases (
    tenant_id     uuid not null references tenants,
    case_id       uuid not null,
    name          text not null,
    question      text not null,
    -- Whom it is for; null: every agent.
    agent_id      uuid,
    must_contain  text[] not null default '{}',
    -- Titles of documents.
    must_cite     text[] not null default '{}',
    -- A rule must hand it to a human before a model is asked.
    must_escalate boolean not null,
    -- While it fails, no other instructions and no other model are taken for its agent.
    blocks        boolean not null,
    created_by    text not null,
    created_at    timestamptz not null default clock_timestamp(),
    primary key (tenant_id, case_id),
    unique (tenant_id, name),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
call enforce_tenant('cases');
grant select, insert, update, delete on cases to konstruct_app;

-- A case that is tried is a rehearsal without a conversation. `draft_hash` says which instructions and which model it was tried
-- with; `trial_id` is that of all cases that were tried together.
alter table rehearsals
    alter column conversation_id drop not null,
    alter column run_id drop not null,
    add column case_id uuid,
    add column trial_id uuid,
    add column draft_hash bytea,
    -- What its answer lacks; of a case whose answer has everything, nothing.
    add column complaints text[],
    add foreign key (tenant_id, case_id) references cases (tenant_id, case_id) on delete cascade,
    drop constraint rehearsals_kind_check,
    add constraint rehearsals_kind_check check (kind in ('replay', 'fork', 'case')),
    add constraint rehearsals_of_a_conversation
        check (kind = 'case' or (conversation_id is not null and run_id is not null)),
    add constraint rehearsals_of_a_case
        check (kind <> 'case' or (case_id is not null and trial_id is not null and draft_hash is not null));
grant delete on rehearsals to konstruct_app;
create index rehearsals_of_cases on rehearsals (tenant_id, case_id, rehearsal_id) where case_id is not null;
create index rehearsals_of_trials on rehearsals (tenant_id, trial_id) where trial_id is not null;

-- Nobody's conversation pays for them, but the agent's budget and the tenant's do.
alter table usage drop constraint usage_of_a_run;
alter table usage add constraint usage_of_a_run
    check (purpose in ('transcription', 'check')
           or agent_id is not null and (purpose = 'case' or run_id is not null));
alter table usage drop constraint usage_of_a_conversation;
alter table usage add constraint usage_of_a_conversation
    check (purpose in ('check', 'case') or conversation_id is not null);
alter table budget_reservations
    alter column run_id drop not null,
    alter column conversation_id drop not null,
    add check (purpose = 'case' or (run_id is not null and conversation_id is not null));
