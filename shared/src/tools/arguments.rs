//! What arguments of a tool may look like: a small part of JSON Schema, checked by our own code, so that it is bounded
//! whatever a tenant or a model writes. One flat object of texts, numbers and yes-or-no.

use serde_json::{Map, Value, json};

/// Arguments of one tool.
const FIELDS_MAX: usize = 20;
const NAME_MAX: usize = 40;
const DESCRIPTION_MAX: usize = 300;
const CHOICES_MAX: usize = 50;
/// Characters of a text, unless its schema says less, and more than which no schema may allow.
const TEXT_DEFAULT: u64 = 2_000;
const TEXT_MAX: u64 = 4_000;
/// Bytes of all arguments of a call.
pub const BYTES_MAX: usize = 16 * 1024;

/// How much may be written into the arguments of one tool.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Characters of a text that its schema may allow.
    pub text: u64,
    /// Bytes of all arguments together.
    pub bytes: usize,
}

/// Of tools that tenants define.
const TENANTS: Room = Room { text: TEXT_MAX, bytes: BYTES_MAX };

#[derive(Clone, Debug)]
pub struct Schema {
    fields: Vec<Field>,
    bytes_max: usize,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    kind: Kind,
    description: String,
    required: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Text { shortest: u64, longest: u64, choices: Vec<String> },
    Number { whole: bool, least: Option<f64>, most: Option<f64> },
    Flag,
}

impl Schema {
    /// The error is a sentence for whoever wrote the schema.
    pub fn parse(given: &Value) -> Result<Self, String> {
        Self::parse_within(given, TENANTS)
    }

    /// The same for a tool of the product's own.
    pub fn parse_within(given: &Value, room: Room) -> Result<Self, String> {
        let schema = object(given, "The schema", &["type", "properties", "required", "additionalProperties"])?;
        if schema.get("type").is_some_and(|kind| kind != "object") {
            return Err("The schema's `type` must be `object`.".into());
        }
        if schema.get("additionalProperties").is_some_and(|more| more != false) {
            return Err("`additionalProperties` must be false, or left out: then it is false.".into());
        }
        let nothing = Map::new();
        let properties = match schema.get("properties") {
            None => &nothing,
            Some(properties) => properties.as_object().ok_or("`properties` must be an object.")?,
        };
        if properties.len() > FIELDS_MAX {
            return Err(format!("A tool may have {FIELDS_MAX} arguments at most."));
        }
        let required = required(schema.get("required"))?;
        if let Some(unknown) = required.iter().find(|name| !properties.contains_key(**name)) {
            return Err(format!("`required` names `{}`, which is no property.", short(unknown)));
        }
        let field =
            |(name, given): (&String, &Value)| Field::parse(name, given, required.contains(&name.as_str()), room);
        Ok(Self { fields: properties.iter().map(field).collect::<Result<_, _>>()?, bytes_max: room.bytes })
    }

    /// As it is stored and as a model is shown it.
    pub fn to_value(&self) -> Value {
        let properties: Map<String, Value> =
            self.fields.iter().map(|field| (field.name.clone(), field.to_value())).collect();
        let required: Vec<&str> =
            self.fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }

    pub fn requires(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name && field.required)
    }

    /// Reads what a model wrote. The error is a sentence for the model: it never repeats more than a name.
    pub fn read(&self, written: &str) -> Result<Map<String, Value>, String> {
        if written.len() > self.bytes_max {
            return Err(format!("The arguments may have {} bytes at most.", self.bytes_max));
        }
        let written = if written.trim().is_empty() { "{}" } else { written };
        let given: Value =
            serde_json::from_str(written).map_err(|_| "The arguments are no valid JSON.".to_owned())?;
        let Value::Object(given) = given else {
            return Err("The arguments must be one JSON object.".into());
        };
        if let Some(unknown) = given.keys().find(|name| !self.fields.iter().any(|field| field.name == **name)) {
            return Err(format!("There is no argument `{}`.", short(unknown)));
        }
        for field in &self.fields {
            match given.get(&field.name) {
                Some(value) => field.check(value)?,
                None if field.required => return Err(format!("The argument `{}` is missing.", field.name)),
                None => {}
            }
        }
        Ok(given)
    }
}

fn object<'a>(given: &'a Value, what: &str, known: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let given = given.as_object().ok_or_else(|| format!("{what} must be a JSON object."))?;
    match given.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(given),
        Some(other) => Err(format!("{what} may have {} and nothing else: `{}`.", known.join(", "), short(other))),
    }
}

fn required(given: Option<&Value>) -> Result<Vec<&str>, String> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let names = given.as_array().ok_or("`required` must be a list of names.")?;
    names
        .iter()
        .map(|name| name.as_str().ok_or_else(|| "`required` must be a list of names.".to_owned()))
        .collect()
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect()
}

impl Field {
    fn parse(name: &str, given: &Value, required: bool, room: Room) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(plain) {
            return Err(format!(
                "An argument's name must have 1 to {NAME_MAX} letters, digits or `_`: `{}`.",
                short(name)
            ));
        }
        let what = format!("The argument `{name}`");
        let kind = given["type"].as_str().unwrap_or_default();
        let known: &[&str] = match kind {
            "string" => &["type", "description", "enum", "minLength", "maxLength"],
            "integer" | "number" => &["type", "description", "minimum", "maximum"],
            "boolean" => &["type", "description"],
            _ => return Err(format!("{what} must be of type string, integer, number or boolean.")),
        };
        let schema = object(given, &what, known)?;
        let description = match schema.get("description") {
            None => "",
            Some(text) => text.as_str().ok_or_else(|| format!("{what}: `description` must be a text."))?,
        };
        if description.chars().count() > DESCRIPTION_MAX {
            return Err(format!("{what}: `description` may have {DESCRIPTION_MAX} characters at most."));
        }
        let kind = match kind {
            "string" => text_kind(schema, &what, room.text)?,
            "boolean" => Kind::Flag,
            number => Kind::Number {
                whole: number == "integer",
                least: bound(schema, "minimum", &what)?,
                most: bound(schema, "maximum", &what)?,
            },
        };
        Ok(Self { name: name.to_owned(), kind, description: description.to_owned(), required })
    }

    fn to_value(&self) -> Value {
        let mut shown = match &self.kind {
            Kind::Text { choices, .. } if !choices.is_empty() => json!({ "type": "string", "enum": choices }),
            Kind::Text { shortest, longest, .. } => {
                json!({ "type": "string", "minLength": shortest, "maxLength": longest })
            }
            Kind::Number { whole, least, most } => {
                let mut shown = json!({ "type": if *whole { "integer" } else { "number" } });
                for (key, bound) in [("minimum", least), ("maximum", most)] {
                    if let Some(bound) = bound {
                        shown[key] = json!(bound);
                    }
                }
                shown
            }
            Kind::Flag => json!({ "type": "boolean" }),
        };
        if !self.description.is_empty() {
            shown["description"] = json!(self.description);
        }
        shown
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        let name = &self.name;
        match (&self.kind, value) {
            (Kind::Text { choices, .. }, Value::String(text)) if !choices.is_empty() => {
                let known = choices.contains(text);
                known.then_some(()).ok_or_else(|| format!("`{name}` must be one of: {}.", choices.join(", ")))
            }
            (Kind::Text { shortest, longest, .. }, Value::String(text)) => {
                let length = text.chars().count() as u64;
                let fits = (*shortest..=*longest).contains(&length) && !text.contains('\0');
                fits.then_some(()).ok_or_else(|| format!("`{name}` must have {shortest} to {longest} characters."))
            }
            (Kind::Number { whole, least, most }, Value::Number(number)) => {
                let number = number.as_f64().filter(|number| number.is_finite());
                let number = number.ok_or_else(|| format!("`{name}` is no number that can be used."))?;
                let fits = least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
                let fits = fits && (!whole || number.fract() == 0.0);
                fits.then_some(()).ok_or_else(|| format!("`{name}` is not within its limits."))
            }
            (Kind::Flag, Value::Bool(_)) => Ok(()),
            (Kind::Text { .. }, _) => Err(format!("`{name}` must be a text.")),
            (Kind::Number { .. }, _) => Err(format!("`{name}` must be a number.")),
            (Kind::Flag, _) => Err(format!("`{name}` must be true or false.")),
        }
    }
}

fn text_kind(schema: &Map<String, Value>, what: &str, text_max: u64) -> Result<Kind, String> {
    let length = |key: &str, default: u64| match schema.get(key) {
        None => Ok(default),
        Some(given) => given
            .as_u64()
            .filter(|given| *given <= text_max)
            .ok_or_else(|| format!("{what}: `{key}` must be a whole number up to {text_max}.")),
    };
    let (shortest, longest) = (length("minLength", 0)?, length("maxLength", TEXT_DEFAULT)?);
    if shortest > longest {
        return Err(format!("{what}: `minLength` is more than `maxLength`."));
    }
    let listed = || format!("{what}: `enum` must list 1 to {CHOICES_MAX} texts.");
    let choices = match schema.get("enum") {
        None => Vec::new(),
        Some(given) => {
            let given =
                given.as_array().filter(|given| (1..=CHOICES_MAX).contains(&given.len())).ok_or_else(listed)?;
            let choice = |choice: &Value| {
                let choice = choice.as_str().filter(|choice| choice.chars().count() <= DESCRIPTION_MAX);
                choice.map(str::to_owned).ok_or_else(listed)
            };
            given.iter().map(choice).collect::<Result<_, _>>()?
        }
    };
    Ok(Kind::Text { shortest, longest, choices })
}

fn bound(schema: &Map<String, Value>, key: &str, what: &str) -> Result<Option<f64>, String> {
    let Some(given) = schema.get(key) else { return Ok(None) };
    let bound = given.as_f64().filter(|bound| bound.is_finite());
    bound.map(Some).ok_or_else(|| format!("{what}: `{key}` must be a number."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Schema {
        let schema = json!({
            "type": "object",
            "properties": {
                "title": { "type": "string", "maxLength": 20, "description": "What it is about" },
                "priority": { "type": "string", "enum": ["low", "high"] },
                "copies": { "type": "integer", "minimum": 1, "maximum": 9 },
                "urgent": { "type": "boolean" },
            },
            "required": ["title"],
        });
        Schema::parse(&schema).expect("a good schema")
    }

    #[test]
    fn what_is_stored_reads_the_same_again() {
        let shown = ticket().to_value();
        assert_eq!(shown["additionalProperties"], false);
        assert_eq!(Schema::parse(&shown).expect("it reads").to_value(), shown);
        assert_eq!(Schema::parse(&json!({})).expect("no arguments").to_value()["properties"], json!({}));
    }

    #[test]
    fn attack_131_arguments_that_do_not_fit_are_refused_with_a_sentence() {
        let schema = ticket();
        assert!(schema.read(r#"{"title":"Printer","priority":"low","copies":2,"urgent":false}"#).is_ok());
        let huge = format!(r#"{{"title":"{}"}}"#, "x".repeat(1_000_000));
        for bad in [
            "",
            "{}",
            "[]",
            "null",
            "7",
            "\"title\"",
            "{\"title\":",
            "{\"title\":7}",
            "{\"title\":null}",
            "{\"title\":\"a\",\"tenant_id\":\"ten_1\"}",
            "{\"title\":\"a\",\"priority\":\"urgent\"}",
            "{\"title\":\"a\",\"copies\":1.5}",
            "{\"title\":\"a\",\"copies\":10}",
            "{\"title\":\"a\",\"copies\":\"2\"}",
            "{\"title\":\"a\",\"urgent\":\"yes\"}",
            "{\"title\":\"this is longer than twenty\"}",
            "{\"title\":{\"a\":1}}",
            "{\"title\":\"a\\u0000b\"}",
            &huge,
        ] {
            let refused = schema.read(bad).expect_err(&bad.chars().take(60).collect::<String>());
            assert!(refused.ends_with('.') && refused.len() < 200, "{refused}");
        }
    }

    #[test]
    fn schemas_that_could_not_be_bounded_are_refused() {
        let text = |field: Value| json!({ "properties": { "a": field } });
        let many: Map<String, Value> = (0..21).map(|n| (format!("a{n}"), json!({ "type": "boolean" }))).collect();
        for bad in [
            json!([]),
            json!("x"),
            json!({ "type": "array" }),
            json!({ "additionalProperties": true }),
            json!({ "$ref": "https://evil.example/schema" }),
            json!({ "properties": [] }),
            json!({ "properties": many }),
            json!({ "properties": { "a b": { "type": "string" } } }),
            json!({ "required": ["a"] }),
            json!({ "required": "a" }),
            text(json!({ "type": "object" })),
            text(json!({ "type": "array" })),
            text(json!({ "type": ["string", "null"] })),
            text(json!({ "type": "string", "pattern": "(a+)+$" })),
            text(json!({ "type": "string", "maxLength": 1_000_000 })),
            text(json!({ "type": "string", "minLength": 9, "maxLength": 3 })),
            text(json!({ "type": "string", "enum": [] })),
            text(json!({ "type": "string", "enum": [1] })),
            text(json!({ "type": "number", "minimum": "1" })),
            text(json!({ "type": "string", "description": "x".repeat(400) })),
            text(json!(null)),
        ] {
            assert!(Schema::parse(&bad).is_err(), "{bad}");
        }
    }
}
