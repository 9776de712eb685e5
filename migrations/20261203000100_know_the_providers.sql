-- How providers answered, minute by minute, for thirty days: counts only, nothing of a tenant's.
create table provider_samples (
    provider         text not null check (provider in ('slack', 'whatsapp', 'stripe', 'mail', 'model', 'own_model')),
    at               timestamptz not null,
    answered         bigint not null,
    failed           bigint not null,
    -- When a process last said so; null: not in this minute.
    last_answered_at timestamptz,
    last_failed_at   timestamptz,
    primary key (provider, at)
);
call enforce_system('provider_samples');
create policy system_all on provider_samples for all to konstruct_system using (true) with check (true);
grant select, insert, update, delete on provider_samples to konstruct_system;
