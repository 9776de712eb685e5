//! Whom the provider sends, made somebody here: a known account, one to be connected, or a new one.

use axum::http::StatusCode;
use secrecy::SecretString;
use shared::{
    db::{
        DbError,
        accounts::{self, Account, SignUp, SignUpBy},
        identities::{self, Waiting},
        invitations::{self, Joining, Offer},
        mails::{self, Mail},
    },
    ids::{TenantId, UserId},
    oidc::Proof,
};

use super::{
    NAME_MAX, accounts_of, checked_mail, checked_name, limits,
    provider::FinishVisit,
    signup::{TENANT_NAME_MAX, signup_off},
    totp,
};
use crate::{Gateway, client::Client, error::ApiError, passwords::Verdict};

/// Who is signed in, and for which of their tenants.
type Somebody = (UserId, Option<TenantId>);
/// By what they showed their second factor here, if it was asked for.
type Second = Option<&'static str>;

/// Somebody whose account is connected. Their second factor here is asked for unless the provider's suffices.
pub(super) async fn known(
    gateway: &Gateway,
    client: &Client,
    waiting: &Waiting,
    account: Account,
    (body, suffices): (&FinishVisit, bool),
) -> Result<(Somebody, Second), ApiError> {
    if !account.may_sign_in() {
        return Err(locked());
    }
    let second = if suffices { None } else { prove_factor(gateway, client, &account, body.code.as_ref()).await? };
    let somebody = match invited(gateway, waiting).await? {
        Some((offer, hash)) => join(gateway, &offer, &hash, account).await?,
        None => first_tenant(gateway, account.user).await?,
    };
    Ok((somebody, second))
}

async fn first_tenant(gateway: &Gateway, user: UserId) -> Result<Somebody, ApiError> {
    let memberships = accounts::memberships(&accounts_of(gateway), user).await?;
    Ok((user, memberships.first().map(|membership| membership.tenant)))
}

/// Codes are tried as seldom as passwords.
async fn prove_factor(
    gateway: &Gateway,
    client: &Client,
    account: &Account,
    code: Option<&SecretString>,
) -> Result<Second, ApiError> {
    if code.is_some() {
        limits::password(gateway, client, &account.mail).await?;
    }
    totp::prove(gateway, account, code).await
}

/// The invitation that the visit began with, if it still lives.
async fn invited(gateway: &Gateway, waiting: &Waiting) -> Result<Option<(Offer, [u8; 32])>, ApiError> {
    let Some(hash) = waiting.invitation else { return Ok(None) };
    let offer = invitations::find(&accounts_of(gateway), &hash).await?.ok_or_else(ApiError::dead_link)?;
    Ok(Some((offer, hash)))
}

async fn join(gateway: &Gateway, offer: &Offer, hash: &[u8; 32], account: Account) -> Result<Somebody, ApiError> {
    if offer.mail != account.mail {
        return Err(other_mail(&offer.mail));
    }
    accept(gateway, offer, hash, Joining::Account(account.user)).await
}

async fn accept(
    gateway: &Gateway,
    offer: &Offer,
    hash: &[u8; 32],
    joining: Joining<'_>,
) -> Result<Somebody, ApiError> {
    match invitations::accept(&accounts_of(gateway), offer, hash, joining).await {
        Err(DbError::NotFound) => Err(ApiError::dead_link()),
        accepted => Ok((accepted?, Some(offer.tenant))),
    }
}

/// Somebody who never came by the provider before.
pub(super) async fn unknown(
    gateway: &Gateway,
    client: &Client,
    waiting: &Waiting,
    body: &FinishVisit,
) -> Result<(Somebody, Second), ApiError> {
    let proof = &waiting.proof;
    let given = proof.mail.as_deref().and_then(|mail| checked_mail(mail).ok());
    let invited = invited(gateway, waiting).await?;
    let mail = match (&invited, given) {
        // Whoever has the link reads the mails of that address; the provider must mean the same person.
        (Some((offer, _)), given) if given.as_ref() != Some(&offer.mail) => return Err(other_mail(&offer.mail)),
        (Some((offer, _)), _) => offer.mail.clone(),
        (None, Some(mail)) if proof.is_mail_proved => mail,
        (None, _) => return Err(mail_unproved()),
    };
    if let Some(account) = accounts::find_by_mail(&accounts_of(gateway), &mail).await? {
        let second = own(gateway, client, &account, body, invited.is_some()).await?;
        let home = accounts::home(&accounts_of(gateway), account.user).await?;
        connect(gateway, home, account.user, proof).await?;
        let somebody = match &invited {
            Some((offer, hash)) => join(gateway, offer, hash, account).await?,
            None => first_tenant(gateway, account.user).await?,
        };
        return Ok((somebody, second));
    }
    let said = body.name.as_deref().or(proof.name.as_deref());
    let name = said.map(|name| name.chars().take(NAME_MAX).collect::<String>());
    let name = name.filter(|name| checked_name("name", name, NAME_MAX).is_ok()).unwrap_or_else(|| local(&mail));
    let somebody = match &invited {
        Some((offer, hash)) => accept(gateway, offer, hash, Joining::Known { name: &name, proof }).await?,
        None => sign_up(gateway, &mail, &name, body, proof).await?,
    };
    Ok((somebody, None))
}

/// That a mail address is the same proves nothing: its owner shows the password, and the second factor, once.
async fn own(
    gateway: &Gateway,
    client: &Client,
    account: &Account,
    body: &FinishVisit,
    is_invited: bool,
) -> Result<Second, ApiError> {
    let Some(password) = &body.password else { return Err(password_required()) };
    limits::password(gateway, client, &account.mail).await?;
    let verdict = gateway.passwords.verify(password, account.password_hash.as_deref()).await?;
    // An invitation's link came by mail, too.
    if verdict == Verdict::Wrong || account.is_disabled || !(account.is_verified || is_invited) {
        return Err(ApiError::wrong_password());
    }
    totp::prove(gateway, account, body.code.as_ref()).await
}

/// Connects an account, and tells its owner by mail: who did not do it will want to know.
pub(super) async fn connect(
    gateway: &Gateway,
    home: Option<TenantId>,
    user: UserId,
    proof: &Proof,
) -> Result<(), DbError> {
    let db = accounts_of(gateway);
    if !identities::connect(&db, home, user, proof).await? {
        return Ok(());
    }
    if let (Some(tenant), Some(account)) = (home, accounts::find(&db, user).await?) {
        let provider = gateway.provider.as_ref().map_or("", |provider| &provider.config.name).to_owned();
        let mut tx = gateway.db.tenant(tenant).begin().await?;
        mails::enqueue(&mut tx, &gateway.keys, &account.mail, &Mail::ProviderConnected { provider }).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn sign_up(
    gateway: &Gateway,
    mail: &str,
    name: &str,
    body: &FinishVisit,
    proof: &Proof,
) -> Result<Somebody, ApiError> {
    if !gateway.signup {
        return Err(signup_off());
    }
    let Some(tenant_name) = &body.tenant_name else { return Err(account_required()) };
    let tenant_name = checked_name("tenant_name", tenant_name, TENANT_NAME_MAX)?;
    let new = SignUp { mail, name, tenant_name, by: SignUpBy::Provider(proof) };
    match accounts::sign_up(&accounts_of(gateway), &new).await? {
        Some((tenant, user)) => Ok((user, Some(tenant))),
        None => Err(password_required()),
    }
}

fn local(mail: &str) -> String {
    mail.split('@').next().unwrap_or(mail).chars().take(NAME_MAX).collect()
}

fn password_required() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "password_required",
        "There is an account with your address: send its `password` once, so that it is connected with the provider.",
    )
}

fn account_required() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "account_required",
        "You have no account yet: send `tenant_name`, your organization's name, to make one.",
    )
}

fn mail_unproved() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "mail_unproved",
        "The provider does not vouch for your mail address: confirm it there, or sign in by your password and connect \
         the provider under your account.",
    )
}

fn other_mail(invited: &str) -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "other_mail",
        format!(
            "The invitation is for {invited}, and the provider knows you by another address: ask for an invitation to that one."
        ),
    )
}

fn locked() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "locked", "This account is locked: ask who runs this installation.")
}
