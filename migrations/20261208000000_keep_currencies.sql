-- Budgets in the tenant's currency. The ledger stays in micro-dollars, as providers charge; a limit keeps the currency it was
-- said in, and is worth so many dollars as it was when its period began. See .planning/decisions/0150.

create table exchange_rates (
    currency       text not null check (currency ~ '^[A-Z]{3}$' and currency <> 'USD'),
    effective_from timestamptz not null,
    -- Dollars for one unit, exactly.
    usd_per_unit   numeric(18, 10) not null check (usd_per_unit > 0),
    primary key (currency, effective_from)
);
call enforce_system('exchange_rates');
create policy everyone_reads on exchange_rates for select to konstruct_app using (true);
grant select on exchange_rates to konstruct_app;
-- Never for the past: a period that has begun keeps its rate.
create policy system_sets on exchange_rates for insert to konstruct_system with check (effective_from >= now());
create policy system_reads on exchange_rates for select to konstruct_system using (true);
grant select, insert on exchange_rates to konstruct_system;

alter table tenants add column currency text not null default 'USD';
grant update (currency) on tenants to konstruct_app;

-- In the currency's own millionths. A budget that was said in dollars stays one when the tenant's currency changes.
alter table budgets rename column limit_micro_usd to limit_micro;
alter table budgets add column currency text not null default 'USD';

-- What a unit of the currency is worth in what began then: by the rate in effect at that time, or else by the first there was.
create function usd_per_unit(of_currency text, began timestamptz) returns numeric
language sql stable
set search_path = pg_catalog, public
as $$
    select case when of_currency = 'USD' then 1 else (
        select r.usd_per_unit from exchange_rates r where r.currency = of_currency
         order by r.effective_from <= began desc,
                  case when r.effective_from <= began then r.effective_from end desc,
                  r.effective_from
         limit 1) end
$$;

-- A limit in micro-dollars, rounded down: no micro-dollar more is spent. Without a rate there is nothing to spend.
create function micro_usd_of(amount bigint, of_currency text, began timestamptz) returns bigint
language sql stable
set search_path = pg_catalog, public
as $$
    select case when of_currency = 'USD' or amount is null then amount
                else coalesce(floor(amount * usd_per_unit(of_currency, began)), 0)::bigint end
$$;

-- The highest threshold that is reached, in per cent; 0 without a limit.
create function budget_reached(spent bigint, most bigint) returns integer
language sql immutable
set search_path = pg_catalog
as $$
    select case when spent >= most then 100 when spent * 5 >= most * 4 then 80 when spent * 2 >= most then 50 else 0 end
$$;
