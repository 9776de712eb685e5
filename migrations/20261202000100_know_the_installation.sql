-- Which processes are alive: each says so every twenty seconds, and takes its row away when it ends in order.
create table processes (
    name       text not null primary key check (length(name) <= 200),
    role       text not null check (role in ('gateway', 'orchestrator', 'worker')),
    version    text not null,
    started_at timestamptz not null default clock_timestamp(),
    beat_at    timestamptz not null default clock_timestamp()
);
call enforce_system('processes');
create policy system_all on processes for all to konstruct_system using (true) with check (true);
grant select, insert, update, delete on processes to konstruct_system;

-- What waited, minute by minute, for thirty days.
create table load_samples (
    at                  timestamptz not null primary key,
    gateways            integer not null,
    orchestrators       integer not null,
    workers             integer not null,
    lanes_waiting       bigint not null,
    oldest_lane_seconds double precision not null,
    jobs_waiting        bigint not null,
    oldest_job_seconds  double precision not null,
    jobs_dead           bigint not null
);
call enforce_system('load_samples');
create policy system_all on load_samples for all to konstruct_system using (true) with check (true);
grant select, insert, delete on load_samples to konstruct_system;
