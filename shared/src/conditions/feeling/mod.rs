//! How somebody feels who writes: by words of five languages, so that it works without a model, and says the same each time.
//!
//! Words that tell of a feeling have a weight; what denies them in the same clause takes it away. What is only wrong with
//! something (a late parcel, a false sum) is no feeling. Capitals and heaps of question marks count as raised voices.

mod de;
mod en;
mod es;
mod fr;
mod pt;

use std::{fmt, sync::LazyLock};

use super::{Keyword, Language, Plain};

/// Beyond it nobody's feeling changes, in characters.
const LOOKED_AT: usize = 4_000;
/// Words before one that tells of a feeling, among which one can deny it: "not at all happy".
const DENIED_WITHIN: usize = 3;
/// Fewer words in capitals are names and abbreviations.
const SHOUTED_WORDS: usize = 3;
/// In a clause with both, the feeling is somebody else's: "write a reply to a furious customer".
const OTHERS: [&str; 11] = [
    "customer",
    "customers",
    "client",
    "clients",
    "cliente",
    "clientes",
    "kunde",
    "kunden",
    "kundin",
    "guest",
    "gast",
];
const WRITING: [&str; 14] = [
    "write",
    "draft",
    "reply",
    "respond",
    "schreib",
    "schreibe",
    "antworte",
    "formuliere",
    "rédige",
    "rédiger",
    "écris",
    "escribe",
    "escreve",
    "escreva",
];
const ANGRY: &str = "😠😡🤬😤👎🖕😒🙄😞😣😖😩😫💩🤦";
const PLEASED: &str = "😊😀😃😄😁😍🥰🤩👍🎉🥳❤💚💙🙌👏💪🚀😎☺💯";

/// What a message sounds like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feeling {
    Negative,
    Neutral,
    Positive,
}

impl Feeling {
    pub const ALL: [Self; 3] = [Self::Negative, Self::Neutral, Self::Positive];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feeling| feeling.name().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }

    pub fn of(text: &str) -> Self {
        let looked_at: String = text.chars().take(LOOKED_AT).collect();
        let (mut bad, mut good, mut thanks) = (0, 0, false);
        let whole = Plain::new(&looked_at);
        let spoken = Spoken::of(&whole);
        for clause in looked_at.split(['.', '!', '?', ';', ',', ':', '\n', '…', '—', '(', ')', '¡', '¿']) {
            let plain = Plain::new(clause);
            if is_of_others(&plain) {
                continue;
            }
            let (against, pleased) =
                (spoken.hits(&plain, |words| &words.bad), spoken.hits(&plain, |words| &words.good));
            bad += against.plain + pleased.denied;
            good += pleased.plain;
            thanks |= spoken.hits(&plain, |words| &words.thanks).plain > 0;
        }
        bad += count(&looked_at, ANGRY) + usize::from(is_loud(&looked_at));
        good += count(&looked_at, PLEASED);
        // Thanks beside a question or a wish are good manners.
        let asks = looked_at.contains('?') || spoken.hits(&whole, |words| &words.wishes).plain > 0;
        if bad > 0 {
            Self::Negative
        } else if good > 0 || thanks && !asks {
            Self::Positive
        } else {
            Self::Neutral
        }
    }
}

impl fmt::Display for Feeling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a language has for it, between bars. A star at the end of a word: its beginning is enough.
struct Tongue {
    bad: &'static str,
    good: &'static str,
    /// Good, unless something is asked for with it.
    thanks: &'static str,
    /// What makes thanks a part of asking.
    wishes: &'static str,
    denies: &'static str,
}

struct Words {
    bad: Vec<Keyword>,
    good: Vec<Keyword>,
    thanks: Vec<Keyword>,
    wishes: Vec<Keyword>,
    denies: Vec<&'static str>,
}

static WORDS: LazyLock<[(Language, Words); 5]> = LazyLock::new(|| {
    [
        (Language::English, en::TONGUE),
        (Language::German, de::TONGUE),
        (Language::French, fr::TONGUE),
        (Language::Spanish, es::TONGUE),
        (Language::Portuguese, pt::TONGUE),
    ]
    .map(|(language, tongue)| (language, Words::new(&tongue)))
});

impl Words {
    fn new(tongue: &Tongue) -> Self {
        let all = |words: &str| {
            let words = words.split('|');
            words.map(|word| Keyword::new(word).expect("the words are ours, and a test reads them")).collect()
        };
        Self {
            bad: all(tongue.bad),
            good: all(tongue.good),
            thanks: all(tongue.thanks),
            wishes: all(tongue.wishes),
            denies: tongue.denies.split('|').collect(),
        }
    }
}

#[derive(Default)]
struct Hits {
    plain: usize,
    denied: usize,
}

/// The languages a message may be in: one, or all where it is too short to tell.
struct Spoken(Vec<&'static Words>);

impl Spoken {
    fn of(text: &Plain) -> Self {
        let language = Language::of(text);
        let fits = |(one, _): &&(Language, Words)| language.is_none_or(|language| language == *one);
        Self(WORDS.iter().filter(fits).map(|(_, words)| words).collect())
    }

    fn hits(&self, clause: &Plain, list: fn(&Words) -> &Vec<Keyword>) -> Hits {
        let mut hits = Hits::default();
        for words in &self.0 {
            for before in list(words).iter().flat_map(|keyword| clause.before_each(keyword)) {
                let mut near = before.split_whitespace().rev().take(DENIED_WITHIN);
                if near.any(|word| words.denies.contains(&word)) {
                    hits.denied += 1;
                } else {
                    hits.plain += 1;
                }
            }
        }
        hits
    }
}

fn is_of_others(clause: &Plain) -> bool {
    let has = |words: &[&str]| clause.as_str().split(' ').any(|word| words.contains(&word));
    has(&OTHERS) && has(&WRITING)
}

fn count(text: &str, signs: &str) -> usize {
    text.chars().filter(|sign| *sign != '\u{fe0f}' && signs.contains(*sign)).count()
}

/// Mostly capitals, or question marks in heaps.
fn is_loud(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).collect();
    let shouted = words.iter().filter(|word| word.chars().count() > 2 && !word.chars().any(char::is_lowercase));
    let shouted = shouted.count();
    let is_shouted = shouted >= SHOUTED_WORDS && shouted * 2 > words.len();
    is_shouted || text.contains("???") || text.contains("?!") || text.contains("!?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feeling_is_denied_in_its_own_clause_only() {
        for (text, feeling) in [
            ("I am happy with it", Feeling::Positive),
            ("I am not happy with it", Feeling::Negative),
            ("No, I'm happy", Feeling::Positive),
            ("I'm not angry, just asking", Feeling::Neutral),
            ("Ich bin überhaupt nicht zufrieden", Feeling::Negative),
            ("Je ne suis pas content du tout", Feeling::Negative),
            ("no estoy contento", Feeling::Negative),
            ("Não estou satisfeito com isso", Feeling::Negative),
            ("Thanks!", Feeling::Positive),
            ("Can you send it again? Thanks!", Feeling::Neutral),
            ("Thanks, but this is ridiculous", Feeling::Negative),
            ("😡", Feeling::Negative),
            ("WHERE ARE ALL MY ORDERS", Feeling::Negative),
            ("IBAN and BIC, please", Feeling::Neutral),
            ("", Feeling::Neutral),
        ] {
            assert_eq!(Feeling::of(text), feeling, "{text}");
        }
    }
}
