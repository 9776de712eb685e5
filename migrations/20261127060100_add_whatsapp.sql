-- WhatsApp: numbers of an account, people known by two names, and how far each message of ours got.

-- The WhatsApp Business account a number belongs to; learned from the first webhook if it was not given. News of an account
-- concern all its numbers.
alter table channel_connections add column account_id text not null default '';
-- Of the customer's own app, beside its secret.
alter table channel_connections add column verify_token bytea;
-- What is sent to a person who has not written for 24 hours; its one variable is the answer.
alter table channel_connections add column fallback_template text;
alter table channel_connections add column fallback_language text;
alter table connection_routes add column account_id text not null default '';
create index connection_routes_of_account on connection_routes (channel, app_id, account_id) where account_id <> '';

-- A person of WhatsApp has a user id and perhaps a phone number; either may be all that a message tells.
alter table people add column phone text;
create index people_by_phone on people (tenant_id, connection_id, phone) where phone is not null;

-- How far a message of ours got. News arrive late, twice and in any order, so a row only moves up: by rank, not by time.
-- `outbox_id` is what we sent along; a message that another program sent over the same number has none.
create table delivery_statuses (
    tenant_id        uuid not null references tenants,
    connection_id    uuid not null,
    external_id      text not null,
    outbox_id        uuid,
    status           text not null check (status in ('accepted', 'sent', 'failed', 'delivered', 'read', 'played')),
    rank             integer not null,
    changed_at       timestamptz not null,
    error_code       integer,
    error            text,
    pricing_category text,
    pricing_type     text,
    -- Null: not priced, which is not the same as free.
    cost_micro_usd   bigint check (cost_micro_usd >= 0),
    created_at       timestamptz not null default clock_timestamp(),
    primary key (tenant_id, connection_id, external_id),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
create index delivery_statuses_of_outbox on delivery_statuses (tenant_id, outbox_id) where outbox_id is not null;
call enforce_tenant('delivery_statuses');
grant select, insert, update on delivery_statuses to konstruct_app;

-- Effective-dated prices of a platform's messages. `market` is how ids of its people begin: a calling code ('49'), a country
-- ('DE'), or '' for everywhere; the longest that fits counts. A null price says: not known any more.
create table channel_prices (
    channel        text not null,
    category       text not null,
    market         text not null,
    effective_from timestamptz not null,
    micro_usd      bigint check (micro_usd >= 0),
    primary key (channel, category, market, effective_from)
);
call enforce_system('channel_prices');
create policy everyone_reads on channel_prices for select to konstruct_app using (true);
grant select on channel_prices to konstruct_app;
-- Answers within 24 hours were free until Meta announced to charge them by market.
create policy owner_seeds on channel_prices for insert to konstruct_owner with check (true);
insert into channel_prices values
    ('whatsapp', 'service', '', '-infinity', 0),
    ('whatsapp', 'service', '', '2026-10-01', null);
drop policy owner_seeds on channel_prices;

-- Message templates as Meta reports them.
create table message_templates (
    tenant_id     uuid not null references tenants,
    connection_id uuid not null,
    name          text not null,
    language      text not null,
    category      text not null default '',
    status        text not null,
    reason        text,
    changed_at    timestamptz not null,
    primary key (tenant_id, connection_id, name, language),
    foreign key (tenant_id, connection_id) references channel_connections (tenant_id, connection_id)
);
call enforce_tenant('message_templates');
grant select, insert, update on message_templates to konstruct_app;
