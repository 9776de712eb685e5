//! From a question to memories: rewrite, embed, search. No model is asked; see `docs/memory.md` for why.
//!
//! The names of people are taken out of what is embedded ("Caroline's dog" → "my dog": memories are in the first person)
//! and become an author boost instead.

use shared::{
    db::{
        Audience, DbError, TenantDb,
        memories::{self, Question, Recalled},
    },
    ids::{MessageId, PersonId},
};

use crate::Orchestrator;

/// Memories a prompt may hold: about 1,250 tokens.
const MEMORIES_MAX: i64 = 25;
const QUESTION_CHARS_MAX: usize = 1_000;
const TERMS_MAX: usize = 40;

/// What is asked, where, and by whom.
pub struct Asked<'a> {
    pub text: &'a str,
    pub audiences: &'a [Audience],
    pub asker: PersonId,
    /// People whose names may occur in the text, with the word.
    pub named: &'a [(PersonId, String)],
    /// What the prompt holds anyway.
    pub except: &'a [MessageId],
}

/// Searches memory under the audiences of the place. A model that can't embed costs the vector part of the search, not the
/// answer.
pub async fn recall(
    orchestrator: &Orchestrator,
    db: &TenantDb,
    asked: &Asked<'_>,
) -> Result<Vec<Recalled>, DbError> {
    let question: String = asked.text.chars().take(QUESTION_CHARS_MAX).collect();
    let rewritten = rewrite(&question, asked.named);
    let vector = match orchestrator.embedder.embed(vec![rewritten.dense.clone()]).await {
        Ok(mut vectors) => vectors.pop().unwrap_or_default(),
        Err(error) => {
            tracing::error!(%error, "The question could not be embedded");
            Vec::new()
        }
    };
    let vector = if vector.is_empty() { vec![0.0; shared::embedding::DIMENSIONS] } else { vector };
    let question = Question {
        vector: &vector,
        terms: &rewritten.terms,
        about: rewritten.about.or_else(|| rewritten.by_asker.then_some(asked.asker)),
        asks_when: rewritten.asks_when,
        except: asked.except,
        limit: MEMORIES_MAX,
    };
    let mut tx = db.begin_for(asked.audiences).await?;
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

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// `named`: people with the words of theirs that occur in the question, in lower case.
fn rewrite(question: &str, named: &[(PersonId, String)]) -> Rewritten {
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
    let mut about: Vec<PersonId> = named.iter().map(|(person, _)| *person).collect();
    about.sort();
    about.dedup();
    Rewritten {
        dense,
        terms: terms.join(" or "),
        about: if let [one] = about.as_slice() { Some(*one) } else { None },
        by_asker: about.is_empty() && words(&lower).any(|word| matches!(word, "i" | "my" | "me" | "mine")),
        asks_when: lower.contains("when") || lower.contains("how long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_person_becomes_the_author_and_leaves_the_text() {
        let caroline = PersonId::new();
        let rewritten = rewrite("When did Caroline's sister meet Caroline?", &[(caroline, "caroline".into())]);
        assert_eq!(rewritten.dense, "When did my sister meet I?");
        assert_eq!(rewritten.about, Some(caroline));
        assert!(rewritten.asks_when && !rewritten.terms.contains("caroline"));
    }

    #[test]
    fn two_people_are_no_single_author_and_my_is_the_asker() {
        let two = [(PersonId::new(), "ada".to_owned()), (PersonId::new(), "grace".to_owned())];
        assert_eq!(rewrite("Did Ada meet Grace?", &two).about, None);
        assert!(rewrite("what is my badge number", &[]).by_asker);
    }

    #[test]
    fn terms_are_plain_words_joined_by_or() {
        let rewritten = rewrite("launch-date: -\"14 March\" | !x", &[]);
        assert_eq!(rewritten.terms, "launch or date or 14 or march or x");
        assert_eq!(candidate_names("When does Grace Hopper arrive? The"), ["grace", "hopper"]);
    }
}
