-- Plans by the names they are known by; what each includes stands in the code. A platform admin may change a tenant's.
alter table tenants drop constraint tenants_plan_check;
-- FORCE row security binds the owner, too: the policy lives as long as this update.
create policy owner_renames on tenants for all to konstruct_owner using (true) with check (true);
update tenants
   set plan = case plan when 'trial' then 'free' when 'team' then 'starter' when 'business' then 'pro' else plan end;
drop policy owner_renames on tenants;
alter table tenants add constraint tenants_plan_check check (plan in ('free', 'starter', 'pro', 'enterprise'));
alter table tenants alter column plan set default 'free';
create policy system_manage on tenants for update to konstruct_system using (true) with check (true);
grant update (plan) on tenants to konstruct_system;
