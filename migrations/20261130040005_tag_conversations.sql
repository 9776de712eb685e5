-- Words that operators put conversations together by. See shared/src/db/conversations/related.rs.
create table conversation_tags (
    tenant_id       uuid not null references tenants,
    conversation_id uuid not null,
    -- In small letters.
    tag             text not null check (tag <> ''),
    created_by      text not null,
    created_at      timestamptz not null default clock_timestamp(),
    primary key (tenant_id, conversation_id, tag),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
);
create index conversation_tags_by_tag on conversation_tags (tenant_id, tag);
call enforce_tenant('conversation_tags');
grant select, insert, delete on conversation_tags to konstruct_app;
