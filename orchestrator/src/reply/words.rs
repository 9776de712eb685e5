//! The words of an answer on their way from the model to whoever shows them.
//!
//! The model writes, the writer takes. What was taken may be visible and can't be unsaid; what was not is forgotten when an
//! attempt fails, and the next attempt goes on from what was taken.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::tools::claims;

#[derive(Default)]
pub struct Words {
    said: Mutex<Said>,
    changed: Notify,
}

#[derive(Default)]
struct Said {
    text: String,
    /// So many bytes of it were taken.
    taken: usize,
    ended: bool,
    /// Of a model that may still call a tool.
    held: Option<Held>,
}

/// Words that are no answer yet: a model may say something before it calls a tool.
#[derive(Default)]
struct Held {
    text: String,
    /// What is longer than a preamble is let go, sentence by sentence.
    may_flow: bool,
    flows: bool,
}

/// Bytes that are kept back until it is known whether a tool is called. A model that announces a call is briefer.
const HELD_BYTES: usize = 400;

impl Words {
    pub fn push(&self, text: &str) {
        self.said().push(text);
        self.changed.notify_waiters();
    }

    /// From here on nothing is let go until [`Words::settle`], or what a long answer says without claiming to have acted.
    pub fn hold(&self, may_flow: bool) {
        self.said().held = Some(Held { may_flow, ..Held::default() });
    }

    /// What is held back now.
    pub fn held(&self) -> String {
        self.said().held.as_ref().map(|held| held.text.clone()).unwrap_or_default()
    }

    /// The answer's rest, in the place of what was held back.
    pub fn settle(&self, rest: &str) {
        let mut said = self.said();
        said.held = None;
        said.text.push_str(rest);
        drop(said);
        self.changed.notify_waiters();
    }

    /// An attempt failed. Forgets what nobody took; returns what was taken.
    pub fn rewind(&self) -> String {
        let mut said = self.said();
        let taken = said.taken;
        said.text.truncate(taken);
        if let Some(held) = &mut said.held {
            held.text.clear();
            held.flows = false;
        }
        said.text.clone()
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.said().ended = true;
        self.changed.notify_waiters();
    }

    /// All of it, taken or not.
    pub fn all(&self) -> String {
        self.said().text.clone()
    }

    /// Takes as many bytes of what is new as `cut` allows; none: nothing is taken.
    pub fn take(&self, cut: impl FnOnce(&str) -> usize) -> Option<String> {
        let mut said = self.said();
        let new = &said.text[said.taken..];
        let piece = new[..cut(new)].to_owned();
        said.taken += piece.len();
        (!piece.is_empty()).then_some(piece)
    }

    /// Waits for the first words, and then a moment: an answer that is complete by then needs no stream. `true`: it is not.
    pub async fn outlast(&self, moment: Duration) -> bool {
        if self.until(None, |said| said.ended || !said.text.trim().is_empty()).await.ended {
            return false;
        }
        !self.until(Some(Instant::now() + moment), |said| said.ended).await.ended
    }

    /// Waits until `is_enough` of what is new, or until `at` and for at least `cut` to find a piece then. `false`: nothing
    /// more will come.
    pub async fn more(&self, at: Instant, is_enough: impl Fn(&str) -> bool, cut: impl Fn(&str) -> usize) -> bool {
        let new = |said: &Said| said.text[said.taken..].to_owned();
        let seen = self.until(Some(at), |said| said.ended || is_enough(&new(said))).await;
        if seen.ended || seen.enough {
            return !seen.ended;
        }
        !self.until(None, |said| said.ended || cut(&new(said)) > 0).await.ended
    }

    async fn until(&self, at: Option<Instant>, holds: impl Fn(&Said) -> bool) -> Seen {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let (enough, ended) = {
                let said = self.said();
                (holds(&said), said.ended)
            };
            if enough {
                return Seen { enough, ended };
            }
            match at {
                None => changed.await,
                Some(at) => {
                    if timeout_at(at, changed).await.is_err() {
                        return Seen { enough: false, ended };
                    }
                }
            }
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    fn push(&mut self, text: &str) {
        let Some(held) = &mut self.held else { return self.text.push_str(text) };
        held.text.push_str(text);
        held.flows |= held.may_flow && held.text.len() > HELD_BYTES;
        if !held.flows {
            return;
        }
        let end = held.text.rfind(". ").or_else(|| held.text.rfind('\n')).map_or(0, |at| at + 1);
        if !claims::claims_action(&held.text[..end]) {
            self.text.extend(held.text.drain(..end));
        }
    }
}

struct Seen {
    enough: bool,
    ended: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_stays_and_the_rest_of_a_failed_attempt_is_forgotten() {
        let words = Words::default();
        words.push("One two three");
        assert_eq!(words.take(|new| new.find("three").unwrap()).as_deref(), Some("One two "));
        assert_eq!(words.rewind(), "One two ");
        words.push("four");
        assert_eq!(words.take(str::len).as_deref(), Some("four"));
        assert_eq!((words.take(str::len), words.all().as_str()), (None, "One two four"));
    }

    #[tokio::test]
    async fn an_answer_that_is_complete_at_once_needs_no_stream() {
        let moment = Duration::from_millis(50);
        let quick = Words::default();
        quick.push("Yes.");
        quick.end();
        assert!(!quick.outlast(moment).await);
        let slow = Words::default();
        slow.push("Well, ");
        assert!(slow.outlast(moment).await);
        let (waited, ()) = tokio::join!(slow.more(Instant::now(), |_| false, |new| new.len()), async {
            tokio::time::sleep(moment).await;
            slow.end();
        });
        assert!(waited, "there is something to take");
    }
}
