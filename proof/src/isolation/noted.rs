//! What members tell each other in conversations, for both tenants under the same ids.

use shared::{
    db::{audit::Actor, conversations::notes},
    ids::{NoteId, TenantId},
};
use uuid::Uuid;

use super::{
    scene::{CONVERSATION, MEMBER, THEIR_CONVERSATION, THEIR_KEY, THEIR_MEMBER, THEM},
    statements::{Call, calls},
};

const NOTE: NoteId = NoteId::from_uuid(Uuid::from_u128(0x300));
/// In a conversation that both have.
const THEIR_NOTE: NoteId = NoteId::from_uuid(Uuid::from_u128(0x301));

/// Both have a note of a member's, and ones of a member and a key that only they have.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let (tenant, conversation) = (tenant_id.uuid(), CONVERSATION.uuid());
    let [note, by_member, by_key] = [0x300, 0x302, 0x303].map(Uuid::from_u128);
    let mut script = format!(
        "insert into conversation_notes (tenant_id, note_id, conversation_id, body, created_by)
         values ('{tenant}', '{note}', '{conversation}', '{mark}', '{MEMBER}'),
                ('{tenant}', '{by_member}', '{conversation}', '{mark}', '{THEIR_MEMBER}'),
                ('{tenant}', '{by_key}', '{conversation}', '{mark}', '{THEIR_KEY}');"
    );
    if tenant_id == THEM {
        script += &format!(
            "insert into conversation_notes (tenant_id, note_id, conversation_id, body, created_by)
             values ('{tenant}', '{}', '{conversation}', '{mark}', '{mark}');",
            THEIR_NOTE.uuid()
        );
    }
    script
}

fn shown(notes: Vec<notes::Note>) -> Vec<(String, String, Option<String>)> {
    notes.into_iter().map(|note| (note.body, note.created_by, note.author)).collect()
}

pub fn all() -> Vec<Call> {
    calls! {
        "notes::add", AllAudiences, |tx, _config| {
            shown(vec![notes::add(tx, &Actor::User(THEIR_MEMBER), CONVERSATION, "new").await?])
        };
        "notes::add where only they talk", AllAudiences, |tx, _config| {
            shown(vec![notes::add(tx, &Actor::System, THEIR_CONVERSATION, "new").await?])
        };
        "notes::list", AllAudiences, |tx, _config| shown(notes::list(tx, CONVERSATION, None, 10).await?);
        "notes::remove", AllAudiences, |tx, _config| {
            notes::remove(tx, &Actor::User(MEMBER), (CONVERSATION, NOTE), false).await?
        };
        "notes::remove of theirs", AllAudiences, |tx, _config| {
            notes::remove(tx, &Actor::System, (CONVERSATION, THEIR_NOTE), false).await?
        };
    }
}
