-- A person who wants no more messages gets none, until they say otherwise.
alter table people add column opted_out_at timestamptz;
