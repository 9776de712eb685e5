//! What Slack checks about blocks and metadata, and the text a reader sees in blocks.

use serde_json::Value;

use super::web::Refusal;

const BLOCKS_MAX: usize = 50;
const BLOCKS_TEXT_CHARS_MAX: usize = 13_200;
const SECTION_CHARS_MAX: usize = 3_000;
const SECTION_FIELDS_MAX: usize = 10;
const HEADER_CHARS_MAX: usize = 150;
const ACTION_ELEMENTS_MAX: usize = 25;
const CONTEXT_ELEMENTS_MAX: usize = 10;
const CONTEXT_ACTION_ELEMENTS_MAX: usize = 5;
const BUTTON_CHARS_MAX: usize = 75;
const BUTTON_VALUE_CHARS_MAX: usize = 2_000;
const ID_CHARS_MAX: usize = 255;
const DEPTH_MAX: usize = 12;

const KNOWN_TYPES: [&str; 19] = [
    "actions",
    "alert",
    "card",
    "carousel",
    "context",
    "context_actions",
    "data_table",
    "divider",
    "file",
    "header",
    "image",
    "input",
    "markdown",
    "plan",
    "rich_text",
    "section",
    "table",
    "task_card",
    "video",
];

pub(crate) fn check(blocks: &Value) -> Result<(), Refusal> {
    check_list(blocks, BLOCKS_MAX)
}

/// As [`check`], with as many blocks as a dialog or a page may have.
pub(crate) fn check_list(blocks: &Value, blocks_max: usize) -> Result<(), Refusal> {
    let Some(list) = blocks.as_array() else {
        return Err(Refusal::new("invalid_blocks_format"));
    };
    if list.len() > blocks_max {
        return Err(invalid(&format!("no more than {blocks_max} items allowed [json-pointer:/blocks]")));
    }
    for (index, block) in list.iter().enumerate() {
        check_block(block)
            .map_err(|(path, what)| invalid(&format!("{what} [json-pointer:/blocks/{index}{path}]")))?;
    }
    if text_chars(blocks, 0) > BLOCKS_TEXT_CHARS_MAX {
        return Err(Refusal::new("msg_blocks_too_long"));
    }
    Ok(())
}

/// Slack wants both fields, and nothing that is not an object.
pub(crate) fn check_metadata(metadata: &Value) -> Result<(), Refusal> {
    let event_type = metadata.get("event_type").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    let payload = metadata.get("event_payload").is_some_and(Value::is_object);
    if event_type && payload { Ok(()) } else { Err(Refusal::new("invalid_metadata_format")) }
}

/// The text a reader sees: every text in order, one line per block; buttons are not text.
pub(crate) fn text_of(blocks: &Value) -> String {
    let lines = blocks.as_array().into_iter().flatten().map(|block| {
        let mut parts = Vec::new();
        collect_text(block, &mut parts, 0);
        // Rich text brings its own spaces; the parts of other blocks stand apart.
        parts.join(if block["type"] == "rich_text" { "" } else { " " })
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

type Complaint = (String, String);

fn check_block(block: &Value) -> Result<(), Complaint> {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
    if !KNOWN_TYPES.contains(&kind) {
        return Err(("/type".into(), format!("unsupported type: {kind}")));
    }
    at_most(block.get("block_id"), ID_CHARS_MAX, "/block_id")?;
    match kind {
        "section" => check_section(block),
        "header" => text_field(block.get("text"), HEADER_CHARS_MAX, "/text"),
        "actions" => check_elements(block, ACTION_ELEMENTS_MAX),
        "context" => check_elements(block, CONTEXT_ELEMENTS_MAX),
        "context_actions" => check_elements(block, CONTEXT_ACTION_ELEMENTS_MAX),
        "markdown" if block.get("text").and_then(Value::as_str).is_none_or(str::is_empty) => {
            Err(("/text".into(), "missing required field: text".into()))
        }
        _ => Ok(()),
    }
}

fn check_section(block: &Value) -> Result<(), Complaint> {
    let fields = block.get("fields").and_then(Value::as_array);
    match (block.get("text"), fields) {
        (None, None) => Err((String::new(), "missing required field: text".into())),
        (_, Some(fields)) if fields.len() > SECTION_FIELDS_MAX => {
            Err(("/fields".into(), format!("no more than {SECTION_FIELDS_MAX} items allowed")))
        }
        (Some(text), _) => text_field(Some(text), SECTION_CHARS_MAX, "/text"),
        (None, Some(_)) => Ok(()),
    }
}

fn check_elements(block: &Value, elements_max: usize) -> Result<(), Complaint> {
    let Some(elements) = block.get("elements").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        return Err(("/elements".into(), "must be a list with at least one item".into()));
    };
    if elements.len() > elements_max {
        return Err(("/elements".into(), format!("no more than {elements_max} items allowed")));
    }
    for (index, element) in elements.iter().enumerate() {
        at_most(element.get("action_id"), ID_CHARS_MAX, &format!("/elements/{index}/action_id"))?;
        if element.get("type").and_then(Value::as_str) == Some("button") {
            text_field(element.get("text"), BUTTON_CHARS_MAX, &format!("/elements/{index}/text"))?;
            at_most(element.get("value"), BUTTON_VALUE_CHARS_MAX, &format!("/elements/{index}/value"))?;
        }
        if element.get("type").and_then(Value::as_str) == Some("feedback_buttons") {
            for button in ["positive_button", "negative_button"] {
                let path = format!("/elements/{index}/{button}");
                text_field(element[button].get("text"), BUTTON_CHARS_MAX, &format!("{path}/text"))?;
                at_most(element[button].get("value"), BUTTON_VALUE_CHARS_MAX, &format!("{path}/value"))?;
            }
        }
    }
    Ok(())
}

fn text_field(field: Option<&Value>, chars_max: usize, path: &str) -> Result<(), Complaint> {
    let text = field.and_then(|field| field.get("text"));
    if text.and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err((format!("{path}/text"), "must be more than 0 characters".into()));
    }
    at_most(text, chars_max, &format!("{path}/text"))
}

fn at_most(field: Option<&Value>, chars_max: usize, path: &str) -> Result<(), Complaint> {
    match field.and_then(Value::as_str) {
        Some(text) if text.chars().count() > chars_max => {
            Err((path.into(), format!("must be less than {} characters", chars_max + 1)))
        }
        _ => Ok(()),
    }
}

fn invalid(complaint: &str) -> Refusal {
    Refusal { messages: vec![format!("[ERROR] {complaint}")], ..Refusal::new("invalid_blocks") }
}

fn text_chars(value: &Value, depth: usize) -> usize {
    match value {
        _ if depth > DEPTH_MAX => 0,
        Value::Array(items) => items.iter().map(|item| text_chars(item, depth + 1)).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| match field {
                Value::String(text) if name == "text" => text.chars().count(),
                nested => text_chars(nested, depth + 1),
            })
            .sum(),
        _ => 0,
    }
}

fn collect_text(value: &Value, parts: &mut Vec<String>, depth: usize) {
    match value {
        _ if depth > DEPTH_MAX => {}
        Value::Array(items) => items.iter().for_each(|item| collect_text(item, parts, depth + 1)),
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind == "button" || kind == "feedback_buttons" {
                return;
            }
            if let Some(Value::String(text)) = fields.get("text") {
                parts.push(text.clone());
            }
            for name in ["title", "subtitle", "body", "text", "fields", "elements", "rows", "cards"] {
                if let Some(nested @ (Value::Array(_) | Value::Object(_))) = fields.get(name) {
                    collect_text(nested, parts, depth + 1);
                }
            }
        }
        _ => {}
    }
}
