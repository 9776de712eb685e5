//! Sentences, words and stems: just enough language to find the sentence a question asks for.

use std::collections::HashSet;
use std::sync::LazyLock;

const STOP_WORDS: &str = "a an the this that these those is are was were be been being am do does did \
    done have has had having will would shall should can could may might must i me my mine we us our \
    ours you your yours he him his she her hers it its they them their theirs who whom whose which what \
    when where why how of in on at to for from by with about into over after before between as and or \
    but if then so than too very not no yes please just also again still now already ever there here up \
    down out off say said says tell told telling mention mentioned know known knows remember remembered \
    remind think thought decide decided agree agreed talk talked discuss discussed ask asked lets get \
    got give gave want wanted need hi hello hey thanks thank ok okay much many any some all s t re ve ll \
    d m der die das ein eine ist sind war wann wo wer was wie warum welche ich mir mein meine wir uns \
    unser du dein ihr sie es und oder nicht zu im mit von für auf dem den des hat haben";
const QUESTION_OPENERS: &str = "what what's whats when when's where where's who who's whose whom which \
    why how how's is are was were do does did can could will would should has have had am isn't aren't \
    wasn't don't doesn't didn't wann wo wer was wie warum wieso welche welcher welches wem wen";
const REQUESTS: [&str; 12] = [
    "tell me what",
    "tell me when",
    "tell me where",
    "tell me who",
    "tell me which",
    "tell me about",
    "tell me the",
    "remind me what",
    "remind me when",
    "remind me where",
    "remind me who",
    "remind me which",
];
const TIME_WORDS: &str = "today tomorrow yesterday tonight noon midnight morning afternoon evening \
    night week weekend month year quarter monday tuesday wednesday thursday friday saturday sunday \
    january february march april may june july august september october november december soon later \
    daily weekly monthly yearly spring summer autumn winter after before until hour minute easter \
    christmas heute morgen gestern montag dienstag mittwoch donnerstag freitag samstag sonntag januar \
    februar märz mai juni juli oktober dezember";
const NUMBER_WORDS: &str = "zero one two three four five six seven eight nine ten eleven twelve dozen \
    hundred thousand million half none no";
const ABBREVIATIONS: &str = "dr mr mrs ms st prof nr no vs etc approx e.g i.e z.b inc ltd co dept fig";

static STOP: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP_WORDS.split_whitespace().collect());
static TIME: LazyLock<HashSet<&str>> = LazyLock::new(|| TIME_WORDS.split_whitespace().collect());
static NUMBER: LazyLock<HashSet<&str>> = LazyLock::new(|| NUMBER_WORDS.split_whitespace().collect());

/// A word that carries meaning.
pub(super) struct Word {
    pub(super) stem: String,
    /// A number, or a word in capitals that does not merely begin the sentence.
    pub(super) is_special: bool,
}

pub(super) fn content_words(text: &str) -> Vec<Word> {
    let mut seen = HashSet::new();
    let mut words = Vec::new();
    for (index, token) in tokens(text).iter().enumerate() {
        let plain = token.to_lowercase();
        let stem = stem(&plain);
        if STOP.contains(plain.as_str()) || STOP.contains(stem.as_str()) || !seen.insert(stem.clone()) {
            continue;
        }
        let capital = index > 0 && token.starts_with(char::is_uppercase);
        words.push(Word { is_special: capital || has_digit(token), stem });
    }
    words
}

/// "deploy" and "deployment" are one word here, "plan" and "planet" are not.
pub(super) fn same_word(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    one == other
        || (short.len() >= 5 && long.len() - short.len() <= 4 && long.starts_with(short) && !has_digit(long))
}

/// Letters and digits; an apostrophe ends a word, a point or comma between digits does not.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut token = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let digit_at = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
        let inside_number = ".,:".contains(*letter) && digit_at(index.checked_sub(1)) && digit_at(Some(index + 1));
        if letter.is_alphanumeric() || inside_number {
            token.push(*letter);
        } else if !token.is_empty() {
            tokens.push(std::mem::take(&mut token));
        }
    }
    tokens.extend((!token.is_empty()).then_some(token));
    tokens
}

pub(super) fn sentences(line: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let ends = line.char_indices().filter(|(_, letter)| ".!?".contains(*letter));
    for (at, mark) in ends {
        let rest = &line[at + 1..];
        let closers = rest.len() - rest.trim_start_matches(['.', '!', '?', '"', '\'', ')', '”', '“', '»']).len();
        let end = at + 1 + closers;
        let after = &line[end..];
        let at_a_gap = after.is_empty() || after.starts_with(char::is_whitespace);
        if at < start || !at_a_gap || (mark == '.' && goes_on(&line[start..at], after.trim_start())) {
            continue;
        }
        sentences.push(line[start..end].trim().to_owned());
        start = end;
    }
    sentences.push(line[start..].trim().to_owned());
    sentences.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    sentences
}

pub(super) fn is_question(sentence: &str) -> bool {
    let plain = sentence.trim().to_lowercase();
    let plain = plain.strip_prefix("please ").unwrap_or(&plain);
    if plain.contains('?') || REQUESTS.iter().any(|request| plain.starts_with(request)) {
        return true;
    }
    let first = plain.split([' ', ',']).next().unwrap_or_default().replace('’', "'");
    let statement_mark = plain.ends_with(['.', '!']) || plain.contains(',');
    !statement_mark && QUESTION_OPENERS.split_whitespace().any(|opener| opener == first)
}

pub(super) fn has_time(text: &str) -> bool {
    let is_time = |token: &String| has_digit(token) || TIME.contains(token.to_lowercase().trim_end_matches('s'));
    tokens(text).iter().any(is_time)
}

pub(super) fn has_number(text: &str) -> bool {
    tokens(text).iter().any(|token| has_digit(token) || NUMBER.contains(token.to_lowercase().as_str()))
}

pub(super) fn has_name(text: &str) -> bool {
    tokens(text)
        .iter()
        .any(|token| token.starts_with(char::is_uppercase) && !STOP.contains(token.to_lowercase().as_str()))
}

pub(super) fn is_first_person(text: &str) -> bool {
    tokens(text).iter().any(|token| ["i", "my", "me", "mine"].contains(&token.to_lowercase().as_str()))
}

/// Does the text go on after this point, because it ends an abbreviation or "14." of a date?
fn goes_on(before: &str, after: &str) -> bool {
    let last = before.rsplit(char::is_whitespace).next().unwrap_or_default().trim_start_matches(['(', '"']);
    let next = after.split_whitespace().next().unwrap_or_default().to_lowercase();
    let next_word = next.trim_matches(|letter: char| !letter.is_alphanumeric());
    let abbreviation = ABBREVIATIONS.split_whitespace().any(|known| known == last.to_lowercase());
    let initial = last.chars().count() == 1 && last.starts_with(char::is_uppercase) && last != "I";
    let ordinal = last.len() <= 2 && last.bytes().all(|byte| byte.is_ascii_digit()) && !last.is_empty();
    let lower_next = after.starts_with(char::is_lowercase);
    !after.is_empty() && (abbreviation || initial || lower_next || (ordinal && TIME.contains(next_word)))
}

fn has_digit(token: &str) -> bool {
    token.bytes().any(|byte| byte.is_ascii_digit())
}

fn stem(word: &str) -> String {
    if has_digit(word) {
        let bare = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word);
        return bare.replace(',', "");
    }
    let word = if word.len() > 5 { word.replace("our", "or") } else { word.to_owned() };
    let cut = |ending: &str, length_min: usize| word.strip_suffix(ending).filter(|_| word.len() >= length_min);
    let stem = if let Some(rest) = cut("ies", 5) {
        format!("{rest}y")
    } else if let Some(rest) = cut("ing", 6).or_else(|| cut("ed", 5)) {
        undoubled(rest)
    } else if ["ses", "xes", "zes", "ches", "shes"].iter().any(|ending| word.ends_with(ending)) && word.len() > 4 {
        word[..word.len() - 2].to_owned()
    } else if word.len() > 3 && !["ss", "us", "is"].iter().any(|ending| word.ends_with(ending)) {
        word.strip_suffix('s').unwrap_or(&word).to_owned()
    } else {
        word.clone()
    };
    match stem.strip_suffix('e') {
        Some(rest) if stem.len() > 4 => rest.to_owned(),
        _ => stem,
    }
}

fn undoubled(word: &str) -> String {
    let mut letters = word.chars().rev();
    match (letters.next(), letters.next()) {
        (Some(last), Some(before)) if last == before && !"lsz".contains(last) => {
            word[..word.len() - last.len_utf8()].to_owned()
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{content_words, is_question, sentences};

    #[test]
    fn sentences_survive_dates_and_abbreviations() {
        assert_eq!(
            sentences("Start am 14. März. Dr. Grün leitet es."),
            ["Start am 14. März.", "Dr. Grün leitet es."]
        );
        assert_eq!(sentences("It costs 5.50 euros! Really? Yes"), ["It costs 5.50 euros!", "Really?", "Yes"]);
        assert_eq!(sentences("The answer is 42. The next is 43."), ["The answer is 42.", "The next is 43."]);
    }

    #[test]
    fn inflections_share_a_stem() {
        let stems = |text| content_words(text).into_iter().map(|word| word.stem).collect::<Vec<_>>();
        assert_eq!(stems("launches launched launching"), ["launch"]);
        assert_eq!(stems("planned planning plans"), ["plan"]);
        assert_eq!(stems("the 14th and 14"), ["14"]);
        assert_eq!(stems("favourite favorite"), ["favorit"]);
    }

    #[test]
    fn questions_are_told_from_statements() {
        for question in ["When is it?", "what is the date", "Tell me when we launch.", "Wann ist das"] {
            assert!(is_question(question), "{question}");
        }
        for statement in ["When it rains, we wait.", "The launch is on Friday.", "Remind me to call Bob."] {
            assert!(!is_question(statement), "{statement}");
        }
    }
}
