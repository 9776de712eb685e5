-- Documents as knowledge: what the tenant gives its agents to read. See shared/src/db/documents.rs.

create table documents (
    tenant_id    uuid not null references tenants,
    document_id  uuid not null,
    title        text not null,
    name         text not null,
    content_type text not null,
    size         bigint not null check (size >= 0),
    state        text not null default 'waiting' check (state in ('waiting', 'ready', 'refused')),
    -- Why it was refused, or what of it is missing.
    reason       text,
    passages     integer not null default 0,
    created_by   text not null,
    created_at   timestamptz not null default clock_timestamp(),
    ended_at     timestamptz,
    primary key (tenant_id, document_id)
);
call enforce_tenant('documents');
grant select, insert, update, delete on documents to konstruct_app;

-- Which agents may read it; none: all of the tenant's.
create table document_agents (
    tenant_id   uuid not null references tenants,
    document_id uuid not null,
    agent_id    uuid not null,
    primary key (tenant_id, document_id, agent_id),
    foreign key (tenant_id, document_id) references documents (tenant_id, document_id) on delete cascade,
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
call enforce_tenant('document_agents');
grant select, insert on document_agents to konstruct_app;

-- Its passages are memories whose audience is the agents: `agents`, or `agent:<id>`. They are deleted by name, before it.
alter table memories add foreign key (tenant_id, document_id) references documents (tenant_id, document_id);
create index memories_of_documents on memories (tenant_id, document_id) where document_id is not null;
