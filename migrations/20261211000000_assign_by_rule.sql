-- Whom a rule hands over to: members by their id. Empty: anybody. Who is a member no longer stays in it, and gets none.
alter table escalation_rules add column assign_to uuid[] not null default '{}';

-- Who of them it is meant for. Null: anybody. Who takes it stands in assigned_to.
alter table escalations add column meant_for uuid;
create index escalations_meant on escalations (tenant_id, meant_for, opened_at) where meant_for is not null;
