-- Facts and decisions drawn from what people wrote, beside the messages themselves. See shared/src/db/facts.rs.

-- A memory is a message as said, a fact, or a passage of a document. Facts and passages belong to no conversation.
alter table memories
    alter column message_id drop not null,
    alter column conversation_id drop not null,
    alter column person_id drop not null,
    add column kind text not null default 'message' check (kind in ('message', 'fact', 'passage')),
    -- What a fact is about, which of its properties, and what it says of that. `subject` and `attribute` are keys: small
    -- letters, no articles; a person is `person:<id>`. `value` as said; `value_key` is what is compared.
    add column subject text,
    add column attribute text,
    add column value text,
    add column value_key text,
    -- The property has one value at a time: another one closes it.
    add column single boolean not null default false,
    add column decision boolean not null default false,
    -- Who put it right, if somebody of the tenant did: they are its author.
    add column corrected_by text,
    add column document_id uuid,
    -- Facts are to be drawn from the message since then; null: they were, or are not. What was said before there were facts
    -- is left alone.
    add column to_learn_at timestamptz,
    add constraint memories_of_a_kind check (case kind
        when 'message' then message_id is not null and conversation_id is not null and person_id is not null
        when 'fact' then message_id is null and subject is not null and attribute is not null and value is not null
                         and value_key is not null
        else document_id is not null and message_id is null end);
alter table memories alter column to_learn_at set default clock_timestamp();

-- What is read as a whole: a stretch of talk, a part of a document, a fact by itself.
alter table memories add column stretch_id uuid
    generated always as (coalesce(conversation_id, document_id, memory_id)) stored;
drop index memories_order;
create index memories_order on memories (tenant_id, stretch_id, segment, position);
create index memories_facts on memories (tenant_id, subject, attribute) where kind = 'fact';

-- Where a fact comes from. `quoted`: its text is that message's own words.
create table fact_sources (
    tenant_id  uuid not null references tenants,
    memory_id  uuid not null,
    message_id uuid not null,
    quoted     boolean not null,
    primary key (tenant_id, memory_id, message_id),
    foreign key (tenant_id, memory_id) references memories (tenant_id, memory_id) on delete cascade,
    foreign key (tenant_id, message_id) references messages (tenant_id, message_id)
);
create index fact_sources_by_message on fact_sources (tenant_id, message_id);
call enforce_tenant('fact_sources');
grant select, insert, delete on fact_sources to konstruct_app;

-- Conversations with messages that facts are to be drawn from.
create table learnings (
    tenant_id       uuid not null references tenants,
    conversation_id uuid not null,
    since           timestamptz not null default clock_timestamp(),
    -- When something was last said there.
    changed_at      timestamptz not null default clock_timestamp(),
    -- Somebody is at it, or could not and is to wait.
    leased_until    timestamptz not null default '-infinity',
    failures        integer not null default 0,
    primary key (tenant_id, conversation_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
);
create index learnings_by_time on learnings (changed_at);
call enforce_tenant('learnings');
grant select, insert, update, delete on learnings to konstruct_app;
-- The loop asks who has work; it reads what was said under the tenant.
create policy system_list on learnings for select to konstruct_system using (true);
grant select (tenant_id, since, changed_at, leased_until) on learnings to konstruct_system;

-- Whatever takes a message out of memory, or changes what it says, takes the facts that quote it along, in the same
-- transaction: whoever adds a way to forget can't forget this. Other messages that said the same are looked at again.
create function facts_follow_source() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    with lost as (
        delete from fact_sources s where s.tenant_id = old.tenant_id and s.message_id = old.message_id
        returning s.memory_id, s.quoted
    ), gone as (
        delete from memories f using lost
         where f.tenant_id = old.tenant_id and f.memory_id = lost.memory_id and lost.quoted
        returning f.memory_id
    ), again as (
        update memories m set to_learn_at = clock_timestamp()
          from gone g join fact_sources s on s.tenant_id = old.tenant_id and s.memory_id = g.memory_id
         where m.tenant_id = old.tenant_id and m.message_id = s.message_id and s.message_id <> old.message_id
        returning m.conversation_id
    )
    insert into learnings (tenant_id, conversation_id) select distinct old.tenant_id, conversation_id from again
    on conflict (tenant_id, conversation_id) do update set changed_at = clock_timestamp();
    if tg_op = 'UPDATE' then
        update memories m set to_learn_at = clock_timestamp()
         where m.tenant_id = new.tenant_id and m.memory_id = new.memory_id;
        insert into learnings (tenant_id, conversation_id) values (new.tenant_id, new.conversation_id)
        on conflict (tenant_id, conversation_id) do update set changed_at = clock_timestamp();
    end if;
    return null;
end
$$;
create trigger memory_gone after delete on memories
    for each row when (old.kind = 'message') execute function facts_follow_source();
create trigger memory_changed after update of body on memories
    for each row when (old.kind = 'message' and old.body is distinct from new.body)
    execute function facts_follow_source();

-- Money is also held for calls that are no answers.
alter table budget_reservations add column purpose text not null default 'answer'
    check (purpose in ('answer', 'extraction', 'summary'));
