//! The language of a short message, by the frequent words in it. Two must agree, or nobody says a language.

use super::Plain;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    German,
    French,
    Spanish,
    Portuguese,
}

const KNOWN: [(Language, &str, &[&str]); 5] = [
    (
        Language::English,
        "en",
        &[
            "the", "and", "is", "are", "you", "my", "i", "to", "of", "this", "that", "it", "have", "with", "what",
            "not", "for", "was", "please", "your", "a", "an", "in", "on", "do", "can", "me", "don", "want",
            "need", "where", "how",
        ],
    ),
    (
        Language::German,
        "de",
        &[
            "der", "die", "das", "und", "ist", "ich", "nicht", "mit", "ein", "eine", "einen", "sie", "wir", "auf",
            "für", "bitte", "mein", "meine", "ihr", "habe", "kann", "wie", "wo", "was", "zu", "den", "dem", "von",
            "es", "mir", "mich", "noch", "haben", "möchte",
        ],
    ),
    (
        Language::French,
        "fr",
        &[
            "le", "la", "les", "et", "est", "je", "ne", "pas", "un", "une", "vous", "nous", "des", "du", "pour",
            "avec", "mon", "ma", "mes", "que", "qui", "où", "s", "il", "à", "ce", "c", "j", "votre", "sur",
            "suis", "veux", "ai", "merci",
        ],
    ),
    (
        Language::Spanish,
        "es",
        &[
            "el", "la", "los", "las", "y", "es", "yo", "no", "un", "una", "usted", "mi", "mis", "con", "por",
            "para", "que", "qué", "dónde", "está", "del", "al", "de", "en", "se", "me", "lo", "quiero", "favor",
            "cómo", "hola", "pero",
        ],
    ),
    (
        Language::Portuguese,
        "pt",
        &[
            "o", "a", "os", "as", "e", "é", "eu", "não", "um", "uma", "você", "meu", "minha", "com", "por",
            "para", "que", "onde", "está", "do", "da", "ao", "de", "em", "no", "na", "me", "quero", "obrigado",
            "olá", "mas", "preciso",
        ],
    ),
];
/// Words that have to agree.
const VOTES_MIN: usize = 2;

impl Language {
    pub const ALL: [Self; 5] = [Self::English, Self::German, Self::French, Self::Spanish, Self::Portuguese];

    /// By its code of two letters.
    pub fn parse(code: &str) -> Option<Self> {
        KNOWN.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(code)).map(|(language, ..)| *language)
    }

    pub fn code(self) -> &'static str {
        KNOWN.iter().find(|(language, ..)| *language == self).map_or("", |(_, code, _)| code)
    }

    /// In English.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "German",
            Self::French => "French",
            Self::Spanish => "Spanish",
            Self::Portuguese => "Portuguese",
        }
    }

    /// All codes.
    pub fn list() -> String {
        KNOWN.map(|(_, code, _)| code).join(", ")
    }

    /// The language most of the frequent words are of; `None` if they don't tell.
    pub fn of(text: &Plain) -> Option<Self> {
        let mut votes = KNOWN.map(|(language, _, words)| {
            let count = text.as_str().split(' ').filter(|word| words.contains(word)).count();
            (count, language)
        });
        votes.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let [(first, language), (second, _), ..] = votes;
        (first >= VOTES_MIN && first > second).then_some(language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_tell_the_language() {
        for (text, language) in [
            ("Where is my parcel? I need it.", Some(Language::English)),
            ("Wo ist mein Paket? Ich warte noch auf die Lieferung.", Some(Language::German)),
            ("Où est mon colis ? Je suis pressé.", Some(Language::French)),
            ("¿Dónde está mi paquete? Lo quiero ya.", Some(Language::Spanish)),
            ("Onde está o meu pacote? Eu preciso.", Some(Language::Portuguese)),
            ("返金してください", None),
            ("ok", None),
            ("", None),
        ] {
            assert_eq!(Language::of(&Plain::new(text)), language, "{text}");
        }
        assert_eq!(Language::parse("DE"), Some(Language::German));
        assert_eq!(Language::parse("xx"), None);
    }
}
