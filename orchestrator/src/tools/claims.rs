//! Claims of having acted: pure, by patterns, on the words that are about to be sent. What an answer says was done must stand
//! in the ledger; a sentence that says otherwise is not sent. See decision 0083.

use std::sync::LazyLock;

use regex::Regex;

/// In the place of what was not true.
const NOTHING_DONE: &str = "_(I have not carried out any action here.)_";

macro_rules! deeds {
    () => {
        "created|opened|sent|booked|ordered|cancell?ed|deleted|removed|updated|changed|filed|submitted|scheduled|refunded|\
         transferred|closed|assigned|posted|published|paid|issued|raised|placed|reserved|registered|notified|emailed|\
         e-mailed|reset|activated|deactivated|processed|completed|forwarded"
    };
}

macro_rules! deeds_de {
    () => {
        "erstellt|angelegt|eröffnet|gesendet|verschickt|versendet|geschickt|gebucht|bestellt|storniert|gelöscht|entfernt|\
         aktualisiert|geändert|erstattet|überwiesen|geschlossen|zugewiesen|veröffentlicht|bezahlt|eingereicht|reserviert|\
         weitergeleitet|zurückgesetzt|aktiviert"
    };
}

/// What was said by others stands in quotes.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| pattern(r#""[^"]*"|“[^”]*”|„[^“]*“|«[^»]*»"#));
static CLAIMS: LazyLock<[Regex; 5]> = LazyLock::new(|| {
    [
        concat!(
            r"(?i)\b(?:i|we)(?:['’]ve|\s+have)?(?:\s+(?:now|just|already|also|successfully|gone ahead and))*\s+(?:",
            deeds!(),
            r")\b"
        ),
        concat!(
            r"(?i)\b(?:has|have)(?:\s+(?:now|just|already|also|successfully))*\s+been(?:\s+(?:now|just|already|successfully))*\s+(?:",
            deeds!(),
            r")\b"
        ),
        concat!(
            r"(?i)\b(?:your|the|a)\s+(?:\w+\s+){0,2}(?:ticket|order|refund|booking|e-?mail|message|invoice|meeting|payment|request|reservation|case|issue|appointment)\s+(?:is|was|are|were)(?:\s+(?:now|just|already|successfully))*\s+(?:",
            deeds!(),
            r")\b"
        ),
        concat!(r"(?i)\b(?:ich habe|wir haben|habe ich|haben wir)\b[^.!?\n]{0,80}?\b(?:", deeds_de!(), r")\b"),
        concat!(r"(?i)\b(?:wurden?|ist|sind)\b[^.!?\n]{0,40}?\b(?:", deeds_de!(), r")\b"),
    ]
    .map(pattern)
});
/// "Done!" where nothing was asked.
static DONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^\W*(?:all )?(?:done|erledigt)\b"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of ours is valid")
}

/// Whether any sentence says that something was done.
pub fn claims_action(text: &str) -> bool {
    sentences(text).into_iter().any(is_claim)
}

/// The text without sentences that say that something was done; `None`: there are none.
pub fn without_claims(text: &str) -> Option<String> {
    let (claims, rest): (Vec<&str>, Vec<&str>) =
        sentences(text).into_iter().partition(|sentence| is_claim(sentence));
    if claims.is_empty() {
        return None;
    }
    let rest = rest.concat();
    let gap = if rest.trim().is_empty() { "" } else { "\n\n" };
    Some(format!("{}{gap}{NOTHING_DONE}", rest.trim_end()))
}

fn is_claim(sentence: &str) -> bool {
    let own = QUOTED.replace_all(sentence, "");
    if own.trim_end().ends_with('?') {
        return false;
    }
    DONE.is_match(&own) || CLAIMS.iter().any(|claim| claim.is_match(&own))
}

/// With what follows them, so that put together they are the text again.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let ends = rest.char_indices().zip(rest.chars().skip(1).map(Some).chain([None]));
        let end = ends
            .filter(|((_, letter), next)| {
                *letter == '\n' || (".!?".contains(*letter) && next.is_none_or(char::is_whitespace))
            })
            .map(|((at, letter), _)| at + letter.len_utf8())
            .next()
            .unwrap_or(rest.len());
        let (sentence, after) = rest.split_at(end);
        sentences.push(sentence);
        rest = after;
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_of_action_is_noticed_in_both_languages() {
        for claim in [
            "I have opened a ticket for you.",
            "I've just sent the mail!",
            "I created ticket 4711.",
            "Your ticket has been created.",
            "The refund was issued.",
            "Sure. We have already cancelled your order.",
            "Ich habe ein Ticket für dich angelegt.",
            "Das habe ich soeben gebucht.",
            "Die Bestellung wurde storniert.",
            "Done! Anything else?",
            "Erledigt.",
        ] {
            assert!(claims_action(claim), "{claim}");
        }
        for honest in [
            "I can open a ticket for you.",
            "I have not opened a ticket.",
            "Shall I have opened it?",
            "Have I sent it?",
            "You told me: \"I have sent the invoice.\"",
            "Ada told me: \"The ticket was closed.\"",
            "17 * 23 is 391.",
            "I would need approval to open the ticket.",
            "Ich kann ein Ticket anlegen.",
            "The shop opened in 1999.",
        ] {
            assert!(!claims_action(honest), "{honest}");
        }
    }

    #[test]
    fn only_the_claim_is_left_out() {
        let text = "It is 391. I have sent the mail. Ask me again.";
        assert_eq!(
            without_claims(text).as_deref(),
            Some("It is 391. Ask me again.\n\n_(I have not carried out any action here.)_").filter(|_| true)
        );
        assert_eq!(without_claims("It is 391."), None);
        assert_eq!(without_claims("I've sent it.").as_deref(), Some(NOTHING_DONE));
    }
}
