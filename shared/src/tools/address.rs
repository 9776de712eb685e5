//! Where a tenant's tool leads: an address with places for arguments, in path and query only. What an argument says can't
//! change the host, climb out of its segment, or begin another parameter.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use url::Url;

/// Longest template and longest address, in bytes.
const TEMPLATE_MAX: usize = 500;
const ADDRESS_MAX: usize = 8_000;

#[derive(Clone, Debug)]
pub struct Template {
    /// Scheme, host and port.
    origin: String,
    path: Vec<Piece>,
    query: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Argument(String),
}

impl Template {
    /// The error is a sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEMPLATE_MAX {
            return Err(format!("The address may have {TEMPLATE_MAX} bytes at most."));
        }
        if text.contains('#') || text.contains('\\') || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("The address may hold no `#`, no `\\` and no spaces.".into());
        }
        let after_scheme = text.find("://").ok_or("The address must begin with https://.")? + 3;
        let host_end = text[after_scheme..].find(['/', '?']).map_or(text.len(), |at| after_scheme + at);
        let (origin, rest) = text.split_at(host_end);
        if origin.contains(['{', '}']) {
            return Err("An argument may stand in the path or behind `?`, never in the host.".into());
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = if path.is_empty() { "/" } else { path };
        let template = Self { origin: origin.to_owned(), path: pieces(path)?, query: pieces(query)? };
        template.sample()?;
        Ok(template)
    }

    /// An address it makes, to see where it leads.
    pub fn sample(&self) -> Result<Url, String> {
        let sample: Map<String, Value> = self.names().map(|name| (name.to_owned(), Value::from("x"))).collect();
        let plain = "The address must be a plain one, such as https://api.example.com/tickets/{id}.";
        self.fill(&sample, &[]).map_err(|_| plain.to_owned())
    }

    /// Arguments that have a place in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.path.iter().chain(&self.query).filter_map(|piece| match piece {
            Piece::Argument(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The address with the arguments in their places; `more` become parameters of their own. The error is for a model.
    pub fn fill(&self, arguments: &Map<String, Value>, more: &[&str]) -> Result<Url, String> {
        let mut path = String::new();
        for piece in &self.path {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Argument(name) => {
                    let value = written(arguments, name)?;
                    if value.is_empty() {
                        return Err(format!("`{name}` may not be empty."));
                    }
                    encode(&value, &mut path);
                }
            }
        }
        let mut query = String::new();
        for piece in &self.query {
            match piece {
                Piece::Text(text) => query.push_str(text),
                Piece::Argument(name) => encode(&written(arguments, name)?, &mut query),
            }
        }
        for name in more {
            if !query.is_empty() {
                query.push('&');
            }
            encode(name, &mut query);
            query.push('=');
            encode(&written(arguments, name)?, &mut query);
        }
        let mark = if query.is_empty() { "" } else { "?" };
        let address = format!("{}{path}{mark}{query}", self.origin);
        let refused = || "The arguments make no address that may be called.".to_owned();
        if address.len() > ADDRESS_MAX {
            return Err("The arguments make an address that is too long.".into());
        }
        let url: Url = address.parse().map_err(|_| refused())?;
        // A segment of dots would have been taken away together with the one before it.
        if url.path() != path || url.query().unwrap_or_default() != query || !url.has_host() {
            return Err(refused());
        }
        Ok(url)
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or("A `{` in the address is not closed.")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) || before.contains('}') {
            return Err("Between `{` and `}` stands the name of one argument.".into());
        }
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Argument(name.to_owned()));
        rest = behind;
    }
    if rest.contains('}') {
        return Err("A `}` in the address was not opened.".into());
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

fn written(arguments: &Map<String, Value>, name: &str) -> Result<String, String> {
    match arguments.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(flag)) => Ok(flag.to_string()),
        _ => Err(format!("The argument `{name}` is missing.")),
    }
}

/// Everything but letters, digits and `-._~` becomes `%XX`.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str, arguments: Value) -> Result<String, String> {
        let arguments = arguments.as_object().expect("arguments").clone();
        Template::parse(template)?.fill(&arguments, &[]).map(String::from)
    }

    #[test]
    fn arguments_stay_in_their_places() {
        let template = "https://api.example.com/t/{id}/notes?q={q}&n=1";
        assert_eq!(
            filled(template, json!({ "id": "a/b?c#d", "q": "x&admin=1 ü" })).as_deref(),
            Ok("https://api.example.com/t/a%2Fb%3Fc%23d/notes?q=x%26admin%3D1%20%C3%BC&n=1")
        );
        for id in ["..", ".", ""] {
            assert!(filled(template, json!({ "id": id, "q": "" })).is_err(), "{id}");
        }
        for id in
            ["@evil.example", "//evil.example", "\\evil.example", "%2e%2e", "..%2f", "a\r\nHost: evil.example"]
        {
            let url = filled(template, json!({ "id": id, "q": id })).expect(id);
            assert!(url.starts_with("https://api.example.com/t/") && url.ends_with("&n=1"), "{url}");
        }
    }

    #[test]
    fn an_argument_never_names_the_host() {
        for bad in [
            "https://{host}/x",
            "https://api.{host}.example/x",
            "{scheme}://api.example.com/",
            "https://api.example.com:{port}/",
            "https://api.example.com{host}/x",
            "https://api.example.com/#{x}",
            "https://api.example.com/{a",
            "https://api.example.com/a}",
            "https://api.example.com/{}",
            "https://api.example.com/{a b}",
            "https://api.example.com/x/../{a}",
            "https://api.example.com\\{a}",
            "no address",
            "https://",
            "https://?q={a}",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        let names = Template::parse("https://api.example.com?a={a}")
            .map(|t| t.names().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(names, Ok(vec!["a".to_owned()]));
    }
}
