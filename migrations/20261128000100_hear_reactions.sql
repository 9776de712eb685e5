-- A thumb on an answer is an opinion, too. Reactions name a message by the channel's own id, and come in any order: an opinion
-- that was taken back stays as a row without a verdict, so that an older event doesn't bring it back.
alter table feedback alter column verdict drop not null;
comment on column feedback.verdict is 'Null: taken back.';
comment on column feedback.source is 'How it was given: `button` or `reaction`.';

create index outbox_answers on outbox (tenant_id, external_id) where kind = 'answer' and external_id is not null;
