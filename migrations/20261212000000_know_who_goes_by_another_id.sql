-- Who a platform knows by another id since. Rows that tell what happened go on naming the older person; lists show the newer
-- one only, and whoever erases that one erases both.
alter table people add column merged_into uuid;
alter table people add foreign key (tenant_id, merged_into) references people (tenant_id, person_id);
create index people_merged on people (tenant_id, merged_into) where merged_into is not null;
