-- Edits and deletions of people's messages. Each is stored before the platform is told 200, with what it does to the message
-- in the same transaction, or waiting for a message that it overtook. The latest edit counts, and a deletion above all.

-- No foreign key to the conversation: an edit may come before anything was said there that is kept.
create table message_changes (
    tenant_id       uuid not null references tenants,
    conversation_id uuid not null,
    -- Of the message.
    external_id     text not null,
    kind            text not null check (kind in ('edit', 'delete')),
    -- The platform's own time of the change; with it, a change delivered twice is one.
    changed_at      timestamptz not null,
    body            text not null,
    mentions_others boolean not null default false,
    -- The text names the agent, or needs not to.
    addressed       boolean not null default false,
    received_at     timestamptz not null default clock_timestamp(),
    applied_at      timestamptz,
    primary key (tenant_id, conversation_id, external_id, kind, changed_at)
);
call enforce_tenant('message_changes');
grant select, insert, update on message_changes to konstruct_app;

-- What names a message without its thread finds it here: a reaction, a look for what was missed.
create index messages_by_external_id on messages (tenant_id, external_id);
