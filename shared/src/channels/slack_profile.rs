//! What Slack tells about people and channels, read from its JSON: from an answer of the Web API, or an event.

use serde_json::Value;

use crate::{
    db::{
        channels::{Described, State},
        people::{Profile, Standing},
    },
    message::ChannelKind,
};

/// A user, for the connection with this workspace or organization; `None` without a name.
pub fn person(user: &Value, workspace: &str) -> Option<Profile> {
    let names =
        [&user["profile"]["display_name"], &user["profile"]["real_name"], &user["real_name"], &user["name"]];
    let name = names.into_iter().filter_map(Value::as_str).map(str::trim).find(|name| !name.is_empty())?;
    Some(Profile { display_name: name.to_owned(), standing: standing(user, workspace) })
}

/// A workspace of one's own organization is no other company.
fn standing(user: &Value, workspace: &str) -> Standing {
    let is = |flag: &str| user[flag].as_bool().unwrap_or(false);
    let homes = [&user["team_id"], &user["profile"]["team"], &user["enterprise_user"]["enterprise_id"]];
    let homes: Vec<&str> = homes.into_iter().filter_map(Value::as_str).collect();
    let organization = workspace.starts_with('E');
    // An organization is compared only with what is one.
    let elsewhere = homes.iter().any(|home| home.starts_with('E') == organization) && !homes.contains(&workspace);
    if is("is_bot") {
        Standing::Bot
    } else if is("is_stranger") || elsewhere {
        Standing::Outsider
    } else if is("is_restricted") || is("is_ultra_restricted") {
        Standing::Guest
    } else {
        Standing::Member
    }
}

pub fn channel(channel: &Value) -> Described {
    let is = |flag: &str| channel[flag].as_bool().unwrap_or(false);
    let kind = if is("is_im") {
        ChannelKind::Direct
    } else if is("is_mpim") {
        ChannelKind::GroupDirect
    } else if is("is_private") || is("is_group") {
        ChannelKind::Private
    } else {
        ChannelKind::Public
    };
    let state = if is("is_archived") {
        State::Archived
    } else if channel["is_member"].as_bool() == Some(false) && kind == ChannelKind::Public {
        State::Left
    } else {
        State::Open
    };
    Described {
        kind,
        name: channel["name"].as_str().unwrap_or_default().to_owned(),
        // What may be shared soon is as good as shared.
        shared: is("is_ext_shared") || is("is_pending_ext_shared"),
        state,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn colleagues_guests_and_outsiders_are_told_apart() {
        let of = |user: Value, workspace: &str| person(&user, workspace).map(|profile| profile.standing);
        let ada = |fields: Value| {
            let mut user = json!({ "name": "ada", "team_id": "T1" });
            user.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            user
        };
        assert_eq!(of(ada(json!({})), "T1"), Some(Standing::Member));
        assert_eq!(of(ada(json!({ "is_restricted": true })), "T1"), Some(Standing::Guest));
        assert_eq!(
            of(ada(json!({ "is_restricted": true, "is_ultra_restricted": true })), "T1"),
            Some(Standing::Guest)
        );
        assert_eq!(of(ada(json!({ "is_stranger": true })), "T1"), Some(Standing::Outsider));
        assert_eq!(of(ada(json!({})), "T2"), Some(Standing::Outsider));
        assert_eq!(of(ada(json!({ "is_bot": true })), "T1"), Some(Standing::Bot));
        // In an organization, the workspace says nothing.
        assert_eq!(of(ada(json!({})), "E1"), Some(Standing::Member));
        assert_eq!(of(ada(json!({ "enterprise_user": { "enterprise_id": "E1" } })), "E1"), Some(Standing::Member));
        assert_eq!(
            of(ada(json!({ "enterprise_user": { "enterprise_id": "E2" } })), "E1"),
            Some(Standing::Outsider)
        );
        assert_eq!(of(json!({ "name": " " }), "T1"), None);
    }
}
