//! Installations of both tenants, and every query about them: links, tokens that run out, ends, and who is told.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use shared::{
    channels::slack_oauth::{Refreshed, Rotation},
    config::Config,
    crypto::{Keyring, Place},
    db::{
        DbError, TenantTx,
        audit::Actor,
        connections::{self, Outsiders, Policy},
        dead_connections,
        install_links::{self, NewLink},
        mails,
        notices::{self, Kind},
        rotations::{self, Held, Lease},
    },
    ids::{NoticeId, TenantId},
};
use uuid::Uuid;

use super::{
    scene::{CONNECTION, MAIL, OWNER, THEM},
    statements::{Call, calls, expose},
};

/// Of the links that both tenants have, under the same hashes.
const OPEN_LINK: [u8; 32] = [1; 32];
const OPEN_STATE: [u8; 32] = [2; 32];
const USED_STATE: [u8; 32] = [3; 32];
const BROWSER: [u8; 32] = [4; 32];
const NOTICE: NoticeId = NoticeId::from_uuid(Uuid::from_u128(0x35));

/// The own app as a client, a token that runs out, a notice, and links: one open, one used, one of long ago. They have as
/// many links as a tenant may have.
pub fn script(tenant_id: TenantId, mark: &str, keys: &Keyring) -> String {
    let (tenant, connection, them) = (tenant_id.uuid(), CONNECTION.uuid(), tenant_id == THEM);
    let sealed = |table, column| {
        let place = Place { tenant: Some(tenant_id), table, column, row: connection };
        hex::encode(keys.seal(&place, format!("{mark}-{column}").as_bytes()))
    };
    let (secret, refresh) =
        (sealed("channel_connections", "client_secret"), sealed("token_rotations", "refresh_token"));
    let (hour, refused) = if them { (-1, "null") } else { (1, "now()") };
    let mut script = format!(
        "update channel_connections set client_id = '{mark}', client_secret = '\\x{secret}', org_wide = {them}
          where tenant_id = '{tenant}' and connection_id = '{connection}';
         insert into token_rotations (tenant_id, connection_id, refresh_token, expires_at, refresh_at, refused_at)
         values ('{tenant}', '{connection}', '\\x{refresh}', now() + interval '{hour} hour', now(), {refused});
         insert into notices (tenant_id, notice_id, kind, connection_id, body)
         values ('{tenant}', '{NOTICE}', 'token_refused', '{connection}', '{mark} notice');",
        NOTICE = NOTICE.uuid(),
    );
    if them {
        script += &format!(
            "insert into notices (tenant_id, notice_id, kind, connection_id, body)
             values ('{tenant}', '{connection}', 'events_held_back', '{connection}', '{mark} misses some');"
        );
    }
    let [open, state, used, browser] = [OPEN_LINK, OPEN_STATE, USED_STATE, BROWSER].map(hex::encode);
    let user = if them { &open } else { &browser };
    for (id, link, state, browser, days, used_at) in [
        (12, &open, &state, &browser, 1, "null"),
        (13, &used, &used, user, 1, "now()"),
        (14, &browser, &browser, &browser, -2, "null"),
    ] {
        script += &format!(
            "insert into install_links (tenant_id, link_id, link_hash, actor_kind, actor_id, connection_id, client_id,
                                        expires_at, state_hash, browser_hash, state_expires_at, used_at)
             values ('{tenant}', '{}', '\\x{link}', 'command_line', '{mark}', '{connection}', '{mark}',
                     now() + interval '{days} days', '\\x{state}', '\\x{browser}', now() + interval '10 minutes',
                     {used_at});",
            Uuid::from_u128(id)
        );
    }
    if them {
        script += &format!(
            "insert into install_links (tenant_id, link_id, link_hash, actor_kind, actor_id, expires_at)
             select '{tenant}', gen_random_uuid(), sha256(n::text::bytea), 'command_line', '{mark}',
                    now() + interval '1 day'
               from generate_series(1, 50) n;"
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    let mut calls = links_and_tokens();
    calls.extend(ends_and_notices());
    calls
}

fn links_and_tokens() -> Vec<Call> {
    calls! {
        "connections::policy", AllAudiences, |tx, _config| connections::policy(tx, CONNECTION).await?;
        "connections::set_policy", AllAudiences, |tx, _config| {
            let policy = Policy { outsiders: Outsiders::Ignore, answers_bots: true };
            connections::set_policy(tx, CONNECTION, policy).await?
        };
        "connections::find", AllAudiences, |tx, _config| connections::find(tx, CONNECTION).await?;
        "connections::client", AllAudiences, |tx, config| {
            let client = connections::client(tx, &config.master_keys, CONNECTION).await?;
            client.map(|client| (client.id, expose(&client.secret)))
        };
        "install_links::create", AllAudiences, |tx, config| {
            let new = NewLink {
                actor: &Actor::System,
                renews: Some(CONNECTION),
                own_app: None,
                lives: Duration::from_secs(600),
            };
            install_links::create(tx, &config.master_keys, &[9; 32], &new).await?
        };
        "install_links::open", AllAudiences, |tx, _config| {
            install_links::open(tx, &OPEN_LINK, &[8; 32], &BROWSER).await?
        };
        "install_links::take", AllAudiences, |tx, config| {
            install_links::take(tx, &config.master_keys, &OPEN_STATE, &BROWSER).await?.map(|visit| visit.renews)
        };
        "install_links::take again", AllAudiences, |tx, config| {
            install_links::take(tx, &config.master_keys, &USED_STATE, &BROWSER).await?.map(|visit| visit.renews)
        };
        "rotations::lease", AllAudiences, |tx, config| {
            held(tx, config).await?.refresh_token.expose_secret().to_owned()
        };
        "rotations::store", AllAudiences, |tx, config| {
            let held = held(tx, config).await?;
            let rotation = Rotation { refresh_token: SecretString::from("xoxe-1-new"), expires_in: 43_200 };
            let new = Refreshed { access_token: SecretString::from("xoxe.xoxb-1-new"), rotation };
            rotations::store(tx, &config.master_keys, CONNECTION, &held, &new).await?
        };
        "rotations::put_off", AllAudiences, |tx, config| {
            let held = held(tx, config).await?;
            rotations::put_off(tx, CONNECTION, &held, true).await?
        };
        "rotations::standing", AllAudiences, |tx, _config| {
            rotations::standing(tx, CONNECTION).await?.map(|standing| standing.expired)
        };
        "rotations::take_due", AllAudiences, |tx, _config| rotations::take_due(tx, CONNECTION).await?;
    }
}

/// The right to renew our token.
async fn held(tx: &mut TenantTx, config: &Config) -> Result<Held, DbError> {
    match rotations::lease(tx, &config.master_keys, CONNECTION, true).await? {
        Lease::Yours(held) => Ok(held),
        Lease::Busy | Lease::NotNeeded => Err(DbError::NotFound),
    }
}

fn ends_and_notices() -> Vec<Call> {
    calls! {
        "dead_connections::bury", AllAudiences, |tx, _config| {
            dead_connections::bury(tx, CONNECTION, "revoked", None).await?
        };
        "dead_connections::bury what ran out", AllAudiences, |tx, _config| {
            dead_connections::bury(tx, CONNECTION, dead_connections::EXPIRED, None).await?
        };
        "dead_connections::remove_workspace", AllAudiences, |tx, _config| {
            dead_connections::remove_workspace(tx, CONNECTION, "removed", None).await?
        };
        "notices::list", AllAudiences, |tx, _config| {
            notices::list(tx, None).await?.into_iter().map(|notice| notice.body).collect::<Vec<_>>()
        };
        "notices::tell_hourly", AllAudiences, |tx, _config| {
            notices::tell_hourly(tx, Kind::EventsHeldBack, CONNECTION, "Some may be missing.").await?
        };
        "notices::mark_seen", AllAudiences, |tx, _config| notices::mark_seen(tx, &[NOTICE]).await?;
        "notices::take_unmailed", AllAudiences, |tx, _config| {
            notices::take_unmailed(tx, NOTICE).await?.map(|notice| notice.body)
        };
        "notices::readers", AllAudiences, |tx, _config| notices::readers(tx, None).await?;
        // A member of both, by another address.
        "notices::readers of one member's", AllAudiences, |tx, _config| notices::readers(tx, Some(OWNER)).await?;
        "mails::end", AllAudiences, |tx, _config| mails::end(tx, MAIL, "sent", None).await?;
    }
}
