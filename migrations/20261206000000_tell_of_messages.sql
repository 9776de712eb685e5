-- A tenant's own systems can also be told of messages, and of what its admins are told: where an endpoint asks for it by name.
alter table webhook_endpoints
    -- Whether the words of a message go along.
    add column with_text boolean not null default false;

-- `new`: nobody has looked at it yet. An act of the log has its number; anything else its name, and what it is about.
alter table webhook_deliveries
    alter column n drop not null,
    add column event text,
    add column message_id uuid,
    add column notice_id uuid,
    add foreign key (tenant_id, message_id) references messages (tenant_id, message_id),
    add foreign key (tenant_id, notice_id) references notices (tenant_id, notice_id),
    add check (n is not null or event is not null),
    drop constraint webhook_deliveries_state_check,
    add constraint webhook_deliveries_state_check check (state in ('waiting', 'delivered', 'failed', 'new'));
create index webhook_deliveries_latest on webhook_deliveries (tenant_id, endpoint_id, delivery_id);
create index webhook_deliveries_new on webhook_deliveries (tenant_id, endpoint_id) where state = 'new';
create policy system_due on webhook_deliveries for select to konstruct_system using (state = 'new');
grant select (tenant_id, endpoint_id, state) on webhook_deliveries to konstruct_system;

-- An id of version 7, as the program makes them.
create function new_id() returns uuid
language sql volatile parallel safe
set search_path = pg_catalog, public
as $$
    select (left(id_floor(clock_timestamp())::text, 13) || '-7' || substr(gen_random_uuid()::text, 16))::uuid
$$;

-- In the transaction that stores a message, and in no statement of its own: whoever adds a way to store one can't forget this.
-- Where no endpoint asks for it, it is one look at an index.
create function tell_of_message() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
declare
    what constant text := case
        when tg_op = 'INSERT' then case new.author_kind when 'person' then 'message.received'
                                                        when 'agent' then 'message.answered'
                                                        else 'message.replied' end
        when new.deleted_at is not null then 'message.deleted'
        else 'message.edited' end;
begin
    insert into webhook_deliveries (tenant_id, delivery_id, endpoint_id, state, event, message_id)
    select new.tenant_id, new_id(), e.endpoint_id, 'new', what, new.message_id
      from webhook_endpoints e
     where e.tenant_id = new.tenant_id and e.enabled and e.actions && array['message', what];
    return null;
end
$$;
-- Errands arrive like messages, and are nobody's words.
create trigger message_told after insert on messages
    for each row when (coalesce(left(new.external_id, 4), '') not in ('apr_', 'fup_', 'rtr_'))
    execute function tell_of_message();
create trigger message_change_told after update of body, deleted_at on messages
    for each row when (old.body is distinct from new.body or old.deleted_at is distinct from new.deleted_at)
    execute function tell_of_message();

create function tell_of_notice() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    insert into webhook_deliveries (tenant_id, delivery_id, endpoint_id, state, event, notice_id)
    select new.tenant_id, new_id(), e.endpoint_id, 'new', 'notice.' || new.kind, new.notice_id
      from webhook_endpoints e
     where e.tenant_id = new.tenant_id and e.enabled and e.actions && array['notice', 'notice.' || new.kind];
    return null;
end
$$;
create trigger notice_told after insert on notices for each row execute function tell_of_notice();
