-- Jobs that were given up can be looked at by who looks after the platform, begun anew, or put aside for good.
alter table jobs drop constraint jobs_state_check;
alter table jobs add constraint jobs_state_check check (state in ('queued', 'done', 'dead', 'discarded'));
create index jobs_dead on jobs (job_id) where state = 'dead';
-- Kinds, times and reasons, never what a job is about: the payload stays the tenant's.
create policy system_dead on jobs for select to konstruct_system using (state = 'dead');
grant select (state, attempts, error, created_at, finished_at) on jobs to konstruct_system;
