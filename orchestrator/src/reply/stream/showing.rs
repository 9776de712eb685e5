//! One call at a time for one message of a streamed answer, and what each answer of the platform means for it.

use shared::{
    channels::CallError,
    crash::{self, Point},
    db::{
        DbError,
        streams::{self, Addition},
    },
};
use tokio::time::Instant;

use super::{EDIT_PAUSE, Place, START_WAIT_MAX, Shown, Stream, TRIES_MAX};
use crate::reply::{State, done};

impl Stream<'_> {
    /// Shows what is on disk, as far as the platform takes it now.
    pub(super) async fn show(&mut self) -> Result<Shown, DbError> {
        for index in 0..self.messages.len() {
            while self.messages[index].is_behind() && !self.is_dead() {
                if let Shown::Wait(wait) = self.advance(index).await? {
                    return Ok(Shown::Wait(wait));
                }
            }
        }
        Ok(Shown::All)
    }

    /// One call for one message.
    async fn advance(&mut self, index: usize) -> Result<Shown, DbError> {
        match self.messages[index].place.clone() {
            // Complete before its stream began: it needs none.
            Place::Nowhere if self.messages[index].tail.is_some() => {
                self.do_without(index);
                Ok(Shown::All)
            }
            Place::Nowhere => self.start(index).await,
            Place::Stream(ts) if self.messages[index].tail.is_some() => self.stop(index, &ts).await,
            Place::Stream(ts) => self.append(index, &ts).await,
            Place::Edited(_) | Place::Whole => self.set(index).await,
        }
    }

    async fn start(&mut self, index: usize) -> Result<Shown, DbError> {
        let message = &mut self.messages[index];
        message.tries += 1;
        let opening = message.opening();
        let answered = self.sender.outlet.start_stream(&opening).await;
        crash::point(Point::StreamStarted);
        let error = match answered {
            Ok(ts) => {
                message.sent = opening.len();
                self.watch.showed(message.id, &ts);
                message.place = Place::Stream(ts);
                if index == 0
                    && let Some(placeholder) = self.placeholder.take()
                {
                    self.sender.take_away(&placeholder).await;
                }
                return Ok(Shown::All);
            }
            Err(error) => error,
        };
        match error {
            CallError::RateLimited(wait) if wait <= START_WAIT_MAX && message.tries < TRIES_MAX => {
                return Ok(Shown::Wait(wait));
            }
            CallError::Unreachable(_) if message.tries < TRIES_MAX => {
                return Ok(Shown::Wait(self.sender.pace.retry_base * message.tries));
            }
            CallError::Dead(reason) => {
                let state = State::ConnectionDead { unclear: false };
                message.delivery = Some(done(message.id, state, None, Some(reason)));
                return Ok(Shown::All);
            }
            CallError::Ambiguous(_) => {
                // It may be there. Then it is ours to go on with; if nobody can tell, nothing is lost by a second one.
                if let Ok(Some(ts)) = self.sender.stray_stream(&self.after).await {
                    self.watch.showed(self.messages[index].id, &ts);
                    self.messages[index].place = Place::Edited(ts);
                    return Ok(Shown::All);
                }
            }
            _ => {}
        }
        tracing::info!("An answer can't be streamed here; it is edited instead");
        self.do_without(index);
        Ok(Shown::All)
    }

    /// The placeholder becomes the first message, any other one is sent when it is complete.
    fn do_without(&mut self, index: usize) {
        self.messages[index].place = match self.placeholder.clone().filter(|_| index == 0) {
            Some(placeholder) => Place::Edited(placeholder),
            None => Place::Whole,
        };
    }

    async fn append(&mut self, index: usize, ts: &str) -> Result<Shown, DbError> {
        let message = &mut self.messages[index];
        let whole = message.open_text();
        match self.sender.outlet.append_stream(ts, whole.split_at(message.sent)).await {
            Ok(()) => {
                (message.sent, message.tries) = (whole.len(), 0);
                crash::point(Point::PieceShown);
                Ok(Shown::All)
            }
            // What was not taken goes out with what comes next.
            Err(CallError::RateLimited(wait)) => Ok(Shown::Wait(wait)),
            Err(CallError::Unreachable(_)) if message.tries < TRIES_MAX => {
                message.tries += 1;
                Ok(Shown::Wait(self.sender.pace.retry_base * message.tries))
            }
            Err(CallError::Dead(reason)) => {
                let state = State::ConnectionDead { unclear: false };
                message.delivery = Some(done(message.id, state, Some(ts.to_owned()), Some(reason)));
                Ok(Shown::All)
            }
            Err(CallError::Refused(reason)) => {
                tracing::info!(reason, "Slack ended a stream; the answer goes on in a new message");
                self.messages[index].place = Place::Edited(ts.to_owned());
                self.break_off(index).await?;
                Ok(Shown::All)
            }
            // Half of it may be there: its text is set as a whole from now on.
            Err(CallError::Ambiguous(_) | CallError::Unreachable(_)) => {
                self.messages[index].place = Place::Edited(ts.to_owned());
                Ok(Shown::All)
            }
        }
    }

    /// The message at hand ends here; what follows begins a new one.
    async fn break_off(&mut self, index: usize) -> Result<(), DbError> {
        if self.messages[index].tail.is_some() {
            return Ok(());
        }
        let mut addition = Addition::default();
        let end = self.layout.end();
        self.take_step(end, &mut addition);
        let mut tx = self.sender.db.begin().await?;
        streams::add(&mut tx, self.sender.lease, self.run, &addition).await?;
        tx.commit().await
    }

    async fn stop(&mut self, index: usize, ts: &str) -> Result<Shown, DbError> {
        let message = &mut self.messages[index];
        let whole = message.open_text();
        match self.sender.outlet.stop_stream(ts, whole.split_at(message.sent), message.id).await {
            Ok(()) => {
                message.sent = whole.len();
                message.delivery = Some(done(message.id, State::Sent, Some(ts.to_owned()), None));
            }
            Err(CallError::RateLimited(wait)) if message.tries < TRIES_MAX * 2 => {
                message.tries += 1;
                return Ok(Shown::Wait(wait));
            }
            // Closed by Slack, too long, or nobody knows: its text is set as a whole.
            Err(_) => message.place = Place::Edited(ts.to_owned()),
        }
        Ok(Shown::All)
    }

    /// Sets the text as a whole. Before its end no more often than an edit a second, and only where it can be replaced.
    async fn set(&mut self, index: usize) -> Result<Shown, DbError> {
        let message = &mut self.messages[index];
        let whole = message.open_text();
        let place = match &message.place {
            Place::Edited(ts) => Some(ts.clone()),
            _ => None,
        };
        let part = message.as_part(place);
        let delivery = self.sender.deliver(&part, self.resumed).await?;
        let message = &mut self.messages[index];
        message.sent = whole.len();
        if let (State::Sent, Some(ts)) = (delivery.state, &delivery.external_id) {
            if message.place != Place::Edited(ts.clone()) {
                message.place = Place::Edited(ts.clone());
                message.recorded = false;
            }
            self.watch.showed(message.id, ts);
        }
        let is_over = message.tail.is_some() || delivery.state != State::Sent;
        if is_over {
            message.delivery = Some(delivery);
            return Ok(Shown::All);
        }
        self.due = Instant::now() + EDIT_PAUSE;
        Ok(Shown::Wait(EDIT_PAUSE))
    }
}
