-- Mails that wait to be sent. A row's content holds links that let somebody in, so it is sealed under the master key, and
-- gone once the mail is sent.
create table mails (
    tenant_id  uuid not null references tenants,
    mail_id    uuid not null,
    recipient  text not null check (length(recipient) between 3 and 254),
    kind       text not null,
    content    bytea,
    state      text not null default 'queued' check (state in ('queued', 'sent', 'failed')),
    error      text,
    created_at timestamptz not null default clock_timestamp(),
    ended_at   timestamptz,
    primary key (tenant_id, mail_id)
);
call enforce_tenant('mails');
grant select, insert, update on mails to konstruct_app;
