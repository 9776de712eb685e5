//! Rules of tenants, and the messages they are held against: a line of rule, the rest is a message.

use shared::conditions::{Condition, Facts, Known, LENGTH_MAX, Said};

use super::first_line;

/// Nothing breaks the reader; what it takes it writes down as the same; whatever is said, the answer is the same twice.
pub fn condition(input: &[u8]) {
    let (rule, message) = first_line(input);
    let message = String::from_utf8_lossy(message);
    match Condition::parse(&rule) {
        Err(error) => {
            let length = rule.chars().count().min(LENGTH_MAX);
            assert!(error.column >= 1 && error.column <= length + 1, "{error} of {length}");
            assert!(error.message.chars().count() <= 400 && !error.message.contains(char::is_control), "{error}");
        }
        Ok(condition) => {
            let written = condition.to_string();
            if written.chars().count() <= LENGTH_MAX {
                assert_eq!(
                    Condition::parse(&written).as_ref().map(ToString::to_string),
                    Ok(written.clone()),
                    "{rule:?}"
                );
            }
            let said = [Said::new(&message)];
            let facts = Facts { said: &said, failed_answers: 1, known: Known::default(), answer: Some(&message) };
            assert_eq!(condition.holds(&facts), condition.holds(&facts), "{written}");
        }
    }
}
