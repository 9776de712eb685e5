//! Where numbers and accounts that a POST names lead, and whose secret signed it.

use std::collections::{BTreeSet, HashMap};

use secrecy::ExposeSecret;
use shared::{
    crypto::verify_hmac_hex,
    db::{
        DbError, connections,
        system::{self, Route},
    },
    ids::ConnectionId,
};

use super::{whatsapp::CHANNEL, whatsapp_event::Piece};
use crate::Gateway;

/// Connections of one number or account whose own app's secret is tried.
const CANDIDATES_MAX: usize = 8;

/// What a piece names: a number, or an account with all its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    Number(String),
    Account(String),
}

impl Key {
    pub fn of(piece: &Piece<'_>) -> Self {
        if piece.number.is_empty() {
            Self::Account(piece.account.clone())
        } else {
            Self::Number(piece.number.clone())
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Number(id) | Self::Account(id) => id,
        }
    }
}

pub type Destinations = HashMap<Key, Vec<Route>>;

/// Where the numbers and accounts lead, for those that lead anywhere.
pub async fn find(gateway: &Gateway, app: &'static str, wanted: BTreeSet<Key>) -> Result<Destinations, DbError> {
    let mut found = Destinations::new();
    for key in wanted.into_iter().filter(|key| !key.name().is_empty()) {
        let routes = match &key {
            Key::Account(id) => system::find_routes_of_account(&gateway.db.system(), app, id).await?,
            Key::Number(id) => {
                let cached = (CHANNEL, app.to_owned(), id.clone());
                match gateway.routes.get(&cached).await {
                    Some(known) => known,
                    None => {
                        let route = system::find_route(&gateway.db.system(), CHANNEL, app, id).await?;
                        gateway.routes.insert(cached, route.clone()).await;
                        route
                    }
                }
                .into_iter()
                .collect()
            }
        };
        if !routes.is_empty() {
            found.insert(key, routes);
        }
    }
    Ok(found)
}

/// Those whose own app's secret made this signature.
pub async fn only_signed(
    gateway: &Gateway,
    found: Destinations,
    signature: &[u8],
    raw: &[u8],
) -> Result<Destinations, DbError> {
    let mut verdicts: HashMap<ConnectionId, bool> = HashMap::new();
    let mut signed = Destinations::new();
    for (key, routes) in found {
        for route in routes.into_iter().take(CANDIDATES_MAX) {
            let genuine = match verdicts.get(&route.connection) {
                Some(known) => *known,
                None => {
                    let mut tx = gateway.db.tenant(route.tenant).begin().await?;
                    let secret = connections::signing_secret(&mut tx, &gateway.keys, route.connection).await?;
                    tx.close().await?;
                    secret.is_some_and(|secret| fits(secret.expose_secret(), signature, raw))
                }
            };
            verdicts.insert(route.connection, genuine);
            if genuine {
                signed.entry(key.clone()).or_default().push(route);
            }
        }
    }
    Ok(signed)
}

pub fn fits(secret: &str, signature: &[u8], raw: &[u8]) -> bool {
    // A blank secret would make the signature anybody's.
    !secret.trim().is_empty() && verify_hmac_hex(secret.as_bytes(), &[raw], signature)
}
