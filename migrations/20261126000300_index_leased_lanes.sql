-- A conversation whose owner died is taken over before another one is begun; the claim finds it here.
create index lanes_leased on lanes (ready_at) where owner is not null;
