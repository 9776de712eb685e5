-- What model calls cost, and background jobs.

-- Effective-dated prices; a model without a row is unpriced (cost null), never free.
create table model_prices (
    model                   text not null,
    effective_from          timestamptz not null,
    input_micro_usd_per_million  bigint not null check (input_micro_usd_per_million >= 0),
    output_micro_usd_per_million bigint not null check (output_micro_usd_per_million >= 0),
    primary key (model, effective_from)
);
call enforce_system('model_prices');
create policy everyone_reads on model_prices for select to konstruct_app using (true);
grant select on model_prices to konstruct_app;
-- The simulated models cost nothing, and saying so keeps the development ledger complete. The policy lives as long as
-- this insert: FORCE row security binds the owner too.
create policy owner_seeds on model_prices for insert to konstruct_owner with check (true);
insert into model_prices values ('simulated-1', '-infinity', 0, 0), ('simulated-2', '-infinity', 0, 0);
drop policy owner_seeds on model_prices;

-- One row per model call, failed and unknown ones included; only ever inserted.
create table usage (
    tenant_id      uuid not null references tenants,
    usage_id       uuid not null,
    run_id         uuid not null,
    agent_id       uuid not null,
    conversation_id uuid not null,
    purpose        text not null check (purpose in ('answer', 'extraction', 'summary', 'transcription', 'case')),
    model          text not null,
    key_owner      text not null check (key_owner in ('platform', 'tenant')),
    status         text not null check (status in ('ok', 'failed', 'unknown')),
    input_tokens   bigint not null check (input_tokens >= 0),
    output_tokens  bigint not null check (output_tokens >= 0),
    estimated      boolean not null,
    cost_micro_usd bigint check (cost_micro_usd >= 0),
    created_at     timestamptz not null default clock_timestamp(),
    primary key (tenant_id, usage_id),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id)
);
create index usage_by_time on usage (tenant_id, created_at);
call enforce_tenant('usage');
grant select, insert on usage to konstruct_app;

-- A background job's own row. apalis carries only its id: attempts, back-off and the end state are decided here,
-- because a re-queue after a crash ignores apalis' own limit.
create table jobs (
    tenant_id   uuid not null references tenants,
    job_id      uuid not null,
    kind        text not null,
    payload     jsonb not null,
    state       text not null default 'queued' check (state in ('queued', 'done', 'dead')),
    attempts    integer not null default 0,
    run_after   timestamptz not null default clock_timestamp(),
    error       text,
    created_at  timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    primary key (tenant_id, job_id)
);
create index jobs_queued on jobs (run_after) where state = 'queued';
call enforce_tenant('jobs');
grant select, insert, update on jobs to konstruct_app;
-- The sweeper finds jobs whose wake-up was lost; it sees ids and times.
create policy system_sweep on jobs for select to konstruct_system using (state = 'queued');
grant select (tenant_id, job_id, kind, run_after) on jobs to konstruct_system;
