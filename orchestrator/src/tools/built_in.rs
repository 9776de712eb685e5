//! What the product brings along, as a model is shown it.

use serde_json::{Map, Value, json};
use shared::{
    db::follow_ups,
    tools::{
        Class,
        arguments::{Room, Schema},
        file,
    },
};

use super::registry::{Offered, What};

/// A file is longer than what other tools are told.
const FILE_ROOM: Room = Room { text: file::CONTENT_MAX, bytes: file::ARGUMENTS_BYTES_MAX };

pub fn tool(name: &str) -> Option<Offered> {
    let (what, class, description, properties, optional) = shape(name)?;
    let required: Vec<&String> = properties
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter(|name| !optional.contains(&name.as_str()))
        .collect();
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let schema = match what {
        What::SendFile => Schema::parse_within(&schema, FILE_ROOM),
        _ => Schema::parse(&schema),
    };
    let schema = schema.ok()?;
    Some(Offered { name: name.to_owned(), class, description: description.to_owned(), schema, what })
}

fn text(description: &str, most: u64) -> Value {
    json!({ "type": "string", "description": description, "minLength": 1, "maxLength": most })
}

/// What it does, its class, what the model is told of it, its arguments, and which of them may be left out.
type Shape = (What, Class, &'static str, Value, &'static [&'static str]);

fn shape(name: &str) -> Option<Shape> {
    Some(match name {
        "calculator" => (
            What::Calculator,
            Class::Read,
            "Works out a sum exactly.",
            json!({ "sum": text("Numbers, + - * / % ^ and parentheses, such as 17 * 23", 200) }),
            &[],
        ),
        "current_time" => (
            What::CurrentTime,
            Class::Read,
            "Says which day it is, and what time, where your employer is and in UTC.",
            json!({}),
            &[],
        ),
        "escalate" => (
            What::Escalate,
            Class::Write,
            "Hands this conversation to a human colleague. You say nothing in it from then on.",
            json!({ "reason": text("Why, in a few words, for the colleague", 300) }),
            &[],
        ),
        "forget" => (
            What::Forget,
            Class::Write,
            "Makes you forget something that the person you speak with told you, and wants forgotten.",
            json!({ "memory": text("The id that recall gave, mem_…", 40) }),
            &[],
        ),
        "recall" => (
            What::Recall,
            Class::Read,
            "Searches what you remember from earlier conversations.",
            json!({ "about": text("What to look for", 500) }),
            &[],
        ),
        "remember" => (
            What::Remember,
            Class::Write,
            "Notes something that the person you speak with wants remembered.",
            json!({ "note": text("What to remember, as one sentence", 1_000) }),
            &[],
        ),
        "search_knowledge" => (
            What::SearchKnowledge,
            Class::Read,
            "Searches the documents that your employer gave you. Name the document's title whenever you use what it says.",
            json!({ "about": text("What to look for", 500) }),
            &[],
        ),
        file::SEND_FILE => (
            What::SendFile,
            Class::Write,
            "Sends a file below your answer, into this conversation. For tables and longer texts that people keep.",
            json!({
                "name": text("The file's name, ending in .csv, .txt, .md or .json", file::NAME_MAX),
                "content": text("All of its text", file::CONTENT_MAX),
            }),
            &[],
        ),
        "follow_up" => follow_up(),
        _ => return None,
    })
}

fn follow_up() -> Shape {
    let act = json!({ "type": "string", "enum": ["set", "list", "cancel"],
                      "description": "set: come back later. list: what you will come back to here. cancel: don't." });
    let minutes = json!({ "type": "integer", "minimum": 1, "maximum": follow_ups::HORIZON_DAYS * 24 * 60,
                          "description": "For set: in how many minutes; or give `at`" });
    let properties = json!({
        "act": act,
        "about": text("For set: what to come back to, as one sentence", follow_ups::ABOUT_MAX),
        "at": text("For set: the day and time where your employer is, such as 2026-12-04 09:00", 20),
        "in_minutes": minutes,
        "id": text("For cancel: the id that list gave, fup_…; without it, all of this conversation", 40),
    });
    (
        What::FollowUp,
        Class::Write,
        "Makes you come back to something in this conversation at a later time, because the person you speak with asked for it.",
        properties,
        &["about", "at", "in_minutes", "id"],
    )
}
