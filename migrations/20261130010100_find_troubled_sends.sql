-- What was not sent, or perhaps not, is shown among a conversation's messages.
create index outbox_troubled on outbox (tenant_id, conversation_id, created_at) where state in ('dead', 'unknown');
