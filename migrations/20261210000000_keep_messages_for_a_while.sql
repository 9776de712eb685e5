-- For how many days what was said is kept, and what was learned from it. Null: for good, as before. See
-- shared/src/db/privacy/retention.rs.
alter table retention
    add column messages_days integer,
    add column facts_days    integer;

-- The tenant's own systems are told what people and operators delete, not what has grown old: it would be all of it at once.
drop trigger message_change_told on messages;
create trigger message_change_told after update of body, deleted_at on messages
    for each row when ((old.body is distinct from new.body or old.deleted_at is distinct from new.deleted_at)
                       and coalesce(current_setting('app.purging', true), '') <> 'on')
    execute function tell_of_message();
