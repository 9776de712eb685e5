//! How the arguments of a call are shown to whoever decides about it: one line each, nothing left out.

use serde_json::Value;

/// `name: value`, in the order of the names. A line break is shown as a sign.
pub fn lines(arguments: &Value) -> Vec<String> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.replace("\r\n", " ⏎ ").replace(['\n', '\r', '\u{2028}', '\u{2029}'], " ⏎ "),
        other => other.to_string(),
    };
    let fields = arguments.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name}: {}", shown(value))).collect()
}
