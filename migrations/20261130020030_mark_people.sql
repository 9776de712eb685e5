-- Whom the tenant marked as important: rules may ask for it.
alter table people add column vip boolean not null default false;
create index usage_of_conversation on usage (tenant_id, conversation_id);
