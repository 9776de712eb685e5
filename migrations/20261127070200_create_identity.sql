-- People who sign in: their accounts and devices (system tables), and what they are to a tenant (tenant tables).

-- Somebody who can sign in. The password is an Argon2id string; the address is the name one signs in with.
create table users (
    user_id           uuid not null primary key,
    mail              text not null unique check (mail = lower(mail) and length(mail) between 3 and 254),
    name              text not null check (length(name) between 1 and 80),
    password_hash     text not null,
    -- Null: nobody has proved yet that the address is theirs, so nobody may sign in.
    mail_verified_at  timestamptz,
    is_platform_admin boolean not null default false,
    disabled_at       timestamptz,
    created_at        timestamptz not null default clock_timestamp()
);
call enforce_system('users');
create policy system_all on users for all to konstruct_system using (true) with check (true);
grant select, insert, update on users to konstruct_system;

-- A device on which somebody is signed in: one family of refresh tokens. `generation` counts the rotations.
create table sessions (
    session_id     uuid not null primary key,
    user_id        uuid not null references users on delete cascade,
    -- The tenant it speaks for at the moment; only a membership gives it rights there.
    current_tenant uuid references tenants,
    generation     integer not null default 0,
    rotated_at     timestamptz not null default clock_timestamp(),
    address        text not null,
    agent          text not null check (length(agent) <= 300),
    created_at     timestamptz not null default clock_timestamp(),
    last_seen_at   timestamptz not null default clock_timestamp(),
    expires_at     timestamptz not null,
    ended_at       timestamptz,
    end_reason     text check (end_reason in ('signed_out', 'replaced', 'password_changed', 'stolen', 'disabled'))
);
create index sessions_by_user on sessions (user_id);
call enforce_system('sessions');
create policy system_all on sessions for all to konstruct_system using (true) with check (true);
grant select, insert, update, delete on sessions to konstruct_system;

-- What a browser shows. Refresh tokens that were used stay until the session goes: one that comes back was stolen.
create table session_tokens (
    token_hash bytea not null primary key check (length(token_hash) = 32),
    session_id uuid not null references sessions on delete cascade,
    kind       text not null check (kind in ('access', 'refresh')),
    generation integer not null,
    expires_at timestamptz not null
);
create index session_tokens_by_session on session_tokens (session_id);
call enforce_system('session_tokens');
create policy system_all on session_tokens for all to konstruct_system using (true) with check (true);
grant select, insert, delete on session_tokens to konstruct_system;

-- Links in mails that prove whose an address is. Each works once.
create table user_tokens (
    token_hash bytea not null primary key check (length(token_hash) = 32),
    user_id    uuid not null references users on delete cascade,
    purpose    text not null check (purpose in ('verify', 'reset')),
    expires_at timestamptz not null
);
create index user_tokens_by_user on user_tokens (user_id);
call enforce_system('user_tokens');
create policy system_all on user_tokens for all to konstruct_system using (true) with check (true);
grant select, insert, delete on user_tokens to konstruct_system;

-- What somebody is to a tenant. Address and name are copies: the tenant may read its members, not the accounts. There is
-- no reference to `users`: it would tell the tenant which ids exist.
create table memberships (
    tenant_id  uuid not null references tenants,
    user_id    uuid not null,
    mail       text not null,
    name       text not null,
    role       text not null check (role in ('customer_admin', 'customer_operator')),
    is_owner   boolean not null default false,
    read_only  boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, user_id),
    check (not is_owner or (role = 'customer_admin' and not read_only))
);
create unique index memberships_one_owner on memberships (tenant_id) where is_owner;
create index memberships_by_user on memberships (user_id);
call enforce_tenant('memberships');
grant select, update, delete on memberships to konstruct_app;
-- Who signs in is a user first; which tenants are theirs follows. Joining happens before one is a member.
create policy system_find on memberships for select to konstruct_system using (true);
create policy system_join on memberships for insert to konstruct_system with check (true);
grant select, insert on memberships to konstruct_system;

-- Open until accepted or revoked; known by the hash of its token, which only the mail holds.
create table invitations (
    tenant_id     uuid not null references tenants,
    invitation_id uuid not null,
    mail          text not null check (length(mail) between 3 and 254),
    role          text not null check (role in ('customer_admin', 'customer_operator')),
    read_only     boolean not null default false,
    -- Whoever accepts it owns the tenant, if nobody does yet.
    makes_owner   boolean not null default false,
    token_hash    bytea not null check (length(token_hash) = 32),
    -- As the audit log names them.
    invited_by    text not null,
    created_at    timestamptz not null default clock_timestamp(),
    expires_at    timestamptz not null,
    accepted_at   timestamptz,
    revoked_at    timestamptz,
    primary key (tenant_id, invitation_id)
);
create unique index invitations_one_open on invitations (tenant_id, mail) where accepted_at is null and revoked_at is null;
create index invitations_by_token on invitations (token_hash);
create index invitations_by_mail on invitations (mail);
call enforce_tenant('invitations');
grant select, insert, update on invitations to konstruct_app;
create policy system_find on invitations for select to konstruct_system using (true);
create policy system_accept on invitations for update to konstruct_system
    using (accepted_at is null and revoked_at is null) with check (accepted_at is not null);
grant select, update (accepted_at) on invitations to konstruct_system;

-- A tenant sees and makes its own keys; the look-up by hash stays the system role's.
call enforce_tenant('api_keys');
grant select, insert, update on api_keys to konstruct_app;

-- Signing up makes the tenant's first agent with it; invitations and sign-in name the tenant.
create policy system_create on agents for insert to konstruct_system with check (is_default);
grant insert on agents to konstruct_system;
grant select (name) on tenants to konstruct_system;

-- People act by themselves, no longer only through keys.
alter table audit_events drop constraint audit_events_actor_kind_check;
alter table audit_events add constraint audit_events_actor_kind_check
    check (actor_kind in ('user', 'api_key', 'command_line', 'system'));
