//! Text as rules compare it: words in one form, with a space around each.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::KEYWORD_MAX;
use crate::message::{TEXT_MAX, is_hidden};

/// Words in lower case and NFKC, one space around each. Of scripts that put no spaces between words every letter is a word
/// of its own: a keyword then occurs wherever its letters follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    pub fn new(text: &str) -> Self {
        let letters = text.chars().take(TEXT_MAX).filter(|letter| !is_hidden(*letter)).nfkc();
        let letters = letters.flat_map(char::to_lowercase).nfkc();
        let mut plain = String::with_capacity(text.len().min(TEXT_MAX) + 2);
        plain.push(' ');
        for letter in letters {
            match letter {
                // In capitals it is SS.
                'ß' => plain.push_str("ss"),
                'ς' => plain.push('σ'),
                letter if has_no_spaces(letter) => {
                    end_word(&mut plain);
                    if letter.is_alphanumeric() {
                        plain.push(letter);
                        plain.push(' ');
                    }
                }
                letter if letter.is_alphanumeric() => plain.push(letter),
                // Belongs to the letter before it.
                letter if is_combining_mark(letter) && !plain.ends_with(' ') => plain.push(letter),
                _ => end_word(&mut plain),
            }
        }
        end_word(&mut plain);
        Self(plain)
    }

    pub fn holds(&self, keyword: &Keyword) -> bool {
        self.0.contains(&keyword.needle)
    }

    /// What stands before each place where it is.
    pub(super) fn before_each(&self, keyword: &Keyword) -> impl Iterator<Item = &str> {
        self.0.match_indices(&keyword.needle).map(|(at, _)| &self.0[..at])
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn end_word(plain: &mut String) {
    if !plain.ends_with(' ') {
        plain.push(' ');
    }
}

/// Han, kana, Thai, Lao, Burmese, Khmer.
fn has_no_spaces(letter: char) -> bool {
    matches!(u32::from(letter),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3040..=0x30FF
        | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// A word or words a message may hold, whatever stands between them. A star at the end: its beginning is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyword {
    written: String,
    needle: String,
}

impl Keyword {
    /// `None` without a letter or digit, or if it is too long.
    pub fn new(text: &str) -> Option<Self> {
        let written = text.trim();
        let Plain(mut needle) = Plain::new(written);
        if needle.len() < 2 || written.chars().count() > KEYWORD_MAX || written.contains('"') {
            return None;
        }
        if written.ends_with('*') {
            needle.pop();
        }
        Some(Self { written: written.to_owned(), needle })
    }
}

/// As it was written.
impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, keyword: &str) -> bool {
        Plain::new(text).holds(&Keyword::new(keyword).expect("a keyword"))
    }

    #[test]
    fn keywords_are_whole_words_in_every_script() {
        for (text, keyword) in [
            ("A partial REFUND, please!", "refund"),
            ("«refund»?", "Refund"),
            ("Re-funding", "re funding"),
            ("in der GROSSEN STRASSE", "straße"),
            ("Ｒｅｆｕｎｄ in full width", "refund"),
            ("re\u{200b}fund with a letter nobody sees", "refund"),
            ("cafe\u{301} au lait", "café"),
            ("quiero mi dinero, ¡reembolso!", "reembolso"),
            ("l'avocat arrive", "avocat"),
            ("返金してください", "返金"),
            ("请给我退款", "退款"),
            ("ขอเงินคืน", "เงินคืน"),
            ("वापसी चाहिए", "वापसी"),
            ("charge--back", "charge back"),
            ("refunded", "refund*"),
        ] {
            assert!(holds(text, keyword), "{text} holds {keyword}");
        }
        for (text, keyword) in [
            ("prefund", "refund"),
            ("refunds", "refund"),
            ("Rückerstattungsantrag", "rückerstattung"),
            ("", "refund"),
            ("re fund", "refund"),
            ("prefunded", "refund*"),
            ("金返", "返金"),
        ] {
            assert!(!holds(text, keyword), "{text} does not hold {keyword}");
        }
    }

    #[test]
    fn what_has_no_letter_is_no_keyword() {
        for text in ["", "  ", "…", "*", "\u{200b}", "a\"b"] {
            assert_eq!(Keyword::new(text), None, "{text:?}");
        }
        assert!(Keyword::new(&"x".repeat(KEYWORD_MAX)).is_some());
        assert_eq!(Keyword::new(&"x".repeat(KEYWORD_MAX + 1)), None);
    }
}
