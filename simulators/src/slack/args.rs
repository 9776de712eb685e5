//! The arguments of a Web API call, from the query, a form or a JSON body.
//!
//! In forms, structured arguments such as `blocks` arrive as JSON in a string; in JSON bodies either way.

use axum::{
    Form,
    body::{Body, Bytes},
    extract::{FromRequest, Query, Request},
    http::{Method, header},
};
use serde_json::{Map, Value};

use super::web::Refusal;

type Pairs = Vec<(String, String)>;

pub(crate) struct Args(Map<String, Value>);

impl Args {
    pub(crate) async fn read(request: Request) -> Result<Self, Refusal> {
        let unreadable = |_| Refusal::new("invalid_form_data");
        let mut args = Map::new();
        let Query(pairs) =
            Query::<Pairs>::try_from_uri(request.uri()).map_err(|_| Refusal::new("invalid_form_data"))?;
        add(&mut args, pairs);

        match content_type(&request).as_str() {
            "application/json" => {
                let bytes = Bytes::from_request(request, &()).await.map_err(|_| Refusal::new("invalid_json"))?;
                match serde_json::from_slice(&bytes) {
                    Ok(Value::Object(fields)) => args.extend(fields),
                    Ok(_) => return Err(Refusal::new("json_not_object")),
                    Err(_) if bytes.is_empty() => {}
                    Err(_) => return Err(Refusal::new("invalid_json")),
                }
            }
            "application/x-www-form-urlencoded" if request.method() == Method::POST => {
                let Form(pairs) = Form::<Pairs>::from_request(request, &()).await.map_err(unreadable)?;
                add(&mut args, pairs);
            }
            _ => {}
        }
        Ok(Self(args))
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A text argument that has to be there and filled, or else the method's own error word.
    pub(crate) fn need(&self, name: &str, missing: &'static str) -> Result<String, Refusal> {
        self.text(name).filter(|text| !text.is_empty()).ok_or(Refusal::new(missing))
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text == "true" || text == "1",
            Some(Value::Number(number)) => number.as_u64() == Some(1),
            _ => false,
        }
    }

    /// It is there, and says no: one that is left out has Slack's own default.
    pub(crate) fn is_off(&self, name: &str) -> bool {
        self.0.contains_key(name) && !self.flag(name)
    }

    pub(crate) fn structured(&self, name: &str, broken: &'static str) -> Result<Option<Value>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| Refusal::new(broken)),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

fn add(args: &mut Map<String, Value>, pairs: Pairs) {
    args.extend(pairs.into_iter().map(|(name, value)| (name, Value::String(value))));
}

fn content_type(request: &Request<Body>) -> String {
    let value =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
