//! Documents by address, of both tenants under the same ids, and one that only they have.

use shared::{
    db::{
        audit::Actor,
        documents::{
            self,
            addresses::{self, NewAddress, Stamp},
        },
    },
    ids::{DocumentId, TenantId},
};
use uuid::Uuid;

use super::{
    scene::{AGENT, THEM},
    statements::{Call, calls},
};

const PAGE: DocumentId = DocumentId::from_uuid(Uuid::from_u128(0xC1));
const SITEMAP: DocumentId = DocumentId::from_uuid(Uuid::from_u128(0xC2));
const LISTED: DocumentId = DocumentId::from_uuid(Uuid::from_u128(0xC3));
const THEIR_PAGE: DocumentId = DocumentId::from_uuid(Uuid::from_u128(0xC4));
const THEIR_LISTED: DocumentId = DocumentId::from_uuid(Uuid::from_u128(0xC5));
const THEIRS: &str = "https://theirs.example.com/";

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let tenant = tenant_id.uuid();
    let document = |id: DocumentId, address: &str, listed_by: &str, is_sitemap: bool| {
        let id = id.uuid();
        format!(
            "insert into documents (tenant_id, document_id, title, name, content_type, size, created_by, state)
             values ('{tenant}', '{id}', '{mark}', '{mark}', '', 0, '{mark}', 'waiting');
             insert into document_addresses (tenant_id, document_id, address, is_sitemap, listed_by, every_hours, due_at, reason)
             values ('{tenant}', '{id}', '{address}', {is_sitemap}, {listed_by}, 24, '2026-11-20T12:00:00Z', '{mark}');
             insert into memories (tenant_id, memory_id, kind, document_id, segment, position, said_at, audience, body,
                                   to_learn_at)
             values ('{tenant}', '{id}', 'passage', '{id}', 0, 1, now(), 'agents', '{mark} {address}', null);"
        )
    };
    let listed_by = format!("'{}'", SITEMAP.uuid());
    let mut script = document(PAGE, &format!("https://{mark}.example.com/page"), "null", false)
        + &document(SITEMAP, &format!("https://{mark}.example.com/sitemap.xml"), "null", true)
        + &document(LISTED, &format!("https://{mark}.example.com/listed"), &listed_by, false);
    script += &format!(
        "update document_addresses set left_out = array['https://{mark}.example.com/gone']
          where tenant_id = '{tenant}' and document_id = '{}';",
        SITEMAP.uuid()
    );
    if tenant_id == THEM {
        script += &document(THEIR_PAGE, THEIRS, "null", false);
        script += &document(THEIR_LISTED, "https://new.example.com/", &listed_by, false);
    }
    script
}

fn stamp() -> Stamp {
    Stamp { etag: Some("new".into()), last_modified: None, digest: vec![1] }
}

pub fn all() -> Vec<Call> {
    calls! {
        "addresses::create", AllAudiences, |tx, _config| {
            let address = "https://newer.example.com/";
            let new = NewAddress { title: "new", address, is_sitemap: false, every_hours: 1, agents: &[AGENT] };
            addresses::create(tx, &Actor::System, &new).await?.title
        };
        "addresses::of", AllAudiences, |tx, _config| addresses::of(tx, PAGE).await?;
        "addresses::of_all", AllAudiences, |tx, _config| addresses::of_all(tx, &[PAGE, THEIR_PAGE]).await?;
        "addresses::take_due", AllAudiences, |tx, _config| addresses::take_due(tx, PAGE).await?;
        "addresses::take_due theirs", AllAudiences, |tx, _config| addresses::take_due(tx, THEIR_PAGE).await?;
        "addresses::unchanged", AllAudiences, |tx, _config| addresses::unchanged(tx, PAGE).await?;
        "addresses::fetched", AllAudiences, |tx, _config| {
            addresses::fetched(tx, PAGE, ("text/plain", 3), &stamp()).await?
        };
        "addresses::fetched theirs", AllAudiences, |tx, _config| {
            addresses::fetched(tx, THEIR_PAGE, ("text/plain", 3), &stamp()).await?
        };
        "addresses::failed", AllAudiences, |tx, _config| addresses::failed(tx, PAGE, "no", false).await?;
        "addresses::failed for good", AllAudiences, |tx, _config| addresses::failed(tx, PAGE, "no", true).await?;
        "addresses::listed", AllAudiences, |tx, _config| {
            let sitemap = addresses::of(tx, SITEMAP).await?.ok_or(shared::db::DbError::NotFound)?;
            let pages = [THEIRS.to_owned(), "https://new.example.com/".to_owned()];
            addresses::listed(tx, &sitemap, &pages, &stamp()).await?
        };
        "documents::remove a listed page", AllAudiences, |tx, _config| {
            documents::remove(tx, &Actor::System, LISTED).await?
        };
        "documents::remove a page that only their sitemap lists", AllAudiences, |tx, _config| {
            documents::remove(tx, &Actor::System, THEIR_LISTED).await?
        };
        "documents::remove a sitemap", AllAudiences, |tx, _config| {
            documents::remove(tx, &Actor::System, SITEMAP).await?
        };
    }
}
