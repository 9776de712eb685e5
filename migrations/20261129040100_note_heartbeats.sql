-- When a role's processes were last alive: what providers sent while nobody listened has to be fetched.
create table heartbeats (
    role text not null primary key check (role in ('gateway')),
    at   timestamptz not null
);
call enforce_system('heartbeats');
create policy system_all on heartbeats for all to konstruct_system using (true) with check (true);
grant select, insert, update on heartbeats to konstruct_system;
