-- Subscriptions at Stripe, as a mirror: each look fetches the customer's current state and overwrites this one.
-- See shared/src/db/billing.rs.

create table stripe_customers (
    tenant_id   uuid not null primary key references tenants,
    -- Stripe names a customer, never a tenant: unique across tenants.
    customer    text not null unique check (length(customer) between 1 and 255),
    -- Looks are numbered as they begin; what an earlier one saw never overwrites what a later one saw.
    asked       bigint not null default 0,
    applied     bigint not null default 0,
    applied_at  timestamptz,
    -- When the schedule looks the next time.
    look_at     timestamptz not null default clock_timestamp() + interval '1 day',
    -- What the admins were told last: they are told of a change, once.
    told_access text not null default 'full' check (told_access in ('full', 'read_only', 'paused')),
    created_at  timestamptz not null default clock_timestamp()
);
call enforce_tenant('stripe_customers');
grant select, insert, update on stripe_customers to konstruct_app;
create policy system_resolve on stripe_customers for select to konstruct_system using (true);
grant select (tenant_id, customer, look_at) on stripe_customers to konstruct_system;

create table subscriptions (
    tenant_id          uuid not null references tenants,
    subscription       text not null check (length(subscription) between 1 and 255),
    -- Stripe's word; one that is not known yet counts as `active` does not.
    status             text not null check (length(status) between 1 and 50),
    -- What its price stands for; null: nothing that is sold here.
    plan               text check (plan in ('free', 'starter', 'pro', 'enterprise')),
    current_period_end timestamptz,
    cancel_at          timestamptz,
    -- Since when it has been past due without a pause, as far as we saw.
    past_due_since     timestamptz,
    -- The invoice whose payment the admins were asked for.
    told_invoice       text,
    created_at         timestamptz not null,
    primary key (tenant_id, subscription)
);
call enforce_tenant('subscriptions');
grant select, insert, update on subscriptions to konstruct_app;

-- Stripe delivers an event at least once; the second time it is known. Kept for ever: it is small.
create table stripe_events (
    tenant_id   uuid not null references tenants,
    event_id    text not null check (length(event_id) between 1 and 255),
    kind        text not null check (length(kind) between 1 and 255),
    received_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, event_id)
);
call enforce_tenant('stripe_events');
grant select, insert on stripe_events to konstruct_app;

-- Answers a day, as they were told to Stripe's meter: a day is told once.
create table usage_mirrors (
    tenant_id uuid not null references tenants,
    day       date not null,
    answers   bigint not null check (answers >= 0),
    told_at   timestamptz not null default clock_timestamp(),
    primary key (tenant_id, day)
);
call enforce_tenant('usage_mirrors');
grant select, insert on usage_mirrors to konstruct_app;

alter table notices drop constraint notices_kind_check;
alter table notices add constraint notices_kind_check
    check (kind in ('connection_dead', 'token_refused', 'workspace_removed', 'events_held_back', 'escalation',
                    'budget_alert', 'budget_exhausted', 'payment_due', 'access_changed'));
