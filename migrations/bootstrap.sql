-- Run once by a superuser (psql), before `konstruct migrate`: roles, database, extensions. Safe to run again.
--
--   psql -v owner_password=… -v app_password=… -v system_password=… -v database=konstruct -f migrations/bootstrap.sql
--
-- None of the roles a service uses is a superuser or may bypass row security. `konstruct_ops` may: it belongs to
-- backups and the invariant checker, has no password here and is never in a service's environment.
\set ON_ERROR_STOP on
\if :{?database} \else \set database konstruct \endif

select 'create role ' || name || ' nologin' from (values
    ('konstruct_owner'), ('konstruct_app'), ('konstruct_system'), ('konstruct_audit'), ('konstruct_eraser'),
    ('konstruct_ops')
) as wanted (name)
where not exists (select from pg_roles where rolname = name) \gexec

-- The owner may create databases only because tests clone one per case; it loses the right in production.
alter role konstruct_owner login createdb nosuperuser nobypassrls nocreaterole password :'owner_password';
alter role konstruct_app login nosuperuser nobypassrls nocreatedb nocreaterole noinherit password :'app_password';
alter role konstruct_system login nosuperuser nobypassrls nocreatedb nocreaterole noinherit password :'system_password';
alter role konstruct_audit nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit;
alter role konstruct_eraser nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit;
alter role konstruct_ops nosuperuser bypassrls nocreatedb nocreaterole noinherit;
-- Lets migrations hand the append function and its tables to konstruct_audit.
grant konstruct_audit to konstruct_owner;
-- The same for the function that removes the rows of a tenant that ends.
grant konstruct_eraser to konstruct_owner;

-- Limits every session starts with; a worker may raise its own.
alter role konstruct_app set statement_timeout = '30s';
alter role konstruct_app set lock_timeout = '5s';
alter role konstruct_app set idle_in_transaction_session_timeout = '10s';
alter role konstruct_system set statement_timeout = '30s';
alter role konstruct_system set lock_timeout = '5s';
alter role konstruct_system set idle_in_transaction_session_timeout = '10s';

select format('create database %I owner konstruct_owner', :'database')
where not exists (select from pg_database where datname = :'database') \gexec
-- Extensions need a superuser; test databases are cloned from this one, which has nothing else.
select 'create database konstruct_template owner konstruct_owner'
where not exists (select from pg_database where datname = 'konstruct_template') \gexec

\connect konstruct_template
create extension if not exists vector;
create extension if not exists hstore;
create extension if not exists pgcrypto;
revoke create on schema public from public;
grant all on schema public to konstruct_owner;
\connect :database
create extension if not exists vector;
create extension if not exists hstore;
create extension if not exists pgcrypto;
revoke create on schema public from public;
grant all on schema public to konstruct_owner;
-- A service makes nothing of its own, not even temporary tables and functions. For the owner the right stays.
revoke temporary on database :"database" from public;
