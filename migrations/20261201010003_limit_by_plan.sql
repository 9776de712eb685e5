-- Plans limit how many answers a month agents begin, and how many memories they are reminded of.
create index runs_by_start on runs (tenant_id, started_at);
-- A memory that rests beyond its plan's limit has ended before there were any: nobody is reminded of it, not even who asks
-- about the past, and a larger plan brings it back.
create index memories_resting on memories (tenant_id) where valid_until = '1970-01-01 00:00:00+00';

alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check
    check (kind in ('connection_dead', 'token_refused', 'workspace_removed', 'events_held_back', 'escalation',
                    'budget_alert', 'budget_exhausted', 'payment_due', 'access_changed', 'send_failed', 'send_unclear',
                    'answers_used_up', 'memories_rest'));
