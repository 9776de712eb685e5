//! `konstruct slack manifest`: what to paste at Slack to get the app. Needs no database and no secret.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use shared::{channels::slack_app, config::Variables};
use url::Url;

#[derive(Subcommand)]
pub enum Slack {
    /// Print the app's manifest: api.slack.com/apps → Create New App → From a manifest → JSON.
    Manifest(Manifest),
}

#[derive(Args)]
pub struct Manifest {
    /// The address under which Slack reaches this Konstruct, such as https://konstruct.example.com. Default:
    /// KONSTRUCT_PUBLIC_URL.
    #[arg(long)]
    public_url: Option<Url>,
}

impl Slack {
    pub fn run(self) -> anyhow::Result<()> {
        let Self::Manifest(manifest) = self;
        let url = match manifest.public_url {
            Some(url) => url,
            None => from_environment()?,
        };
        if url.scheme() != "https" {
            bail!("Slack sends events to https addresses only, and {url} is none: give yours with --public-url.");
        }
        println!("{}", serde_json::to_string_pretty(&slack_app::manifest(&below(url)))?);
        Ok(())
    }
}

fn from_environment() -> anyhow::Result<Url> {
    let variables = Variables::read()?;
    let text = variables.get("KONSTRUCT_PUBLIC_URL").context("Give the address with --public-url https://…")?;
    text.parse().with_context(|| format!("KONSTRUCT_PUBLIC_URL must be a URL; it is `{text}`"))
}

/// Paths are written below the address: it has to end with a slash.
fn below(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}
