//! Replies in a wanted JSON shape, for callers that ask with `response_format`.
//!
//! The model has no facts of its own to fill a shape with: lists stay empty, texts carry the reply.

use serde_json::{Map, Value, json};

const DEPTH_MAX: usize = 8;

/// The reply itself, or JSON around it if the request asks for JSON.
pub(super) fn shaped(request: &Value, reply: String) -> String {
    let format = &request["response_format"];
    match format["type"].as_str() {
        Some("json_schema") => instance(&format["json_schema"]["schema"], &reply, 0).to_string(),
        Some("json_object") => json!({ "reply": reply }).to_string(),
        _ => reply,
    }
}

/// The smallest value the schema allows.
fn instance(schema: &Value, reply: &str, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    if let Some(first) = schema["enum"].as_array().and_then(|choices| choices.first()) {
        return first.clone();
    }
    if let Some(choice) = ["anyOf", "oneOf"].iter().find_map(|word| schema[*word].as_array()?.first()) {
        return instance(choice, reply, depth + 1);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => json!(reply),
        Some("array") => json!([]),
        Some("boolean") => json!(false),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("null") => Value::Null,
        _ => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            Value::Object(
                fields
                    .map(|(name, field)| (name.clone(), instance(field, reply, depth + 1)))
                    .collect::<Map<_, _>>(),
            )
        }
    }
}
