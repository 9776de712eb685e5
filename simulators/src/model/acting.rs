//! What the simulated model calls, of the tools it is offered: by the words of the last message, or as a test tells it to.

use serde_json::{Map, Value, json};

use super::{ModelOptions, SimulatedCall, prompt};

const ASKS_FOR_SUM: [&str; 7] =
    ["what is", "what's", "how much is", "calculate", "work out", "was ist", "wie viel ist"];
const ASKS_FOR_TIME: [&str; 6] = ["what time", "what day", "which day", "current time", "wie spät", "welcher tag"];

/// The calls of this step; none: it answers.
pub(super) fn calls(request: &Value, options: &ModelOptions) -> Vec<SimulatedCall> {
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let answered =
        last_user(messages).is_none_or(|at| messages[at..].iter().any(|message| message["role"] == "tool"));
    if options.keeps_calling || (!options.calls.is_empty() && !answered) {
        return options.calls.clone();
    }
    let tools = request["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    if answered || tools.is_empty() || !options.calls.is_empty() {
        return Vec::new();
    }
    let text = last_user(messages).map(|at| prompt::content(&messages[at])).unwrap_or_default();
    let said = text.lines().last().unwrap_or_default();
    // Behind the name of who wrote it.
    let said =
        said.split_once(": ").filter(|(name, _)| name.split(' ').count() < 4).map_or(said, |(_, rest)| rest);
    tools.iter().find_map(|tool| wanted(&tool["function"], said)).into_iter().collect()
}

/// What it says once tools have answered; `None`: the prompt says what.
pub(super) fn report(messages: &[Value]) -> Option<String> {
    let from = last_user(messages)?;
    let results: Vec<&Value> = messages[from..].iter().filter(|message| message["role"] == "tool").collect();
    let called = messages[from..].iter().rev().find_map(|message| message["tool_calls"].as_array())?;
    let last = results.last()?;
    let call = called.iter().find(|call| call["id"] == last["tool_call_id"])?;
    let (name, result) = (call["function"]["name"].as_str()?, prompt::content(last));
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str()?).unwrap_or_default();
    match name {
        "calculator" => Some(format!("{} is {result}.", arguments["sum"].as_str().unwrap_or("That"))),
        "current_time" => Some(format!("It is {result}.")),
        "recall" => None,
        _ => Some(format!("The tool says: {result}")),
    }
}

fn last_user(messages: &[Value]) -> Option<usize> {
    messages.iter().rposition(|message| message["role"] == "user")
}

fn wanted(function: &Value, said: &str) -> Option<SimulatedCall> {
    let name = function["name"].as_str()?;
    let plain = said.to_lowercase();
    let begins = |words: &[&str]| words.iter().find_map(|word| plain.starts_with(word).then_some(word.len()));
    let rest = |at: usize| said.get(at..).unwrap_or_default().trim_start_matches([':', ' ']).to_owned();
    let arguments = match name {
        "calculator" => json!({ "sum": sum(&plain)? }),
        "current_time" => ASKS_FOR_TIME.iter().any(|words| plain.contains(words)).then(|| json!({}))?,
        "recall" => json!({ "about": rest(begins(&["recall", "search your memory for"])?) }),
        "remember" => json!({ "note": rest(begins(&["remember that", "remember", "please remember that"])?) }),
        "forget" => json!({ "memory": plain.split_whitespace().find(|word| word.starts_with("mem_"))? }),
        "escalate" => json!({ "reason": rest(begins(&["hand this over", "escalate"])?) }),
        _ => tenants_own(function, said)?,
    };
    Some(SimulatedCall { name: name.to_owned(), arguments: arguments.to_string() })
}

/// "open a ticket: Printer is broken, priority=high" for a tool `open_ticket`: the words of its name before the colon, its
/// first argument behind it, others by name.
fn tenants_own(function: &Value, said: &str) -> Option<Value> {
    let (head, rest) = said.split_once(':')?;
    let head = head.to_lowercase();
    let words: Vec<&str> = head.split_whitespace().collect();
    if !function["name"].as_str()?.split('_').all(|part| words.contains(&part)) {
        return None;
    }
    let fields = function["parameters"]["properties"].as_object()?;
    let required = function["parameters"]["required"].as_array()?;
    let mut arguments = Map::new();
    let mut main = Vec::new();
    for piece in rest.split(',') {
        match piece.trim().split_once('=').filter(|(name, _)| fields.contains_key(*name)) {
            Some((name, value)) => {
                arguments.insert(name.to_owned(), typed(&fields[name], value));
            }
            None => main.push(piece.trim()),
        }
    }
    if let Some(first) = required.iter().filter_map(Value::as_str).find(|name| !arguments.contains_key(*name)) {
        arguments.insert(first.to_owned(), typed(&fields[first], &main.join(", ")));
    }
    Some(Value::Object(arguments))
}

fn typed(field: &Value, text: &str) -> Value {
    match field["type"].as_str() {
        Some("integer" | "number") => text.parse::<f64>().map_or(json!(text), |number| {
            if number.fract() == 0.0 { json!(number as i64) } else { json!(number) }
        }),
        Some("boolean") => json!(text == "true"),
        _ => json!(text),
    }
}

/// The sum in "what is 17 * 23?".
fn sum(plain: &str) -> Option<String> {
    let after = ASKS_FOR_SUM.iter().find_map(|words| plain.find(words).map(|at| at + words.len()))?;
    let part = |letter: &char| letter.is_ascii_digit() || " +-*/×÷%^().".contains(*letter);
    let found: String = plain[after..].trim_start().chars().take_while(part).collect();
    let found = found.trim().trim_end_matches('.').trim();
    let has = |test: fn(char) -> bool| found.contains(test);
    (has(|letter| letter.is_ascii_digit()) && has(|letter| "+-*/×÷%^".contains(letter))).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Value {
        let tool = |name: &str, properties: Value, required: Value| {
            json!({ "type": "function", "function": { "name": name,
                    "parameters": { "properties": properties, "required": required } } })
        };
        let tools = [
            tool("calculator", json!({ "sum": { "type": "string" } }), json!(["sum"])),
            tool(
                "open_ticket",
                json!({ "title": { "type": "string" }, "copies": { "type": "integer" } }),
                json!(["title"]),
            ),
        ];
        json!({ "messages": [{ "role": "user", "content": text }], "tools": tools })
    }

    #[test]
    fn the_last_message_decides_what_is_called() {
        let call = |text: &str| {
            let calls = calls(&asked(text), &ModelOptions::default());
            calls.first().map(|call| format!("{} {}", call.name, call.arguments))
        };
        assert_eq!(call("Ada: What is 17 * 23?").as_deref(), Some(r#"calculator {"sum":"17 * 23"}"#));
        assert_eq!(
            call("Ada Lovelace: Open a ticket: Printer is broken, copies=2").as_deref(),
            Some(r#"open_ticket {"copies":2,"title":"Printer is broken"}"#)
        );
        assert_eq!(call("Ada: What is the launch date?"), None);
        assert_eq!(call("Ada: When is it?"), None);
    }

    #[test]
    fn once_a_tool_has_answered_it_reports() {
        let mut request = asked("Ada: What is 17 * 23?");
        let messages = request["messages"].as_array_mut().expect("messages");
        messages
            .push(json!({ "role": "assistant", "content": "", "tool_calls": [{ "id": "c1", "type": "function",
            "function": { "name": "calculator", "arguments": "{\"sum\":\"17 * 23\"}" } }] }));
        messages.push(json!({ "role": "tool", "tool_call_id": "c1", "content": "391" }));
        assert_eq!(report(messages).as_deref(), Some("17 * 23 is 391."));
        assert!(calls(&request, &ModelOptions::default()).is_empty());
    }
}
