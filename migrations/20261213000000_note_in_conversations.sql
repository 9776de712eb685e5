-- What members write to each other about a conversation. See shared/src/db/conversations/notes.rs.
create table conversation_notes (
    tenant_id       uuid not null references tenants,
    note_id         uuid not null,
    conversation_id uuid not null,
    body            text not null check (body <> ''),
    created_by      text not null,
    created_at      timestamptz not null default clock_timestamp(),
    primary key (tenant_id, note_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
);
create index notes_of_conversations on conversation_notes (tenant_id, conversation_id, note_id);
call enforce_tenant('conversation_notes');
grant select, insert, delete on conversation_notes to konstruct_app;
