//! Whether a case has passed: pure, by what its answer must hold, and by the tenant's rules.

use shared::{
    conditions::{Condition, Facts, Known, Said},
    db::{escalation_rules::Rule, escalations::ASKED, rehearsals::cases::Shape},
};

use crate::prompt::one_line;

/// Why a human would get the question: before a model is asked, or with its answer.
pub fn hand_over(question: &str, rules: &[Rule], answer: Option<&str>) -> Option<String> {
    let said = [Said::new(question)];
    if said[0].asks_for_human() {
        return Some(ASKED.to_owned());
    }
    let facts = Facts { said: &said, failed_answers: 0, known: Known::default(), answer };
    rules.iter().filter(|rule| rule.enabled).find_map(|rule| {
        let reason = Condition::parse(&rule.condition).ok()?.holds(&facts)?;
        Some(format!("{reason} (rule “{}”)", rule.name))
    })
}

/// What it lacks that is handed over with this reason.
pub fn of_hand_over(case: &Shape, reason: &str) -> Vec<String> {
    if case.must_escalate {
        return Vec::new();
    }
    vec![format!("It is handed to a human before it is answered: {reason}.")]
}

/// What this answer lacks.
pub fn of_answer(case: &Shape, rules: &[Rule], answer: &str) -> Vec<String> {
    let plain = |text: &str| one_line(text).to_lowercase();
    let mut complaints = Vec::new();
    match hand_over(&case.question, rules, Some(answer)) {
        Some(_) if case.must_escalate => return complaints,
        Some(reason) => complaints.push(format!("It is handed to a human with its answer: {reason}.")),
        None if case.must_escalate => complaints.push("No rule hands it to a human.".to_owned()),
        None => {}
    }
    let answer = plain(answer);
    let missing = case.must_contain.iter().filter(|text| !answer.contains(&plain(text)));
    complaints.extend(missing.map(|text| format!("The answer does not contain “{text}”.")));
    let uncited = case.must_cite.iter().filter(|title| !answer.contains(&format!("source: {}", plain(title))));
    complaints.extend(uncited.map(|title| format!("The answer does not cite “{title}”.")));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Shape {
        Shape {
            name: "Hotels".into(),
            question: "How much may hotels cost?".into(),
            agent: None,
            must_contain: vec!["120 Euros".into()],
            must_cite: vec!["Travel handbook".into()],
            must_escalate: false,
            blocks: true,
        }
    }

    #[test]
    fn an_answer_is_held_against_every_word_of_the_case() {
        assert!(of_answer(&case(), &[], "Up to 120\neuros. (source: Travel Handbook)").is_empty());
        assert_eq!(
            of_answer(&case(), &[], "Up to 100 euros."),
            ["The answer does not contain “120 Euros”.", "The answer does not cite “Travel handbook”."]
        );
        let handed = Shape { must_escalate: true, must_contain: Vec::new(), must_cite: Vec::new(), ..case() };
        assert_eq!(of_answer(&handed, &[], "Sure."), ["No rule hands it to a human."]);
        assert!(of_hand_over(&handed, "because").is_empty());
        assert_eq!(of_hand_over(&case(), "because").len(), 1);
    }

    #[test]
    fn whoever_asks_for_a_human_is_handed_over_without_a_rule() {
        assert!(hand_over("Can I speak to a human please?", &[], None).is_some());
        assert_eq!(hand_over("How much may hotels cost?", &[], None), None);
    }
}
