//! Where a growing answer may be cut: into pieces that are shown one after the other, and into messages.
//!
//! Pure. Nothing is trimmed and nothing is added to the text itself, so that what people see can be held against what is on
//! disk, byte for byte; the marks that close and open a code fence between two messages are kept apart.

/// Longest text of one streamed message, in characters as they are sent. Slack's own limit is 12,000; an update of the same
/// message must be able to carry it, too.
pub const MESSAGE_MAX: usize = 9_000;
/// A piece is held back for the rest of a link no longer than this.
const LINK_MAX: usize = 600;
/// Nor for the end of a word that has none.
const UNBROKEN_MAX: usize = 2_000;
const FENCE: &str = "```";
/// Room for the mark that closes a fence.
const TAIL_MAX: usize = 4;

/// How many bytes of what is new may be shown: whole words, whole links, whole runs of backticks; up to the end of a
/// sentence if there is one.
pub fn ready(new: &str) -> usize {
    let limit = before_open_link(new);
    let head = &new[..limit];
    let mut word = 0;
    let mut sentence = 0;
    let mut letters = head.char_indices().peekable();
    while let Some((_, letter)) = letters.next() {
        let end = letters.peek().map_or(head.len(), |(next, _)| *next);
        // Scripts without spaces may be cut anywhere.
        if letter.is_whitespace() || (letter >= '\u{2e80}' && letter.is_alphabetic()) {
            word = end;
        }
        if letter.is_whitespace() && head[..end].trim_end().ends_with(['.', '!', '?', ':', '。', '！', '？'])
            || letter == '\n'
        {
            sentence = end;
        }
    }
    match (sentence, word) {
        (0, 0) if head.len() > UNBROKEN_MAX => head.trim_end_matches('`').len(),
        (0, word) => word,
        (sentence, _) => sentence,
    }
}

/// A link whose end has not arrived is not shown yet.
fn before_open_link(new: &str) -> usize {
    let Some(open) = new.rfind('[') else { return new.len() };
    let rest = &new[open..];
    let complete = match rest.find(']') {
        None => false,
        Some(close) => match rest[close + 1..].chars().next() {
            None => false,
            Some('(') => rest[close..].contains(')'),
            Some(_) => true,
        },
    };
    if complete || rest.len() > LINK_MAX { new.len() } else { open }
}

/// What a step of laying out a text does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message begins, with the mark that opens a fence again.
    Begin(String),
    /// A piece of text belongs to the message at hand.
    Append(String),
    /// The message is full; the mark closes an open fence.
    End(String),
}

/// How a growing text is laid out over messages.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    begun: bool,
    used: usize,
    /// The line that opened the code fence the text is in.
    fence: Option<String>,
}

impl Layout {
    /// Of a text whose last message holds `whole` so far, which begins with `head`.
    pub fn resume(head: &str, body: &str) -> Self {
        let mut layout = Self { begun: true, used: cost(head), fence: None };
        layout.count(head);
        layout.used = cost(head) + cost(body);
        layout.count(body);
        layout
    }

    /// Where the next piece of the text goes.
    pub fn lay(&mut self, text: &str) -> Vec<Step> {
        let (mut steps, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            if !self.begun {
                let head = self.fence.as_ref().map(|opening| format!("{opening}\n")).unwrap_or_default();
                (self.begun, self.used) = (true, cost(&head));
                steps.push(Step::Begin(head));
            }
            let room = MESSAGE_MAX.saturating_sub(self.used + TAIL_MAX);
            let cut =
                if cost(rest) <= room { rest.len() } else { best_cut(rest, room, self.used > MESSAGE_MAX / 2) };
            let (piece, later) = rest.split_at(cut);
            if !piece.is_empty() {
                self.used += cost(piece);
                self.count(piece);
                steps.push(Step::Append(piece.to_owned()));
            }
            if !later.is_empty() {
                steps.push(self.end());
            }
            rest = later;
        }
        steps
    }

    /// The message at hand ends here, full or not.
    pub fn end(&mut self) -> Step {
        self.begun = false;
        Step::End(if self.fence.is_some() { format!("\n{FENCE}") } else { String::new() })
    }

    fn count(&mut self, text: &str) {
        for (at, _) in text.match_indices(FENCE) {
            let language: String =
                text[at + FENCE.len()..].chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
            self.fence = if self.fence.is_some() { None } else { Some(format!("{FENCE}{language}")) };
        }
    }
}

/// The last paragraph, line, sentence or word that fits. `may_wait`: nothing at all is an answer, too; the next message has
/// room for it.
fn best_cut(text: &str, room: usize, may_wait: bool) -> usize {
    let mut used = 0;
    let limit = text.char_indices().find(|(_, letter)| {
        used += letter_cost(*letter);
        used > room
    });
    let head = &text[..limit.map_or(text.len(), |(index, _)| index)];
    let late = |end: &usize| *end > head.len() / 2;
    let after = |mark: &str| head.rfind(mark).map(|start| start + mark.len());
    let cut = after("\n\n").filter(late).or_else(|| after("\n").filter(late));
    let cut = cut.or_else(|| after(". ").filter(late)).or_else(|| after(" ").filter(late));
    match cut {
        Some(cut) => cut,
        None if may_wait => 0,
        // Not through a run of backticks: half a fence is none.
        None => head.trim_end_matches('`').len().max(head.chars().next().map_or(0, char::len_utf8)),
    }
}

/// A text that ends here, with its last code fence closed.
pub fn closed(text: &str) -> String {
    let open = text.matches(FENCE).count() % 2 == 1;
    if open { format!("{}\n{FENCE}", text.trim_end()) } else { text.trim_end().to_owned() }
}

fn cost(text: &str) -> usize {
    text.chars().map(letter_cost).sum()
}

fn letter_cost(letter: char) -> usize {
    match letter {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(layout: &mut Layout, text: &str) -> Vec<(String, String, String)> {
        let mut messages: Vec<(String, String, String)> = Vec::new();
        for step in layout.lay(text) {
            match step {
                Step::Begin(head) => messages.push((head, String::new(), String::new())),
                Step::Append(piece) => messages.last_mut().unwrap().1.push_str(&piece),
                Step::End(tail) => messages.last_mut().unwrap().2 = tail,
            }
        }
        messages
    }

    #[test]
    fn pieces_end_with_words_and_sentences_and_never_within_a_link() {
        for (new, shown) in [
            ("Hel", ""),
            ("Hello wor", "Hello "),
            ("Hello. And th", "Hello. "),
            ("See [the han", "See "),
            ("See [the handbook](https://a.exam", "See "),
            ("See [the handbook](https://a.example) now", "See [the handbook](https://a.example) "),
            ("| a [x] b | c", "| a [x] b | "),
            ("日本語のテ", "日本語のテ"),
            ("```ru", ""),
        ] {
            assert_eq!(&new[..ready(new)], shown, "{new:?}");
        }
        let endless = format!("[{}", "word ".repeat(200));
        assert!(ready(&endless) > LINK_MAX, "what is no link does not hold the answer back for ever");
    }

    #[test]
    fn a_long_text_is_laid_out_without_losing_a_byte_and_fences_go_on() {
        let code = "let x = 1 < 2 && y;\n".repeat(1_500);
        let text = format!("Intro.\n\n```rust\n{code}```\n\n{}", "And so on. ".repeat(2_000));
        let mut layout = Layout::default();
        let messages = laid(&mut layout, &text);
        assert!(messages.len() > 5);
        assert_eq!(messages.iter().map(|(_, body, _)| body.as_str()).collect::<String>(), text);
        for (head, body, tail) in &messages {
            let whole = format!("{head}{body}{tail}");
            assert!(cost(&whole) <= MESSAGE_MAX, "{}", cost(&whole));
            assert_eq!(whole.matches(FENCE).count() % 2, 0, "every fence is closed where it is opened");
        }
        assert_eq!((messages[1].0.as_str(), messages[0].2.as_str()), ("```rust\n", "\n```"));
        assert_eq!(layout.end(), Step::End(String::new()), "the fence was closed in the end");
    }

    #[test]
    fn text_without_a_single_space_is_cut_all_the_same() {
        let text = "ü".repeat(20_000);
        let messages = laid(&mut Layout::default(), &text);
        assert_eq!(messages.iter().map(|(_, body, _)| body.as_str()).collect::<String>(), text);
        let growing = (0..400).map(|n| format!("word{n} ")).collect::<String>();
        let mut layout = Layout::default();
        let mut bodies = String::new();
        for piece in growing.split_inclusive(' ') {
            bodies.extend(layout.lay(piece).into_iter().map(|step| match step {
                Step::Append(piece) => piece,
                _ => String::new(),
            }));
        }
        assert_eq!(bodies, growing);
    }
}
