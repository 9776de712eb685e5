//! Every background job's payload: the contract between processes. Ids only, never content.

use serde::{Deserialize, Serialize};

use crate::ids::{ConnectionId, PersonId};

/// A job, as stored in `jobs.payload`. Every one may run twice: it reads the current state and stops if that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Ask the platform for a person's name.
    FetchPersonProfile { person: PersonId },
    /// Ask the platform whether a channel is public, and widen the audience of what was said there if it is.
    DescribeChannel { connection: ConnectionId, channel: String },
}

impl Job {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::FetchPersonProfile { .. } => "fetch_person_profile",
            Self::DescribeChannel { .. } => "describe_channel",
        }
    }
}
