-- What a channel takes for a message stands in the ledger beside what models cost, once the channel has told: budgets count it.
alter table usage drop constraint usage_purpose_check;
alter table usage add constraint usage_purpose_check
    check (purpose in ('answer', 'extraction', 'summary', 'transcription', 'case', 'check', 'replay', 'channel'));
-- A person's reply belongs to no run; a number's account is no key to models.
alter table usage drop constraint usage_of_a_run;
alter table usage add constraint usage_of_a_run
    check (purpose in ('transcription', 'check', 'channel')
           or agent_id is not null and (purpose = 'case' or run_id is not null));
alter table usage drop constraint usage_check1;
alter table usage add constraint usage_of_a_key
    check (key_owner = 'platform' or purpose = 'channel' or llm_key_id is not null);

create function book_sending() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, person_id, purpose, model, key_owner, status,
                       input_tokens, output_tokens, estimated, cost_micro_usd)
    select new.tenant_id, new_id(), o.run_id,
           (select r.agent_id from runs r where r.tenant_id = new.tenant_id and r.run_id = o.run_id),
           o.conversation_id,
           (select p.person_id
              from conversations v
              join people p on p.tenant_id = v.tenant_id and p.connection_id = v.connection_id
                           and p.external_id = v.channel_external_id
             where v.tenant_id = new.tenant_id and v.conversation_id = o.conversation_id),
           'channel', 'whatsapp/' || coalesce(new.pricing_category, 'unknown'), 'tenant', 'ok', 0, 0, false,
           new.cost_micro_usd
      from outbox o
     where o.tenant_id = new.tenant_id and o.outbox_id = new.outbox_id;
    return null;
end
$$;
-- Once for each message of the channel's: when both are known for the first time.
create trigger sending_is_booked after insert on delivery_statuses
    for each row when (new.cost_micro_usd > 0 and new.outbox_id is not null) execute function book_sending();
create trigger sending_is_booked_later after update of cost_micro_usd, outbox_id on delivery_statuses
    for each row when (new.cost_micro_usd > 0 and new.outbox_id is not null
                       and (old.cost_micro_usd is null or old.outbox_id is null)) execute function book_sending();
