//! `konstruct doctor --live` for WhatsApp: each connected number, its token, and where its account's news go, asked of Meta.
//! Every failure names the screen of Meta's where it is mended.

use shared::{
    channels::{CallError, whatsapp::WhatsAppApi, whatsapp_signup::TokenInfo},
    config::Config,
    db::{Db, DbError, TenantDb, connections, numbers, system},
    ids::ConnectionId,
};
use time::{Duration, OffsetDateTime};

use crate::doctor::{Finding, finding};

const TOKEN: &str = "create a new one at business.facebook.com → Settings → System users → Generate token, with \
                     whatsapp_business_messaging and whatsapp_business_management, and connect the number again with it";
const NEWS: &str = "connect the number again, or enter the connection's address at developers.facebook.com/apps → WhatsApp → \
                    Configuration → Callback URL and subscribe to `messages`";
/// A token that ends sooner is told.
const SOON: Duration = Duration::days(14);

pub async fn findings(config: &Config, db: &Db, now: OffsetDateTime) -> Result<Vec<Finding>, DbError> {
    let api = WhatsAppApi::new(&config.whatsapp);
    let mut findings = Vec::new();
    for (tenant, id) in system::connections_of(&db.system(), "whatsapp").await? {
        findings.push(examine(config, &api, &db.tenant(tenant), id, now).await?);
    }
    Ok(findings)
}

async fn examine(
    config: &Config,
    api: &WhatsAppApi,
    db: &TenantDb,
    id: ConnectionId,
    now: OffsetDateTime,
) -> Result<Finding, DbError> {
    let mut tx = db.begin().await?;
    let connection = connections::find(&mut tx, id).await?.ok_or(DbError::NotFound)?;
    let (account, token) =
        (numbers::account(&mut tx, id).await?, connections::token(&mut tx, &config.master_keys, id).await?);
    tx.close().await?;
    let name = format!("{} ({})", connection.display_name, connection.external_id);
    if connection.status != "active" {
        return Ok(finding(&name, Err("the connection is dead".into()), TOKEN));
    }
    match api.number(&token, &connection.external_id).await {
        Ok(_) => {}
        Err(CallError::Dead(reason)) => {
            return Ok(finding(&name, Err(format!("Meta does not accept the token ({reason})")), TOKEN));
        }
        Err(error) => {
            return Ok(finding(&name, Err(error.to_string()), "try again; check WHATSAPP_GRAPH_URL if it stays"));
        }
    }
    if let Ok(info) = api.debug_token(&token).await
        && let Err(reason) = lasts(&info, now)
    {
        return Ok(finding(&name, Err(reason), TOKEN));
    }
    if account.is_empty() {
        let told = "the token works; its account is learned from the first webhook".to_owned();
        return Ok(finding(&name, Ok(told), NEWS));
    }
    let ours = config.public_url.as_str();
    let news = match api.subscriptions(&token, &account).await {
        Ok(apps) if apps.is_empty() => Err("no app is told of the account's news".to_owned()),
        Ok(apps) => {
            let elsewhere = apps.iter().flatten().find(|address| !address.starts_with(ours));
            let is_elsewhere = |address: &String| format!("the account's news go to {address}");
            elsewhere.map(is_elsewhere).map_or(Ok("the token works and the account's news come here".into()), Err)
        }
        Err(error) => Err(error.to_string()),
    };
    Ok(finding(&name, news, NEWS))
}

fn lasts(info: &TokenInfo, now: OffsetDateTime) -> Result<(), String> {
    let missing = info.missing_scopes();
    if !missing.is_empty() && !info.scopes.is_empty() {
        return Err(format!("the token lacks {}", missing.join(", ")));
    }
    match OffsetDateTime::from_unix_timestamp(info.expires_at) {
        Ok(end) if info.expires_at > 0 && end - now < SOON => Err(format!("the token ends on {}", end.date())),
        _ => Ok(()),
    }
}
