//! The page an installation ends with: one sentence that says what happened, and one that says what to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Longest quotation of a name or of Slack's words, in characters.
const QUOTED_MAX: usize = 80;

/// How an installation ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Page {
    Connected {
        workspace: String,
        tenant: String,
        /// Scopes that were not granted.
        missing: Vec<String>,
    },
    Denied,
    Late,
    Used,
    OtherBrowser,
    NotStarted,
    NoSuchLink,
    /// The workspace belongs to another tenant.
    Taken(String),
    OtherWorkspace {
        expected: String,
        given: String,
    },
    OtherApp,
    SlackRefused(String),
    NoAnswer,
    OurFault,
}

const AGAIN: &str =
    "Ask for a new link where you got this one: in the portal, or from your Konstruct administrator.";

impl Page {
    fn status(&self) -> StatusCode {
        match self {
            Self::Connected { .. } => StatusCode::OK,
            Self::Denied | Self::OtherBrowser => StatusCode::FORBIDDEN,
            Self::Late | Self::Used | Self::NoSuchLink => StatusCode::GONE,
            Self::NotStarted | Self::OtherApp | Self::SlackRefused(_) => StatusCode::BAD_REQUEST,
            Self::Taken(_) | Self::OtherWorkspace { .. } => StatusCode::CONFLICT,
            Self::NoAnswer => StatusCode::BAD_GATEWAY,
            Self::OurFault => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What happened, and what to do.
    fn sentences(&self) -> (String, String) {
        let (happened, to_do) = match self {
            Self::Connected { workspace, tenant, missing } => {
                let happened = format!("{workspace} is connected to {tenant} at Konstruct.");
                let to_do = if missing.is_empty() {
                    "Invite the bot to a channel (/invite) and mention it, or write to it directly. You can close this page. \
                     If you did not expect this, remove the app under your workspace's Manage apps."
                        .to_owned()
                } else {
                    format!(
                        "Some permissions are missing: {}. Add them to the app under OAuth & Permissions → Bot Token \
                         Scopes, and install it again.",
                        missing.join(", ")
                    )
                };
                return (happened, to_do);
            }
            Self::Denied => ("Nothing was connected: the permission was not given.", AGAIN),
            Self::Late => ("Nothing was connected: it took longer than ten minutes.", AGAIN),
            Self::Used => {
                ("This answer was used already.", "If the workspace is not connected, ask for a new link.")
            }
            Self::OtherBrowser => (
                "Nothing was connected: the installation was begun in another browser, or begun again since.",
                "Open the link once more, and go on in that same window.",
            ),
            Self::NotStarted => ("Nothing was connected: no installation was begun in this browser.", AGAIN),
            Self::NoSuchLink => ("This link was used, has expired, or is not complete.", AGAIN),
            Self::Taken(workspace) => {
                let happened =
                    format!("{workspace} is connected to another customer of this Konstruct, and stays so.");
                let to_do = "Disconnect it where it is connected now, or connect it with a Slack app of your own.";
                return (happened, to_do.into());
            }
            Self::OtherWorkspace { expected, given } => {
                let happened = format!("Nothing was changed: this link renews {expected}, and you chose {given}.");
                return (
                    happened,
                    format!("Open the link again and choose {expected} at the top right of Slack's page."),
                );
            }
            Self::OtherApp => (
                "Nothing was connected: Slack speaks of another app than the one you named.",
                "Copy app id, client id, client secret and signing secret from the same app's Basic Information page.",
            ),
            Self::SlackRefused(reason) => {
                let happened = format!("Nothing was connected: Slack refused it ({reason}).");
                return (happened, format!("Tell your Konstruct administrator the word in brackets. {AGAIN}"));
            }
            Self::NoAnswer => ("Nothing was connected: Slack did not answer in time.", AGAIN),
            Self::OurFault => ("Nothing was connected: something went wrong on our side and was recorded.", AGAIN),
        };
        (happened.to_owned(), to_do.to_owned())
    }
}

/// The whole page. It loads nothing, is not kept by anybody, and what others named is only text in it.
pub fn page(page: Page) -> Response {
    let (happened, to_do) = page.sentences();
    let (happened, to_do) = (escaped(&happened), escaped(&to_do));
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Konstruct and Slack</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\n\
         <body><main><h1>{happened}</h1><p>{to_do}</p></main></body>\n</html>\n"
    );
    let mut response = (page.status(), body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
        ),
    );
    response
}

/// Words of others stay words: no mark-up, no control characters, and no more than one reads.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().take(QUOTED_MAX * 8) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_only_text() {
        let page = Page::Taken("<script>alert(1)</script>\r\n&\"'".into());
        let text = escaped(&page.sentences().0);
        assert!(
            text.starts_with("&lt;script&gt;alert(1)&lt;/script&gt;  &amp;&quot;&#39; is connected"),
            "{text}"
        );
    }

    #[test]
    fn every_end_says_what_to_do() {
        let name = || "Acme".to_owned();
        let pages = [
            Page::Connected { workspace: name(), tenant: name(), missing: vec![] },
            Page::Connected { workspace: name(), tenant: name(), missing: vec!["chat:write".into()] },
            Page::Denied,
            Page::Late,
            Page::Used,
            Page::OtherBrowser,
            Page::NotStarted,
            Page::NoSuchLink,
            Page::Taken(name()),
            Page::OtherWorkspace { expected: name(), given: name() },
            Page::OtherApp,
            Page::SlackRefused("invalid_scope".into()),
            Page::NoAnswer,
            Page::OurFault,
        ];
        for page in pages {
            let (happened, to_do) = page.sentences();
            assert!(happened.ends_with('.') && to_do.ends_with('.') && to_do.len() > 20, "{page:?}");
            assert_eq!(page.status() == StatusCode::OK, matches!(page, Page::Connected { .. }), "{page:?}");
        }
    }
}
