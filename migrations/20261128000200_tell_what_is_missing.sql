-- Slack withholds events of a workspace that has too many: its admins should know that some may be missing.
alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check
    check (kind in ('connection_dead', 'token_refused', 'workspace_removed', 'events_held_back'));
