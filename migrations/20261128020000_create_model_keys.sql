-- A tenant's own keys for models, and the order in which an agent's models are tried.

create table llm_keys (
    tenant_id         uuid not null references tenants,
    llm_key_id        uuid not null,
    name              text not null,
    base_url          text not null,
    sealed            bytea not null,
    -- The last four characters: what people know a key by.
    key_hint          text not null,
    default_model     text not null,
    -- Answers for agents that name no models.
    is_default        boolean not null default false,
    -- Whether the platform's models answer when this key does not. Nobody else's money is spent unasked.
    platform_fallback boolean not null default false,
    created_by        text not null,
    created_at        timestamptz not null default clock_timestamp(),
    replaced_at       timestamptz,
    primary key (tenant_id, llm_key_id)
);
create unique index llm_keys_default on llm_keys (tenant_id) where is_default;
call enforce_tenant('llm_keys');
grant select, insert, update, delete on llm_keys to konstruct_app;

create table agent_models (
    tenant_id  uuid not null references tenants,
    agent_id   uuid not null,
    position   integer not null,
    -- Null: the platform's key.
    llm_key_id uuid,
    model      text not null,
    primary key (tenant_id, agent_id, position),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id),
    foreign key (tenant_id, llm_key_id) references llm_keys (tenant_id, llm_key_id)
);
call enforce_tenant('agent_models');
grant select, insert, delete on agent_models to konstruct_app;

-- Whose key paid stays in the ledger when the key is gone, so it refers to no row.
alter table usage
    add column llm_key_id uuid,
    add column person_id uuid,
    add check (key_owner = 'platform' or llm_key_id is not null);
alter table usage drop constraint usage_purpose_check;
alter table usage add constraint usage_purpose_check
    check (purpose in ('answer', 'extraction', 'summary', 'transcription', 'case', 'check'));
-- A key is tried before it is stored, in no conversation.
alter table usage alter column conversation_id drop not null;
alter table usage drop constraint usage_check;
alter table usage add constraint usage_of_a_run
    check (purpose in ('transcription', 'check') or (run_id is not null and agent_id is not null));
alter table usage add constraint usage_of_a_conversation check (purpose = 'check' or conversation_id is not null);

-- EXAMPLES, as the providers published them in 2025, in micro-dollars for a million tokens. Prices change: an operator
-- adds a row with the day from which it holds, and what was booked before keeps its cost.
alter table model_prices add column source text not null default 'operator';
create policy owner_seeds on model_prices for all to konstruct_owner using (true) with check (true);
insert into model_prices (model, effective_from, input_micro_usd_per_million, output_micro_usd_per_million, source)
values ('gpt-4o', '2024-10-02', 2500000, 10000000, 'example'),
       ('gpt-4o-mini', '2024-07-18', 150000, 600000, 'example'),
       ('gpt-4.1', '2025-04-14', 2000000, 8000000, 'example'),
       ('gpt-4.1-mini', '2025-04-14', 400000, 1600000, 'example'),
       ('gpt-4.1-nano', '2025-04-14', 100000, 400000, 'example');
update model_prices set source = 'simulator' where model like 'simulated-%';
drop policy owner_seeds on model_prices;
create policy system_sets on model_prices for insert to konstruct_system with check (true);
create policy system_reads on model_prices for select to konstruct_system using (true);
grant select, insert on model_prices to konstruct_system;
