//! The language: what is read, what is refused and where, and what holds.

use proptest::prelude::*;

use super::*;

fn holds(condition: &str, said: &[&str]) -> Option<String> {
    let said: Vec<Said> = said.iter().map(|text| Said::new(text)).collect();
    let condition = Condition::parse(condition).unwrap_or_else(|error| panic!("{condition}: {error}"));
    condition.holds(&Facts {
        said: &said,
        failed_answers: 0,
        known: Known::default(),
        answer: Some("I do not know."),
    })
}

fn refused(condition: &str) -> String {
    Condition::parse(condition).expect_err(condition).to_string()
}

#[test]
fn the_form_of_old_is_read_unchanged() {
    let asked = ["My invoice is wrong", "Hello?", "The invoice, please", "I was charged twice"];
    assert!(holds("keyword AND count > 2", &asked).is_some());
    assert!(holds("keyword AND count > 3", &asked).is_none());
    assert!(holds("invoice AND count > 1", &asked[..3]).is_some());
    assert!(holds("invoice AND count > 1", &asked).is_none(), "the last message is about something else");
}

#[test]
fn facts_are_computed_from_what_was_said() {
    for (condition, said, expected) in [
        ("refund", "I want a REFUND!", true),
        ("not refund", "I want a refund", false),
        ("keyword in (refund, \"charge back\")", "a charge-back, then", true),
        ("keyword = 4711", "it is number 4711", true),
        ("keyword", "Wo bleibt meine Rechnung?", true),
        ("keyword", "Where is my parcel?", false),
        ("language = de", "Wo ist mein Paket, und was kostet das?", true),
        ("language != de", "Where is my parcel, and what is this?", true),
        ("language in (de, fr)", "Where is my parcel, and what is this?", false),
        ("asks_for_human", "let me talk to a person", true),
        ("asks_for_human and language = en", "I want to talk to a human about this", true),
        ("refund and invoice or lawyer", "my lawyer", true),
        ("refund and (invoice or lawyer)", "my lawyer", false),
        ("NOT NOT refund", "refund", true),
        ("sentiment = negative", "That is ridiculous, I'm fed up", true),
        ("sentiment != negative", "Where is my parcel?", true),
        ("sentiment in (neutral, positive)", "That is perfect, thank you!", true),
    ] {
        assert_eq!(holds(condition, &[said]).is_some(), expected, "{condition}: {said}");
    }
    assert_eq!(
        holds("refund and count > 0", &["refund"]).as_deref(),
        Some("the message holds “refund” and 1 messages hold such words")
    );
    assert_eq!(holds("refund", &[]), None, "without a message nothing holds");
}

#[test]
fn failed_attempts_are_what_people_say_and_what_went_wrong() {
    let said: Vec<Said> =
        ["How do I log in?", "That doesn't work", "Es geht immer noch nicht"].map(Said::new).into();
    let condition = Condition::parse("failed_attempts > 2").unwrap();
    assert_eq!(
        condition.holds(&Facts {
            said: &said,
            failed_answers: 0,
            known: Known::default(),
            answer: Some("I do not know.")
        }),
        None
    );
    let reason = condition.holds(&Facts {
        said: &said,
        failed_answers: 1,
        known: Known::default(),
        answer: Some("I do not know."),
    });
    assert_eq!(reason.as_deref(), Some("3 attempts failed"));
}

#[test]
fn beyond_the_window_nothing_counts() {
    let mut said: Vec<&str> = vec!["refund"; WINDOW];
    said.extend(vec!["hello"; WINDOW - 1]);
    said.push("refund");
    assert!(holds("refund and count = 1", &said).is_some());
}

#[test]
fn what_is_known_besides_the_words_counts_and_what_nobody_knows_makes_nothing_hold() {
    let said = [Said::new("hello")];
    let holds = |condition: &str, known: Known| {
        let condition = Condition::parse(condition).expect(condition);
        assert!(condition.asks_for_known());
        assert_eq!(Condition::parse(&condition.to_string()).as_ref(), Ok(&condition), "it can be read again");
        condition.holds(&Facts { said: &said, failed_answers: 0, known, answer: None })
    };
    let known = Known { open: Some(false), cost_cents: Some(51), silence_minutes: Some(90), vip: true };
    for (condition, reason) in [
        ("hours = closed", "it is outside business hours"),
        ("cost > 50", "the conversation has cost 51 cents"),
        ("silence >= 90", "nothing was said for 90 minutes"),
        ("vip", "the person is marked as important"),
    ] {
        assert_eq!(holds(condition, known).as_deref(), Some(reason), "{condition}");
        assert_eq!(holds(condition, Known::default()), None, "{condition}");
    }
    assert!(holds("hours != open", known).is_some() && holds("hours = open", known).is_none());
    assert!(!Condition::parse("refund and count > 1").expect("a condition").asks_for_known());
}

#[test]
fn a_refusal_says_what_is_wrong_and_where() {
    for (condition, sentence) in [
        ("", "Column 1: a condition is missing."),
        ("refund and", "Column 11: a condition is missing."),
        ("  and refund", "Column 3: a keyword or a fact is missing before `and`."),
        ("für and (", "Column 10: a condition is missing."),
        ("(refund", "Column 8: a closing parenthesis is missing."),
        ("refund)", "Column 7: this parenthesis was never opened."),
        ("refund invoice", "Column 8: `and` or `or` is missing before this."),
        ("refund & invoice", "Column 8: `&` has no meaning here."),
        ("say or \"hello", "Column 8: this quotation mark is not closed."),
        ("count", "Column 6: `count` needs a comparison, such as `> 2`."),
        ("count > many", "Column 9: a whole number from 0 to 10000 is missing."),
        ("count > 10001", "Column 9: a whole number from 0 to 10000 is missing."),
        ("keyword in refund", "Column 12: a list in parentheses must follow `in`."),
        ("keyword in ()", "Column 13: a keyword is missing."),
        ("keyword > 2", "Column 9: a keyword can be compared by `=` and `in` only; put `not` before it."),
        ("language = klingon", "Column 12: a language is missing: en, de, fr, es, pt."),
    ] {
        assert_eq!(refused(condition), sentence, "{condition}");
    }
    assert_eq!(
        refused("SENTIMENT < 0"),
        "Column 11: `sentiment` needs a comparison, such as `= negative` or `in (negative, neutral)`."
    );
    assert_eq!(refused("sentiment = bad"), "Column 13: `negative`, `neutral` or `positive` is missing.");
    assert_eq!(refused("confidence < 1"), "Column 12: `confidence` needs a comparison: `= high` or `= low`.");
    assert_eq!(refused("confidence = some"), "Column 14: `high` or `low` is missing.");
    assert_eq!(refused("hours"), "Column 6: `hours` needs a comparison: `= open` or `= closed`.");
    assert_eq!(refused("hours = noon"), "Column 9: `open` or `closed` is missing.");
    assert_eq!(refused("silence"), "Column 8: `silence` needs a comparison, such as `> 2`.");
    assert!(refused("failed_attemps > 2").contains("is no fact"));
    assert!(refused("1; drop table").contains("`;` has no meaning here"));
    assert!(Condition::parse("\"vip\"").is_ok(), "as a word it may be used");
}

#[test]
fn an_answer_that_does_not_know_hands_over_and_before_there_is_one_nothing_does() {
    let said = [Said::new("Can I return it? This is ridiculous")];
    let holds = |condition: &str, answer: Option<&str>| {
        let condition = Condition::parse(condition).expect(condition);
        assert!(condition.asks_for_answer() && !condition.asks_for_known());
        assert_eq!(Condition::parse(&condition.to_string()).as_ref(), Ok(&condition), "it can be read again");
        condition.holds(&Facts { said: &said, failed_answers: 0, known: Known::default(), answer })
    };
    let (doubts, knows) = (Some("I'm afraid I don't know."), Some("Yes, within 30 days."));
    assert_eq!(holds("confidence = low", doubts).as_deref(), Some("the answer says that it does not know"));
    assert_eq!(holds("confidence = low", knows), None);
    assert!(holds("confidence != low", knows).is_some() && holds("confidence = high", knows).is_some());
    assert_eq!(
        holds("sentiment = negative and confidence = low", doubts).as_deref(),
        Some("the message sounds negative and the answer says that it does not know")
    );
    for condition in
        ["confidence = low", "confidence != low", "not confidence = high", "return* or confidence = low"]
    {
        assert_eq!(holds(condition, None), None, "{condition}");
    }
}

/// 179: what takes for ever to match, or to read.
#[test]
fn attack_179_conditions_have_limits_and_matching_is_linear() {
    let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
    assert!(refused(&deep).contains("levels"));
    assert!(refused(&"not ".repeat(100)).contains("levels"));
    assert!(refused(&"a".repeat(LENGTH_MAX + 1)).contains("characters at most"));
    let many = format!("keyword in ({})", vec!["a"; KEYWORDS_MAX + 1].join(","));
    assert!(refused(&many).contains("keywords are the most"));
    assert!(refused("(a+)+$").contains("Column 3"), "a pattern is none");
    // What makes engines that go back try for ever.
    let text = "a".repeat(40_000) + "!";
    let begun = std::time::Instant::now();
    for condition in ["a* and count > 1", "\"a a a a a b\"", "asks_for_human or failed_attempts > 5"] {
        holds(condition, &[text.as_str(); WINDOW]);
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

fn node() -> impl Strategy<Value = Node> {
    let word = "[a-zäß]{1,8}( [a-z]{1,4})?\\*?";
    let keyword = word.prop_map(|word| Keyword::new(&word).expect("it has a letter"));
    let leaf = prop_oneof![
        proptest::collection::vec(keyword, 1..4).prop_map(Node::Keywords),
        Just(Node::Billing),
        Just(Node::AsksForHuman),
        Just(Node::Vip),
        Just(Node::Hours(true)),
        (0..9_u32).prop_map(|number| Node::Number(Counter::Silence, Comparison::Less, number)),
        (0..9_u32).prop_map(|number| Node::Number(Counter::Count, Comparison::AtLeast, number)),
        (0..9_u32).prop_map(|number| Node::Number(Counter::FailedAttempts, Comparison::Unequal, number)),
        Just(Node::Languages(vec![Language::German, Language::French])),
        Just(Node::Feelings(vec![Feeling::Negative, Feeling::Neutral])),
        any::<bool>().prop_map(Node::Confident),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|node| Node::Not(Box::new(node))),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Node::All(vec![left, right])),
            (inner.clone(), inner).prop_map(|(left, right)| Node::Any(vec![left, right])),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What is written down is read as what it was, up to parentheses that change nothing.
    #[test]
    fn a_condition_is_read_as_it_is_written(node in node(), texts in proptest::collection::vec(".{0,40}", 1..4)) {
        let written = node.to_string();
        prop_assume!(written.chars().count() <= LENGTH_MAX);
        let read = Condition::parse(&written).map_err(|error| TestCaseError::fail(format!("{written}: {error}")))?;
        prop_assert_eq!(Condition::parse(&read.to_string()).unwrap(), read.clone());
        let original = Condition { root: node, counted: read.counted.clone() };
        let said: Vec<Said> = texts.iter().map(|text| Said::new(text)).collect();
        let facts = Facts { said: &said, failed_answers: 1, known: Known::default(), answer: Some("I do not know.") };
        prop_assert_eq!(original.holds(&facts).is_some(), read.holds(&facts).is_some());
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}") {
        if let Err(error) = Condition::parse(&text) {
            prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{error}");
        }
    }

    /// `not` turns every answer around, and `and`, `or` are what they are everywhere.
    #[test]
    fn logic_is_logic(node in node(), text in "[a-zäß ]{0,40}") {
        let said = [Said::new(&text)];
        let facts = Facts { said: &said, failed_answers: 2, known: Known::default(), answer: Some("I do not know.") };
        let of = |root| Condition { root, counted: Vec::new() }.holds(&facts).is_some();
        let plain = of(node.clone());
        prop_assert_eq!(of(Node::Not(Box::new(node.clone()))), !plain);
        prop_assert_eq!(of(Node::All(vec![node.clone(), Node::Billing])), plain && of(Node::Billing));
        prop_assert_eq!(of(Node::Any(vec![node, Node::Billing])), plain || of(Node::Billing));
    }

    /// A keyword is found where its words stand, whatever is around them.
    #[test]
    fn a_keyword_is_found_between_words(before in "[a-z]{0,6}", after in "[a-z]{0,6}", glued in any::<bool>()) {
        let text = if glued { format!("{before}refund{after}") } else { format!("{before}, refund! {after}") };
        let is_word = !glued || before.is_empty() && after.is_empty();
        let elsewhere = before == "refund" || after == "refund";
        prop_assert_eq!(Plain::new(&text).holds(&Keyword::new("refund").unwrap()), is_word || !glued && elsewhere);
    }
}
