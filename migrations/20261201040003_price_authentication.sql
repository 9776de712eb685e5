-- What Meta charges for authentication templates: its card has had one column of prices for utility and authentication since
-- July 2025, so each follows the other on every day. Authentication from abroad costs more in some markets; two of these prices
-- are known here, the others stay unpriced.
-- Since October 2026 an answer inside the window costs what a utility template costs there; Meta's own word for the free ones is
-- in each status.

create policy owner_reads on channel_prices for select to konstruct_owner using (true);
create policy owner_seeds on channel_prices for insert to konstruct_owner with check (true);

insert into channel_prices (channel, category, market, effective_from, micro_usd)
select channel, 'authentication', market, effective_from, micro_usd
  from channel_prices where channel = 'whatsapp' and category = 'utility' and effective_from >= '2026-01-01'
 on conflict do nothing;

insert into channel_prices (channel, category, market, effective_from, micro_usd)
select 'whatsapp', 'authentication-international', market, timestamptz '2026-01-01', micro_usd
  from (values ('91', 28000), ('IN', 28000), ('62', 136000), ('ID', 136000)) as abroad (market, micro_usd);

create policy owner_corrects on channel_prices for update to konstruct_owner using (true) with check (true);
insert into channel_prices (channel, category, market, effective_from, micro_usd)
select distinct on (market) channel, 'service', market, timestamptz '2026-10-01', micro_usd
  from channel_prices
 where channel = 'whatsapp' and category = 'utility' and effective_from <= '2026-10-01'
 order by market, effective_from desc
    on conflict (channel, category, market, effective_from) do update set micro_usd = excluded.micro_usd;

drop policy owner_corrects on channel_prices;
drop policy owner_seeds on channel_prices;
drop policy owner_reads on channel_prices;
