//! `konstruct`: one binary with all roles and the commands of operators. One file per command.

#![expect(clippy::print_stdout, reason = "a command's output goes to standard output; logs go to standard error")]

mod audit;
mod chat;
mod colleague;
mod connect;
mod doctor;
mod doctor_live;
mod doctor_whatsapp;
mod eval;
mod extract_text;
mod handover;
mod key;
mod migrate;
mod money;
mod phone;
mod privacy;
mod recall_file;
mod recall_score;
mod roles;
#[cfg(feature = "simulators")]
mod shortage;
mod simulators;
mod slack;
mod sql;
mod story;
mod tenant;
mod ticket;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::config::Config;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// AI employees in the channels your team already uses.
#[derive(Parser)]
#[command(name = "konstruct", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print machine-readable JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Receive webhooks, serve the API and the portal.
    Gateway,
    /// Answer: claim conversations, recall, ask the model, reply.
    Orchestrator,
    /// Embed memories, run background and periodic jobs.
    Worker,
    /// All three roles in one process.
    All,
    /// Bring the database schema up to date.
    Migrate,
    /// Run the simulated Slack, WhatsApp and model provider (development only).
    #[cfg(feature = "simulators")]
    Simulators,
    /// Check every dependency and secret, and say what to do about each failure.
    Doctor {
        /// Also ask each connected workspace, and whether the public address leads here.
        #[arg(long)]
        live: bool,
    },
    /// Speak as an end user through the running webhooks and print the reply as it appears.
    Chat(chat::Chat),
    /// Read one document from standard input and write its text (started by the worker).
    #[command(hide = true)]
    ExtractText { kind: String },
    /// Create tenants and shape their agents.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Seal stored secrets anew under another master key.
    #[command(subcommand)]
    Key(key::Key),
    /// Set what a model costs.
    Price(money::price::Price),
    /// What a currency is worth, for budgets that are said in it
    Rate(money::rate::Rate),
    /// What models were used for, and what it cost.
    Usage(money::usage::Usage),
    /// Make somebody a platform admin, lock an account, or unlock it.
    #[command(subcommand)]
    User(user::User),
    /// Measure how well memory is searched.
    #[command(subcommand)]
    Eval(eval::Eval),
    /// Check the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Connect a channel by hand, after checking it.
    #[command(subcommand)]
    Connect(connect::Connect),
    /// Set up the Slack app.
    #[command(subcommand)]
    Slack(slack::Slack),
    /// Erase a person or a tenant for good, or do again what was erased since a backup was made.
    #[command(subcommand)]
    Erase(privacy::erase::Erase),
    /// Hand out all that is there of a person.
    #[command(subcommand)]
    Export(privacy::export::Export),
    /// Ask the database as one tenant; it changes nothing, and is audited.
    Sql(sql::Sql),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::ExtractText { kind } = &cli.command {
        return extract_text::run(kind);
    }
    // Two TLS back ends are compiled in; without a choice the first connection would panic.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return fail("TLS can't be set up.");
    }
    // It is what one needs before there is anything to configure.
    if let Command::Slack(slack) = cli.command {
        return match slack.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{error:#}")),
        };
    }
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("The process can't start its threads: {error}.")),
    };
    match runtime.block_on(run(cli, config)) {
        Ok(code) => code,
        Err(error) => fail(&format!("{error:#}")),
    }
}

async fn run(cli: Cli, config: Config) -> anyhow::Result<ExitCode> {
    match cli.command {
        // Answered before anything was set up.
        Command::ExtractText { kind } => return Ok(extract_text::run(&kind)),
        Command::Gateway => roles::run(roles::Role::Gateway, &config).await?,
        Command::Orchestrator => roles::run(roles::Role::Orchestrator, &config).await?,
        Command::Worker => roles::run(roles::Role::Worker, &config).await?,
        Command::All => roles::run(roles::Role::All, &config).await?,
        Command::Migrate => migrate::run(&config).await?,
        #[cfg(feature = "simulators")]
        Command::Simulators => simulators::run(&config).await?,
        Command::Doctor { live } => return doctor::run(&config, live, cli.json).await,
        Command::Chat(chat) => chat.run(&config, cli.json).await?,
        Command::Tenant(tenant) => tenant.run(&config, cli.json).await?,
        Command::Key(key) => key.run(&config, cli.json).await?,
        Command::Price(price) => price.run(&config, cli.json).await?,
        Command::Rate(rate) => rate.run(&config, cli.json).await?,
        Command::Usage(usage) => usage.run(&config, cli.json).await?,
        Command::User(user) => user.run(&config, cli.json).await?,
        Command::Eval(eval) => eval.run(&config, cli.json).await?,
        Command::Audit(audit) => audit.run(&config, cli.json).await?,
        Command::Connect(connect) => connect.run(&config, cli.json).await?,
        Command::Slack(slack) => slack.run()?,
        Command::Erase(erase) => return erase.run(&config, cli.json).await,
        Command::Export(export) => export.run(&config).await?,
        Command::Sql(sql) => return sql.run(&config, cli.json).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// One clear sentence on standard error, and a code that scripts can see.
fn fail(sentence: &str) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "there may be no logging yet")]
    {
        eprintln!("konstruct: {sentence}");
    }
    ExitCode::FAILURE
}
