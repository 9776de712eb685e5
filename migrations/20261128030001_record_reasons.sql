-- What an operator needs to see why an agent answered as it did. It is recorded with the answer, in the same statement.

-- Which memories the model was shown, best first, and how well each fitted. Ids, and no reference to memories: of what was
-- forgotten or erased since, nothing stays here but that there was something.
alter table runs add column recalled uuid[] not null default '{}';
alter table runs add column recall_scores double precision[] not null default '{}';
alter table runs add constraint runs_each_recalled_has_a_score check (cardinality(recalled) = cardinality(recall_scores));
-- How much of what the prompt held, and how long recall and model took: numbers, never words.
alter table runs add column basis jsonb;

-- A conversation's runs, those included that were interrupted, and what a run's calls cost.
create index runs_by_conversation on runs (tenant_id, conversation_id, from_seq, run_id);
create index usage_by_run on usage (tenant_id, run_id);
