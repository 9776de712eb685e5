//! Whether a message asks for a human: by patterns of five languages, so that it works without a model, too.
//!
//! A pattern is a sentence somebody says who wants a human, with room for the small words between. It counts only within
//! a clause, and not where the same clause denies it. `{who}` stands for a human in the language, `{sure}` for one nobody
//! can take for something else, `{the}` for articles and the like. The text has no accents, and a bar ends each clause.

mod de;
mod en;
mod es;
mod fr;
mod pt;

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::message::is_hidden;

/// Beyond it nobody only asks for a human, in characters; the beginning is looked at all the same.
const LOOKED_AT: usize = 2_000;

/// How a language asks.
struct Tongue {
    who: &'static str,
    sure: &'static str,
    the: &'static str,
    asks: &'static [&'static str],
    /// Clauses that are nothing but this.
    alone: &'static [&'static str],
    /// What may stand around them.
    polite: &'static str,
    /// Words that look like a human and are none.
    except: &'static str,
    /// Words of a clause that deny what follows in it.
    denies: &'static str,
    /// Words that turn a denial into a complaint: "why can't I".
    complains: &'static str,
}

struct Compiled {
    asks: Vec<Regex>,
    except: Regex,
    denies: Regex,
    complains: Regex,
}

static TONGUES: LazyLock<Vec<Compiled>> =
    LazyLock::new(|| [en::TONGUE, de::TONGUE, fr::TONGUE, es::TONGUE, pt::TONGUE].iter().map(compile).collect());

fn compile(tongue: &Tongue) -> Compiled {
    let filled = |pattern: &str| {
        let pattern = pattern.replace("{sure}", &format!("(?:{})", tongue.sure));
        pattern
            .replace("{who}", &format!("(?:{}|{})", tongue.sure, tongue.who))
            .replace("{the}", &format!("(?:(?:{}) )*", tongue.the))
    };
    let regex =
        |pattern: &str| Regex::new(&filled(pattern)).expect("the patterns are ours, and a test compiles them");
    let mut asks: Vec<Regex> = tongue.asks.iter().map(|pattern| regex(&format!(" (?:{pattern}) "))).collect();
    let polite = format!("(?:(?:{}) )*", tongue.polite);
    asks.push(regex(&format!(r"\| {polite}(?:{}) {polite}\|", tongue.alone.join("|"))));
    let around = format!(r"(?:\| |(?:{}) )*", tongue.polite);
    asks.push(regex(&format!("^{around}{{the}}{{sure}} {around}$")));
    Compiled {
        asks,
        except: regex(&format!(" (?:{}) ", tongue.except)),
        denies: regex(&format!(" (?:{}) ", tongue.denies)),
        complains: regex(&format!(" (?:{}) ", tongue.complains)),
    }
}

pub(super) fn is_asked_for(text: &str) -> bool {
    let text = clauses(text);
    TONGUES.iter().any(|tongue| asks(tongue, &text))
}

fn asks(tongue: &Compiled, text: &str) -> bool {
    let text = tongue.except.replace_all(text, " ~ ");
    tongue.asks.iter().flat_map(|pattern| pattern.find_iter(&text)).any(|found| {
        let clause = &text[text[..=found.start()].rfind('|').map_or(0, |bar| bar + 1)..found.end()];
        !tongue.denies.is_match(clause) || tongue.complains.is_match(clause)
    })
}

/// In lower case and without accents, a space around each word, and `|` around each clause.
fn clauses(text: &str) -> String {
    let letters = text.chars().filter(|letter| !is_hidden(*letter)).take(LOOKED_AT).nfkd();
    let letters = letters.filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    let mut plain = "| ".to_owned();
    for letter in letters {
        match letter {
            'ß' => plain.push_str("ss"),
            letter if letter.is_alphanumeric() => plain.push(letter),
            '.' | '!' | '?' | ';' | ',' | ':' | '\n' | '(' | ')' | '"' | '¿' | '¡' | '…' | '—' | '–' => {
                if !plain.ends_with("| ") {
                    plain.push_str(if plain.ends_with(' ') { "| " } else { " | " });
                }
            }
            _ if plain.ends_with(' ') => {}
            _ => plain.push(' '),
        }
    }
    if !plain.ends_with("| ") {
        plain.push_str(if plain.ends_with(' ') { "| " } else { " | " });
    }
    // What is denied before these is not what is asked for after them.
    for word in [" but ", " sondern ", " mais ", " sino ", " mas "] {
        plain = plain.replace(word, " | ");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_ends_where_a_breath_is_taken() {
        assert_eq!(clauses("¿Möchten Sie, bitte… SPÄTER?"), "| mochten sie | bitte | spater | ");
        assert_eq!(clauses(""), "| ");
        assert_eq!(TONGUES.len(), 5, "every pattern compiles");
    }

    #[test]
    fn a_message_that_asks_for_a_human_does() {
        for text in [
            "human",
            "Human!",
            " a human, please. ",
            "MENSCH",
            "*human*",
            "hu\u{200b}man",
            "Ich will einen MENSCHEN",
        ] {
            assert!(is_asked_for(text), "{text}");
        }
        for text in
            ["", "please", "Unmensch", "human resources", "a human wrote this", "Is there a human gene for that?"]
        {
            assert!(!is_asked_for(text), "{text}");
        }
    }

    #[test]
    fn a_denial_counts_in_its_own_clause_only() {
        assert!(!is_asked_for("I don't want to talk to a human"));
        assert!(is_asked_for("I don't want this. I want to talk to a human"));
        assert!(is_asked_for("Why can't I talk to a human?"));
    }
}
