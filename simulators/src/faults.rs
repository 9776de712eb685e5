//! What should go wrong, and when: a list of rules shared by all simulators.
//!
//! A call is held against the rules in order. A matching rule first lets `skip` calls pass, then fires
//! `times` times (or until deleted); the first rule that fires decides. Nothing is random unless a rule
//! brings its own seed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// How long `deliver_then_timeout` hangs when no time is given.
const HANG_DEFAULT_MS: u64 = 30_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An HTTP error before anything was done.
    Status { code: u16, retry_after: Option<u64> },
    /// The call was carried out; the answer is an HTTP error all the same.
    StatusAfter { code: u16 },
    /// `{"ok":false,"error":…}` before anything was done; `ratelimited` also comes as a 429 with Retry-After.
    SlackError(String),
    /// WhatsApp only: an error object with this code before anything was done. Of the method `status`: the message is
    /// accepted and fails later with the code.
    GraphError(i64),
    /// The connection closes before anything was done.
    DropConnectionBefore,
    /// The call was carried out; then the connection closes without an answer.
    DropConnectionAfter,
    /// The call was carried out; the answer comes only after this many milliseconds.
    DeliverThenTimeout(u64),
    /// The connection closes without an answer; the call is carried out only afterwards, after a time drawn from
    /// this range.
    LateDelivery { from_ms: u64, to_ms: u64 },
    /// The call waits this many milliseconds and is then carried out and answered as usual.
    DelayMs(u64),
    /// The call was carried out; the answer is cut-off JSON.
    GarbageJson,
    /// The call was carried out; the answer is empty (model: a reply without content).
    Empty,
    /// Model only: headers, then nothing.
    StallBeforeFirstToken,
    /// Model only: this many content chunks, then nothing.
    StallAfterTokens(usize),
    /// Model only: this many content chunks, then the connection breaks.
    CloseMidStream(usize),
    /// Model only: status 200 with an error object where the reply should be.
    #[serde(rename = "error_body_with_200")]
    ErrorBodyWith200,
    /// Model only: talks on until 200 KB, whatever `max_tokens` says.
    Endless,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaultRule {
    /// `chat.postMessage`, `completions`, … or `*`.
    pub method: String,
    #[serde(default)]
    pub times: Option<u64>,
    #[serde(default)]
    pub skip: u64,
    /// Only calls for this channel (Slack) or model name.
    #[serde(default, alias = "channel", alias = "model", skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Chance>,
    #[serde(deserialize_with = "kind_or_its_short_form")]
    pub kind: FaultKind,
}

/// Fires in this many of a hundred matching calls, the same ones for the same seed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Chance {
    pub percent: u8,
    pub seed: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct FaultStatus {
    pub rule: FaultRule,
    /// Matching calls so far, and how many of them went wrong.
    pub seen: u64,
    pub fired: u64,
}

impl FaultKind {
    /// As `error` in the history of a call that its caller got no clear answer to; `None` if it got one.
    pub(crate) fn unclear(&self) -> Option<&'static str> {
        match self {
            Self::StatusAfter { .. } => Some("status_after"),
            Self::DropConnectionBefore => Some("drop_connection_before"),
            Self::DropConnectionAfter => Some("drop_connection_after"),
            Self::DeliverThenTimeout(_) => Some("deliver_then_timeout"),
            Self::LateDelivery { .. } => Some("late_delivery"),
            Self::GarbageJson => Some("garbage_json"),
            Self::Empty => Some("empty"),
            _ => None,
        }
    }
}

impl FaultRule {
    /// Goes wrong at every matching call until the rules are cleared.
    pub fn always(method: impl Into<String>, kind: FaultKind) -> Self {
        Self { method: method.into(), times: None, skip: 0, target: None, chance: None, kind }
    }

    pub fn once(method: impl Into<String>, kind: FaultKind) -> Self {
        Self::always(method, kind).times(1)
    }

    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    pub fn target(mut self, channel_or_model: impl Into<String>) -> Self {
        self.target = Some(channel_or_model.into());
        self
    }

    pub fn chance(mut self, percent: u8, seed: u64) -> Self {
        self.chance = Some(Chance { percent, seed });
        self
    }
}

#[derive(Default)]
pub struct Faults {
    rules: Mutex<Vec<Armed>>,
}

struct Armed {
    rule: FaultRule,
    dice: StdRng,
    seen: u64,
    fired: u64,
}

impl Faults {
    pub fn add(&self, rule: FaultRule) {
        let dice = StdRng::seed_from_u64(rule.chance.map_or(0, |chance| chance.seed));
        self.rules().push(Armed { rule, dice, seen: 0, fired: 0 });
    }

    pub fn clear(&self) {
        self.rules().clear();
    }

    pub fn list(&self) -> Vec<FaultStatus> {
        let status =
            |armed: &Armed| FaultStatus { rule: armed.rule.clone(), seen: armed.seen, fired: armed.fired };
        self.rules().iter().map(status).collect()
    }

    /// What should go wrong with this call, if anything; counts the call.
    pub(crate) fn strike(&self, method: &str, target: Option<&str>) -> Option<FaultKind> {
        self.rules()
            .iter_mut()
            .filter(|armed| armed.matches(method, target))
            .find_map(|armed| armed.fire().then(|| armed.kind()))
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn matches(&self, method: &str, target: Option<&str>) -> bool {
        let wanted = self.rule.target.as_deref();
        (self.rule.method == "*" || self.rule.method == method) && (wanted.is_none() || wanted == target)
    }

    fn fire(&mut self) -> bool {
        self.seen += 1;
        if self.seen <= self.rule.skip || self.rule.times.is_some_and(|times| self.fired >= times) {
            return false;
        }
        if self.rule.chance.is_some_and(|chance| self.dice.random_range(0..100) >= chance.percent) {
            return false;
        }
        self.fired += 1;
        true
    }

    /// What was drawn from a range is both its ends.
    fn kind(&mut self) -> FaultKind {
        match self.rule.kind {
            FaultKind::LateDelivery { from_ms, to_ms } => {
                let drawn = self.dice.random_range(from_ms..=to_ms.max(from_ms));
                FaultKind::LateDelivery { from_ms: drawn, to_ms: drawn }
            }
            ref kind => kind.clone(),
        }
    }
}

/// `"deliver_then_timeout"` without a time is accepted too.
fn kind_or_its_short_form<'de, D: Deserializer<'de>>(from: D) -> Result<FaultKind, D::Error> {
    let mut kind = Value::deserialize(from)?;
    if kind == "deliver_then_timeout" {
        kind = json!({ "deliver_then_timeout": HANG_DEFAULT_MS });
    }
    serde_json::from_value(kind).map_err(serde::de::Error::custom)
}
