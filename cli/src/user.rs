//! `konstruct user platform-admin | lock | unlock`: what is done to an account from outside.

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    config::Config,
    db::{Db, DbError, SystemDb, accounts, audit::Actor, second_factor},
    ids::UserId,
};

#[derive(Subcommand)]
pub enum User {
    /// Let somebody look after all tenants, or no longer (`--revoke`). It shows nobody's content.
    PlatformAdmin(PlatformAdmin),
    /// Sign somebody out everywhere and let them in no more.
    Lock(Who),
    /// Let somebody in again.
    Unlock(Who),
    /// Turn somebody's second factor off, after you made sure that it is them who lost it.
    ForgetSecondFactor(Who),
}

#[derive(Args)]
pub struct PlatformAdmin {
    #[command(flatten)]
    who: Who,
    #[arg(long)]
    revoke: bool,
}

#[derive(Args)]
pub struct Who {
    /// The address they sign in with.
    #[arg(long)]
    mail: String,
}

impl User {
    pub async fn run(self, config: &Config, as_json: bool) -> anyhow::Result<()> {
        let db = Db::connect(&config.database_url, &config.database_system_url)?.system();
        let (mail, done, changed) = match &self {
            Self::PlatformAdmin(PlatformAdmin { who, revoke }) => {
                let changed = accounts::set_platform_admin(&db, &address(&who.mail)?, !revoke).await;
                (&who.mail, if *revoke { "is no platform admin any more" } else { "is a platform admin" }, changed)
            }
            Self::Lock(who) => {
                (&who.mail, "is locked out", accounts::set_disabled(&db, &address(&who.mail)?, true).await)
            }
            Self::Unlock(who) => {
                (&who.mail, "may sign in", accounts::set_disabled(&db, &address(&who.mail)?, false).await)
            }
            Self::ForgetSecondFactor(who) => {
                (&who.mail, "signs in with the password alone", forget_factor(&db, &address(&who.mail)?).await)
            }
        };
        let user: UserId = match changed {
            Err(DbError::NotFound) => return Err(anyhow!("Nobody signs in with {mail}.")),
            changed => {
                changed.context("The account could not be changed; `konstruct doctor` looks for the cause")?
            }
        };
        if as_json {
            println!("{}", json!({ "user_id": user }));
        } else {
            println!("{mail} ({user}) {done}.");
        }
        Ok(())
    }
}

async fn forget_factor(db: &SystemDb, mail: &str) -> Result<UserId, DbError> {
    let account = accounts::find_by_mail(db, mail).await?.ok_or(DbError::NotFound)?;
    let home = accounts::home(db, account.user).await?;
    second_factor::turn_off(db, &Actor::CommandLine, home, account.user).await?;
    Ok(account.user)
}

fn address(mail: &str) -> anyhow::Result<String> {
    gateway::checked_mail(mail).map_err(|error| anyhow!("{error}"))
}
