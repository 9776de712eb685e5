-- A run can be interrupted: a person stops it, a colleague takes over, or the question is edited before it is answered. Then
-- the same message may be answered by a second run, and a notice finishes what the first one had shown.

alter table runs drop constraint runs_tenant_id_conversation_id_from_seq_key;
create unique index runs_answering on runs (tenant_id, conversation_id, from_seq) where state <> 'dropped';

alter table outbox drop constraint outbox_kind_check;
alter table outbox add constraint outbox_kind_check check (kind in ('placeholder', 'answer', 'apology', 'notice'));
