-- A second factor: codes from an app, and codes on paper for the day the phone is gone.
alter table users
    -- Sealed under the master key. Without totp_since it was shown, but nobody has proved yet that they keep it.
    add column totp_secret bytea,
    add column totp_since  timestamptz,
    -- The half minute of the last code that was taken: none of them works twice.
    add column totp_step   bigint;

create table recovery_codes (
    user_id   uuid not null references users on delete cascade,
    code_hash bytea not null check (length(code_hash) = 32),
    primary key (user_id, code_hash)
);
call enforce_system('recovery_codes');
create policy system_all on recovery_codes for all to konstruct_system using (true) with check (true);
grant select, insert, delete on recovery_codes to konstruct_system;
