//! Which model answers: an agent's chain of models in order, each asked while its provider is well and its budgets have room.
//!
//! Where money is short, a cheaper model further down the chain answers, then one that may say little, then nobody: the
//! person is told, and handed to a human.

mod health;

use std::{borrow::Cow, collections::HashSet, time::Duration};

use reqwest::Url;
use shared::{
    config::Config,
    db::{
        DbError,
        agents::Manner,
        budgets::{Planned, Verdict},
        llm_keys,
        usage::{CallStatus, KeyOwner, ModelCall},
    },
    egress::{self, Guard},
    ids::{BudgetId, UsageId},
    providers,
    tools::file::SEND_FILE,
};

use crate::{
    llm::{self, Attempt, Called, Provider},
    prompt::Prompt,
    reply::words::Words,
    spending::Purse,
};
use health::Health;

const RETRY_PAUSE: Duration = Duration::from_millis(800);
/// A person waits no longer for a model that wants to be left alone; the next one answers instead.
const REST_MAX: Duration = Duration::from_secs(10);
const ANSWER_TOKENS_MAX: u32 = 1_500;
/// A file and what is said of it.
const FILE_TOKENS_MAX: u32 = 4_500;
/// When there is money for a few sentences only.
const SHORT_ANSWER_TOKENS_MAX: u32 = 300;

/// Why nobody answers, where it is a matter of money.
pub const NO_MONEY: &str = "the budget is used up";
pub const NO_PRICE: &str = "a model without a price is not asked under a budget";

/// The platform's models, and the way to tenants' own.
#[derive(Clone)]
pub struct ModelPool {
    platform: Provider,
    model: String,
    fallback: Option<String>,
    guard: Guard,
    health: Health,
}

/// One model at one provider.
pub struct Link {
    provider: Provider,
    model: String,
}

/// What a model is called for.
pub struct Job<'a> {
    /// As the ledger names it.
    pub purpose: &'static str,
    /// How long an answer may be: what is tried first, and what where money is short.
    pub tokens: &'a [u32],
}

/// Of an answer that nobody is sent.
pub const REHEARSED: &[u32] = &[ANSWER_TOKENS_MAX];
/// Where a file may be written.
const WITH_FILE: Job<'static> =
    Job { purpose: "answer", tokens: &[FILE_TOKENS_MAX, ANSWER_TOKENS_MAX, SHORT_ANSWER_TOKENS_MAX] };
const ANSWER: Job<'static> = Job { purpose: "answer", tokens: &[ANSWER_TOKENS_MAX, SHORT_ANSWER_TOKENS_MAX] };

/// A usable answer.
#[derive(Debug)]
pub struct Completion {
    pub text: String,
    /// What it wants to have called before it goes on.
    pub called: Vec<Called>,
    /// Every call it took, the successful one last.
    pub calls: Vec<ModelCall>,
}

/// No model gave a usable answer.
#[derive(Debug, Default)]
pub struct NoAnswer {
    pub reason: String,
    pub calls: Vec<ModelCall>,
    /// There was no money for one.
    pub short: Option<Short>,
}

/// What stood in the way of a call.
#[derive(Clone, Debug)]
pub struct Short {
    pub budgets: Vec<BudgetId>,
    /// The model has no price.
    pub unpriced: Option<String>,
}

impl ModelPool {
    pub fn new(config: &Config) -> Self {
        let llm = &config.llm;
        let http = egress::provider_client(None);
        Self {
            platform: Provider::new(KeyOwner::Platform, http, &llm.base_url, &llm.api_key),
            model: llm.model.clone(),
            fallback: llm.fallback_model.clone(),
            guard: Guard::new(&config.egress_allow),
            health: Health::default(),
        }
    }

    /// What is asked, in order: what the agent or its tenant named, or else the platform's models. Keys of the tenant's own are
    /// never followed by the platform's unless the tenant named those, too.
    pub fn chain(&self, model: Option<&str>, named: &[llm_keys::Link]) -> Result<Vec<Link>, DbError> {
        if named.is_empty() {
            return Ok(self.platforms(model));
        }
        let mut chain = Vec::new();
        for link in named {
            match (&link.key, &link.model) {
                (None, None) => chain.extend(self.platforms(None)),
                (None, Some(model)) => {
                    chain.push(Link { provider: self.platform.clone(), model: model.clone() });
                }
                (Some((id, base_url, key)), model) => {
                    let url: Url =
                        base_url.parse().map_err(|_| DbError::Damaged("the address of a model key".into()))?;
                    match self.guard.client(&url) {
                        Ok(http) => chain.push(Link {
                            provider: Provider::new(KeyOwner::Tenant(*id), http.clone(), &url, key),
                            model: model.clone().unwrap_or_default(),
                        }),
                        Err(refusal) => tracing::warn!(key = %id, %refusal, "A model key's address is not called"),
                    }
                }
            }
        }
        Ok(chain)
    }

    fn platforms(&self, model: Option<&str>) -> Vec<Link> {
        let first = model.unwrap_or(&self.model);
        let fallback = self.fallback.as_deref().filter(|fallback| *fallback != first);
        let link = |model: &str| Link { provider: self.platform.clone(), model: model.to_owned() };
        std::iter::once(first).chain(fallback).map(link).collect()
    }

    /// Asks the first model, once more after a passing failure that did not take long, then the others. `words` get the answer while
    /// it comes; what was taken of them when an attempt fails, the next one continues.
    pub async fn complete(
        &self,
        chain: &[Link],
        prompt: &Prompt,
        words: &Words,
        purse: &Purse,
    ) -> Result<Result<Completion, NoAnswer>, DbError> {
        let job = if prompt.offers(SEND_FILE) { &WITH_FILE } else { &ANSWER };
        self.complete_for(job, chain, prompt, words, purse).await
    }

    /// The same for something else than an answer.
    pub async fn complete_for(
        &self,
        job: &Job<'_>,
        chain: &[Link],
        prompt: &Prompt,
        words: &Words,
        purse: &Purse,
    ) -> Result<Result<Completion, NoAnswer>, DbError> {
        let blind = prompt.without_pictures();
        let mut walk = Walk {
            pool: self,
            purpose: job.purpose,
            purse,
            words,
            has_others: chain.len() > 1,
            prompt,
            blind: blind.as_ref(),
            failed: HashSet::new(),
            called: Vec::new(),
            ended: NoAnswer { reason: "no model can be called".into(), ..NoAnswer::default() },
        };
        for tokens_max in lengths(job.tokens, prompt.manner) {
            if walk.through(chain, tokens_max).await? {
                let Walk { called, ended, .. } = walk;
                return Ok(Ok(Completion { text: words.all(), called, calls: ended.calls }));
            }
            if walk.ended.short.is_none() {
                break;
            }
        }
        words.rewind();
        Ok(Err(walk.ended))
    }
}

/// How long an answer may be, in tokens, one try after the other. What an agent is allowed takes the place of what is usual.
fn lengths(usual: &[u32], manner: Manner) -> Vec<u32> {
    let allowed = manner.answer_tokens.and_then(|tokens| u32::try_from(tokens).ok());
    let Some(allowed) = allowed else { return usual.to_vec() };
    let shorter = usual.iter().skip(1).copied().filter(|tokens| *tokens < allowed);
    std::iter::once(allowed).chain(shorter).collect()
}

/// The way along a chain.
struct Walk<'a> {
    pool: &'a ModelPool,
    purpose: &'static str,
    purse: &'a Purse,
    words: &'a Words,
    /// Somebody else can be asked than the first.
    has_others: bool,
    prompt: &'a Prompt,
    /// The same for models that take no pictures.
    blind: Option<&'a Prompt>,
    /// Places in the chain that are not asked again.
    failed: HashSet<usize>,
    /// Of the answer.
    called: Vec<Called>,
    ended: NoAnswer,
}

enum Asked {
    Answered,
    Short,
    Failed {
        again: bool,
    },
    /// It refused how it was asked; how it wants to be is known now.
    Misput {
        /// What the money for it is held under.
        held: UsageId,
    },
}

impl Walk<'_> {
    /// `true`: somebody answered.
    async fn through(&mut self, chain: &[Link], tokens_max: u32) -> Result<bool, DbError> {
        self.ended.short = None;
        let mut short = HashSet::new();
        let order = (0..chain.len()).take(1).chain(0..chain.len());
        for (step, index) in order.enumerate() {
            if self.failed.contains(&index) || short.contains(&index) {
                continue;
            }
            let link = &chain[index];
            if step == 1 {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            let rest = self.pool.health.rest_of(link.provider.owner, &link.model);
            let elsewhere =
                rest.broken && chain[index..].iter().any(|other| other.provider.owner != link.provider.owner);
            if rest.pause > REST_MAX || elsewhere {
                self.ended.reason =
                    if rest.broken { "the provider fails" } else { "the provider is asked too often" }.into();
                self.failed.insert(index);
                continue;
            }
            tokio::time::sleep(rest.pause).await;
            match self.ask(link, tokens_max).await? {
                Asked::Answered => return Ok(true),
                Asked::Short => {
                    short.insert(index);
                }
                Asked::Failed { again } if again && step == 0 => {}
                Asked::Failed { .. } | Asked::Misput { .. } => {
                    self.failed.insert(index);
                }
            }
        }
        Ok(false)
    }

    async fn ask(&mut self, link: &Link, tokens_max: u32) -> Result<Asked, DbError> {
        let mut asked = self.attempt(link, tokens_max, None).await?;
        // Ends: each time something is learned that was not known.
        while let Asked::Misput { held } = asked {
            asked = self.attempt(link, tokens_max, Some(held)).await?;
        }
        // A model that takes no pictures refuses the whole request: it is asked once more, with words about them.
        if let (Asked::Failed { again: false }, Some(blind)) = (&asked, self.blind)
            && self.prompt != blind
        {
            self.prompt = blind;
            return self.attempt(link, tokens_max, None).await;
        }
        Ok(asked)
    }

    /// `held`: money for the same call is held under this already.
    async fn attempt(&mut self, link: &Link, tokens_max: u32, held: Option<UsageId>) -> Result<Asked, DbError> {
        let begun = self.words.rewind();
        let prompt = self.prompt;
        let prompt = if begun.is_empty() { Cow::Borrowed(prompt) } else { Cow::Owned(prompt.continuing(&begun)) };
        let (id, owner) = (held.unwrap_or_else(UsageId::new), link.provider.owner);
        let planned = Planned {
            id,
            model: &link.model,
            owner,
            input_tokens: prompt.tokens_max(),
            output_tokens: i64::from(tokens_max),
            purpose: self.purpose,
        };
        let verdict = match held {
            Some(_) => Verdict::Free,
            None => self.purse.reserve(&planned).await?,
        };
        match verdict {
            Verdict::Free | Verdict::Held(_) => {}
            Verdict::Short(budgets) => return Ok(self.is_short(Short { budgets, unpriced: None })),
            Verdict::Unpriced(budgets) => {
                return Ok(self.is_short(Short { budgets, unpriced: Some(link.model.clone()) }));
            }
        }
        let dialect = self.pool.health.dialect(owner, &link.model);
        let outcome = link.provider.ask((&link.model, dialect), &prompt, tokens_max, self.words).await;
        self.pool.health.note(owner, &link.model, outcome.as_ref().err());
        let ours = owner == KeyOwner::Platform;
        let provider = if ours { providers::Provider::Model } else { providers::Provider::OwnModel };
        providers::note(provider, outcome.is_ok());
        let (status, received, failure) = match outcome {
            Ok(received) => (CallStatus::Ok, received, None),
            Err(Attempt { reason, status, again, hung, own, received, .. }) => {
                (status, received, Some((reason, again && !(hung && self.has_others), own)))
            }
        };
        // What refused how it was asked took nothing: what is held goes on to the next try, and lasts for it.
        let misput = failure.as_ref().is_some_and(|(.., own)| own.is_some());
        let booked = if misput { UsageId::new() } else { id };
        self.ended.calls.push(llm::ledger_row((booked, owner, &link.model), status, &prompt, &received));
        let Some((reason, again, own)) = failure else {
            self.called = received.called;
            return Ok(Asked::Answered);
        };
        if let Some(own) = own {
            self.pool.health.learn(owner, &link.model, own);
            return Ok(Asked::Misput { held: id });
        }
        tracing::warn!(model = link.model, %reason, "A model call failed");
        let whose = if owner == KeyOwner::Platform { link.model.clone() } else { "(of a tenant)".to_owned() };
        metrics::counter!("konstruct_model_failures_total", "model" => whose).increment(1);
        self.ended.reason = reason;
        Ok(Asked::Failed { again })
    }

    fn is_short(&mut self, short: Short) -> Asked {
        self.ended.reason = match &short.unpriced {
            Some(_) => NO_PRICE,
            None => NO_MONEY,
        }
        .into();
        self.ended.short = Some(short);
        Asked::Short
    }
}
