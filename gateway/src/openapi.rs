//! The API's description, generated from the handlers. `gateway/openapi.json` is its checked-in copy; a test compares.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

use crate::portal::{agents, connections, me, signup_whatsapp, templates};

#[derive(OpenApi)]
#[openapi(
    info(title = "Konstruct", description = "The API of the portal and of programs. Errors are RFC 9457 problem documents."),
    paths(
        me::show, agents::list, agents::shape, connections::list, connections::connect, templates::list,
        templates::choose, signup_whatsapp::show, signup_whatsapp::finish
    ),
    modifiers(&ApiKey),
    security(("api_key" = []))
)]
pub struct Api;

struct ApiKey;

impl Modify for ApiKey {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        api.components.get_or_insert_default().add_security_scheme("api_key", scheme);
    }
}

pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}
