//! What a model wants to have called: put together from the pieces of a stream.
//!
//! Gateways differ: some number the calls, some give them ids, some do neither; some send arguments as text in pieces, some as
//! one object. What can't be put together is still a call, whose arguments will be refused.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Calls of one answer that are kept.
pub const CALLS_MAX: usize = 16;

/// One call, as the model wrote it. Nothing of it is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// What the model calls it by, or we if it does not.
    pub id: String,
    pub name: String,
    /// JSON, or meant to be.
    pub arguments: String,
}

impl Called {
    pub fn chars(&self) -> usize {
        self.name.chars().count() + self.arguments.chars().count()
    }
}

#[derive(Default)]
pub(super) struct Collected {
    calls: Vec<(Option<u64>, Called)>,
}

impl Collected {
    /// A piece of the stream.
    pub fn hear(&mut self, pieces: &Value) {
        for piece in pieces.as_array().into_iter().flatten() {
            let Some(call) = self.place(piece) else { continue };
            let function = &piece["function"];
            if call.name.is_empty() {
                call.name = function["name"].as_str().unwrap_or_default().to_owned();
            }
            match &function["arguments"] {
                Value::String(text) => call.arguments.push_str(text),
                Value::Null => {}
                whole => call.arguments = whole.to_string(),
            }
        }
    }

    /// Which call a piece belongs to: the one of its number, of its id, or the last one. `None`: there are enough.
    fn place(&mut self, piece: &Value) -> Option<&mut Called> {
        let (number, id) = (piece["index"].as_u64(), piece["id"].as_str().unwrap_or_default());
        let known = match number {
            Some(_) => self.calls.iter().position(|(known, _)| *known == number),
            None if !id.is_empty() => self.calls.iter().position(|(_, call)| call.id == id),
            None if piece["function"]["name"].as_str().is_none_or(str::is_empty) => {
                self.calls.len().checked_sub(1)
            }
            None => None,
        };
        let at = match known {
            Some(at) => at,
            None if self.calls.len() == CALLS_MAX => return None,
            None => {
                self.calls.push((number, Called { id: id.to_owned(), ..Called::default() }));
                self.calls.len() - 1
            }
        };
        Some(&mut self.calls[at].1)
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.calls.iter().map(|(_, call)| call.name.len() + call.arguments.len()).sum()
    }

    /// All of them, each with an id of its own.
    pub fn all(self) -> Vec<Called> {
        let mut calls: Vec<Called> = self.calls.into_iter().map(|(_, call)| call).collect();
        for at in 0..calls.len() {
            if calls[at].id.is_empty() || calls[..at].iter().any(|earlier| earlier.id == calls[at].id) {
                calls[at].id = format!("call_{at}");
            }
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn heard(chunks: &[Value]) -> Vec<Called> {
        let mut collected = Collected::default();
        chunks.iter().for_each(|chunk| collected.hear(chunk));
        collected.all()
    }

    fn call(id: &str, name: &str, arguments: &str) -> Called {
        Called { id: id.into(), name: name.into(), arguments: arguments.into() }
    }

    #[test]
    fn pieces_become_calls_with_numbers_with_ids_and_with_neither() {
        let numbered = [
            json!([{ "index": 0, "id": "a", "function": { "name": "one", "arguments": "" } }]),
            json!([{ "index": 1, "id": "b", "function": { "name": "two", "arguments": "{" } }]),
            json!([{ "index": 0, "function": { "arguments": "{\"x\":" } }, { "index": 1, "function": { "arguments": "}" } }]),
            json!([{ "index": 0, "function": { "arguments": "1}" } }]),
        ];
        assert_eq!(heard(&numbered), [call("a", "one", "{\"x\":1}"), call("b", "two", "{}")]);
        let named = [
            json!([{ "id": "a", "function": { "name": "one", "arguments": "{}" } }]),
            json!([{ "id": "b", "function": { "name": "one", "arguments": "{\"x\"" } }]),
            json!([{ "id": "b", "function": { "arguments": ":1}" } }]),
        ];
        assert_eq!(heard(&named), [call("a", "one", "{}"), call("b", "one", "{\"x\":1}")]);
        let bare = [
            json!([{ "function": { "name": "one", "arguments": { "x": 1 } } }]),
            json!([{ "function": { "name": "two", "arguments": "{" } }]),
            json!([{ "function": { "arguments": "}" } }]),
        ];
        assert_eq!(heard(&bare), [call("call_0", "one", "{\"x\":1}"), call("call_1", "two", "{}")]);
    }

    #[test]
    fn attack_131_nonsense_makes_no_more_calls_than_are_kept() {
        let many: Vec<Value> = (0..1_000).map(|n| json!([{ "index": n, "function": { "name": "x" } }])).collect();
        assert_eq!(heard(&many).len(), CALLS_MAX);
        for nonsense in [json!(null), json!("x"), json!({}), json!([1, null, "x"]), json!([{ "function": [] }])] {
            assert!(heard(std::slice::from_ref(&nonsense)).iter().all(|call| call.name.is_empty()), "{nonsense}");
        }
        let twice = [
            json!([{ "index": 0, "id": "a", "function": { "name": "x" } }, { "index": 1, "id": "a", "function": { "name": "x" } }]),
        ];
        assert_eq!(heard(&twice).iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["a", "call_1"]);
    }
}
