-- An attempt to send a message again is under way, or its process died before it noted what came of it.
alter table outbox add column unheard boolean not null default false;
