//! Files: described by id, downloaded from an address that expires and needs the token; and what a business uploads.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Core,
    graph::{Answer, Refusal},
    world::{File, number_of},
};
use crate::{clock, form::Field};

/// Types of documents that Meta takes, of those without pictures and sound in them.
const DOCUMENTS: [&str; 8] = [
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
];
const DOCUMENT_BYTES_MAX: usize = 100 * 1024 * 1024;

/// A file that the business brings here, for a message to name.
pub(super) fn upload(core: &Core, number: &str, form: Option<Vec<Field>>) -> Answer {
    let form = form.ok_or_else(|| Refusal::new(100, "The parameter file is required."))?;
    let field = |name: &str| form.iter().find(|field| field.name == name);
    if field("messaging_product").is_none_or(|field| field.bytes != "whatsapp") {
        return Err(Refusal::new(100, "The parameter messaging_product is required."));
    }
    let file = field("file").ok_or_else(|| Refusal::new(100, "The parameter file is required."))?;
    let kind = file.content_type.split(';').next().unwrap_or_default().trim();
    let pictures_and_sound = ["image/", "audio/", "video/"].iter().any(|start| kind.starts_with(start));
    if !DOCUMENTS.contains(&kind) && !pictures_and_sound {
        return Err(Refusal::new(
            100,
            format!("Param file must be a file with one of the supported types, not {kind}"),
        ));
    }
    if file.bytes.is_empty() || file.bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(Refusal::new(131_053, "Media upload error"));
    }
    Ok(json!({ "id": core.keep(number, kind, file.bytes.clone()) }))
}

pub(super) fn describe(core: &Core, number: &str, id: &str) -> Answer {
    let lives = i64::try_from(core.options().media_address_lives.as_secs()).unwrap_or(i64::MAX);
    let mut world = core.world();
    let Some(file) = world.files.get_mut(id).filter(|file| file.number == number) else {
        return Err(Refusal::new(33, format!("Object with ID '{id}' does not exist")));
    };
    file.address += 1;
    file.address_until = clock::now_seconds() + lives;
    Ok(json!({
        "messaging_product": "whatsapp",
        "id": id,
        "url": format!("{}/_media/{id}?address={}", core.origin(), file.address),
        "mime_type": file.mime_type,
        "sha256": file.sha256,
        "file_size": file.bytes.len(),
    }))
}

#[derive(Deserialize)]
pub(super) struct Address {
    address: u64,
}

pub(super) async fn download(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    Query(given): Query<Address>,
    headers: HeaderMap,
) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let number = token.strip_prefix("Bearer ").and_then(number_of);
    let world = core.world();
    let Some(file) = world.files.get(&id).filter(|file| Some(&file.number) == number.as_ref()) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if file.address != given.address || file.address_until <= clock::now_seconds() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.mime_type.clone())];
    if !file.drips {
        return (kind, file.bytes.clone()).into_response();
    }
    let (bytes, pause) = (file.bytes.clone(), Duration::from_secs(1));
    let drops = stream::unfold(0, move |place| {
        let drop = (place < bytes.len()).then(|| bytes.slice(place..=place));
        async move {
            tokio::time::sleep(pause).await;
            drop.map(|drop| (Ok::<_, Infallible>(drop), place + 1))
        }
    });
    (kind, Body::from_stream(drops)).into_response()
}

#[derive(Deserialize)]
pub(super) struct Upload {
    number: String,
    #[serde(default = "any_type")]
    mime_type: String,
}

fn any_type() -> String {
    "application/octet-stream".into()
}

/// A file for `say` to name, by id.
pub(super) async fn keep(
    State(core): State<Arc<Core>>,
    Query(upload): Query<Upload>,
    body: Bytes,
) -> axum::Json<serde_json::Value> {
    axum::Json(json!({ "id": core.keep(&upload.number, &upload.mime_type, body) }))
}

impl Core {
    pub(super) fn keep(&self, number: &str, mime_type: &str, bytes: Bytes) -> String {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let mut world = self.world();
        let id = format!("3{:08}{:06}", world.run % 100_000_000, world.files.len() + 1);
        let file = File {
            number: number.into(),
            mime_type: mime_type.into(),
            bytes,
            sha256,
            drips: false,
            address: 0,
            address_until: 0,
        };
        world.files.insert(id.clone(), file);
        id
    }

    pub(super) fn kept(&self, id: &str) -> Option<Vec<u8>> {
        self.world().files.get(id).map(|file| file.bytes.to_vec())
    }

    pub(super) fn drip(&self, id: &str) {
        if let Some(file) = self.world().files.get_mut(id) {
            file.drips = true;
        }
    }
}
