-- Signing in by a provider of OpenID Connect: who somebody is there, and visits to its page.

-- Whoever came by a provider has no password until they choose one.
alter table users alter column password_hash drop not null;

-- Issuer and subject are what a provider proves; nobody is found by a mail address here.
create table identities (
    identity_id  uuid not null primary key,
    user_id      uuid not null references users on delete cascade,
    issuer       text not null check (length(issuer) between 1 and 500),
    subject      text not null check (length(subject) between 1 and 255),
    -- The address it had there when it was connected, so that its owner recognises it.
    label        text not null check (length(label) <= 254),
    created_at   timestamptz not null default clock_timestamp(),
    last_used_at timestamptz not null default clock_timestamp(),
    unique (issuer, subject)
);
create index identities_by_user on identities (user_id);
call enforce_system('identities');
create policy system_all on identities for all to konstruct_system using (true) with check (true);
grant select, insert, update (last_used_at), delete on identities to konstruct_system;

-- One visit to the provider's page: its state and its browser, as hashes. Comes back once; what it proved waits for its
-- person until they are signed in.
create table provider_visits (
    state_hash      bytea not null primary key check (length(state_hash) = 32),
    browser_hash    bytea not null unique check (length(browser_hash) = 32),
    -- Somebody signed in who adds a way to sign in.
    user_id         uuid references users on delete cascade,
    invitation_hash bytea check (length(invitation_hash) = 32),
    expires_at      timestamptz not null,
    came_back_at    timestamptz,
    issuer          text,
    subject         text,
    mail            text,
    is_mail_proved  boolean not null default false,
    name            text
);
create index provider_visits_by_end on provider_visits (expires_at);
call enforce_system('provider_visits');
create policy system_all on provider_visits for all to konstruct_system using (true) with check (true);
grant select, insert, update, delete on provider_visits to konstruct_system;
