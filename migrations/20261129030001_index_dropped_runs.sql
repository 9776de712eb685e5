-- Answers that were broken off stand among a conversation's messages, and are asked for with each page of them.
create index runs_dropped on runs (tenant_id, conversation_id, finished_at desc, run_id desc) where state = 'dropped';
