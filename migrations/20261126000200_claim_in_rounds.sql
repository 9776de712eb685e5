-- Whoever claims remembers the tenant it served last and goes on with the next one that has work, in the order of
-- lanes_ready. A row per tenant that says when it was served is one update more for each claim, and finding the least of
-- them looked at every tenant with work.
drop table lane_tenants;
