-- Heads of audit logs are copied out of the database, for all tenants at once: a number and a hash, nothing else.
grant select on audit_heads to konstruct_system;
create policy system_list on audit_heads for select to konstruct_system using (true);
