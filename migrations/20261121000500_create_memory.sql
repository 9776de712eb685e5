-- What an AI employee remembers: one row per message as said. See shared/src/db/memories.rs for the search.

-- `audience` says who may be reminded of it: 'tenant', 'channel:<connection>:<channel>' or 'person:<person>'.
-- The setting app.audiences (comma separated) must name it; unset means nothing, '*' is the audited back-office form.
create table memories (
    tenant_id       uuid not null references tenants,
    memory_id       uuid not null,
    message_id      uuid not null,
    conversation_id uuid not null,
    segment         integer not null,
    position        bigint not null,
    person_id       uuid not null,
    said_at         timestamptz not null,
    audience        text not null,
    body            text not null,
    model           text,
    embedding       halfvec(384),
    bq              bit(384) generated always as (binary_quantize(embedding)::bit(384)) stored,
    tsv             tsvector generated always as (to_tsvector('english', body)) stored,
    info            real generated always as (ln(1 + length(to_tsvector('english', body)))) stored,
    temporal        boolean generated always as (
        body ~* '\m(today|yesterday|tomorrow|tonight|last|next|ago|week|weekend|month|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|october|november|december)\M'
    ) stored,
    embed_failures  integer not null default 0,
    valid_until     timestamptz,
    created_at      timestamptz not null default clock_timestamp(),
    primary key (tenant_id, memory_id) include (bq),
    unique (tenant_id, message_id),
    foreign key (tenant_id, message_id) references messages (tenant_id, message_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, person_id) references people (tenant_id, person_id)
) with (autovacuum_vacuum_insert_scale_factor = 0.01);
create index memories_to_embed on memories (tenant_id) where embedding is null and embed_failures < 5;
create index memories_order on memories (tenant_id, conversation_id, position);
call enforce_tenant('memories');
grant select, insert, update, delete on memories to konstruct_app;

-- The *audience array* is wrapped in a sub-select so that it is computed once, not per row (measured 50×); the tenant
-- must not be, or the planner loses the tenant's size.
create policy audience_fence on memories as restrictive for all to konstruct_app
    using (
        audience = any ((select string_to_array(coalesce(current_setting('app.audiences', true), ''), ','))::text[])
        or (select current_setting('app.audiences', true)) = '*'
    )
    with check (
        audience = any ((select string_to_array(coalesce(current_setting('app.audiences', true), ''), ','))::text[])
        or (select current_setting('app.audiences', true)) = '*'
    );
-- The embedding loop asks who has work; it reads the text under the tenant.
create policy system_unembedded on memories for select to konstruct_system
    using (embedding is null and embed_failures < 5);
grant select (tenant_id, memory_id) on memories to konstruct_system;
