-- Whether the provider says that it asked for a second factor.

alter table provider_visits add column is_strong boolean not null default false;
