//! From the schema that a server gives to the small part of it that our own code checks. What has no place there is left out,
//! or the tool can't be used.

use serde_json::{Map, Value, json};

use crate::tools::arguments::Schema;

const DESCRIPTION_MAX: usize = 300;

/// The arguments as they are stored and as a model is shown them. The error is a sentence for an operator.
pub fn simplified(given: &Value) -> Result<Value, String> {
    let nothing = Map::new();
    let properties = given.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
    let required: Vec<&str> =
        given.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut kept = Map::new();
    for (name, property) in properties {
        match simple(property) {
            Some(simple) => {
                kept.insert(name.clone(), simple);
            }
            None if required.contains(&name.as_str()) => {
                let name: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
                return Err(format!("Its argument `{name}` is neither text, number nor yes-or-no."));
            }
            None => {}
        }
    }
    let schema = json!({ "type": "object", "properties": kept, "required": required });
    Schema::parse(&schema).map(|schema| schema.to_value())
}

/// A text, a number or yes-or-no, also one that may be null.
fn simple(property: &Value) -> Option<Value> {
    let alternatives = property.get("anyOf").or_else(|| property.get("oneOf")).and_then(Value::as_array);
    if let Some(alternatives) = alternatives {
        let mut others = alternatives.iter().filter(|one| one["type"] != "null");
        let (Some(only), None) = (others.next(), others.next()) else { return None };
        let mut only = only.as_object()?.clone();
        only.remove("anyOf");
        only.remove("oneOf");
        if let Some(description) = property.get("description") {
            only.insert("description".into(), description.clone());
        }
        return simple(&Value::Object(only));
    }
    let kind = match &property["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => {
            let mut others = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            let (Some(only), None) = (others.next(), others.next()) else { return None };
            only
        }
        _ => return None,
    };
    let known: &[&str] = match kind {
        "string" => &["enum", "minLength", "maxLength"],
        "integer" | "number" => &["minimum", "maximum"],
        "boolean" => &[],
        _ => return None,
    };
    let mut kept = Map::new();
    kept.insert("type".into(), json!(kind));
    if let Some(text) = property["description"].as_str() {
        let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        kept.insert("description".into(), json!(plain.take(DESCRIPTION_MAX).collect::<String>()));
    }
    for name in known {
        let Some(value) = property.get(*name) else { continue };
        // More than any text may have is as much as any text may have.
        let longer = *name == "maxLength" && value.as_u64().is_some_and(|most| most > 4_000);
        kept.insert((*name).to_owned(), if longer { json!(4_000) } else { value.clone() });
    }
    Some(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_checked_is_kept_and_what_must_be_given_but_cannot_refuses_the_tool() {
        let given = json!({
            "$schema": "http://json-schema.org/draft-07/schema#", "title": "Args", "type": "object",
            "properties": {
                "city": { "type": "string", "title": "City", "description": "Where\nto", "maxLength": 90_000, "pattern": ".*" },
                "days": { "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "null" }], "default": null },
                "exact": { "type": ["boolean", "null"] },
                "tags": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["city"],
        });
        let kept = simplified(&given).expect("a schema");
        assert_eq!(kept["properties"]["city"]["description"], "Where to");
        assert_eq!(kept["properties"]["city"]["maxLength"], 4_000);
        assert_eq!(kept["properties"]["days"]["type"], "integer");
        assert_eq!(kept["properties"]["exact"]["type"], "boolean");
        assert!(kept["properties"].get("tags").is_none());
        for required in [json!(["tags"]), json!(["nowhere"])] {
            let mut bad = given.clone();
            bad["required"] = required;
            assert!(simplified(&bad).is_err());
        }
        assert!(simplified(&json!({})).is_ok(), "a tool without arguments");
    }
}
