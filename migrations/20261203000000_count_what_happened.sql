-- What happened on each day, counted by agent and channel. Numbers only, nothing of a person's: forgetting somebody has nothing
-- to do here. Every row can be counted anew from what it was counted from.
create table analytics_days (
    tenant_id uuid not null references tenants,
    -- Of the tenant's own time zone.
    day       date not null,
    -- Zeros: no agent's.
    agent_id  uuid not null,
    channel   text not null check (channel in ('none', 'slack', 'whatsapp')),
    measure   text not null check (measure in (
                  'arrived', 'answered', 'escalated', 'taken_over', 'released', 'closed', 'first_answer_times',
                  'messages', 'operator_messages', 'answers', 'failures', 'interruptions', 'answer_times',
                  'escalations', 'human_times', 'good', 'bad',
                  'model_calls', 'failed_calls', 'unpriced_calls', 'cost_micro_usd')),
    -- Of times: the step of the scale, see time_step(); 0 of everything else.
    bucket    integer not null,
    amount    bigint not null,
    primary key (tenant_id, day, agent_id, channel, measure, bucket)
);
call enforce_tenant('analytics_days');
grant select, insert, delete on analytics_days to konstruct_app;

-- How far a tenant's days are counted.
create table analytics_progress (
    tenant_id uuid not null primary key references tenants,
    -- Whose days are counted; null: none yet.
    time_zone text,
    -- Everything before this moment, and before this act of the audit log, was looked at.
    seen_at   timestamptz,
    seen_n    bigint not null default 0,
    -- Days that are to be counted anew.
    pending   date[] not null default '{}',
    looked_at timestamptz not null default clock_timestamp()
);
call enforce_tenant('analytics_progress');
grant select, insert, update on analytics_progress to konstruct_app;
create policy system_due on analytics_progress for select to konstruct_system using (true);
grant select (tenant_id, seen_n, looked_at) on analytics_progress to konstruct_system;

-- Who had a conversation stands in the log; a conversation's own acts are asked for by its name there.
create index audit_events_of_takeovers on audit_events (tenant_id, target_id)
    where action in ('conversation.takeover', 'conversation.release');
create index feedback_changed on feedback (tenant_id, changed_at);

-- Ids are UUIDs of version 7: they hold the millisecond they were made in, and the keys of every table are in its order.
create function id_time(id uuid) returns timestamptz
language plpgsql immutable strict parallel safe
set search_path = pg_catalog
as $$
begin
    return to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0);
end
$$;

-- The first id of a moment.
create function id_floor(at timestamptz) returns uuid
language plpgsql immutable strict parallel safe
set search_path = pg_catalog
as $$
begin
    return rpad(lpad(to_hex(greatest(0, floor(extract(epoch from at) * 1000))::bigint), 12, '0'), 32, '0')::uuid;
end
$$;

-- As ids are written outside of the database: 26 characters of Crockford's base32.
create function type_id(prefix text, id uuid) returns text
language plpgsql immutable strict parallel safe
set search_path = pg_catalog
as $$
declare
    bits constant bit varying := b'00' || ('x' || replace(id::text, '-', ''))::bit(128);
    written text := prefix || '_';
begin
    for digit in 0..25 loop
        written := written || substr('0123456789abcdefghjkmnpqrstvwxyz',
                                     substring(bits from 5 * digit + 1 for 5)::bit(5)::integer + 1, 1);
    end loop;
    return written;
end
$$;

-- Step n of the scale ends at 10 ms × 1.1ⁿ: times of many days can be added up, and a percentile of them is off by a tenth at
-- most.
create function time_step(spent interval) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog
as $$
begin
    return greatest(0, ceil(ln(greatest(extract(epoch from spent), 0.01)::float8 / 0.01) / ln(1.1::float8)))::integer;
end
$$;
