//! `konstruct doctor`: each dependency, with what to do if it fails.

use std::{process::ExitCode, time::Duration};

use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use shared::{
    channels::{CallError, slack::SlackApi, whatsapp::WhatsAppApi},
    clock::Clock,
    config::Config,
    db::{Db, schema, system},
    egress,
    embedding::Embedder,
    live as waker,
};

use crate::{doctor_live, doctor_whatsapp};

#[derive(Serialize)]
pub struct Finding {
    name: String,
    ok: bool,
    detail: String,
}

pub async fn run(config: &Config, live: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut findings = database(config).await?;
    findings.push(finding(
        "redis",
        waker::ping(&config.redis_url).await.map(|()| "answers".into()),
        "start Redis or correct REDIS_URL; until then everything works, slower",
    ));
    findings.push(embedding(config).await);
    findings.push(slack(config).await);
    findings.push(whatsapp(config).await);
    findings.push(model(config).await);
    if live
        && findings.iter().all(|finding| finding.ok || finding.name != "isolation" && finding.name != "postgresql")
    {
        let db = Db::connect(&config.database_url, &config.database_system_url)?;
        findings.extend(doctor_live::findings(config, &db).await?);
        findings.extend(doctor_whatsapp::findings(config, &db, Clock::system().now()).await?);
    }
    let healthy = findings.iter().all(|finding| finding.ok);
    if as_json {
        println!("{}", json!({ "healthy": healthy, "checks": findings }));
    } else {
        for finding in &findings {
            println!("{} {:<12} {}", if finding.ok { "ok  " } else { "FAIL" }, finding.name, finding.detail);
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn finding(name: &str, result: Result<String, String>, advice: &str) -> Finding {
    match result {
        Ok(detail) => Finding { name: name.to_owned(), ok: true, detail },
        Err(reason) => {
            let detail = format!("{} — {advice}", reason.trim_end_matches('.'));
            Finding { name: name.to_owned(), ok: false, detail }
        }
    }
}

async fn database(config: &Config) -> anyhow::Result<Vec<Finding>> {
    let reachable = schema::reachable(&config.database_url).await;
    let version = reachable.map(|text| text.split(" on ").next().unwrap_or_default().to_owned());
    let answers = version.is_ok();
    let mut findings = vec![finding("postgresql", version, "start it (`make up`) or correct DATABASE_URL")];
    if !answers {
        return Ok(findings);
    }
    let db = Db::connect(&config.database_url, &config.database_system_url)?;
    let problems = match schema::problems(&db).await {
        Ok(problems) if problems.is_empty() => Ok("roles, policies and schema are as they must be".into()),
        Ok(problems) => Err(problems.join(" ")),
        Err(error) => Err(error.to_string()),
    };
    let safe = problems.is_ok();
    findings.push(finding("isolation", problems, "nothing starts until this is mended"));
    if safe {
        let key = system::fingerprint_key(&db.system(), &config.master_keys).await;
        let key = key.map(|_| "opens what this database holds".to_owned()).map_err(|error| error.to_string());
        findings.push(finding("master key", key, "restore the key this database was set up with"));
    }
    Ok(findings)
}

async fn embedding(config: &Config) -> Finding {
    let result = Embedder::new(config).embed(vec!["Is anyone there?".into()]).await;
    let result = match result {
        Ok(vectors) => Ok(format!("{} dimensions", vectors.first().map_or(0, Vec::len))),
        Err(error) => Err(error.to_string()),
    };
    finding("embedding", result, "recall works by words only until it loads")
}

async fn slack(config: &Config) -> Finding {
    // A token that can't be valid: a well-meaning refusal proves that Slack is there.
    let answer = SlackApi::new(&config.slack.api_url).auth_test(&"xoxb-doctor".to_owned().into()).await;
    let result = match answer {
        Ok(_) | Err(CallError::Dead(_) | CallError::Refused(_)) => Ok(format!("{} answers", config.slack.api_url)),
        Err(error) => Err(error.to_string()),
    };
    finding("slack", result, "check the network and SLACK_API_URL")
}

async fn whatsapp(config: &Config) -> Finding {
    // As above: a token that can't be valid, and a number that is none.
    let answer = WhatsAppApi::new(&config.whatsapp).number(&"EAAdoctor".to_owned().into(), "0").await;
    let own = if config.whatsapp.app.is_some() { "" } else { "; no app of the platform's own" };
    let result = match answer {
        Ok(_) | Err(CallError::Dead(_) | CallError::Refused(_)) => {
            Ok(format!("{} answers{own}", config.whatsapp.graph_url))
        }
        Err(error) => Err(error.to_string()),
    };
    finding("whatsapp", result, "check the network and WHATSAPP_GRAPH_URL")
}

async fn model(config: &Config) -> Finding {
    let url = format!("{}/models", config.llm.base_url.as_str().trim_end_matches('/'));
    let answer = egress::provider_client(Some(Duration::from_secs(10)))
        .get(url)
        .bearer_auth(config.llm.api_key.expose_secret())
        .send()
        .await;
    let result = match answer {
        Ok(response) if response.status().is_success() => Ok(format!("{} answers", config.llm.base_url)),
        Ok(response) => Err(format!("{} answered with status {}", config.llm.base_url, response.status())),
        Err(_) => Err(format!("{} does not answer", config.llm.base_url)),
    };
    finding("model", result, "check LLM_BASE_URL and LLM_API_KEY")
}
