//! What people do besides writing: press, choose, fill in, command. Signed forms to the product's other two addresses, once
//! each: Slack does not send them again, it shows the person an error.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Core,
    people::name_of,
    types::{Raw, RawOutcome},
    world::Json,
};
use crate::clock;

/// A person presses a button or an emoji of one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Click {
    pub team: String,
    pub user: String,
    /// '' for the person's home page.
    #[serde(default)]
    pub channel: String,
    /// Of a message, or of a line only this person sees.
    #[serde(default)]
    pub ts: String,
    /// The action's id, or what it begins with.
    pub action_id: String,
    /// Of an element with several buttons: which one.
    #[serde(default)]
    pub value: Option<String>,
    /// Somebody of another workspace, in a shared channel.
    #[serde(default)]
    pub home_team: Option<String>,
}

/// A person uses a shortcut on a message.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Shortcut {
    pub team: String,
    pub user: String,
    pub channel: String,
    pub ts: String,
    pub callback_id: String,
}

/// A person sends a dialog in; fields by block and action id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Submit {
    pub team: String,
    pub user: String,
    pub view_id: String,
    #[serde(default)]
    pub fields: Vec<(String, String, String)>,
}

/// A person writes a command.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Command {
    pub team: String,
    pub user: String,
    pub channel: String,
    pub command: String,
    pub text: String,
}

/// The address for what people press, beside the one for events.
pub(crate) const INTERACTIONS: &str = "interactions";
pub(crate) const COMMANDS: &str = "commands";

impl Core {
    /// The form a click sends; `None`: there is no such button.
    pub(crate) fn form_of_click(&self, click: &Click) -> Option<String> {
        let (blocks, container) = self.clicked(click)?;
        let element = find_element(&blocks, &click.action_id)?;
        let value = click.value.clone().or_else(|| element["value"].as_str().map(str::to_owned));
        let mut action = json!({
            "type": element["type"], "action_id": element["action_id"], "block_id": "b1", "value": value,
            "action_ts": clock::now_seconds().to_string(),
        });
        if let Some(text) = element.get("text") {
            action["text"] = text.clone();
        }
        let mut payload = self.payload("block_actions", (&click.team, &click.user), click.home_team.as_deref());
        payload["container"] = container;
        if !click.channel.is_empty() {
            payload["channel"] = json!({ "id": click.channel, "name": "channel" });
            payload["response_url"] = json!(self.new_response_url(&click.team, &click.channel, &click.user));
        }
        payload["actions"] = json!([action]);
        Some(form_of(&payload))
    }

    fn clicked(&self, click: &Click) -> Option<(Value, Value)> {
        let mut world = self.world();
        if click.channel.is_empty() {
            let home = world.surfaces.home(&click.team, &click.user)?;
            return Some((
                home["blocks"].clone(),
                json!({ "type": "view", "view_id": format!("VHOME{}", click.user) }),
            ));
        }
        let whispered =
            world.surfaces.whispers(&click.team, &click.user).into_iter().find(|line| line.ts == click.ts);
        let is_ephemeral = whispered.is_some();
        let blocks = match whispered {
            Some(line) => line.blocks?,
            None => {
                let message = world.channel(&click.team, &click.channel).messages.get(&click.ts)?;
                message.blocks.as_ref().and_then(Json::read)?
            }
        };
        let container = json!({
            "type": "message", "message_ts": click.ts, "channel_id": click.channel, "is_ephemeral": is_ephemeral,
        });
        Some((blocks, container))
    }

    pub(crate) fn form_of_shortcut(&self, shortcut: &Shortcut) -> Option<String> {
        let message =
            self.world().channel(&shortcut.team, &shortcut.channel).messages.get(&shortcut.ts).cloned()?;
        let mut payload = self.payload("message_action", (&shortcut.team, &shortcut.user), None);
        payload["callback_id"] = json!(shortcut.callback_id);
        payload["channel"] = json!({ "id": shortcut.channel, "name": "channel" });
        payload["message_ts"] = json!(shortcut.ts);
        payload["message"] = json!({
            "type": "message", "ts": message.ts, "user": message.author, "text": message.text,
            "thread_ts": message.thread_ts,
        });
        payload["response_url"] = json!(self.new_response_url(&shortcut.team, &shortcut.channel, &shortcut.user));
        Some(form_of(&payload))
    }

    pub(crate) fn form_of_submit(&self, submit: &Submit) -> Option<String> {
        let dialog = self.world().surfaces.dialog_mut(&submit.team, &submit.view_id)?.clone();
        let mut values = Map::new();
        for (block, action, value) in &submit.fields {
            values.insert(block.clone(), json!({ action: { "type": "plain_text_input", "value": value } }));
        }
        let mut payload = self.payload("view_submission", (&submit.team, &submit.user), None);
        payload["view"] = dialog.view;
        payload["view"]["id"] = json!(submit.view_id);
        payload["view"]["team_id"] = json!(submit.team);
        payload["view"]["app_installed_team_id"] = json!(submit.team);
        payload["view"]["state"] = json!({ "values": values });
        Some(form_of(&payload))
    }

    pub(crate) fn form_of_command(&self, command: &Command) -> String {
        let trigger = self.world().surfaces.new_trigger(&command.team, &command.user);
        let response_url = self.new_response_url(&command.team, &command.channel, &command.user);
        let fields = [
            ("token", "simulated"),
            ("team_id", &command.team),
            ("team_domain", "simulated"),
            ("channel_id", &command.channel),
            ("channel_name", "channel"),
            ("user_id", &command.user),
            ("user_name", &name_of(&command.user)),
            ("command", &command.command),
            ("text", &command.text),
            ("api_app_id", &self.options().app_id),
            ("is_enterprise_install", "false"),
            ("response_url", &response_url),
            ("trigger_id", &trigger),
        ];
        encode(&fields)
    }

    pub(crate) async fn click(&self, click: &Click) -> Option<RawOutcome> {
        let form = self.form_of_click(click)?;
        Some(self.send_form(INTERACTIONS, form).await)
    }

    pub(crate) async fn shortcut(&self, shortcut: &Shortcut) -> Option<RawOutcome> {
        let form = self.form_of_shortcut(shortcut)?;
        Some(self.send_form(INTERACTIONS, form).await)
    }

    /// A dialog stays open while something is wrong with its fields, and when the product does not take it.
    pub(crate) async fn submit(&self, submit: &Submit) -> Option<RawOutcome> {
        let form = self.form_of_submit(submit)?;
        let outcome = self.send_form(INTERACTIONS, form).await;
        let answer: Value = serde_json::from_str(&outcome.body).unwrap_or_default();
        let mut world = self.world();
        if answer["response_action"] == "errors" {
            if let Some(dialog) = world.surfaces.dialog_mut(&submit.team, &submit.view_id) {
                dialog.errors = Some(answer["errors"].clone());
            }
        } else if outcome.status == Some(200) {
            world.surfaces.close(&submit.view_id);
        }
        Some(outcome)
    }

    /// What the product answers, only the person sees, unless it says otherwise.
    pub(crate) async fn command(&self, command: &Command) -> RawOutcome {
        let form = self.form_of_command(command);
        let outcome = self.send_form(COMMANDS, form).await;
        if let Ok(answer) = serde_json::from_str::<Value>(&outcome.body)
            && outcome.status == Some(200)
        {
            self.world().surfaces.whisper((&command.team, &command.channel, &command.user), &answer);
        }
        outcome
    }

    /// Sends a form as it stands, signed.
    pub(crate) async fn send_form(&self, address: &str, form: String) -> RawOutcome {
        let events = self.options().events_url;
        let url = events.strip_suffix("events").map(|base| format!("{base}{address}")).unwrap_or(events);
        let headers = [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())].into();
        self.send_raw(Raw { body: json!(form), signed: true, headers, url: Some(url), ..Raw::default() }).await
    }

    fn new_response_url(&self, team: &str, channel: &str, user: &str) -> String {
        let id = self.world().surfaces.new_response(team, channel, user);
        format!("{}response/{id}", self.own_address())
    }

    fn payload(&self, kind: &str, (team, user): (&str, &str), home_team: Option<&str>) -> Value {
        let trigger = self.world().surfaces.new_trigger(team, user);
        json!({
            "type": kind,
            "team": { "id": team, "domain": "simulated" },
            "enterprise": null,
            "is_enterprise_install": false,
            "user": { "id": user, "username": name_of(user), "team_id": home_team.unwrap_or(team) },
            "api_app_id": self.options().app_id,
            "token": "simulated",
            "trigger_id": trigger,
        })
    }
}

/// The first element with this action id, wherever it stands.
fn find_element(blocks: &Value, action_id: &str) -> Option<Value> {
    let elements = blocks.as_array()?.iter().flat_map(|block| {
        let listed = block["elements"].as_array().cloned().unwrap_or_default();
        listed.into_iter().chain(block.get("accessory").cloned())
    });
    let mut fitting =
        elements.filter(|element| element["action_id"].as_str().is_some_and(|id| id.starts_with(action_id)));
    fitting.next()
}

fn form_of(payload: &Value) -> String {
    encode(&[("payload", &payload.to_string())])
}

/// `application/x-www-form-urlencoded`, as Slack writes it.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => form.push(char::from(byte)),
                b' ' => form.push('+'),
                _ => form.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    form
}

impl super::SlackSimulator {
    /// A person presses a button; `None`: there is none like it.
    pub async fn click(&self, click: &Click) -> Option<RawOutcome> {
        self.core.click(click).await
    }

    pub async fn shortcut(&self, shortcut: &Shortcut) -> Option<RawOutcome> {
        self.core.shortcut(shortcut).await
    }

    /// A person sends a dialog in; `None`: it is not open.
    pub async fn submit(&self, submit: &Submit) -> Option<RawOutcome> {
        self.core.submit(submit).await
    }

    pub async fn command(&self, command: &Command) -> RawOutcome {
        self.core.command(command).await
    }

    /// The form of a click, to be sent as often and as spoilt as one likes.
    pub fn form_of_click(&self, click: &Click) -> Option<String> {
        self.core.form_of_click(click)
    }

    pub fn form_of_command(&self, command: &Command) -> String {
        self.core.form_of_command(command)
    }

    pub fn form_of_submit(&self, submit: &Submit) -> Option<String> {
        self.core.form_of_submit(submit)
    }

    pub fn form_of_shortcut(&self, shortcut: &Shortcut) -> Option<String> {
        self.core.form_of_shortcut(shortcut)
    }

    /// Dialogs in front of a person.
    pub fn dialogs(&self, team: &str, user: &str) -> Vec<super::Dialog> {
        self.core.world().surfaces.dialogs(team, user)
    }

    /// A person's home page, if one was published.
    pub fn home(&self, team: &str, user: &str) -> Option<Value> {
        self.core.world().surfaces.home(team, user)
    }

    /// What only this person was told, oldest first.
    pub fn whispers(&self, team: &str, user: &str) -> Vec<super::Whisper> {
        self.core.world().surfaces.whispers(team, user)
    }

    /// A person opens the app's home page.
    pub fn open_home(&self, team: &str, user: &str) -> String {
        self.open_tab(team, user, "home")
    }

    /// A person looks at their conversation with the app.
    pub fn open_messages(&self, team: &str, user: &str) -> String {
        self.open_tab(team, user, "messages")
    }

    fn open_tab(&self, team: &str, user: &str, tab: &str) -> String {
        let event = json!({
            "type": "app_home_opened", "user": user, "channel": super::people::direct_channel_of(user), "tab": tab,
            "event_ts": clock::now_seconds().to_string(),
        });
        Arc::clone(&self.core).send_event(team, &event)
    }
}
