//! Fetches a file that came with a message, says what it is by its bytes, keeps it, and reads it if it is a document.
//!
//! Whatever happens, the row ends in a state with a reason, and nobody waits for it.

use std::fs::File;

use shared::{
    channels::{
        CallError,
        fetch::{FetchError, Fetched, from_the_start},
        slack_files, whatsapp_media,
    },
    db::{
        TenantDb,
        media::{self, Awaited, Found, Kind, State},
        usage::{self, CallStatus, Transcription},
    },
    ids::MediaId,
    queue::JobError,
    transcription::{Heard, Transcriber, Unheard},
};

use crate::{
    Worker, extract,
    sniff::{self, Sniffed},
};

/// Begins what a machine has heard: it may have misheard.
const TRANSCRIBED_MARK: &str = "[transcribed] ";
/// Of a voice message, which is Opus at about 16 kbit/s.
const BYTES_A_SECOND: u64 = 2_000;
/// Attempts to fetch one file; later ones would come after everybody stopped waiting.
const ATTEMPTS_MAX: i32 = 4;

/// Why there is no file: for good, or for now.
enum Without {
    Refused(String),
    Again(String),
}

impl From<FetchError> for Without {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Refused(reason) => Self::Refused(reason),
            FetchError::Again(reason) => Self::Again(reason),
        }
    }
}

impl From<std::io::Error> for Without {
    fn from(error: std::io::Error) -> Self {
        tracing::warn!(%error, "A file that was put aside can't be read");
        Self::Again("there is no room to keep it".into())
    }
}

impl From<CallError> for Without {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(reason) => Self::Refused(reason),
            CallError::Dead(_) => Self::Refused("the connection's token no longer works".into()),
            CallError::RateLimited(_) | CallError::Unreachable(_) | CallError::Ambiguous(_) => {
                Self::Again("the platform does not answer".into())
            }
        }
    }
}

pub async fn run(worker: &Worker, db: &TenantDb, id: MediaId) -> Result<(), JobError> {
    let mut tx = db.begin().await?;
    let Some(mut awaited) = media::begin_attempt(&mut tx, id).await? else {
        return Ok(tx.close().await?);
    };
    tx.commit().await?;
    let outcome = match fetch(worker, db, &mut awaited).await? {
        Ok(fetched) => keep(worker, db, id, &awaited, fetched).await?,
        Err(without) => Err(without),
    };
    let (state, reason) = match outcome {
        Ok(()) => return Ok(()),
        Err(Without::Refused(reason)) => (State::Refused, reason),
        Err(Without::Again(reason)) if awaited.attempts < ATTEMPTS_MAX => return Err(JobError::Retry(reason)),
        Err(Without::Again(reason)) => (State::Failed, reason),
    };
    metrics::counter!("konstruct_media_total", "outcome" => "without").increment(1);
    tracing::info!(media.id = %id, %reason, "A file is not available");
    let mut tx = db.begin().await?;
    media::give_up(&mut tx, id, state, &reason).await?;
    Ok(tx.commit().await?)
}

async fn fetch(
    worker: &Worker,
    db: &TenantDb,
    awaited: &mut Awaited,
) -> Result<Result<Fetched, Without>, JobError> {
    if awaited.attempts > ATTEMPTS_MAX {
        return Ok(Err(Without::Again("it stopped those who fetched it again and again".into())));
    }
    match awaited.reference.split_once("://") {
        Some((slack_files::SCHEME, file)) => {
            let file = file.to_owned();
            from_slack(worker, db, awaited, &file).await
        }
        Some((whatsapp_media::SCHEME, file)) => from_whatsapp(worker, db, awaited, file).await,
        _ => Ok(Err(Without::Refused("nobody knows where it lies".into()))),
    }
}

async fn from_slack(
    worker: &Worker,
    db: &TenantDb,
    awaited: &mut Awaited,
    file: &str,
) -> Result<Result<Fetched, Without>, JobError> {
    let asking = |token| async move { worker.slack.file_address(&token, file).await };
    let address = match worker.tokens.call(db, awaited.connection, asking).await? {
        Ok(address) => address,
        Err(error) => return Ok(Err(error.into())),
    };
    let token = worker.tokens.usable(db, awaited.connection).await?;
    let fetched = worker.slack.download(&token, &address).await;
    // Some events tell nothing but the id.
    if awaited.name.is_empty() {
        awaited.name = address.name;
    }
    if awaited.claimed_type.is_empty() {
        awaited.claimed_type = address.claimed_type;
    }
    Ok(fetched.map_err(Without::from))
}

/// The address is asked for anew at each attempt: it works for five minutes.
async fn from_whatsapp(
    worker: &Worker,
    db: &TenantDb,
    awaited: &Awaited,
    file: &str,
) -> Result<Result<Fetched, Without>, JobError> {
    let asking = |token| async move { worker.whatsapp.media(&token, file).await };
    let address = match worker.tokens.call(db, awaited.connection, asking).await? {
        Ok(address) => address,
        Err(error) => return Ok(Err(error.into())),
    };
    let token = worker.tokens.usable(db, awaited.connection).await?;
    Ok(worker.whatsapp.download(&token, &address).await.map_err(Without::from))
}

async fn keep(
    worker: &Worker,
    db: &TenantDb,
    id: MediaId,
    awaited: &Awaited,
    fetched: Fetched,
) -> Result<Result<(), Without>, JobError> {
    if awaited.claimed_sha256.as_ref().is_some_and(|claimed| claimed.as_slice() != fetched.sha256.as_slice()) {
        return Ok(Err(Without::Again("it arrived damaged".into())));
    }
    let sniffed = match look(awaited, &fetched.file).await {
        Ok(sniffed) => sniffed,
        Err(error) => return Ok(Err(error.into())),
    };
    if sniffed.kind == Kind::Refused {
        return Ok(Err(Without::Refused(sniffed.reason.unwrap_or("this kind of file is not opened").to_owned())));
    }
    let (body, reason) = match read(worker, db, id, &fetched, &sniffed).await? {
        Ok(read) => read,
        Err(without) => return Ok(Err(without)),
    };
    // Before the row says so; the same bytes under the same key do no harm.
    let stored = match from_the_start(&fetched.file) {
        Ok(file) => worker.storage.put(db.id(), id, tokio::fs::File::from_std(file)).await,
        Err(error) => Err(error.into()),
    };
    if let Err(error) = stored {
        tracing::warn!(media.id = %id, %error, "A file could not be kept");
        return Ok(Err(Without::Again("there is no room to keep it".into())));
    }
    let found = Found {
        name: &awaited.name,
        kind: sniffed.kind,
        content_type: sniffed.content_type,
        size: i64::try_from(fetched.size).unwrap_or(i64::MAX),
        sha256: &fetched.sha256,
        body: body.as_deref(),
        reason,
    };
    // Changes a memory of any audience; none is read from here.
    let mut tx = db.begin_for_all_audiences().await?;
    media::store(&mut tx, id, &found).await?;
    tx.commit().await?;
    metrics::counter!("konstruct_media_total", "outcome" => "stored").increment(1);
    Ok(Ok(()))
}

/// What it is. On a thread of its own: a damaged archive may have a long list of parts.
async fn look(awaited: &Awaited, file: &File) -> std::io::Result<Sniffed> {
    let file = from_the_start(file)?;
    let (claimed_type, name) = (awaited.claimed_type.clone(), awaited.name.clone());
    Ok(tokio::task::spawn_blocking(move || sniff::sniff(file, &claimed_type, &name)).await?)
}

/// Its words, or why it has none that can be read.
async fn read(
    worker: &Worker,
    db: &TenantDb,
    id: MediaId,
    fetched: &Fetched,
    sniffed: &Sniffed,
) -> Result<Result<(Option<String>, Option<&'static str>), Without>, JobError> {
    let file = match from_the_start(&fetched.file) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error.into())),
    };
    if sniffed.kind.is_document() {
        return Ok(Ok(match extract::apart(&worker.executable, sniffed.kind, file).await {
            Ok(text) => (Some(text), None),
            Err(unreadable) => (None, Some(unreadable.0)),
        }));
    }
    let is_sound = sniffed.content_type.starts_with("audio/");
    let Some(transcriber) = worker.transcriber.as_ref().filter(|_| is_sound) else {
        return Ok(Ok((None, sniffed.reason)));
    };
    Ok(match hear(transcriber, db, id, (file, fetched.size), sniffed.content_type).await? {
        Ok(text) => Ok((Some(text), None)),
        Err(Unheard::Refused(reason)) => Ok((None, Some(reason))),
        Err(Unheard::Again(reason) | Unheard::Unclear(reason)) => Err(Without::Again(reason.into())),
    })
}

/// What is said in a recording. The call is booked whatever comes of it, before anything else can go wrong.
async fn hear(
    transcriber: &Transcriber,
    db: &TenantDb,
    id: MediaId,
    (recording, size): (File, u64),
    content_type: &str,
) -> Result<Result<String, Unheard>, JobError> {
    let heard = transcriber.transcribe(recording, size, content_type).await;
    let seconds = u32::try_from(size / BYTES_A_SECOND).unwrap_or(u32::MAX);
    let (status, seconds, estimated) = match &heard {
        Ok(Heard { seconds: Some(counted), .. }) => (CallStatus::Ok, *counted, false),
        Ok(_) => (CallStatus::Ok, seconds, true),
        Err(Unheard::Unclear(_)) => (CallStatus::Unknown, seconds, true),
        Err(Unheard::Refused(_) | Unheard::Again(_)) => (CallStatus::Failed, 0, false),
    };
    let mut tx = db.begin().await?;
    let call = Transcription { model: transcriber.model(), status, seconds, estimated };
    usage::book_transcription(&mut tx, id, &call).await?;
    tx.commit().await?;
    Ok(match heard {
        Ok(Heard { text, .. }) if text.trim().is_empty() => Err(Unheard::Refused("nothing is said in it")),
        heard => heard.map(|heard| format!("{TRANSCRIBED_MARK}{}", heard.text)),
    })
}
