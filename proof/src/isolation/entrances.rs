//! What lets people and programs in, called as `statements` calls the rest.

use shared::db::{
    api_keys,
    audit::Actor,
    invitations::{self, NewInvitation},
    mails, members,
};

use super::{
    scene::{INVITATION, MAIL, MEMBER, NEW_MAIL, OWNER, THEIR_KEY},
    statements::{Call, calls},
};

pub(super) fn all() -> Vec<Call> {
    calls! {
        "members::list", AllAudiences, |tx, _config| members::list(tx).await?;
        "members::change", AllAudiences, |tx, _config| {
            members::change(tx, &Actor::System, MEMBER, Some("customer_admin"), None).await?.role
        };
        "members::remove", AllAudiences, |tx, _config| members::remove(tx, &Actor::System, MEMBER).await?;
        "members::transfer", AllAudiences, |tx, _config| members::transfer(tx, OWNER, MEMBER).await?;
        "invitations::list", AllAudiences, |tx, _config| invitations::list(tx).await?;
        "invitations::create", AllAudiences, |tx, _config| {
            let new = NewInvitation {
                mail: NEW_MAIL,
                role: "customer_operator",
                read_only: false,
                makes_owner: false,
                token: &[8; 32],
            };
            invitations::create(tx, &Actor::System, &new).await?.mail
        };
        "invitations::renew", AllAudiences, |tx, _config| {
            invitations::renew(tx, INVITATION, &[9; 32]).await?.mail
        };
        "invitations::revoke", AllAudiences, |tx, _config| invitations::revoke(tx, INVITATION).await?;
        "api_keys::list", AllAudiences, |tx, _config| api_keys::list(tx).await?;
        "api_keys::create", AllAudiences, |tx, _config| {
            api_keys::create(tx, &[8; 32], "new", "customer_operator", None).await?.name
        };
        // Theirs: a key has no twin.
        "api_keys::revoke", AllAudiences, |tx, _config| api_keys::revoke(tx, THEIR_KEY).await?;
        "mails::waiting", AllAudiences, |tx, config| {
            mails::waiting(tx, &config.master_keys, MAIL).await?.map(|waiting| waiting.to)
        };
    }
}
