-- Side conversations: what an operator tries from a message on, seen by no channel. See shared/src/db/forks.rs.
create table forks (
    tenant_id       uuid not null references tenants,
    fork_id         uuid not null,
    conversation_id uuid not null,
    -- The last message that both have.
    message_id      uuid not null,
    -- Whose budgets pay: the conversation's last run.
    run_id          uuid not null,
    agent_id        uuid not null,
    model           text,
    instructions    text,
    with_memory     boolean not null,
    created_by      text not null,
    created_at      timestamptz not null default clock_timestamp(),
    primary key (tenant_id, fork_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, message_id) references messages (tenant_id, message_id),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
create index forks_of_conversations on forks (tenant_id, conversation_id, fork_id);
call enforce_tenant('forks');
grant select, insert, update, delete on forks to konstruct_app;

-- What was said in one: the operator's words, if any, and the answer.
alter table rehearsals
    add column fork_id uuid,
    add column question text,
    add foreign key (tenant_id, fork_id) references forks (tenant_id, fork_id) on delete cascade,
    drop constraint rehearsals_kind_check,
    add constraint rehearsals_kind_check check (kind in ('replay', 'fork')),
    add constraint rehearsals_of_a_kind check (kind <> 'fork' or fork_id is not null);
create index rehearsals_of_forks on rehearsals (tenant_id, fork_id, rehearsal_id) where fork_id is not null;
