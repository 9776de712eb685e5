//! What both tenants' own systems are told: endpoints and deliveries of the same ids, and acts of the same numbers. Theirs has as
//! many endpoints as there may be.

use std::time::Duration;

use secrecy::SecretString;
use shared::{
    crypto::{Keyring, Place},
    db::{
        audit::Actor,
        webhook_endpoints::{self, Change, ENDPOINTS_MAX, New, deliveries},
    },
    ids::{TenantId, WebhookDeliveryId, WebhookEndpointId},
    standard_webhooks::Failure,
};
use uuid::Uuid;

use super::{
    scene::{MESSAGE, THEM},
    statements::{Call, calls},
};

pub(super) const ENDPOINT: WebhookEndpointId = WebhookEndpointId::from_uuid(Uuid::from_u128(0x1B0));
const SWITCHED_OFF: WebhookEndpointId = WebhookEndpointId::from_uuid(Uuid::from_u128(0x1B1));
const THEIR_ENDPOINT: WebhookEndpointId = WebhookEndpointId::from_uuid(Uuid::from_u128(0x1B2));
const WAITING: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1B3));
const TO_NOBODY: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1B4));
const OVER: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1B5));
const OF_MESSAGE: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1B7));
const OF_NOTICE: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1B8));
const NOTICE: Uuid = Uuid::from_u128(0x1B9);
/// Waits to be seen at theirs, and is over at ours.
const THEIR_NEW: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1BA));
const NEW: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1BB));
const THEIR_DELIVERY: WebhookDeliveryId = WebhookDeliveryId::from_uuid(Uuid::from_u128(0x1B6));

/// For a transaction of the tenant. The last act is one that nobody was told of.
pub fn script(tenant_id: TenantId, mark: &str, keys: &Keyring) -> String {
    let sealed = |row: WebhookEndpointId| {
        let place =
            Place { tenant: Some(tenant_id), table: "webhook_endpoints", column: "secret", row: row.uuid() };
        hex::encode(keys.seal(&place, mark.as_bytes()))
    };
    let (secret, of_off) = (sealed(ENDPOINT), sealed(SWITCHED_OFF));
    let [tenant, endpoint, off, theirs] =
        [tenant_id.uuid(), ENDPOINT.uuid(), SWITCHED_OFF.uuid(), THEIR_ENDPOINT.uuid()];
    let [waiting, to_nobody, over, their_delivery] =
        [WAITING.uuid(), TO_NOBODY.uuid(), OVER.uuid(), THEIR_DELIVERY.uuid()];
    let (of_message, of_notice, message) = (OF_MESSAGE.uuid(), OF_NOTICE.uuid(), MESSAGE.uuid());
    let (new, theirs_new) = (NEW.uuid(), THEIR_NEW.uuid());
    let of_theirs = if tenant_id == THEM { "new" } else { "failed" };
    let newest = format!("(select max(n) from audit_events where tenant_id = '{tenant}')");
    let act = format!("select audit_append('system', '{mark}', 'told.{mark}', 'x', '{mark}', '{{}}');");
    let mut script = format!(
        "{act} {act} {act}
         insert into webhook_endpoints (tenant_id, endpoint_id, url, secret, enabled, told_n, created_by)
         values ('{tenant}', '{endpoint}', 'https://{mark}.example.com/', '\\x{secret}', true, {newest} - 1, '{mark}'),
                ('{tenant}', '{off}', 'https://{mark}.example.com/', '\\x{of_off}', false, 0, '{mark}');
         insert into webhook_deliveries (tenant_id, delivery_id, endpoint_id, n, state)
         values ('{tenant}', '{waiting}', '{endpoint}', {newest} - 2, 'waiting'),
                ('{tenant}', '{to_nobody}', '{off}', {newest} - 2, 'waiting'),
                ('{tenant}', '{over}', '{endpoint}', {newest} - 1, 'failed');
         insert into notices (tenant_id, notice_id, kind, body) values ('{tenant}', '{NOTICE}', 'payment_due', '{mark}');
         insert into webhook_deliveries (tenant_id, delivery_id, endpoint_id, event, message_id, notice_id, state)
         values ('{tenant}', '{of_message}', '{endpoint}', 'message.received', '{message}', null, 'waiting'),
                ('{tenant}', '{of_notice}', '{endpoint}', 'notice.payment_due', null, '{NOTICE}', 'waiting'),
                ('{tenant}', '{new}', '{endpoint}', 'notice.payment_due', null, '{NOTICE}', 'new'),
                ('{tenant}', '{theirs_new}', '{endpoint}', 'notice.payment_due', null, '{NOTICE}', '{of_theirs}');"
    );
    if tenant_id == THEM {
        script += &format!(
            "insert into webhook_endpoints (tenant_id, endpoint_id, url, actions, secret, enabled, told_n, created_by)
             select '{tenant}', case n when 1 then '{theirs}'::uuid else gen_random_uuid() end, 'https://{mark}.example.com/',
                    '{{log,message,notice}}', '{mark}', true, 0, '{mark}'
               from generate_series(1, {ENDPOINTS_MAX} - 2) n;
             insert into webhook_deliveries (tenant_id, delivery_id, endpoint_id, n, state)
             values ('{tenant}', '{their_delivery}', '{endpoint}', {newest} - 3, 'failed');"
        );
    }
    script
}

fn failure() -> Failure {
    Failure { status: Some(503), sentence: "It answers 503.".into() }
}

pub fn all() -> Vec<Call> {
    calls! {
        "webhook_endpoints::create", AllAudiences, |tx, config| {
            let (keys, secret) = (&config.master_keys, SecretString::from("whsec_AAAA"));
            let new = New { url: "https://new.example.com/", actions: &[], with_text: false };
            webhook_endpoints::create(tx, keys, &Actor::System, &new, &secret).await?.url
        };
        "webhook_endpoints::list", AllAudiences, |tx, _config| {
            webhook_endpoints::list(tx).await?.into_iter().map(|found| (found.id, found.url)).collect::<Vec<_>>()
        };
        "webhook_endpoints::exists", AllAudiences, |tx, _config| webhook_endpoints::exists(tx, THEIR_ENDPOINT).await?;
        "webhook_endpoints::change", AllAudiences, |tx, _config| {
            let to = Change { url: Some("https://new.example.com/"), enabled: Some(true), ..Change::default() };
            webhook_endpoints::change(tx, &Actor::System, SWITCHED_OFF, &to).await?.url
        };
        "webhook_endpoints::remove", AllAudiences, |tx, _config| {
            webhook_endpoints::remove(tx, &Actor::System, ENDPOINT).await?
        };
        "webhook_endpoints::ping", AllAudiences, |tx, _config| {
            webhook_endpoints::ping(tx, &Actor::System, THEIR_ENDPOINT).await?
        };
        "deliveries::take_due", AllAudiences, |tx, _config| deliveries::take_due(tx, ENDPOINT).await?;
        "deliveries::take_due of theirs", AllAudiences, |tx, _config| deliveries::take_due(tx, THEIR_ENDPOINT).await?;
        "deliveries::begin_attempt", AllAudiences, |tx, _config| {
            deliveries::begin_attempt(tx, WAITING).await?.map(|due| (due.url, due.attempts, format!("{:?}", due.subject)))
        };
        "deliveries::begin_attempt of a message", AllAudiences, |tx, _config| {
            deliveries::begin_attempt(tx, OF_MESSAGE).await?.map(|due| format!("{:?}", due.subject))
        };
        "deliveries::begin_attempt of a notice", AllAudiences, |tx, _config| {
            deliveries::begin_attempt(tx, OF_NOTICE).await?.map(|due| format!("{:?}", due.subject))
        };
        "deliveries::take_new", AllAudiences, |tx, _config| deliveries::take_new(tx, ENDPOINT).await?;
        "deliveries::begin_attempt to nobody", AllAudiences, |tx, _config| {
            deliveries::begin_attempt(tx, TO_NOBODY).await?.map(|due| due.url)
        };
        "deliveries::delivered", AllAudiences, |tx, _config| deliveries::delivered(tx, WAITING, 200).await?;
        "deliveries::put_off", AllAudiences, |tx, _config| {
            deliveries::put_off(tx, WAITING, &failure(), Duration::from_secs(60)).await?
        };
        "deliveries::give_up", AllAudiences, |tx, _config| {
            let Some(due) = deliveries::begin_attempt(tx, WAITING).await? else { return Ok("nothing".into()) };
            deliveries::give_up(tx, (WAITING, &due), &failure(), true).await?
        };
        "deliveries::list", AllAudiences, |tx, _config| {
            let found = deliveries::list(tx, ENDPOINT, None, 100).await?;
            found.into_iter().map(|one| (one.id, one.action)).collect::<Vec<_>>()
        };
        "deliveries::again", AllAudiences, |tx, _config| deliveries::again(tx, &Actor::System, OVER).await?;
        "deliveries::again of theirs", AllAudiences, |tx, _config| {
            deliveries::again(tx, &Actor::System, THEIR_DELIVERY).await?
        };
    }
}
