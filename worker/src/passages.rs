//! Cuts a document's text into passages: whole paragraphs where they fit, whole sentences where not, each under the heading
//! it stands under.

/// Letters of a passage. The embedding model reads about a thousand.
const PASSAGE_CHARS_MAX: usize = 800;
/// Of a heading that is repeated in front of its passages.
const HEADING_CHARS_MAX: usize = 80;

pub fn passages(text: &str) -> Vec<String> {
    let mut cut = Cut::default();
    for paragraph in paragraphs(text) {
        if let Some(heading) = heading(&paragraph) {
            cut.end();
            cut.heading = heading;
        } else if paragraph.chars().count() <= PASSAGE_CHARS_MAX {
            cut.add(&paragraph, "\n");
        } else {
            pieces(&paragraph).iter().for_each(|piece| cut.add(piece, " "));
        }
    }
    cut.end();
    cut.passages
}

#[derive(Default)]
struct Cut {
    passages: Vec<String>,
    heading: String,
    open: String,
}

impl Cut {
    fn add(&mut self, piece: &str, gap: &str) {
        let length = |text: &str| text.chars().count();
        if !self.open.is_empty() && length(&self.open) + length(piece) + 1 > PASSAGE_CHARS_MAX {
            self.end();
        }
        if !self.open.is_empty() {
            self.open.push_str(gap);
        }
        self.open.push_str(piece);
    }

    fn end(&mut self) {
        let body = std::mem::take(&mut self.open);
        if body.is_empty() {
            return;
        }
        self.passages.push(if self.heading.is_empty() { body } else { format!("{}: {body}", self.heading) });
    }
}

/// Separated by an empty line; lines of one that are short stay lines (tables, lists).
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim) {
        let last = paragraphs.len() - 1;
        if line.is_empty() || heading(line).is_some() {
            paragraphs.push(line.to_owned());
            paragraphs.push(String::new());
        } else {
            if !paragraphs[last].is_empty() {
                paragraphs[last].push('\n');
            }
            paragraphs[last].push_str(line);
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// As Markdown and pages of HTML mark one.
fn heading(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?.trim();
    (!title.is_empty() && !line.contains('\n')).then(|| title.chars().take(HEADING_CHARS_MAX).collect())
}

/// Sentences, and where one is longer than a passage, words.
fn pieces(paragraph: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    for sentence in paragraph.split_inclusive(['.', '!', '?', '\n', '。']) {
        if sentence.chars().count() <= PASSAGE_CHARS_MAX {
            pieces.push(sentence.trim().to_owned());
            continue;
        }
        let letters: Vec<char> = sentence.trim().chars().collect();
        let mut rest = letters.as_slice();
        while !rest.is_empty() {
            let most = rest.len().min(PASSAGE_CHARS_MAX);
            let gap = rest[..most].iter().rposition(|letter| letter.is_whitespace()).filter(|at| *at > 0);
            let end = if most == rest.len() { most } else { gap.unwrap_or(most) };
            pieces.push(rest[..end].iter().collect::<String>().trim().to_owned());
            rest = &rest[end..];
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_stay_whole_and_carry_their_heading() {
        let text =
            "# Travel\n\nHotels up to 120 euros are paid.\n\nTrains: second class.\n\n## Food\nLunch is 15 euros.";
        assert_eq!(
            passages(text),
            ["Travel: Hotels up to 120 euros are paid.\nTrains: second class.", "Food: Lunch is 15 euros."]
        );
    }

    #[test]
    fn nothing_is_lost_and_no_passage_is_too_long() {
        let sentence = "The quick brown fox jumps over the lazy dog. ";
        let endless = "x".repeat(2_500);
        let text = format!("{}\n\n{endless}\n\n{}", sentence.repeat(60), "word ".repeat(700));
        let cut = passages(&text);
        assert!(cut.iter().all(|passage| passage.chars().count() <= PASSAGE_CHARS_MAX && !passage.is_empty()));
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).count();
        assert_eq!(cut.iter().map(|passage| letters(passage)).sum::<usize>(), letters(&text));
        assert_eq!(passages(" \n\n "), [""; 0]);
    }
}
