//! What people are told about tools: our own words around what is stored, never a model's.

use serde_json::Value;
use shared::{
    db::approvals::{Approval, State},
    tools::wording::lines,
};

/// Characters of an answer that are shown.
const SHOWN_MAX: usize = 600;

/// What would be called, as Markdown.
pub fn call(name: &str, arguments: &Value) -> String {
    let shown: String = lines(arguments).iter().map(|line| format!("\n- {}", inert(line))).collect();
    format!("**{}**{shown}", inert(name))
}

/// A turn that has to wait says for whom.
pub fn waits(calls: &[String], channel: &str) -> String {
    let shown = calls.join("\n\n");
    if channel == "slack" {
        format!(
            "I need a colleague's approval for this:\n\n{shown}\n\nAny other member of this workspace can give it with the \
             buttons below, or an operator in the portal, within 15 minutes. I report here what came of it."
        )
    } else {
        format!(
            "I need a colleague's approval for this:\n\n{shown}\n\nI have asked them, and report here within 15 minutes."
        )
    }
}

/// What became of a write that waited. `hand_over`: whether it happened is not known.
pub fn report(approval: &Approval) -> String {
    let (name, by) =
        (inert(&approval.tool_name), inert(approval.decided_name.as_deref().unwrap_or("a colleague")));
    let result = approval.result.as_deref().unwrap_or_default();
    match (approval.state, approval.call_state.as_str()) {
        (State::Denied, _) => format!("{by} did not approve **{name}**: nothing was done."),
        (State::Expired, _) => format!("Nobody approved **{name}** within 15 minutes: nothing was done."),
        (_, "done") => format!("Done: **{name}**, approved by {by}. The answer was:\n\n{}", block(result)),
        (_, "failed") => {
            format!("**{name}** was approved by {by}, but did not work: nothing was done.\n\n{}", block(result))
        }
        (_, "refused") => format!("**{name}** was approved by {by}, but nothing was done: {result}"),
        (_, "unknown") => format!(
            "**{name}** was approved by {by}, and I don't know whether it was carried out. I don't try it again, and have \
             asked a colleague to look into it."
        ),
        _ => format!("**{name}** still waits for an approval."),
    }
}

/// What a service answered, as a block in which nothing is a link, a mention or a format.
fn block(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str(" …");
    }
    format!("```\n{}\n```", shown.replace('`', "'"))
}

/// A line in which no letter is a format.
fn inert(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_[]<>#|~!".contains(letter) {
            line.push('\\');
        }
        line.push(letter);
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attack_126_arguments_are_shown_as_they_are_and_format_nothing() {
        let shown =
            call("open_ticket", &json!({ "title": "[bank](https://evil.example)\n# x", "n": 2, "urgent": true }));
        insta::assert_snapshot!(shown, @r##"
        **open\_ticket**
        - n: 2
        - title: \[bank\](https://evil.example) ⏎ \# x
        - urgent: true
        "##);
    }
}
