-- Summaries of what a conversation's window no longer shows. See shared/src/db/summaries.rs.

-- Each is made of the messages of one span, as people wrote them, and belongs to its conversation alone: whoever may read
-- the conversation may read it, and no search finds it.
create table summaries (
    tenant_id       uuid not null references tenants,
    summary_id      uuid not null,
    conversation_id uuid not null,
    agent_id        uuid not null,
    -- The first and the last message of its span.
    from_at         timestamptz not null,
    to_at           timestamptz not null,
    messages        integer not null check (messages > 0),
    body            text not null check (body <> ''),
    -- Somebody who is not one of the tenant's own people wrote some of it.
    outside         boolean not null,
    created_at      timestamptz not null default clock_timestamp(),
    primary key (tenant_id, summary_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id),
    foreign key (tenant_id, agent_id) references agents (tenant_id, agent_id)
);
create index summaries_of_conversations on summaries (tenant_id, conversation_id, to_at);
call enforce_tenant('summaries');
grant select, insert, delete on summaries to konstruct_app;

-- The messages it was made of. A message is summed up once.
create table summary_sources (
    tenant_id  uuid not null references tenants,
    message_id uuid not null,
    summary_id uuid not null,
    primary key (tenant_id, message_id),
    foreign key (tenant_id, summary_id) references summaries (tenant_id, summary_id) on delete cascade,
    foreign key (tenant_id, message_id) references messages (tenant_id, message_id)
);
create index summary_sources_by_summary on summary_sources (tenant_id, summary_id);
call enforce_tenant('summary_sources');
grant select, insert, delete on summary_sources to konstruct_app;

-- Conversations that outgrew their window, or lost a summary.
create table summary_requests (
    tenant_id       uuid not null references tenants,
    conversation_id uuid not null,
    -- When somebody last asked for one.
    asked_at        timestamptz not null default clock_timestamp(),
    -- Somebody is at it, or could not and is to wait.
    leased_until    timestamptz not null default '-infinity',
    failures        integer not null default 0,
    primary key (tenant_id, conversation_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
);
create index summary_requests_by_time on summary_requests (asked_at);
call enforce_tenant('summary_requests');
grant select, insert, update, delete on summary_requests to konstruct_app;
-- The loop asks who has work; it reads what was said under the tenant.
create policy system_list on summary_requests for select to konstruct_system using (true);
grant select (tenant_id, asked_at, leased_until) on summary_requests to konstruct_system;

-- Whatever changes, deletes or forgets a message takes the summary that it is in along, in the same transaction: whoever adds
-- a way to forget can't forget this. It is made anew of what is left.
create function summaries_follow_source() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    with gone as (
        delete from summaries s using summary_sources f
         where f.tenant_id = old.tenant_id and f.message_id = old.message_id
           and s.tenant_id = old.tenant_id and s.summary_id = f.summary_id
        returning s.conversation_id
    )
    insert into summary_requests (tenant_id, conversation_id) select distinct old.tenant_id, conversation_id from gone
    on conflict (tenant_id, conversation_id) do update set asked_at = clock_timestamp();
    return null;
end
$$;
create trigger summary_forgets after delete on memories
    for each row when (old.kind = 'message') execute function summaries_follow_source();
create trigger summary_follows after update of body, deleted_at on messages
    for each row when (old.body is distinct from new.body or old.deleted_at is distinct from new.deleted_at)
    execute function summaries_follow_source();
