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

    /// The server refuses the statement, for a value or for what others hold, rather than being away, out of room or told to
    /// stop: something else may pass at once.
    pub fn is_about_a_row(&self) -> bool {
        let Self::Sql(sqlx::Error::Database(refusal)) = self else { return false };
        refusal.code().is_some_and(|code| !["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)))
    }

    /// The server did not answer in time.
    pub fn timed_out() -> Self {
        Self::Sql(super::bounded::late())
    }

    /// The same, for another who waited for what failed: the server is away for them, too.
    pub fn for_another(&self) -> Self {
        Self::Sql(sqlx::Error::Io(std::io::Error::other(self.to_string())))
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
