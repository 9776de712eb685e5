//! What a turn may call: the agent's grants, less what policy takes away. Pure; no word of a model adds anything.

use serde_json::{Map, Value, json};
use shared::{
    db::{
        media::REMEMBERED_MARK,
        memories::Recalled,
        messages::Line,
        tools::{Granted, Tool},
    },
    message::is_hidden,
    tools::{Class, address::Template, arguments::Schema},
};

use super::built_in;
use crate::{files::Shown, llm::Called};

/// A tool that is offered to the model.
pub struct Offered {
    pub name: String,
    pub class: Class,
    pub(super) description: String,
    pub(super) schema: Schema,
    pub what: What,
}

pub enum What {
    Calculator,
    CurrentTime,
    Escalate,
    FollowUp,
    Forget,
    Recall,
    Remember,
    SearchKnowledge,
    SendFile,
    Http { tool: Box<Tool>, template: Template, sealed: Option<Vec<u8>> },
}

impl What {
    /// It leaves the house, and may carry along what the turn was told.
    fn leads_out(&self) -> bool {
        matches!(self, Self::Http { .. })
    }
}

pub struct Registry {
    offered: Vec<Offered>,
}

/// A call that may be made.
pub struct Admitted<'a> {
    pub tool: &'a Offered,
    pub arguments: Map<String, Value>,
}

impl Registry {
    /// `tainted`: words of strangers are in the prompt already, so nothing is offered that they could make use of.
    pub fn new(granted: &[Granted], tainted: bool) -> Self {
        let offered = granted.iter().filter_map(offered).filter(|tool| !(tainted && is_locked(tool))).collect();
        Self { offered }
    }

    /// Takes away what writes, if that is what is asked.
    pub fn read_only_if(&mut self, asked: bool) {
        self.offered.retain(|tool| !asked || tool.class == Class::Read);
    }

    pub fn is_empty(&self) -> bool {
        self.offered.is_empty()
    }

    /// A write of the tenant's own: its answer is checked as a whole, so nothing of it is shown before.
    pub fn writes_outside(&self) -> bool {
        self.offered.iter().any(|tool| tool.what.leads_out() && tool.class == Class::Write)
    }

    /// As the API wants it.
    pub fn to_values(&self) -> Vec<Value> {
        let value = |tool: &Offered| {
            let function = json!({ "name": tool.name, "description": tool.description, "parameters": tool.schema.to_value() });
            json!({ "type": "function", "function": function })
        };
        self.offered.iter().map(value).collect()
    }

    pub fn find(&self, name: &str) -> Option<&Offered> {
        self.offered.iter().find(|tool| tool.name == name)
    }

    /// Whether a call may be made, and with what. The error is a sentence for the model.
    pub fn admit(&self, call: &Called, tainted: bool) -> Result<Admitted<'_>, String> {
        let Some(tool) = self.find(&call.name) else {
            return Err("You have no such tool.".into());
        };
        if tainted && is_locked(tool) {
            return Err("This tool is locked for the rest of this turn: text from outside is in it.".into());
        }
        let mut arguments = tool.schema.read(&call.arguments)?;
        // What is approved must be what is seen.
        for value in arguments.values_mut() {
            if let Value::String(text) = value {
                text.retain(|letter| !is_hidden(letter));
            }
        }
        Ok(Admitted { tool, arguments })
    }
}

/// After a stranger's words: what writes, and what leads out. Asking for a human is always possible, and a file goes to those
/// who read the answer, with what could stand in the answer.
fn is_locked(tool: &Offered) -> bool {
    let is_said = matches!(tool.what, What::Escalate | What::SendFile);
    (tool.class == Class::Write && !is_said) || tool.what.leads_out()
}

/// Whether words of strangers are in the prompt: what files say, and what people of elsewhere and bots wrote.
pub fn is_tainted(window: &[Line], files: &[Shown], memories: &[Recalled]) -> bool {
    !files.is_empty()
        || window.iter().any(|line| line.outside)
        || memories.iter().any(|memory| memory.body.contains(REMEMBERED_MARK))
}

fn offered(granted: &Granted) -> Option<Offered> {
    match granted {
        Granted::BuiltIn(name) => built_in::tool(name),
        Granted::Own(tool, sealed) => {
            let read = Schema::parse(&tool.arguments)
                .and_then(|schema| Ok((schema, Template::parse(&tool.url_template)?)));
            match read {
                Ok((schema, template)) => Some(Offered {
                    name: tool.name.clone(),
                    class: tool.class,
                    description: tool.description.clone(),
                    schema,
                    what: What::Http { tool: tool.clone(), template, sealed: sealed.clone() },
                }),
                // The API stores none of these: somebody wrote it past it.
                Err(error) => {
                    tracing::error!(tool.id = %tool.id, %error, "A tool can't be read and is not offered");
                    None
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::tools::BUILT_IN;

    use super::*;

    fn call(name: &str, arguments: &str) -> Called {
        Called { id: "call_0".into(), name: name.into(), arguments: arguments.into() }
    }

    #[test]
    fn everything_the_product_brings_along_can_be_offered() {
        let granted: Vec<Granted> = BUILT_IN.iter().map(|name| Granted::BuiltIn((*name).to_owned())).collect();
        let registry = Registry::new(&granted, false);
        assert_eq!(registry.to_values().len(), BUILT_IN.len());
        assert!(!registry.writes_outside());
    }

    #[test]
    fn attack_131_what_was_not_granted_is_not_there_however_it_is_spelled() {
        let registry = Registry::new(&[Granted::BuiltIn("calculator".into())], false);
        assert!(registry.admit(&call("calculator", "{\"sum\":\"1\"}"), false).is_ok());
        for name in [
            "",
            "Calculator",
            "calculator ",
            "calculаtor",
            "calculator\u{200b}",
            "escalate",
            "remember",
            "send_message",
        ] {
            assert!(registry.admit(&call(name, "{\"sum\":\"1\"}"), false).is_err(), "{name}");
        }
        for arguments in ["{\"sum\":\"1\",\"tenant_id\":\"ten_x\"}", "{\"sum\":1}", "[]", "{"] {
            assert!(registry.admit(&call("calculator", arguments), false).is_err(), "{arguments}");
        }
    }

    #[test]
    fn attack_138_after_a_strangers_words_what_writes_is_locked() {
        let granted: Vec<Granted> = BUILT_IN.iter().map(|name| Granted::BuiltIn((*name).to_owned())).collect();
        let registry = Registry::new(&granted, false);
        for (name, arguments, locked) in [
            ("remember", "{\"note\":\"x\"}", true),
            ("forget", "{\"memory\":\"mem_x\"}", true),
            ("recall", "{\"about\":\"x\"}", false),
            ("calculator", "{\"sum\":\"1\"}", false),
            ("escalate", "{\"reason\":\"x\"}", false),
            ("send_file", "{\"name\":\"a.txt\",\"content\":\"x\"}", false),
        ] {
            assert_eq!(registry.admit(&call(name, arguments), true).is_err(), locked, "{name}");
        }
        assert!(Registry::new(&granted, true).find("remember").is_none(), "it is not even offered");
    }
}
