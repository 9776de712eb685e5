-- The accept path writes one index entry per row instead of two or three: an event has one identity (the message's, or its
-- own), and a conversation's id is the keyed hash of where it takes place, so nothing has to be looked up for it.
-- A thread that was begun before goes on as a new conversation; what was said in it is still remembered.

alter table inbox_keys alter column event_key type uuid
    using encode(substring(coalesce(message_key, event_key) from 1 for 16), 'hex')::uuid;
alter table inbox_keys drop column message_key;
alter table inbox_keys rename column event_key to identity;

alter table lanes drop column key_hash;

-- Nothing reads it: a lane's waiting rows are found by their numbers.
drop index inbox_pending;

-- A check constraint is read and compiled anew by every statement that writes; a type is not.
create type inbox_state as enum ('pending', 'replied', 'ignored', 'dead', 'escalated', 'held', 'merged');
alter table inbox drop constraint inbox_state_check;
alter table inbox alter column state drop default;
alter table inbox alter column state type inbox_state using state::inbox_state;
alter table inbox alter column state set default 'pending';

alter table lanes add column by_human boolean not null default false;
alter table lanes drop column handler;
