-- A colleague's reply on WhatsApp that comes with a button which shares the person's phone number.
alter table outbox add column asks_for_number boolean not null default false;
