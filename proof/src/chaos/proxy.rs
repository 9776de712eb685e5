//! A TCP line that can go bad: between two processes, switchable while they talk.
//!
//! Without a fault it passes bytes on as they come. With several targets it takes them in turn and leaves out those that
//! refuse, which makes it the balancer in front of several gateways. A fault holds for open connections, too, unless it
//! was set for new ones only; going back to [`Fault::None`] lets held bytes flow on.

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use super::processes::free_port;

const BUFFER_BYTES: usize = 16 * 1024;
const REBIND_PAUSE: Duration = Duration::from_millis(20);

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// A round trip takes this much longer.
    Delay(Duration),
    /// Connections are accepted and stay open, and nothing passes.
    Blackhole,
    /// Both ends see a reset after this many more bytes of a connection, counted in both directions.
    ResetAfter(usize),
    /// The caller sees the end of the stream; what it sends still arrives.
    HalfClose,
    /// Bytes arrive in pieces of this size, with a pause before each.
    Slice {
        bytes: usize,
        pause: Duration,
    },
    /// At most this many bytes a second in each direction.
    Limit {
        bytes_per_second: usize,
    },
    /// Nobody listens; open connections are reset.
    Refuse,
}

/// Runs until dropped.
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
    task: JoinHandle<()>,
}

struct Line {
    targets: Vec<SocketAddr>,
    turn: AtomicUsize,
    open: AtomicUsize,
    /// For connections to come.
    new: watch::Sender<Fault>,
    /// For those that are open; they look here only after a change.
    old: watch::Sender<Fault>,
    /// Counts the orders to reset all that is open.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    pub async fn start(targets: Vec<SocketAddr>) -> io::Result<Self> {
        let address = free_port().await?;
        let listener = TcpListener::bind(address).await?;
        let line = Arc::new(Line {
            targets,
            turn: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            new: watch::channel(Fault::None).0,
            old: watch::channel(Fault::None).0,
            cuts: watch::channel(0).0,
        });
        let task = tokio::spawn(listen(listener, address, line.clone()));
        Ok(Self { address, line, task })
    }

    /// Where callers connect to; it stays the same.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For open connections and new ones.
    pub fn set(&self, fault: Fault) {
        self.line.new.send_replace(fault);
        self.line.old.send_replace(fault);
        if fault == Fault::Refuse {
            self.cut();
        }
    }

    /// Open connections keep what they have.
    pub fn set_for_new(&self, fault: Fault) {
        self.line.new.send_replace(fault);
    }

    pub fn heal(&self) {
        self.set(Fault::None);
    }

    /// Resets every open connection; new ones are as before.
    pub fn cut(&self) {
        self.line.cuts.send_modify(|count| *count += 1);
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.line.open.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(mut listener: TcpListener, address: SocketAddr, line: Arc<Line>) {
    let mut new = line.new.subscribe();
    let mut connections = JoinSet::new();
    loop {
        if *new.borrow_and_update() == Fault::Refuse {
            drop(listener);
            // An error means that the proxy is gone, and this task with it.
            let _ = new.wait_for(|fault| *fault != Fault::Refuse).await;
            listener = rebind(address).await;
        }
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connection(client, line.clone()));
                }
            }
            _ = new.changed() => {}
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Somebody may hold the port as the source of a connection for a moment.
async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        sleep(REBIND_PAUSE).await;
    }
}

async fn connection(mut client: TcpStream, line: Arc<Line>) {
    let (mut fault, mut cuts) = (line.old.subscribe(), line.cuts.subscribe());
    let mut first = *line.new.borrow();
    // A connection that was accepted into the void reaches its target only when the fault ends.
    while first == Fault::Blackhole {
        if fault.changed().await.is_err() {
            return;
        }
        first = *fault.borrow_and_update();
    }
    let Some(mut server) = line.connect().await else {
        reset(&client);
        return;
    };
    line.open.fetch_add(1, Ordering::Relaxed);
    let (sent, received) = (client.set_nodelay(true), server.set_nodelay(true));
    let ended = if sent.is_ok() && received.is_ok() {
        let passed = AtomicUsize::new(0);
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        let up = Pump { first, fault: fault.clone(), passed: &passed, to_caller: false };
        let down = Pump { first, fault, passed: &passed, to_caller: true };
        let both =
            async { tokio::try_join!(up.run(client_reads, server_writes), down.run(server_reads, client_writes)) };
        tokio::select! {
            ended = pin!(both) => ended.map(|_| ()),
            _ = cuts.changed() => Err(Cut),
        }
    } else {
        Err(Cut)
    };
    if ended.is_err() {
        reset(&client);
        reset(&server);
    }
    line.open.fetch_sub(1, Ordering::Relaxed);
}

impl Line {
    /// The next target in turn that accepts.
    async fn connect(&self) -> Option<TcpStream> {
        let begin = self.turn.fetch_add(1, Ordering::Relaxed);
        for step in 0..self.targets.len() {
            let target = self.targets[(begin + step) % self.targets.len()];
            if let Ok(stream) = TcpStream::connect(target).await {
                return Some(stream);
            }
        }
        None
    }
}

/// The connection ends by a reset, not in order.
struct Cut;

/// One direction of a connection.
struct Pump<'a> {
    /// What held when the connection began; [`Line::old`] decides from its next change on.
    first: Fault,
    fault: watch::Receiver<Fault>,
    /// Bytes of both directions since the fault began.
    passed: &'a AtomicUsize,
    to_caller: bool,
}

impl Pump<'_> {
    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> Result<(), Cut> {
        let mut buffer = vec![0_u8; BUFFER_BYTES];
        let mut now = self.first;
        let mut closed = false;
        loop {
            if now == Fault::HalfClose && self.to_caller && !closed {
                closed = true;
                to.shutdown().await.map_err(|_| Cut)?;
            }
            let reading = async {
                if now == Fault::Blackhole { std::future::pending().await } else { from.read(&mut buffer).await }
            };
            let read = tokio::select! {
                changed = self.fault.changed() => {
                    changed.map_err(|_| Cut)?;
                    now = *self.fault.borrow_and_update();
                    self.passed.store(0, Ordering::Relaxed);
                    continue;
                }
                read = reading => read.map_err(|_| Cut)?,
            };
            if read == 0 {
                if !closed {
                    // The other side may be gone already.
                    let _ = to.shutdown().await;
                }
                return Ok(());
            }
            if !closed {
                self.pass(now, &buffer[..read], &mut to).await?;
            }
        }
    }

    async fn pass(&self, now: Fault, bytes: &[u8], to: &mut WriteHalf<'_>) -> Result<(), Cut> {
        let (piece, pause) = match now {
            Fault::Delay(round_trip) => (bytes.len(), round_trip / 2),
            Fault::Slice { bytes, pause } => (bytes.max(1), pause),
            Fault::Limit { bytes_per_second } => {
                let piece = (bytes_per_second / 20).max(1);
                let seconds = piece.min(bytes.len()) as f64 / bytes_per_second.max(1) as f64;
                (piece, Duration::from_secs_f64(seconds))
            }
            Fault::ResetAfter(limit) => return self.pass_up_to(limit, bytes, to).await,
            _ => (bytes.len(), Duration::ZERO),
        };
        for part in bytes.chunks(piece) {
            if !pause.is_zero() {
                sleep(pause).await;
            }
            to.write_all(part).await.map_err(|_| Cut)?;
        }
        Ok(())
    }

    async fn pass_up_to(&self, limit: usize, bytes: &[u8], to: &mut WriteHalf<'_>) -> Result<(), Cut> {
        let before = self.passed.fetch_add(bytes.len(), Ordering::Relaxed);
        let left = limit.saturating_sub(before);
        if left < bytes.len() {
            to.write_all(&bytes[..left]).await.map_err(|_| Cut)?;
            return Err(Cut);
        }
        to.write_all(bytes).await.map_err(|_| Cut)
    }
}

/// The stream, once dropped, tells its peer "connection reset" instead of "the end".
fn reset(stream: &TcpStream) {
    // A stream that is closed already cannot be reset.
    let _ = stream.set_zero_linger();
}
