//! Both tenants' model keys and budgets, under the same ids. Theirs are used up, ours are hardly begun.

use shared::{
    crypto::{Keyring, Place},
    db::{
        DbError,
        audit::Actor,
        budget_notices,
        budgets::{self, Limit, NewBudget, Planned, Scope, Spender, currencies},
        data_keys,
        llm_keys::{
            self, Change, KEYS_MAX, ModelChoice, NewLlmKey,
            prices::{self, NewPrice, PRICES_MAX},
        },
        sealed::{self, COLUMNS},
        usage::KeyOwner,
        usage_report::{self, By},
    },
    ids::{BudgetId, LlmKeyId, TenantId, UsageId},
};
use time::macros::date;
use uuid::Uuid;

use super::{
    acting::TOOL,
    later::SERVER,
    once::ANSWERED,
    scene::{AGENT, CONNECTION, CONVERSATION, MAIL, PERSON, RUN, THEM},
    statements::{Call, calls},
    told::ENDPOINT,
};

const KEY: LlmKeyId = LlmKeyId::from_uuid(Uuid::from_u128(0x80));
const BUDGET: BudgetId = BudgetId::from_uuid(Uuid::from_u128(0x81));
/// An open link of both, for an installation.
const LINK: Uuid = Uuid::from_u128(12);
const DATA_KEY: Uuid = Uuid::from_u128(0x83);
/// Has a price.
const MODEL: &str = "gpt-4o-mini";

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str, keys: &Keyring) -> String {
    let [tenant, key, budget, run, agent, conversation, person] = [
        tenant_id.uuid(),
        KEY.uuid(),
        BUDGET.uuid(),
        RUN.uuid(),
        AGENT.uuid(),
        CONVERSATION.uuid(),
        PERSON.uuid(),
    ];
    let place = Place { tenant: Some(tenant_id), table: "llm_keys", column: "sealed", row: key };
    let sealed = hex::encode(keys.seal(&place, format!("{mark}-key").as_bytes()));
    let them = tenant_id == THEM;
    let cost = if them { 900_000 } else { 100 };
    // Theirs is the newer one.
    let (day, price) = if them { (2, 900_000) } else { (1, 100) };
    let mut script = format!(
        "insert into llm_keys (tenant_id, llm_key_id, name, base_url, sealed, key_hint, default_model, is_default, created_by)
         values ('{tenant}', '{key}', '{mark}', 'https://{mark}.example.com/v1', '\\x{sealed}', '', '{mark}', {them}, '{mark}');
         insert into llm_key_prices (tenant_id, llm_key_id, model, effective_from, input_micro_usd_per_million,
                                     output_micro_usd_per_million, created_by)
         values ('{tenant}', '{key}', '{MODEL}', '2026-01-0{day}T00:00:00Z', {price}, {price}, '{mark}');
         insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, person_id, purpose, model, key_owner,
                            status, input_tokens, output_tokens, estimated, cost_micro_usd)
         values ('{tenant}', '{run}', '{run}', '{agent}', '{conversation}', '{person}', 'answer', '{mark}', 'platform', 'ok',
                 1, 1, false, {cost});
         insert into budgets (tenant_id, budget_id, scope, period, time_zone, limit_micro, period_start, spent_micro_usd)
         values ('{tenant}', '{budget}', 'tenant', 'month', 'UTC', 1000000, date_trunc('month', now() at time zone 'UTC')
                 at time zone 'UTC', {cost});"
    );
    if them {
        // A secret in every column that may hold one.
        let (connection, some) = (CONNECTION.uuid(), "'\\x01'");
        script += &format!(
            "update channel_connections
                set signing_secret = coalesce(signing_secret, {some}), client_secret = coalesce(client_secret, {some}),
                    verify_token = coalesce(verify_token, {some})
              where tenant_id = '{tenant}' and connection_id = '{connection}';
             update install_links
                set signing_secret = coalesce(signing_secret, {some}), client_secret = coalesce(client_secret, {some})
              where tenant_id = '{tenant}';"
        );
        // A data key under the id that we look for.
        let place = Place { tenant: Some(tenant_id), table: "data_keys", column: "sealed", row: DATA_KEY };
        let (data_key, sealed) = (DATA_KEY, hex::encode(keys.seal(&place, &[7; 32])));
        script += &format!(
            "insert into data_keys (tenant_id, data_key_id, sealed) values ('{tenant}', '{data_key}', '\\x{sealed}');"
        );
        // As many keys as there may be, models of the agent, and money that nobody let go and no counter knows.
        script += &format!(
            "insert into llm_keys (tenant_id, llm_key_id, name, base_url, sealed, key_hint, default_model, created_by)
             select '{tenant}', gen_random_uuid(), '{mark}', '', '', '', '', '' from generate_series(2, {KEYS_MAX});
             insert into llm_key_prices (tenant_id, llm_key_id, model, effective_from, input_micro_usd_per_million,
                                         output_micro_usd_per_million, created_by)
             select '{tenant}', '{key}', '{mark}', now() - n * interval '1 day', 1, 1, ''
               from generate_series(2, {PRICES_MAX}) as n;
             update tenants set currency = 'EUR' where tenant_id = '{tenant}';
             insert into agent_models (tenant_id, agent_id, position, llm_key_id, model)
             values ('{tenant}', '{agent}', 1, '{key}', '{mark}');
             insert into budget_reservations (tenant_id, usage_id, budget_id, run_id, agent_id, conversation_id, model,
                                              key_owner, input_tokens, output_tokens, amount_micro_usd, created_at)
             values ('{tenant}', '{budget}', '{budget}', '{run}', '{agent}', '{conversation}', '{mark}', 'platform', 1, 1, 5,
                     now() - interval '1 hour');"
        );
    }
    script
}

fn spender() -> Spender {
    Spender { run: Some(RUN), agent: AGENT, conversation: Some(CONVERSATION), person: Some(PERSON) }
}

pub fn all() -> Vec<Call> {
    let mut calls = keys();
    calls.extend(rotation());
    calls.extend(budgets_and_usage());
    calls
}

fn keys() -> Vec<Call> {
    calls! {
        "llm_keys::create", AllAudiences, |tx, config| {
            let url = "https://api.example.com/v1".parse().expect("a URL");
            let secret = "sk-renewed".to_owned().into();
            let new = NewLlmKey {
                id: LlmKeyId::new(),
                name: "new",
                base_url: &url,
                secret: &secret,
                hint: "",
                default_model: MODEL,
                is_default: true,
                platform_fallback: false,
                created_by: "us",
            };
            llm_keys::create(tx, &config.master_keys, &new).await?.name
        };
        "llm_keys::change", AllAudiences, |tx, config| {
            let change = Change { name: Some("changed"), is_default: Some(true), ..Change::default() };
            llm_keys::change(tx, &config.master_keys, KEY, &change).await?.base_url
        };
        "llm_keys::remove", AllAudiences, |tx, _config| llm_keys::remove(tx, KEY).await?;
        "llm_keys::list", AllAudiences, |tx, _config| {
            let keys = llm_keys::list(tx).await?;
            keys.into_iter().map(|key| (key.name, key.base_url)).collect::<Vec<_>>()
        };
        "llm_keys::find", AllAudiences, |tx, config| {
            llm_keys::find(tx, &config.master_keys, KEY).await?.map(|(key, _)| key.name)
        };
        "llm_keys::models", AllAudiences, |tx, _config| llm_keys::models(tx).await?;
        "llm_keys::set_models", AllAudiences, |tx, _config| {
            llm_keys::set_models(tx, AGENT, &[ModelChoice { key: Some(KEY), model: MODEL.into() }]).await?
        };
        "llm_keys::prices::add", AllAudiences, |tx, _config| {
            let new =
                NewPrice { model: "new", effective_from: None, input: 1, cached: None, output: 1, created_by: "us" };
            prices::add(tx, KEY, &new).await?.model
        };
        "llm_keys::prices::list", AllAudiences, |tx, _config| {
            prices::list(tx, KEY).await?.into_iter().map(|price| (price.model, price.input)).collect::<Vec<_>>()
        };
        "llm_keys::chain", AllAudiences, |tx, config| llm_keys::chain(tx, &config.master_keys, AGENT).await?;
    }
}

fn rotation() -> Vec<Call> {
    calls! {
        // We have none: one is made, and theirs is not ours.
        "data_keys::sealing", AllAudiences, |tx, config| {
            data_keys::sealing(tx, &config.master_keys).await?.id == DATA_KEY
        };
        "data_keys::open", AllAudiences, |tx, config| {
            let place = Place { tenant: Some(tx.tenant()), table: "llm_keys", column: "sealed", row: KEY.uuid() };
            let sealed = [&[2_u8, 1][..], DATA_KEY.as_bytes(), &[0; 40]].concat();
            match data_keys::open(tx, &config.master_keys, &place, &sealed).await {
                Err(DbError::Damaged(what)) => what,
                other => format!("{other:?}"),
            }
        };
        "data_keys::shred", AllAudiences, |tx, _config| data_keys::shred(tx, &Actor::System).await?;
        "sealed::rotate_batch of each column", AllAudiences, |tx, config| {
            let mut looked = Vec::new();
            for column in &COLUMNS {
                looked.push(match sealed::rotate_batch(tx, &config.master_keys, column, None).await {
                    Ok((rotated, _)) => rotated.looked_at.to_string(),
                    Err(DbError::Damaged(what)) => what,
                    Err(error) => return Err(error),
                });
            }
            looked
        };
        "sealed::write of each column", AllAudiences, |tx, _config| {
            for column in &COLUMNS {
                let rows = [CONNECTION.uuid(), LINK, MAIL.uuid(), KEY.uuid(), TOOL.uuid(), SERVER.uuid(), DATA_KEY, ANSWERED,
                            ENDPOINT.uuid()];
                for row in rows {
                    sealed::write(tx, column, row, b"anew").await?;
                }
            }
        };
    }
}

fn budgets_and_usage() -> Vec<Call> {
    calls! {
        "budgets::list", AllAudiences, |tx, _config| budgets::list(tx).await?;
        "budgets::create", AllAudiences, |tx, _config| {
            let new = NewBudget {
                scope: Scope::Agent(AGENT),
                period: "month",
                time_zone: "UTC",
                limit: Limit::own(Some(1)),
            };
            budgets::create(tx, &new).await?.spent_micro_usd
        };
        "budgets::set_limit", AllAudiences, |tx, _config| {
            budgets::set_limit(tx, BUDGET, Limit::own(Some(7))).await?.spent_micro_usd
        };
        "budgets::remove", AllAudiences, |tx, _config| budgets::remove(tx, BUDGET).await?;
        "budgets::reserve", AllAudiences, |tx, _config| {
            let call = Planned {
                id: UsageId::from_uuid(Uuid::from_u128(0x82)),
                model: MODEL,
                owner: KeyOwner::Platform,
                input_tokens: 1_000_000,
                output_tokens: 0,
                purpose: "answer",
            };
            budgets::reserve(tx, &spender(), &call).await?
        };
        "budgets::reserve by a key", AllAudiences, |tx, _config| {
            let call = Planned {
                id: UsageId::from_uuid(Uuid::from_u128(0x82)),
                model: MODEL,
                owner: KeyOwner::Tenant(KEY),
                input_tokens: 1_000_000,
                output_tokens: 0,
                purpose: "answer",
            };
            budgets::reserve(tx, &spender(), &call).await?
        };
        "budgets::settle_stale", AllAudiences, |tx, _config| budgets::settle_stale(tx).await?;
        "budgets::sum_up", AllAudiences, |tx, _config| budgets::sum_up(tx).await?;
        "budget_notices::tell_thresholds", AllAudiences, |tx, _config| budget_notices::tell_thresholds(tx).await?;
        "budget_notices::tell_exhausted", AllAudiences, |tx, _config| {
            budget_notices::tell_exhausted(tx, &[BUDGET], None).await?
        };
        "currencies::show", AllAudiences, |tx, _config| currencies::show(tx).await?;
        "currencies::since", AllAudiences, |tx, _config| currencies::since(tx, date!(2020-01-01), "UTC").await?;
        "currencies::set", AllAudiences, |tx, _config| currencies::set(tx, &Actor::System, "USD").await?;
        "usage_report by agent", AllAudiences, |tx, _config| {
            usage_report::report(tx, By::Agent, (date!(2020-01-01), date!(2099-12-31)), "UTC").await?
        };
        "usage_report by person", AllAudiences, |tx, _config| {
            usage_report::report(tx, By::Person, (date!(2020-01-01), date!(2099-12-31)), "UTC").await?
        };
        "usage_report by model", AllAudiences, |tx, _config| {
            usage_report::report(tx, By::Model, (date!(2020-01-01), date!(2099-12-31)), "UTC").await?
        };
        "usage_report by day", AllAudiences, |tx, _config| {
            usage_report::report(tx, By::Day, (date!(2020-01-01), date!(2099-12-31)), "UTC").await?
        };
    }
}
