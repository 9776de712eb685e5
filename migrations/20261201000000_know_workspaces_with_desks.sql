-- Whether what is written in a workspace's threads may be for a customer is known with its route, before any transaction of
-- its tenant is begun.
create policy system_list on escalation_desks for select to konstruct_system using (true);
grant select (tenant_id, connection_id) on escalation_desks to konstruct_system;
create policy system_list on desk_threads for select to konstruct_system using (true);
grant select (tenant_id, connection_id) on desk_threads to konstruct_system;
