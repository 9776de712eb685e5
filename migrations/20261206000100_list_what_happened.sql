-- What happened is listed, event by event: who had a conversation, by time.
create index audit_events_handovers on audit_events (tenant_id, at)
    where action in ('conversation.takeover', 'conversation.release');

-- The other way round from type_id(); null: it is none.
create function id_of(written text) returns uuid
language plpgsql immutable strict parallel safe
set search_path = pg_catalog
as $$
declare
    digits constant text := right(written, 26);
    bits bit varying := b'';
    hexadecimal text := '';
    value integer;
begin
    if length(digits) < 26 then return null; end if;
    for place in 1..26 loop
        value := strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(digits, place, 1)) - 1;
        if value < 0 then return null; end if;
        bits := bits || value::bit(5);
    end loop;
    for place in 0..31 loop
        hexadecimal := hexadecimal || to_hex(substring(bits from 3 + 4 * place for 4)::bit(4)::integer);
    end loop;
    return hexadecimal::uuid;
end
$$;

-- What a channel takes for messages is counted like what models cost.
alter table analytics_days drop constraint analytics_days_measure_check;
alter table analytics_days add constraint analytics_days_measure_check check (measure in (
    'arrived', 'answered', 'escalated', 'taken_over', 'released', 'closed', 'first_answer_times',
    'messages', 'operator_messages', 'answers', 'failures', 'interruptions', 'answer_times',
    'escalations', 'human_times', 'good', 'bad',
    'model_calls', 'failed_calls', 'unpriced_calls', 'cost_micro_usd',
    'channel_sends', 'unpriced_sends', 'channel_cost_micro_usd'));
