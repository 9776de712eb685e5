//! A socket whose other side may not keep us waiting: limits for a request's head, for silence, and for an answer that
//! nobody takes.
//!
//! hyper knows one timer for two things, a head that does not end and the silence between two requests; and none for an
//! answer that is not read. How long a body may take is the handlers' business.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the connection, or a later request's first byte, to the end of the request's head.
    pub head: Duration,
    /// Between two requests, while nothing is sent either.
    pub idle: Duration,
    /// To take what is ready to be sent; a long answer is sent in pieces of some hundred kilobytes.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(5), idle: Duration::from_secs(30), answer: Duration::from_secs(20) }
    }
}

/// What the service tells the socket below it: whether a request is being worked on.
#[derive(Default)]
pub(crate) struct Requests {
    begun: AtomicU64,
    working: AtomicBool,
}

/// Ends with the work on one request.
pub(crate) struct Working(Arc<Requests>);

impl Requests {
    pub(crate) fn begin(self: &Arc<Self>) -> Working {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.working.store(true, Ordering::Relaxed);
        Working(self.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.store(false, Ordering::Relaxed);
    }
}

/// What the client is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// The rest of a head.
    Head,
    /// The first byte of the next request.
    Request,
    /// Nothing: it is our turn.
    Nothing,
}

pub(crate) struct PatientStream {
    stream: TcpStream,
    patience: Patience,
    requests: Arc<Requests>,
    /// Requests seen to have begun.
    begun: u64,
    awaited: Awaited,
    until: Pin<Box<Sleep>>,
    /// Since when bytes are ready that the client does not take.
    untaken: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    pub(crate) fn new(stream: TcpStream, patience: Patience, requests: Arc<Requests>) -> Self {
        let until = Box::pin(sleep(patience.head));
        Self { stream, patience, requests, begun: 0, awaited: Awaited::Head, until, untaken: None }
    }

    fn await_now(&mut self, awaited: Awaited, limit: Duration) {
        self.awaited = awaited;
        self.until.as_mut().reset(Instant::now() + limit);
    }

    /// Whether it is our turn. A request that began since the last look ends the waiting for it.
    fn is_working(&mut self) -> bool {
        let begun = self.requests.begun.load(Ordering::Relaxed);
        if begun != self.begun {
            (self.begun, self.awaited) = (begun, Awaited::Nothing);
        }
        self.requests.working.load(Ordering::Relaxed)
    }

    /// Whether the client is late, after a read that brought nothing.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_working() {
            self.awaited = Awaited::Nothing;
            return Poll::Pending;
        }
        if self.awaited == Awaited::Nothing {
            self.await_now(Awaited::Request, self.patience.idle);
        }
        self.until.as_mut().poll(cx)
    }

    /// What a write came to: bytes that were taken, or perhaps that they were not taken for too long.
    fn judge(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if wrote.is_ready() {
            if self.awaited == Awaited::Request {
                self.await_now(Awaited::Request, self.patience.idle);
            }
            return wrote;
        }
        let limit = self.patience.answer;
        let untaken = self.untaken.get_or_insert_with(|| Box::pin(sleep(limit)));
        untaken.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let working = this.is_working();
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => this.poll_late(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            read => {
                let arrived = buf.filled().len() > before;
                if arrived && this.awaited != Awaited::Head && !working {
                    this.await_now(Awaited::Head, this.patience.head);
                }
                read
            }
        }
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.judge(cx, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.judge(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when all it had was taken. It need not read after that, where it tried before: so the silence begins here.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.untaken = None;
        if !this.is_working() && this.awaited == Awaited::Nothing {
            this.await_now(Awaited::Request, this.patience.idle);
            // Only for its waking: the read that follows it finds out.
            let _ = this.until.as_mut().poll(cx);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
