//! What a platform fetches by itself because a message names it: previews of links.
//!
//! An address of this machine is really asked for, so that whoever listens there sees who comes; of all others is only noted
//! that they would be.

use std::{
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use regex::Regex;

const PATIENCE: Duration = Duration::from_secs(10);

static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)https?://[^\s<>|`"\\]+"#).expect("a constant pattern is valid"));

#[derive(Default)]
pub(crate) struct Previews(Mutex<Vec<String>>);

impl Previews {
    /// Fetches every address in the text.
    pub(crate) fn fetch(&self, (runtime, http): (&tokio::runtime::Handle, &reqwest::Client), text: &str) {
        for found in ADDRESS.find_iter(text) {
            let address = found.as_str().replace("&amp;", "&");
            if address.to_lowercase().starts_with("http://127.0.0.1:") {
                let request = http.get(&address).timeout(PATIENCE);
                runtime.spawn(async move { request.send().await.map(|_| ()) });
            }
            self.list().push(address);
        }
    }

    /// What was fetched so far, or would have been.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.list().clone()
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
