-- How an agent's model is asked: how freely it chooses its words, and how much it may write. null: as the provider has it, and as
-- much as the platform allows.
alter table agents
    add column temperature double precision check (temperature >= 0),
    add column answer_tokens integer check (answer_tokens > 0);
