//! What reads strangers' bytes, for the fuzz targets of `proof` (feature "testing").
//!
//! A door instead of public modules: the product itself needs none of this from outside.

use axum::{
    Json,
    body::Bytes,
    extract::Query,
    http::{HeaderMap, HeaderValue, Request, Uri, header},
};
use serde::de::DeserializeOwned;

pub use shared::channels::{
    slack_change::{Changed, Read, read},
    slack_event::{Envelope, Unreadable, normalize, parse},
    slack_kept::Kept,
    slack_news::{News, read as read_news},
    slack_text::{mentions, of_blocks, to_plain, with_files, without_lone_surrogates},
};

pub use crate::webhooks::slack_form::{
    Command, Payload, Unreadable as FormUnreadable, command, is_certificate_check, payload,
};
use crate::{
    auth,
    error::ApiError,
    portal::{agents, connect_whatsapp::WhatsAppNumber, connections},
    webhooks::{self, slack},
};

/// Whether a request with these headers would be looked at; `None`: no request can have them.
pub fn reads_signature(headers: &[(&'static str, &[u8])], now: i64) -> Option<bool> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(slack::Signature::read(&map, now).is_ok())
}

/// Whether an address names a connection, as that of an own app does.
pub fn addressee(uri: &str) -> bool {
    uri.parse::<Uri>().is_ok_and(|uri| Query::<webhooks::Addressee>::try_from_uri(&uri).is_ok())
}

/// The key in the value of an `Authorization` header, if it may be one.
pub fn bearer(authorization: &[u8]) -> Option<String> {
    let request = Request::builder().header(header::AUTHORIZATION, authorization).body(()).ok()?;
    auth::bearer(&request.into_parts().0).map(str::to_owned)
}

/// Whether these bytes shape an agent; otherwise the sentence the client is told.
pub fn agent(body: &[u8]) -> Result<(), String> {
    let shape = json(body)?;
    agents::check(&shape).map_err(told)
}

/// Whether these bytes connect a channel, as far as nobody else has to be asked.
pub fn connection(body: &[u8]) -> Result<(), String> {
    match json(body)? {
        connections::Connect::Slack { bot_token, app_id, signing_secret } => {
            connections::checked_token(&bot_token).map_err(told)?;
            connections::own_app(app_id, signing_secret).map(|_| ()).map_err(told)
        }
        connections::Connect::WhatsApp { phone_number_id, access_token, account_id, app_secret, verify_token } => {
            let (account, secret, token) = (account_id.as_deref(), app_secret.as_ref(), verify_token.as_ref());
            WhatsAppNumber::checked(&phone_number_id, &access_token, account, secret, token)
                .map(|_| ())
                .map_err(told)
        }
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let Json(value) = Json::from_bytes(&Bytes::copy_from_slice(body)).map_err(|refusal| told(refusal.into()))?;
    Ok(value)
}

fn told(error: ApiError) -> String {
    error.to_string()
}

/// WhatsApp's webhook.
pub mod whatsapp {
    pub use crate::webhooks::{
        whatsapp_event::{Piece, Unreadable, pieces, text_of},
        whatsapp_row::{Kept, Row, normalize},
    };
}
