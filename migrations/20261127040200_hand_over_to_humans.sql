-- A human takes a conversation, answers in it, and gives it back.

-- Since when somebody waits for a human; null: nobody does, or a human has answered.
alter table conversations add column waits_since timestamptz;
create index conversations_latest on conversations (tenant_id, last_message_at desc, conversation_id desc);

-- `operator`: what a human wrote in our portal or through the API. `notice` finishes what an interrupted answer had shown.
alter table outbox drop constraint outbox_kind_check;
alter table outbox add constraint outbox_kind_check check (kind in ('placeholder', 'answer', 'apology', 'notice', 'operator'));

-- Who wrote as a human: programs speak for people who have no account here.
alter table messages add column operator_name text check (length(operator_name) <= 80);
