-- What lacks a vector, and its vectors: a statement each, whatever its audience, since nobody is answered with it. The audiences of
-- the transaction are as before afterwards.
create function memories_without_vector(of_tenant uuid, at_most bigint) returns table (memory_id uuid, body text)
language plpgsql
set search_path = pg_catalog, public
as $$
declare
    audiences text := coalesce(current_setting('app.audiences', true), '');
begin
    perform set_config('app.audiences', '*', true);
    return query
        select m.memory_id, m.body from memories m
         where m.tenant_id = of_tenant and m.embedding is null and m.embed_failures < 5
         order by m.memory_id limit at_most;
    perform set_config('app.audiences', audiences, true);
end
$$;

-- Rows that were erased meanwhile, or say something else by now, are left alone. Returns how many were stored.
create function memories_store_vectors(of_tenant uuid, ids uuid[], bodies text[], vectors halfvec[], by_model text)
returns bigint
language plpgsql
set search_path = pg_catalog, public
as $$
declare
    audiences text := coalesce(current_setting('app.audiences', true), '');
    stored bigint;
begin
    perform set_config('app.audiences', '*', true);
    update memories m set embedding = g.vector, model = by_model
      from unnest(ids, bodies, vectors) as g (memory_id, body, vector)
     where m.tenant_id = of_tenant and m.memory_id = g.memory_id and m.body = g.body;
    get diagnostics stored = row_count;
    perform set_config('app.audiences', audiences, true);
    return stored;
end
$$;
