-- A message that the platform took and reports as failed since is sent again, if that makes sense: a few times, a moment later.
alter table outbox add column resends integer not null default 0;
-- From when on; whoever sends it moves that on. Null: it is not to be sent again.
alter table outbox add column resend_at timestamptz;

alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check
    check (kind in ('connection_dead', 'token_refused', 'workspace_removed', 'events_held_back', 'escalation',
                    'budget_alert', 'budget_exhausted', 'payment_due', 'access_changed', 'send_failed', 'send_unclear'));
create index notices_of_conversation on notices (tenant_id, conversation_id, kind) where conversation_id is not null;
