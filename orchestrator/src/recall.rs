//! From a question to memories: rewrite, embed, search. No model is asked; see `docs/memory.md` for why.
//!
//! The names of people are taken out of what is embedded ("Caroline's dog" → "my dog": memories are in the first person)
//! and become an author boost instead.

mod calendar;

use shared::{
    db::{
        Audience, DbError, TenantDb,
        memories::{self, Question, Recalled},
        people,
    },
    embedding::{Embedder, EmbeddingError},
    ids::{MessageId, PersonId, TenantId},
};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

/// Memories a prompt may hold: about 1,250 tokens.
pub const MEMORIES_MAX: i64 = 25;
const QUESTION_CHARS_MAX: usize = 1_000;
const TERMS_MAX: usize = 40;

/// Where and by whom memory is asked.
pub struct Asked<'a> {
    pub audiences: &'a [Audience],
    pub asker: PersonId,
    /// What the prompt holds anyway.
    pub except: &'a [MessageId],
}

/// A question that is being embedded.
pub struct Prepared {
    /// As it was asked, cut where it is too long.
    question: String,
    embedder: Embedder,
    rewritten: Rewritten,
    vector: JoinHandle<Result<Vec<f32>, EmbeddingError>>,
}

/// Rewrites a tenant's question and begins to embed it. `named`: people whose names may occur in it, with the word.
pub fn prepare(
    (embedder, tenant): (&Embedder, TenantId),
    text: &str,
    named: &[(PersonId, String)],
    now: OffsetDateTime,
) -> Prepared {
    let question = cut(text);
    let rewritten = rewrite(&question, named, now);
    let (embedder, dense) = (embedder.clone(), rewritten.dense.clone());
    let asked = embedder.clone();
    let vector = tokio::spawn(async move { asked.embed_question(tenant, dense).await });
    Prepared { question, embedder, rewritten, vector }
}

impl Prepared {
    pub fn is_of(&self, text: &str) -> bool {
        self.question == cut(text)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(QUESTION_CHARS_MAX).collect()
}

/// Searches memory under the audiences of the place. A model that can't embed costs the vector part of the search, not the
/// answer.
pub async fn recall(db: &TenantDb, prepared: Prepared, asked: &Asked<'_>) -> Result<Vec<Recalled>, DbError> {
    search(db, prepared, asked, MEMORIES_MAX).await
}

/// All of it for a question that belongs to no turn: what `konstruct eval recall` measures is what turns are given.
pub async fn ask(
    db: &TenantDb,
    embedder: &Embedder,
    question: &str,
    asked: &Asked<'_>,
    (limit, now): (i64, OffsetDateTime),
) -> Result<Vec<Recalled>, DbError> {
    let names = candidate_names(question);
    let mut tx = db.begin().await?;
    let named = if names.is_empty() { Vec::new() } else { people::named(&mut tx, &names).await? };
    tx.close().await?;
    search(db, prepare((embedder, db.id()), question, &named, now), asked, limit).await
}

async fn search(
    db: &TenantDb,
    Prepared { embedder, rewritten, vector, .. }: Prepared,
    asked: &Asked<'_>,
    limit: i64,
) -> Result<Vec<Recalled>, DbError> {
    // Begins while the vector is computed, unless that would keep a session waiting for other people's vectors.
    let begun = if embedder.is_busy() { None } else { Some(db.begin_for(asked.audiences).await?) };
    let embedded = match vector.await {
        Ok(Ok(vector)) => Some(vector).filter(|vector| !vector.is_empty()),
        Ok(Err(error)) => {
            tracing::error!(%error, "The question could not be embedded");
            None
        }
        Err(error) => {
            tracing::error!(%error, "The embedding of the question was lost");
            None
        }
    };
    let vector = embedded.unwrap_or_else(|| vec![0.0; shared::embedding::DIMENSIONS]);
    let question = Question {
        vector: &vector,
        terms: &rewritten.terms,
        about: rewritten.about.or_else(|| rewritten.by_asker.then_some(asked.asker)),
        asks_when: rewritten.asks_when,
        asks_past: rewritten.asks_past,
        windows: &rewritten.windows,
        except: asked.except,
        limit,
    };
    let mut tx = match begun {
        Some(tx) => tx,
        None => db.begin_for(asked.audiences).await?,
    };
    let memories = memories::search(&mut tx, &question).await?;
    tx.close().await?;
    Ok(memories)
}

struct Rewritten {
    dense: String,
    terms: String,
    about: Option<PersonId>,
    by_asker: bool,
    asks_when: bool,
    asks_past: bool,
    windows: Vec<(OffsetDateTime, OffsetDateTime)>,
}

/// Capitalized words that may be a person's first or last name.
pub fn candidate_names(question: &str) -> Vec<String> {
    let mut names: Vec<String> = words(question)
        .filter(|word| word.chars().next().is_some_and(char::is_uppercase) && word.chars().count() > 2)
        .map(str::to_lowercase)
        .filter(|word| !QUESTION_WORDS.contains(&word.as_str()))
        .collect();
    names.sort();
    names.dedup();
    names.truncate(TERMS_MAX);
    names
}

const QUESTION_WORDS: [&str; 24] = [
    "what", "when", "where", "who", "whom", "whose", "which", "why", "how", "did", "does", "can", "could",
    "would", "will", "shall", "should", "the", "are", "was", "were", "has", "have", "please",
];

/// Who asks like this wants to know what no longer holds, too.
const ASKS_PAST: [&str; 12] = [
    "used to",
    "before",
    "previous",
    "former",
    "earlier",
    "originally",
    "at first",
    "back then",
    "in the past",
    "history",
    "what was",
    "changed",
];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// `named`: people with the words of theirs that occur in the question, in lower case.
fn rewrite(question: &str, named: &[(PersonId, String)], now: OffsetDateTime) -> Rewritten {
    let is_name = |word: &str| named.iter().any(|(_, name)| *name == word.to_lowercase());
    let mut dense = String::new();
    for piece in question.split_whitespace() {
        let core = piece.trim_matches(|letter: char| !letter.is_alphanumeric());
        let possessive = core.strip_suffix("'s").or_else(|| core.strip_suffix("’s"));
        let rewritten = match possessive {
            Some(name) if is_name(name) => piece.replace(core, "my"),
            _ if is_name(core) => piece.replace(core, "I"),
            _ => piece.to_owned(),
        };
        if !dense.is_empty() {
            dense.push(' ');
        }
        dense.push_str(&rewritten);
    }
    let lower = question.to_lowercase();
    let mut terms: Vec<String> = words(&lower).filter(|word| !is_name(word)).map(str::to_owned).collect();
    terms.dedup();
    terms.truncate(TERMS_MAX);
    let spoken: Vec<&str> = words(&lower).filter(|word| !is_name(word)).collect();
    let mut about: Vec<PersonId> = named.iter().map(|(person, _)| *person).collect();
    about.sort();
    about.dedup();
    Rewritten {
        dense,
        terms: terms.join(" or "),
        about: if let [one] = about.as_slice() { Some(*one) } else { None },
        by_asker: about.is_empty() && words(&lower).any(|word| matches!(word, "i" | "my" | "me" | "mine")),
        asks_when: lower.contains("when") || lower.contains("how long"),
        windows: calendar::windows(&spoken, now),
        asks_past: ASKS_PAST.iter().any(|words| lower.contains(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_person_becomes_the_author_and_leaves_the_text() {
        let caroline = PersonId::new();
        let rewritten = rewrite(
            "When did Caroline's sister meet Caroline?",
            &[(caroline, "caroline".into())],
            OffsetDateTime::UNIX_EPOCH,
        );
        assert_eq!(rewritten.dense, "When did my sister meet I?");
        assert_eq!(rewritten.about, Some(caroline));
        assert!(rewritten.asks_when && !rewritten.terms.contains("caroline"));
    }

    #[test]
    fn two_people_are_no_single_author_and_my_is_the_asker() {
        let two = [(PersonId::new(), "ada".to_owned()), (PersonId::new(), "grace".to_owned())];
        assert_eq!(rewrite("Did Ada meet Grace?", &two, OffsetDateTime::UNIX_EPOCH).about, None);
        assert!(rewrite("what is my badge number", &[], OffsetDateTime::UNIX_EPOCH).by_asker);
    }

    #[test]
    fn terms_are_plain_words_joined_by_or() {
        let rewritten = rewrite("launch-date: -\"14 March\" | !x", &[], OffsetDateTime::UNIX_EPOCH);
        assert_eq!(rewritten.terms, "launch or date or 14 or march or x");
        assert_eq!(candidate_names("When does Grace Hopper arrive? The"), ["grace", "hopper"]);
    }
}
