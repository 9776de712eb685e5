-- Recall looks at every memory once, but at few of them closely: the first look reads the entries of one index, which hold
-- the quantised vector, a signature of the words and what row-level security asks. See shared/src/db/memories.rs.

-- One of 512 bits per word: how many bits two texts share is nearly how many words they do. Full text's own operator is not
-- leakproof, so no index of it is ever used under row-level security; this is 64 bytes instead of a table of words.
-- md5, because what is stored must not depend on the server's version.
create function word_signature(words tsvector) returns bit(512)
language sql immutable strict parallel safe
set search_path = pg_catalog
as $$
    select coalesce(bit_or(set_bit(repeat('0', 512)::bit(512), ('x' || left(md5(word), 3))::bit(12)::integer & 511, 1)),
                    repeat('0', 512)::bit(512))
      from unnest(tsvector_to_array(words)) as word
$$;

alter table memories add column words bit(512)
    generated always as (word_signature(to_tsvector('english', body))) stored;
alter table memories drop constraint memories_pkey;
alter table memories add constraint memories_pkey primary key (tenant_id, memory_id)
    include (bq, words, audience, valid_until, person_id, info, temporal);

-- A stretch of talk is read as a whole.
drop index memories_order;
create index memories_order on memories (tenant_id, conversation_id, segment, position);
