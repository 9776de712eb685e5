-- A recording is heard before any turn: its call belongs to a conversation, and to no run and no agent.
alter table usage
    alter column run_id drop not null,
    alter column agent_id drop not null,
    add column audio_seconds integer check (audio_seconds >= 0),
    add check (purpose = 'transcription' or (run_id is not null and agent_id is not null));

-- Of speech; null where the model hears none.
alter table model_prices add column minute_micro_usd bigint check (minute_micro_usd >= 0);
create policy owner_seeds on model_prices for insert to konstruct_owner with check (true);
insert into model_prices (model, effective_from, input_micro_usd_per_million, output_micro_usd_per_million, minute_micro_usd)
values ('whisper-1', '2023-03-01', 0, 0, 6000), ('simulated-ear', '-infinity', 0, 0, 0);
drop policy owner_seeds on model_prices;
