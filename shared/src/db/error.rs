//! What can go wrong with a statement, and what that means.

#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("not found")]
    NotFound,
    /// A sentence for the person who asked.
    #[error("{0}")]
    Conflict(&'static str),
    /// The plan has no room for it. A sentence that names the limit.
    #[error("{0}")]
    Limit(String),
    /// The lease was lost: someone else owns the conversation now. Drop the work silently.
    #[error("the conversation's lease was lost")]
    Fenced,
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("a stored value can't be read: {0}")]
    Damaged(String),
}

impl DbError {
    /// The server is away, starting or stopping: trying again in a moment makes sense.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
            }
            Self::Sql(_) => true,
            _ => false,
        }
    }

    /// The server refuses the value itself: it won't take it at the next try either.
    pub fn refuses_value(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            _ => false,
        }
    }

    /// The name of the constraint that refused the statement.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }

    /// Turns the violation of one constraint into a sentence.
    pub fn on_constraint(self, name: &str, sentence: &'static str) -> Self {
        if self.constraint() == Some(name) { Self::Conflict(sentence) } else { self }
    }
}
