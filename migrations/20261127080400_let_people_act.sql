-- A person who asks for a human or wants to be forgotten acts for themselves. Behind what else says who may act.
alter table audit_events drop constraint audit_events_actor_kind_check;
alter table audit_events add constraint audit_events_actor_kind_check
    check (actor_kind in ('user', 'api_key', 'command_line', 'system', 'person'));
