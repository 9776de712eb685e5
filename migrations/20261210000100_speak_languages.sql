-- What a tenant's agents speak, the main one first. Null: nobody said so. See shared/src/db/languages.rs.
alter table tenants add column languages text[];
grant update (languages) on tenants to konstruct_app;
