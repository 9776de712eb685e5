-- Files that people send along: where they are, and what is known of them.

-- `reference` is the platform's name of the file (`slack-file://F1`, `meta-media://1`); the bytes lie in the storage under
-- tenant and media id, never under a name a stranger chose.
create table media (
    tenant_id       uuid not null references tenants,
    media_id        uuid not null,
    connection_id   uuid not null,
    conversation_id uuid not null,
    message_id      uuid not null,
    part            integer not null,
    reference       text not null check (length(reference) between 1 and 300),
    name            text not null check (length(name) <= 200),
    -- What the platform's event claimed; what was found is below.
    claimed_type    text not null default '' check (length(claimed_type) <= 120),
    claimed_size    bigint,
    claimed_sha256  bytea,
    state           text not null default 'pending' check (state in ('pending', 'stored', 'refused', 'failed')),
    attempts        integer not null default 0,
    -- Why there is nothing to read, as a phrase.
    reason          text check (length(reason) <= 300),
    kind            text check (kind in ('pdf', 'docx', 'xlsx', 'csv', 'text', 'image', 'other')),
    content_type    text,
    size            bigint,
    sha256          bytea,
    -- What a document says, bounded.
    body            text check (length(body) <= 61000),
    created_at      timestamptz not null default clock_timestamp(),
    ended_at        timestamptz,
    primary key (tenant_id, media_id),
    unique (tenant_id, message_id, reference),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id),
    foreign key (tenant_id, message_id) references messages (tenant_id, message_id)
);
call enforce_tenant('media');
grant select, insert, update on media to konstruct_app;
