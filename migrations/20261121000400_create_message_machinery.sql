-- The way of a message: inbox → lane → run → outbox. The inbox is the queue of record; everything else only speeds it up.

-- One row per conversation, and the queue entry at the same time. No content: the claim works across tenants.
--   ready_at null      nothing to do
--   ready_at ≤ now     may be claimed
--   ready_at > now     leased until then (owner set), or put off until then (owner null)
-- A lease that is not renewed therefore falls back into the queue by itself.
-- No foreign key: the tenant comes from a route, which has one, and concurrent messages of a tenant would all share a
-- lock on its row.
create table lanes (
    tenant_id       uuid not null,
    conversation_id uuid not null,
    connection_id   uuid not null,
    -- Keyed hash of channel and thread; provider ids can encode phone numbers.
    key_hash        bytea not null,
    last_seq        bigint not null default 0,
    done_seq        bigint not null default 0,
    ready_at        timestamptz,
    owner           text,
    fence           bigint not null default 0,
    claims          integer not null default 0,
    handler         text not null default 'agent' check (handler in ('agent', 'human')),
    primary key (tenant_id, conversation_id),
    unique (tenant_id, connection_id, key_hash)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
create index lanes_ready on lanes (tenant_id, ready_at) where ready_at is not null;
call enforce_tenant('lanes');
grant select, update on lanes to konstruct_app;
create policy system_lanes on lanes for all to konstruct_system using (true) with check (true);
grant select, insert, update on lanes to konstruct_system;

-- Whose turn it is. Locked first by a claim, so that one busy tenant cannot hold the others' heads.
create table lane_tenants (
    tenant_id uuid not null primary key references tenants,
    served_at timestamptz not null default '-infinity'
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
call enforce_tenant('lane_tenants');
create policy system_turns on lane_tenants for all to konstruct_system using (true) with check (true);
grant select, insert, update on lane_tenants to konstruct_system;

-- Dedupe for ever, also after bodies are purged. Keyed hashes of provider ids, no content. No foreign key, as above.
create table inbox_keys (
    tenant_id       uuid not null,
    event_key       bytea not null,
    message_key     bytea,
    addressed       boolean not null,
    received_at     timestamptz not null default clock_timestamp(),
    primary key (tenant_id, event_key),
    unique (tenant_id, message_key)
);
call enforce_tenant('inbox_keys');
create policy system_dedupe on inbox_keys for all to konstruct_system using (true) with check (true);
grant select, insert, update on inbox_keys to konstruct_system;

-- No foreign key to lanes: written in the same statement, and the check would cost a third of the accept path.
create table inbox (
    tenant_id       uuid not null,
    conversation_id uuid not null,
    seq             bigint not null,
    connection_id   uuid not null,
    addressed       boolean not null,
    -- This message's own bytes as received: JSON text types refuse \u0000, bytea does not.
    raw             bytea not null,
    normalized      jsonb,
    state           text not null default 'pending'
                    check (state in ('pending', 'replied', 'ignored', 'dead', 'escalated', 'held', 'merged')),
    reason          text,
    run_id          uuid,
    trace           text,
    received_at     timestamptz not null default clock_timestamp(),
    ended_at        timestamptz,
    primary key (tenant_id, conversation_id, seq)
) with (autovacuum_vacuum_insert_scale_factor = 0.02);
create index inbox_pending on inbox (tenant_id, received_at) where state = 'pending';
call enforce_tenant('inbox');
grant select, update on inbox to konstruct_app;
create policy system_accept on inbox for insert to konstruct_system with check (true);
grant insert on inbox to konstruct_system;

-- Signed by the platform, but not attributable to a tenant (not JSON, no known workspace).
create table quarantine (
    quarantine_id uuid not null primary key,
    provider      text not null,
    reason        text not null,
    raw           bytea not null,
    received_at   timestamptz not null default clock_timestamp()
);
call enforce_system('quarantine');
create policy system_quarantine on quarantine for insert to konstruct_system with check (true);
grant insert on quarantine to konstruct_system;

create table conversations (
    tenant_id           uuid not null references tenants,
    conversation_id     uuid not null,
    connection_id       uuid not null,
    channel_external_id text not null,
    thread_external_id  text,
    kind                text not null check (kind in ('public', 'private', 'direct', 'group_direct', 'unknown')),
    created_at          timestamptz not null default clock_timestamp(),
    last_message_at     timestamptz not null default clock_timestamp(),
    primary key (tenant_id, conversation_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
call enforce_tenant('conversations');
grant select, insert, update on conversations to konstruct_app;

create table runs (
    tenant_id       uuid not null references tenants,
    run_id          uuid not null,
    conversation_id uuid not null,
    agent_id        uuid not null,
    from_seq        bigint not null,
    to_seq          bigint not null,
    fence           bigint not null,
    state           text not null default 'running' check (state in ('running', 'done', 'failed', 'dropped')),
    failure         text,
    trace           text,
    started_at      timestamptz not null default clock_timestamp(),
    finished_at     timestamptz,
    primary key (tenant_id, run_id),
    unique (tenant_id, conversation_id, from_seq),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
call enforce_tenant('runs');
grant select, insert, update on runs to konstruct_app;

-- Results of paid steps by (run, step): a crash after the model answered does not pay again.
create table run_steps (
    tenant_id    uuid not null references tenants,
    run_id       uuid not null,
    step         text not null,
    request_hash bytea not null,
    result       jsonb not null,
    created_at   timestamptz not null default clock_timestamp(),
    primary key (tenant_id, run_id, step),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id)
);
call enforce_tenant('run_steps');
grant select, insert on run_steps to konstruct_app;

create table messages (
    tenant_id       uuid not null references tenants,
    message_id      uuid not null,
    conversation_id uuid not null,
    external_id     text,
    author_kind     text not null check (author_kind in ('person', 'agent', 'operator')),
    person_id       uuid,
    agent_id        uuid,
    run_id          uuid,
    body            text not null,
    sent_at         timestamptz not null,
    edited_at       timestamptz,
    deleted_at      timestamptz,
    primary key (tenant_id, message_id),
    unique (tenant_id, conversation_id, external_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, person_id) references people (tenant_id, person_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id)
);
create index messages_window on messages (tenant_id, conversation_id, sent_at desc, message_id desc);
call enforce_tenant('messages');
grant select, insert, update on messages to konstruct_app;

-- The text is fixed here before any network call. `unknown`: sent twice without a clear answer, a person must look.
create table outbox (
    tenant_id          uuid not null references tenants,
    outbox_id          uuid not null,
    conversation_id    uuid not null,
    run_id             uuid,
    kind               text not null check (kind in ('placeholder', 'answer', 'apology')),
    part               integer not null default 0,
    operation          text not null check (operation in ('post', 'update')),
    body               text not null,
    state              text not null default 'sending' check (state in ('sending', 'sent', 'dead', 'unknown', 'dropped')),
    attempts           integer not null default 1,
    external_id        text,
    target_external_id text,
    error              text,
    fence              bigint not null,
    created_at         timestamptz not null default clock_timestamp(),
    sending_at         timestamptz not null default clock_timestamp(),
    sent_at            timestamptz,
    primary key (tenant_id, outbox_id),
    unique (tenant_id, run_id, kind, part),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, run_id) references runs (tenant_id, run_id)
);
create index outbox_open on outbox (tenant_id, conversation_id) where state = 'sending';
call enforce_tenant('outbox');
grant select, insert, update on outbox to konstruct_app;
