//! What a prompt says of memory: messages as said, facts drawn from them, and passages of documents, each with its source.

use shared::db::{
    media::REMEMBERED_MARK,
    memories::{Kind, Recalled},
};
use time::{OffsetDateTime, macros::format_description};

use crate::prompt::one_line;

/// Characters of messages and facts, best first; about 1,250 tokens.
pub const MEMORY_CHARS_MAX: usize = 5_000;
/// Of passages, beside them: a handbook takes no room from what people said.
const PASSAGES_CHARS_MAX: usize = 4_000;
const MEMORY_LINE_CHARS_MAX: usize = 400;
/// Of a memory that holds a file.
pub const FILE_MEMORY_CHARS_MAX: usize = 1_200;
const PASSAGE_CHARS_MAX: usize = 1_000;
const TITLE_CHARS_MAX: usize = 120;

const SAID: &str = "What you remember from earlier conversations:";
const KNOWN: &str = "Facts drawn from what was said, as they stand now; of two that differ, the later one holds:";
const WRITTEN: &str =
    "From documents you were given to read. Where you use one, name it at the end: (source: its title).";

/// What memory adds to the instructions, in the order things happened: later ones may correct earlier ones.
pub fn sections(memories: &[Recalled]) -> Vec<String> {
    let mut chosen = fitting(memories);
    chosen.sort_by_key(|(memory, _)| (memory.said_at, memory.id));
    let of = |heading: &str, is_it: fn(&Kind) -> bool| {
        let lines = chosen.iter().filter(|(memory, _)| is_it(&memory.kind)).map(|(_, line)| line.as_str());
        let lines = lines.collect::<Vec<_>>().join("\n");
        (!lines.is_empty()).then(|| format!("{heading}\n{lines}"))
    };
    let said = of(SAID, |kind| matches!(kind, Kind::Message { .. }));
    let known = of(KNOWN, |kind| matches!(kind, Kind::Fact { .. }));
    let written = of(WRITTEN, |kind| matches!(kind, Kind::Passage { .. }));
    [said, known, written].into_iter().flatten().collect()
}

/// The best that fit, best first.
pub fn fitting(memories: &[Recalled]) -> Vec<(&Recalled, String)> {
    let (mut room, mut room_of_passages) = (Some(MEMORY_CHARS_MAX), Some(PASSAGES_CHARS_MAX));
    let mut chosen: Vec<(&Recalled, String)> = Vec::new();
    for memory in memories.iter().filter(|memory| !is_told_already(memory, memories)) {
        let line = line(memory);
        let room = if matches!(memory.kind, Kind::Passage { .. }) { &mut room_of_passages } else { &mut room };
        // What fits after something better did not is not told in its place.
        *room = room.and_then(|left| left.checked_sub(line.chars().count()));
        if room.is_some() {
            chosen.push((memory, line));
        }
    }
    chosen
}

/// A fact that still holds, in the words of a message that is told anyway.
fn is_told_already(memory: &Recalled, memories: &[Recalled]) -> bool {
    let repeats = |message: &Recalled| {
        message.author == memory.author && one_line(&message.body).contains(&one_line(&memory.body))
    };
    matches!(memory.kind, Kind::Fact { until: None })
        && memories.iter().any(|other| matches!(other.kind, Kind::Message { .. }) && repeats(other))
}

fn line(memory: &Recalled) -> String {
    let cut = |text: &str, most: usize| one_line(text).chars().take(most).collect::<String>();
    let since = match memory.kind {
        Kind::Message { outdated_at: Some(at) } => format!(", no longer so since {}", minute(at)),
        Kind::Fact { until: Some(at) } => format!(", held until {}", minute(at)),
        _ => String::new(),
    };
    let (source, most) = match &memory.kind {
        Kind::Passage { title } => {
            (format!("[source: {}]", cut(title, TITLE_CHARS_MAX).replace(['[', ']'], "")), PASSAGE_CHARS_MAX)
        }
        _ => {
            let holds_file = memory.body.contains(REMEMBERED_MARK);
            let most = if holds_file { FILE_MEMORY_CHARS_MAX } else { MEMORY_LINE_CHARS_MAX };
            (format!("[{}{since}] {}:", minute(memory.said_at), one_line(&memory.author)), most)
        }
    };
    format!("- {source} {}", cut(&memory.body, most))
}

fn minute(time: OffsetDateTime) -> String {
    time.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shared::ids::MemoryId;
    use time::macros::datetime;

    use super::*;

    fn memory(kind: Kind, body: &str) -> Recalled {
        Recalled {
            id: MemoryId::new(),
            kind,
            message: None,
            conversation: None,
            author: "Ada".into(),
            said_at: datetime!(2026-11-20 14:03 UTC),
            body: body.into(),
            score: 1.0,
        }
    }

    #[test]
    fn each_kind_names_its_source() {
        let until = Some(datetime!(2026-11-21 09:00 UTC));
        let told = sections(&[
            memory(Kind::Passage { title: "Travel [2026]\npolicy".into() }, "Hotels up to 120 euros."),
            memory(Kind::Fact { until: None }, "The launch is on 15 March."),
            memory(Kind::Message { outdated_at: until }, "The launch is on 14 March."),
            memory(Kind::Fact { until }, "The launch is on 14 March."),
        ]);
        assert_eq!(
            told.join("\n"),
            format!(
                "{SAID}\n- [2026-11-20 14:03, no longer so since 2026-11-21 09:00] Ada: The launch is on 14 March.\n\
                 {KNOWN}\n- [2026-11-20 14:03] Ada: The launch is on 15 March.\n\
                 - [2026-11-20 14:03, held until 2026-11-21 09:00] Ada: The launch is on 14 March.\n\
                 {WRITTEN}\n- [source: Travel 2026 policy] Hotels up to 120 euros."
            )
        );
    }

    #[test]
    fn a_fact_is_not_told_twice_and_documents_take_no_room_from_people() {
        let said = memory(Kind::Message { outdated_at: None }, "Hi! The launch is on 15 March.");
        let fact = memory(Kind::Fact { until: None }, "The launch is on 15 March.");
        assert_eq!(fitting(&[fact, said.clone()]).len(), 1);
        let mut many: Vec<Recalled> =
            (0..20).map(|_| memory(Kind::Passage { title: "T".into() }, &"x".repeat(900))).collect();
        many.push(said);
        let told = fitting(&many);
        assert_eq!(told.len(), 5);
        assert!(matches!(told[4].0.kind, Kind::Message { .. }));
    }
}
