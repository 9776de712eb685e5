-- Who is no colleague, and what happens with what they and other bots ask.

-- `unknown` until the platform told us; then it counts as a colleague unless the message itself says otherwise.
alter table people add column standing text not null default 'unknown'
    check (standing in ('unknown', 'member', 'guest', 'outsider', 'bot'));

-- Guests, and people of other companies (Slack Connect).
alter table channel_connections add column outsiders text not null default 'answer_without_memory'
    check (outsiders in ('ignore', 'answer_without_memory', 'like_members'));

-- Read by the gateway before anything is stored: what other bots say is not kept unless the tenant wants it answered.
alter table connection_routes add column answers_bots boolean not null default false;

alter table channels
    add column state text not null default 'open' check (state in ('open', 'left', 'archived', 'deleted')),
    -- People of other companies read along.
    add column shared boolean not null default false;
