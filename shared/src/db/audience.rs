//! Whom a memory may be shown to.

use std::fmt;

use crate::ids::{AgentId, ConnectionId, PersonId};

/// Who may be reminded of a memory. The text form is what `memories.audience` holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    Tenant,
    Channel(ConnectionId, String),
    Person(PersonId),
    /// Whoever talks with any of the tenant's agents: documents that all of them may read.
    Agents,
    /// Whoever talks with this agent: documents that were given to it.
    Agent(AgentId),
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("tenant"),
            Self::Channel(connection, channel) => write!(f, "channel:{}:{channel}", connection.uuid()),
            Self::Person(person) => write!(f, "person:{}", person.uuid()),
            Self::Agents => f.write_str("agents"),
            Self::Agent(agent) => write!(f, "agent:{}", agent.uuid()),
        }
    }
}
