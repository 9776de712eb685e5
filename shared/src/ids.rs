//! TypeIDs: a prefix that says what it is, and a UUIDv7 in 26 characters of Crockford base32 (`agt_01k…`).
//!
//! In the database they are plain `uuid`; in Rust each kind is its own type, so an agent's id can't be passed for a
//! tenant's. Format: the TypeID specification 0.3.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LENGTH: usize = 26;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{given}` is not an id of the form `{prefix}_…`")]
pub struct InvalidId {
    prefix: &'static str,
    given: String,
}

fn encode(uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    (0..SUFFIX_LENGTH)
        .map(|digit| {
            let shift = 5 * (SUFFIX_LENGTH - 1 - digit);
            char::from(ALPHABET[usize::from((bits >> shift) as u8 & 31)])
        })
        .collect()
}

fn decode(suffix: &str) -> Option<Uuid> {
    if suffix.len() != SUFFIX_LENGTH || suffix.as_bytes()[0] > b'7' {
        return None;
    }
    let bits = suffix.bytes().try_fold(0_u128, |bits, byte| {
        let value = ALPHABET.iter().position(|letter| *letter == byte)?;
        Some((bits << 5) | value as u128)
    })?;
    Some(Uuid::from_u128(bits))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, ordered by time of creation.
            #[expect(clippy::new_without_default, reason = "a default id would be a surprise")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(given: &str) -> Result<Self, InvalidId> {
                given
                    .strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| InvalidId { prefix: $prefix, given: given.chars().take(64).collect() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A customer: everything belongs to exactly one.
    TenantId = "ten";
    /// Somebody who can sign in; may belong to several tenants.
    UserId = "usr";
    /// A device on which somebody is signed in.
    SessionId = "ses";
    /// A platform admin acting for somebody.
    ImpersonationId = "imp";
    InvitationId = "inv";
    ApiKeyId = "key";
    /// A tenant's tie to one Slack workspace or WhatsApp number.
    ConnectionId = "con";
    /// An AI employee.
    AgentId = "agt";
    /// Which agent answers where.
    BindingId = "bnd";
    /// Someone who talks to an agent in a channel.
    PersonId = "per";
    /// A person or a tenant that is erased.
    ErasureId = "ers";
    /// A thread, a direct message, a chat.
    ConversationId = "cnv";
    MessageId = "msg";
    /// What members tell each other about a conversation.
    NoteId = "nte";
    MemoryId = "mem";
    /// A file that came with a message.
    MediaId = "med";
    /// What a tenant gives its agents to read.
    DocumentId = "doc";
    /// What was said in a conversation before its window.
    SummaryId = "sum";
    /// One turn of an agent: from the messages it answers to the reply.
    RunId = "run";
    /// An answer that nobody is sent.
    RehearsalId = "rhr";
    /// A side conversation of an operator's.
    ForkId = "frk";
    /// A question with what its answer must hold.
    CaseId = "cas";
    /// Cases that were tried together.
    TrialId = "trl";
    OutboxId = "out";
    JobId = "job";
    UsageId = "usg";
    /// A tenant's own key for models.
    LlmKeyId = "lky";
    /// How much models may cost.
    BudgetId = "bud";
    /// Something to install a workspace with.
    LinkId = "lnk";
    /// Something a tenant's admins should know.
    NoticeId = "not";
    /// What hands conversations to humans.
    RuleId = "rul";
    /// A conversation that was handed to a human.
    EscalationId = "esc";
    /// What the tenant lets agents call.
    ToolId = "tol";
    /// Where tools of others come from.
    McpServerId = "mcp";
    /// One call of a tool.
    ToolCallId = "tcl";
    /// What a second person agrees to, or not.
    ApprovalId = "apr";
    /// What an agent comes back to later.
    FollowUpId = "fup";
    /// What an agent does again and again.
    RoutineId = "rou";
    /// One time of it.
    RoutineRunId = "rtr";
    MailId = "mai";
    /// Who an account's owner is to a provider they sign in by.
    IdentityId = "idn";
    /// A tenant's own system that is told what happens here.
    WebhookEndpointId = "whe";
    /// What it is told once.
    WebhookDeliveryId = "whd";
    /// A click, a command, a dialog.
    InteractionId = "int";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_examples_hold() {
        let cases = [
            ("00000000-0000-0000-0000-000000000000", "ten_00000000000000000000000000"),
            ("ffffffff-ffff-ffff-ffff-ffffffffffff", "ten_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
            ("01890a5d-ac96-774b-bcce-b302099a8057", "ten_01h455vb4pex5vsknk084sn02q"),
        ];
        for (uuid, text) in cases {
            let id = TenantId::from_uuid(uuid.parse().unwrap());
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse::<TenantId>().unwrap(), id);
        }
    }

    #[test]
    fn another_kind_or_a_broken_suffix_is_refused() {
        for given in [
            "agt_01h455vb4pex5vsknk084sn02q",
            "ten_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "ten_01h455vb4pex5vsknk084sn02",
            "ten_01h455vb4pex5vsknk084sn0Iq",
            "ten_é1h455vb4pex5vsknk084sn02q",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "",
        ] {
            assert!(given.parse::<TenantId>().is_err(), "{given}");
        }
    }
}
