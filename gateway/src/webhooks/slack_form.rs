//! Slack's forms as values: a pure step from bytes to a command, or to what somebody pressed.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use shared::channels::{slack_event::lenient, slack_ids::is_id};

/// Fields of a form that are read; Slack sends about fifteen.
const FIELDS_MAX: usize = 64;

/// Why bytes are no form of Slack's; the sentence says what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

/// What somebody pressed, sent in or chose. Fields of another type than Slack documents count as missing; what decides whose it
/// is must have the documented shape.
#[derive(Debug, Default, Deserialize)]
pub struct Payload {
    #[serde(rename = "type", default, deserialize_with = "lenient")]
    pub kind: String,
    api_app_id: Option<String>,
    team: Option<Named>,
    enterprise: Option<Named>,
    #[serde(default)]
    is_enterprise_install: bool,
    #[serde(default, deserialize_with = "lenient")]
    user: User,
    #[serde(default, deserialize_with = "lenient")]
    trigger_id: String,
    #[serde(default, deserialize_with = "lenient")]
    callback_id: String,
    #[serde(default, deserialize_with = "lenient")]
    container: Container,
    #[serde(default, deserialize_with = "lenient")]
    channel: Option<Named>,
    #[serde(default, deserialize_with = "lenient")]
    pub message: Message,
    #[serde(default, deserialize_with = "lenient")]
    actions: Vec<Action>,
    #[serde(default, deserialize_with = "lenient")]
    view: View,
    #[serde(default, deserialize_with = "lenient")]
    pub response_url: String,
}

#[derive(Debug, Default, Deserialize)]
struct Named {
    id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct User {
    #[serde(default, deserialize_with = "lenient")]
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    team_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Container {
    #[serde(default, deserialize_with = "lenient")]
    channel_id: Option<String>,
}

/// The message that a shortcut was used on.
#[derive(Debug, Default, Deserialize)]
pub struct Message {
    #[serde(default, deserialize_with = "lenient")]
    pub ts: String,
    #[serde(default, deserialize_with = "lenient")]
    pub thread_ts: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub user: String,
    #[serde(default, deserialize_with = "lenient")]
    pub text: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct Action {
    #[serde(default, deserialize_with = "lenient")]
    action_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
struct View {
    #[serde(default, deserialize_with = "lenient")]
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    callback_id: String,
    #[serde(default, deserialize_with = "lenient")]
    private_metadata: String,
    #[serde(default, deserialize_with = "lenient")]
    app_installed_team_id: Option<String>,
    #[serde(default)]
    state: Value,
}

/// A slash command. Slack sends an empty field where it has nothing to say.
#[derive(Debug, Default)]
pub struct Command {
    fields: HashMap<String, String>,
}

/// The fields of a form, none of them twice.
fn fields(raw: &[u8]) -> Result<HashMap<String, String>, Unreadable> {
    let mut fields = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(raw) {
        if fields.len() == FIELDS_MAX {
            return Err(Unreadable("The form has too many fields."));
        }
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(Unreadable("The form names a field twice."));
        }
    }
    Ok(fields)
}

/// Reads what somebody pressed: the JSON in the field `payload`.
pub fn payload(raw: &[u8]) -> Result<Payload, Unreadable> {
    let fields = fields(raw)?;
    let json = fields.get("payload").ok_or(Unreadable("The form needs the field `payload`."))?;
    if !json.trim_start().starts_with('{') {
        return Err(Unreadable("The field `payload` must be one JSON object."));
    }
    serde_json::from_str(json).map_err(|_| Unreadable("The field `payload` is not readable as JSON of Slack's."))
}

/// Whether Slack only looks at the certificate.
pub fn is_certificate_check(raw: &[u8]) -> bool {
    fields(raw).is_ok_and(|fields| fields.get("ssl_check").is_some_and(|value| value == "1"))
}

pub fn command(raw: &[u8]) -> Result<Command, Unreadable> {
    Ok(Command { fields: fields(raw)? })
}

impl Payload {
    pub fn app_id(&self) -> Option<&str> {
        self.api_app_id.as_deref().filter(|id| is_id(id))
    }

    /// The workspace or organization this was delivered for.
    pub fn installation(&self) -> Option<&str> {
        let id = if self.is_enterprise_install {
            self.enterprise.as_ref().and_then(|enterprise| enterprise.id.as_deref())
        } else {
            self.view.app_installed_team_id.as_deref().or(self.team.as_ref().and_then(|team| team.id.as_deref()))
        };
        id.filter(|id| is_id(id))
    }

    /// Who did it.
    pub fn user(&self) -> Option<&str> {
        Some(self.user.id.as_str()).filter(|id| is_id(id))
    }

    /// Somebody of another company, in a channel that is shared with it.
    pub fn is_outsider(&self) -> bool {
        let home = self.user.team_id.as_deref();
        !self.is_enterprise_install && home.is_some_and(|home| Some(home) != self.installation())
    }

    /// Where it was done; '' on a page of its own.
    pub fn channel(&self) -> &str {
        let named = self.channel.as_ref().and_then(|channel| channel.id.as_deref());
        self.container.channel_id.as_deref().or(named).filter(|id| is_id(id)).unwrap_or_default()
    }

    /// What lets us open a dialog, for three seconds.
    pub fn trigger(&self) -> &str {
        &self.trigger_id
    }

    pub fn action(&self) -> Option<&Action> {
        self.actions.first()
    }

    /// What was pressed, sent in or chosen: our own name for it.
    pub fn act(&self) -> &str {
        match self.kind.as_str() {
            "block_actions" => self.actions.first().map_or("", Action::name),
            "view_submission" | "view_closed" => &self.view.callback_id,
            _ => &self.callback_id,
        }
    }

    /// What Slack gives out once: a dialog can be sent in once, everything else has a trigger of its own.
    pub fn identity(&self) -> Option<[&str; 2]> {
        let (kind, id) = match self.kind.as_str() {
            "view_submission" => ("view", self.view.id.as_str()),
            _ => ("trigger", self.trigger_id.as_str()),
        };
        Some([kind, id]).filter(|_| !id.is_empty() && id.len() <= 256)
    }

    /// What a dialog carries along from when it was opened.
    pub fn private_metadata(&self) -> &str {
        &self.view.private_metadata
    }

    /// What was filled in, without the space around it.
    pub fn field(&self, block: &str, action: &str) -> &str {
        self.view.state["values"][block][action]["value"].as_str().unwrap_or_default().trim()
    }
}

impl Action {
    /// The id up to a colon.
    pub fn name(&self) -> &str {
        self.action_id.split(':').next().unwrap_or_default()
    }

    /// The id after the colon: what it refers to.
    pub fn reference(&self) -> &str {
        self.action_id.split_once(':').map_or("", |(_, reference)| reference)
    }
}

impl Command {
    fn id(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|id| is_id(id))
    }

    fn text_of(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    pub fn app_id(&self) -> Option<&str> {
        self.id("api_app_id")
    }

    pub fn installation(&self) -> Option<&str> {
        if self.text_of("is_enterprise_install") == "true" { self.id("enterprise_id") } else { self.id("team_id") }
    }

    pub fn user(&self) -> Option<&str> {
        self.id("user_id")
    }

    pub fn channel(&self) -> Option<&str> {
        self.id("channel_id")
    }

    /// Such as `/konstruct`.
    pub fn name(&self) -> &str {
        self.text_of("command")
    }

    pub fn text(&self) -> &str {
        self.text_of("text").trim()
    }

    pub fn response_url(&self) -> &str {
        self.text_of("response_url")
    }

    pub fn trigger(&self) -> Option<&str> {
        Some(self.text_of("trigger_id")).filter(|trigger| !trigger.is_empty() && trigger.len() <= 256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(json: &Value) -> Vec<u8> {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &json.to_string())
            .finish()
            .into_bytes()
    }

    #[test]
    fn a_click_says_whose_it_is_and_what_was_pressed() {
        let click = serde_json::json!({
            "type": "block_actions", "team": { "id": "T1" }, "enterprise": null, "is_enterprise_install": false,
            "user": { "id": "U1", "team_id": "T1" }, "api_app_id": "A1", "trigger_id": "1.2.x",
            "container": { "type": "message", "message_ts": "1.2", "channel_id": "C1" },
            "actions": [{ "action_id": "feedback:run_1", "value": "up" }],
        });
        let read = payload(&form(&click)).unwrap();
        assert_eq!((read.installation(), read.app_id(), read.user()), (Some("T1"), Some("A1"), Some("U1")));
        assert_eq!((read.channel(), read.act(), read.identity()), ("C1", "feedback", Some(["trigger", "1.2.x"])));
        assert_eq!(read.action().unwrap().reference(), "run_1");
        assert!(!read.is_outsider());
    }

    #[test]
    fn attack_57_an_organization_wide_install_is_found_by_the_organization() {
        let click = serde_json::json!({
            "type": "block_actions", "team": { "id": "T_FOREIGN" }, "enterprise": { "id": "E1" },
            "is_enterprise_install": true, "user": { "id": "W1", "team_id": "T9" },
        });
        let read = payload(&form(&click)).unwrap();
        assert_eq!((read.installation(), read.is_outsider()), (Some("E1"), false));
        let no_team = serde_json::json!({ "type": "block_actions", "team": null, "user": { "id": "U1" } });
        assert_eq!(payload(&form(&no_team)).unwrap().installation(), None);
    }

    #[test]
    fn attack_186_a_form_that_names_a_field_twice_is_refused() {
        for twice in ["payload=%7B%7D&payload=%7B%7D", "a=1&a=2&payload=%7B%7D"] {
            assert_eq!(payload(twice.as_bytes()).unwrap_err(), Unreadable("The form names a field twice."));
        }
        assert!(command(b"team_id=T1&team_id=T2").is_err());
    }

    #[test]
    fn attack_189_what_is_no_form_with_one_object_is_refused() {
        for odd in [
            "",
            "x",
            "payload=",
            "payload=[]",
            "payload=null",
            "payload=%22x%22",
            "payload={",
            "{}",
            "payload=%00",
        ] {
            assert!(payload(odd.as_bytes()).is_err(), "{odd}");
        }
        let deep = format!("payload={}{}", "{\"a\":".repeat(100_000), "1");
        assert!(payload(deep.as_bytes()).is_err());
        assert!(payload("a=1&".repeat(10_000).as_bytes()).is_err());
    }
}
