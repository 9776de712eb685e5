-- What agents may do besides speaking: tools, what was granted to whom, every call, and who approved it.

-- A tool that the tenant defined: one request to an address of the tenant's choice.
create table tools (
    tenant_id     uuid not null references tenants,
    tool_id       uuid not null,
    name          text not null check (length(name) between 1 and 40),
    description   text not null check (length(description) between 1 and 500),
    -- What a call may do there. A write is approved by a second person before it is made.
    class         text not null check (class in ('read', 'write')),
    method        text not null check (method in ('delete', 'get', 'patch', 'post', 'put')),
    url_template  text not null,
    -- The arguments, in the part of JSON Schema that `docs/tools.md` lists.
    arguments     jsonb not null,
    -- A secret goes into one header. Null: none is sent.
    header_name   text,
    header_value  bytea,
    -- The last four characters: what people know a secret by.
    header_hint   text,
    timeout_ms    integer not null check (timeout_ms > 0),
    -- Bytes of an answer that are read.
    answer_max    integer not null check (answer_max > 0),
    enabled       boolean not null default true,
    created_by    text not null,
    created_at    timestamptz not null default clock_timestamp(),
    changed_at    timestamptz not null default clock_timestamp(),
    -- A call stays in the ledger when its tool is gone.
    deleted_at    timestamptz,
    primary key (tenant_id, tool_id),
    check ((header_name is null) = (header_value is null)),
    check ((header_name is null) = (header_hint is null))
);
create unique index tools_by_name on tools (tenant_id, name) where deleted_at is null;
call enforce_tenant('tools');
grant select, insert, update on tools to konstruct_app;

-- What an agent may use; nothing that is not here.
create table agent_tools (
    tenant_id uuid not null references tenants,
    agent_id  uuid not null,
    position  integer not null,
    -- One of the product's own, by name; '' for one of the tenant's.
    built_in  text not null,
    tool_id   uuid,
    primary key (tenant_id, agent_id, position),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id),
    foreign key (tenant_id, tool_id) references tools (tenant_id, tool_id)
);
call enforce_tenant('agent_tools');
grant select, insert, delete on agent_tools to konstruct_app;

-- Every call, with its intent before the effect and its result after it.
create table tool_calls (
    tenant_id       uuid not null references tenants,
    call_id         uuid not null,
    run_id          uuid not null,
    conversation_id uuid not null,
    -- Who asked. No argument says so.
    person_id       uuid not null,
    -- Which step of the run, and which of its calls.
    step            integer not null,
    position        integer not null,
    -- As the model wrote it, cut: it may name what does not exist.
    name            text not null,
    tool_id         uuid,
    class           text not null check (class in ('read', 'write')),
    -- Empty once the person is forgotten.
    arguments       jsonb not null,
    -- Of the tool as it was, and the arguments: what an approval is for.
    digest          bytea not null,
    state           text not null check (state in ('denied', 'done', 'expired', 'failed', 'refused', 'running', 'unknown', 'waiting')),
    -- What the model was told.
    result          text,
    attempts        integer not null default 0,
    -- Of the lane when the call was made: who writes the result must be who wrote the intent.
    fence           bigint not null,
    started_at      timestamptz not null default clock_timestamp(),
    finished_at     timestamptz,
    primary key (tenant_id, call_id),
    unique (tenant_id, run_id, step, position),
    check ((state = 'running' or state = 'waiting') = (finished_at is null)),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, person_id) references people (tenant_id, person_id),
    foreign key (tenant_id, tool_id) references tools (tenant_id, tool_id)
);
create index tool_calls_of_conversation on tool_calls (tenant_id, conversation_id, state);
create index tool_calls_of_person on tool_calls (tenant_id, person_id);
call enforce_tenant('tool_calls');
grant select, insert, update on tool_calls to konstruct_app;

-- A write that waits for a second person. waiting → approved → used, or denied, or expired; never back.
create table approvals (
    tenant_id    uuid not null references tenants,
    approval_id  uuid not null,
    call_id      uuid not null,
    state        text not null default 'waiting' check (state in ('approved', 'denied', 'expired', 'used', 'waiting')),
    -- Of the call. An approval is for nothing else.
    digest       bytea not null,
    asked_at     timestamptz not null default clock_timestamp(),
    expires_at   timestamptz not null default clock_timestamp() + interval '15 minutes',
    -- Who said so, as the audit log names them, and as people know them.
    decided_kind text,
    decided_by   text,
    decided_name text,
    decided_at   timestamptz,
    -- The platform's id of the message with the buttons.
    external_id  text,
    attempts     integer not null default 0,
    primary key (tenant_id, approval_id),
    unique (tenant_id, call_id),
    check ((state = 'expired' or state = 'waiting') = (decided_at is null)),
    foreign key (tenant_id, call_id) references tool_calls (tenant_id, call_id)
);
create index approvals_waiting on approvals (tenant_id, expires_at) where state = 'waiting';
call enforce_tenant('approvals');
grant select, insert, update on approvals to konstruct_app;
