-- A tenant that the platform has stopped: since when, what its people are told of it, and up to when what came in
-- meanwhile is answered by nobody.
alter table tenants
    add column suspended_at timestamptz,
    add column suspended_why text check (length(suspended_why) between 1 and 500),
    add column dropped_before timestamptz,
    add check ((suspended_at is null) = (suspended_why is null));
grant select (suspended_at, suspended_why, dropped_before) on tenants to konstruct_system;
grant update (suspended_at, suspended_why, dropped_before) on tenants to konstruct_system;

-- When a job was first held back since its tenant was suspended; null: never.
alter table jobs add column held_at timestamptz;
