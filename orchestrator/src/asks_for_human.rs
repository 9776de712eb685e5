//! Whether a message asks for a human: by a list of words, so that it works without a model, too.
//!
//! Only a message that says nothing else counts. "A human wrote this text" does not; what is unclear goes to the agent.

/// Whole messages, in lower case, without politeness and punctuation.
const ASKS: [&str; 32] = [
    "human",
    "a human",
    "human agent",
    "live agent",
    "real person",
    "a real person",
    "a person",
    "operator",
    "talk to a human",
    "talk to a person",
    "talk to a real person",
    "speak to a human",
    "speak to a person",
    "speak to a real person",
    "i want a human",
    "i need a human",
    "i want to talk to a human",
    "i want to speak to a human",
    "can i talk to a human",
    "can i speak to a human",
    "get me a human",
    "mensch",
    "ein mensch",
    "einen menschen",
    "mitarbeiter",
    "ein mitarbeiter",
    "echter mensch",
    "mit einem menschen sprechen",
    "mit einem menschen reden",
    "ich möchte mit einem menschen sprechen",
    "ich will mit einem menschen sprechen",
    "kann ich mit einem menschen sprechen",
];
const POLITE: [&str; 4] = ["please", "bitte", "hello", "hallo"];
/// Longer messages say something else as well.
const LENGTH_MAX: usize = 80;

pub fn asks_for_human(text: &str) -> bool {
    if text.len() > LENGTH_MAX {
        return false;
    }
    let plain: String = text.chars().map(|letter| if letter.is_alphanumeric() { letter } else { ' ' }).collect();
    let lower = plain.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().filter(|word| !POLITE.contains(word)).collect();
    ASKS.contains(&words.join(" ").as_str())
}

#[cfg(test)]
mod tests {
    use super::asks_for_human;

    #[test]
    fn a_message_that_only_asks_for_a_human_does() {
        for text in [
            "human",
            "Human!",
            " a human, please. ",
            "MENSCH",
            "Mensch bitte",
            "Can I talk to a human?",
            "Ich möchte mit einem Menschen sprechen.",
            "*human*",
        ] {
            assert!(asks_for_human(text), "{text}");
        }
    }

    #[test]
    fn a_message_that_says_more_is_the_agents() {
        for text in [
            "",
            "humans",
            "Is there a human gene for that?",
            "human resources",
            "a human wrote this",
            "please",
            "Unmensch",
            "I want a human readable date",
            "human human",
        ] {
            assert!(!asks_for_human(text), "{text}");
        }
    }
}
