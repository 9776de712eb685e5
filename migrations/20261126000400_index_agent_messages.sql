-- Whether the agent takes part in a conversation is asked in every turn. Without this the answer in a long thread in which it
-- spoke once, long ago, took a look at every message (measured: 50,046 rows read instead of 46).
create index messages_of_agents on messages (tenant_id, conversation_id) where author_kind = 'agent';
