//! Shows an answer while it is written.
//!
//! A piece is on disk, under the fence, before it is sent; what is on disk is shown in the end, whatever the platform does
//! meanwhile. Where it asks to wait, the text gathers; where it closes a stream, the message's text is set as a whole and
//! the rest begins a new one; where it does not stream at all, the placeholder is edited instead.

mod showing;

use std::time::Duration;

use shared::{
    crash::{self, Point},
    db::{
        DbError, TenantTx,
        outbox::{Operation, Part},
        streams::{self, Addition, Begun},
    },
    ids::{OutboxId, RunId},
};
use tokio::time::Instant;

use super::{
    Delivery, Sender, State, done,
    pieces::{self, Layout, Step},
    words::Words,
};
use crate::watch::Watch;

/// An answer that is complete so soon after its first word is sent as a whole.
const HOLD: Duration = Duration::from_millis(50);
/// So much text is shown without waiting for more, in bytes.
const PIECE_MIN: usize = 250;
/// Less is shown after this.
const PAUSE: Duration = Duration::from_millis(300);
/// A long answer is shown in fewer steps: a workspace allows about a hundred a minute.
const PAUSE_LATER: Duration = Duration::from_secs(1);
const STEPS_QUICK: u32 = 20;
/// Edits of one message follow each other no faster.
const EDIT_PAUSE: Duration = Duration::from_secs(1);
/// A stream that may not begin for longer than this is none: the placeholder is edited instead.
const START_WAIT_MAX: Duration = Duration::from_secs(2);
const TRIES_MAX: u32 = 5;

/// One visible message of the answer.
struct Message {
    id: OutboxId,
    number: i32,
    head: String,
    /// On disk.
    text: String,
    pieces: i32,
    tail: Option<String>,
    place: Place,
    /// So many bytes of head, text and tail are on the platform.
    sent: usize,
    /// Its place is on disk.
    recorded: bool,
    tries: u32,
    delivery: Option<Delivery>,
}

/// How a message gets onto the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Stream(String),
    /// No stream, or none any more: its whole text is set now and then, and at its end.
    Edited(String),
    /// A new message, once the text is complete.
    Whole,
}

/// What came of an attempt to show more.
enum Shown {
    /// All there is so far.
    All,
    /// The platform asks to wait.
    Wait(Duration),
}

/// The visible side of one answer.
pub struct Stream<'a> {
    sender: &'a Sender<'a>,
    watch: &'a Watch,
    run: RunId,
    layout: Layout,
    messages: Vec<Message>,
    placeholder: Option<String>,
    /// An earlier process may have sent some of it.
    resumed: bool,
    /// A stream that is found after this message is ours.
    after: String,
    steps: u32,
    not_before: Instant,
    due: Instant,
}

impl<'a> Stream<'a> {
    /// `after`: the message that is answered.
    pub fn new(sender: &'a Sender<'a>, watch: &'a Watch, run: RunId, after: &str) -> Self {
        let now = Instant::now();
        Self {
            sender,
            watch,
            run,
            layout: Layout::default(),
            messages: Vec::new(),
            placeholder: None,
            resumed: false,
            after: after.to_owned(),
            steps: 0,
            not_before: now,
            due: now,
        }
    }

    /// An earlier process died while it showed these messages. What they consist of is on disk; what of it is visible will be
    /// set as a whole.
    pub async fn resume(mut self, parts: &[Part], placeholder: Option<String>) -> Self {
        (self.placeholder, self.resumed) = (placeholder, true);
        let count = parts.len();
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == count;
            let found = match &part.external_id {
                Some(external_id) => Some(external_id.clone()),
                None if is_last => self.sender.stray_stream(&self.after).await.unwrap_or_default(),
                None => None,
            };
            if is_last {
                self.layout = Layout::resume(&part.head, &part.body);
            }
            let sent = part.state == "sent";
            self.messages.push(Message {
                id: part.id,
                number: part.part,
                head: part.head.clone(),
                text: part.body.clone(),
                pieces: part.pieces,
                tail: (!is_last).then(|| part.tail.clone()),
                recorded: part.external_id.is_some(),
                sent: 0,
                tries: 0,
                delivery: sent.then(|| done(part.id, State::Sent, found.clone(), None)),
                place: found.map_or(Place::Whole, Place::Edited),
            });
        }
        self
    }

    /// Nothing will be added: the last message is complete, too, with the mark it was recorded with.
    pub fn close(&mut self) {
        if let Some(message) = self.messages.last_mut() {
            let tail = match self.layout.end() {
                Step::End(tail) => tail,
                Step::Begin(_) | Step::Append(_) => String::new(),
            };
            message.tail.get_or_insert(tail);
        }
    }

    /// Shows what an earlier process left, once.
    pub async fn catch_up(&mut self) -> Result<(), DbError> {
        self.show().await.map(|_| ())
    }

    /// Something of the answer is on disk as streamed.
    pub fn has_begun(&self) -> bool {
        !self.messages.is_empty()
    }

    /// The placeholder serves as the first message.
    fn uses_placeholder(&self) -> bool {
        let in_place = |message: &Message| matches!(&message.place, Place::Edited(ts) if Some(ts) == self.placeholder.as_ref());
        self.messages.iter().any(in_place)
    }

    /// Shows words as they come, until no more do. An answer that is complete at once leaves everything to the caller.
    pub async fn follow(&mut self, words: &Words, placeholder: Option<&Delivery>) -> Result<(), DbError> {
        match placeholder {
            Some(shown) if shown.is_refused() => return Ok(()),
            shown => self.placeholder = shown.and_then(|shown| shown.external_id.clone()),
        }
        if !self.sender.outlet.streams() || !words.outlast(HOLD).await {
            return Ok(());
        }
        let is_enough = |new: &str| new.len() >= PIECE_MIN && pieces::ready(new) >= PIECE_MIN / 2;
        loop {
            tokio::time::sleep_until(self.not_before).await;
            if !words.more(self.due.max(self.not_before), is_enough, pieces::ready).await {
                return Ok(());
            }
            let Some(piece) = words.take(pieces::ready) else { continue };
            let mut tx = self.sender.db.begin().await?;
            self.write(&mut tx, &piece).await?;
            tx.commit().await?;
            crash::point(Point::PieceStored);
            self.steps += 1;
            let wait = match self.show().await? {
                Shown::All => Duration::ZERO,
                Shown::Wait(wait) => wait,
            };
            if self.is_dead() {
                return Ok(());
            }
            let pause = if self.steps < STEPS_QUICK { PAUSE } else { PAUSE_LATER };
            (self.not_before, self.due) = (Instant::now() + wait, Instant::now() + pause.max(wait));
        }
    }

    /// Puts a piece of the answer on disk.
    pub async fn write(&mut self, tx: &mut TenantTx, text: &str) -> Result<(), DbError> {
        let mut addition = Addition::default();
        for message in self.messages.iter_mut().filter(|message| !message.recorded) {
            if let Place::Stream(ts) | Place::Edited(ts) = &message.place {
                addition.known.push((message.id, ts.clone()));
                message.recorded = true;
            }
        }
        for step in self.layout.lay(text) {
            self.take_step(step, &mut addition);
        }
        streams::add(tx, self.sender.lease, self.run, &addition).await
    }

    fn take_step(&mut self, step: Step, addition: &mut Addition) {
        if let Step::Begin(head) = &step {
            let number = i32::try_from(self.messages.len()).unwrap_or(i32::MAX);
            let message = Message::new(number, head.clone());
            addition.begun.push(Begun { id: message.id, part: number, head: head.clone() });
            self.messages.push(message);
        }
        let Some(message) = self.messages.last_mut() else { return };
        match step {
            Step::Begin(_) => {}
            Step::Append(piece) => {
                message.text.push_str(&piece);
                addition.pieces.push((message.id, message.pieces, piece));
                message.pieces += 1;
            }
            Step::End(tail) => {
                addition.ended.push((message.id, tail.clone()));
                message.tail = Some(tail);
            }
        }
    }

    /// The rest of the answer, and its end.
    pub async fn write_end(&mut self, tx: &mut TenantTx, rest: &str) -> Result<(), DbError> {
        self.write(tx, rest).await?;
        let mut addition = Addition::default();
        let end = self.layout.end();
        self.take_step(end, &mut addition);
        self.note_ending();
        streams::add(tx, self.sender.lease, self.run, &addition).await?;
        streams::seal(tx, self.run).await
    }

    fn note_ending(&self) {
        if let Some(last) = self.messages.last() {
            self.sender.outlet.note_ending(last.id);
        }
    }

    /// Shows what is on disk, and takes the placeholder away where it is in the way.
    pub async fn finish(&mut self) -> Result<Vec<Delivery>, DbError> {
        while let Shown::Wait(wait) = self.show().await? {
            tokio::time::sleep(wait.min(self.sender.pace.wait_max)).await;
        }
        let replaced = self.messages.iter().any(|message| message.sent > 0 || message.delivery.is_some());
        if replaced
            && !self.uses_placeholder()
            && let Some(placeholder) = self.placeholder.take()
        {
            self.sender.take_away(&placeholder).await;
        }
        let dead = self.messages.iter().find_map(|message| message.delivery.as_ref().filter(|end| is_dead(end)));
        let (state, error) = match dead {
            Some(end) => (end.state, end.error.clone()),
            None => (State::Dead, Some("it was not reached".to_owned())),
        };
        let id_and_end = |message: Message| {
            let unsent = done(message.id, state, None, error.clone());
            message.delivery.unwrap_or(unsent)
        };
        Ok(std::mem::take(&mut self.messages).into_iter().map(id_and_end).collect())
    }

    fn is_dead(&self) -> bool {
        self.messages.iter().any(|message| message.delivery.as_ref().is_some_and(is_dead))
    }
}

fn is_dead(delivery: &Delivery) -> bool {
    matches!(delivery.state, State::ConnectionDead { .. })
}

impl Message {
    fn new(number: i32, head: String) -> Self {
        Self {
            id: OutboxId::new(),
            number,
            head,
            text: String::new(),
            pieces: 0,
            tail: None,
            place: Place::Nowhere,
            sent: 0,
            recorded: false,
            tries: 0,
            delivery: None,
        }
    }

    /// All of it that is known so far.
    fn open_text(&self) -> String {
        format!("{}{}{}", self.head, self.text, self.tail.as_deref().unwrap_or_default())
    }

    /// What its stream begins with. Slack fetches the addresses of a new message, and a stream has no switch against that; what
    /// is appended counts as an edit, whose addresses nobody fetches.
    fn opening(&self) -> String {
        let text = self.open_text();
        if text.contains("://") || text.contains("www.") { String::new() } else { text }
    }

    fn is_behind(&self) -> bool {
        if self.delivery.is_some() {
            return false;
        }
        let more = self.sent < self.open_text().len();
        self.tail.is_some() || (more && self.place != Place::Whole)
    }

    fn as_part(&self, target: Option<String>) -> Part {
        let part = Part::new("answer", self.number, Operation::Stream, self.text.clone(), target);
        let tail = self.tail.clone().unwrap_or_default();
        Part { id: self.id, head: self.head.clone(), tail, pieces: self.pieces, ..part }
    }
}
