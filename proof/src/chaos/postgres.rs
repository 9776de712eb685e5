//! A PostgreSQL of one's own: made with the checkout's programs and settings, to be stopped hard and started again.
//!
//! It runs as `nobody` if we are root, listens on one port that stays the same, and wants passwords. With `disk_megabytes`
//! its data lies on a small disk of its own (a tmpfs in a mount namespace that a sleeping child holds open), which can be
//! filled and enlarged.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    net::SocketAddr,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use rustix::process::{Signal, geteuid};
use secrecy::SecretString;
use shared::db::schema;
use sqlx::{Connection, PgConnection};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    time::sleep,
};

use super::processes::{START_WITHIN, child, free_port, send, spawn};

const STOP_WITHIN: Duration = Duration::from_secs(20);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// After kill -9 the old server's children may hold its shared memory for a moment.
const LAUNCHES_MAX: usize = 20;
const SUPERUSER: &str = "postgres";
const PASSWORD: &str = "only-for-this-test";

pub struct Postgres {
    pub address: SocketAddr,
    folder: PathBuf,
    programs: PathBuf,
    user: Option<u32>,
    /// Holds the mount namespace of a small disk.
    holder: Option<Child>,
    server: Mutex<Option<Child>>,
}

impl Postgres {
    /// A new cluster below `folder`, with the product's roles, databases and schema; it runs.
    pub async fn create(folder: &Path, disk_megabytes: Option<u64>) -> anyhow::Result<Self> {
        let programs = local("pg")?;
        let user = geteuid().is_root().then(nobody).transpose()?;
        fs::create_dir_all(folder)?;
        let holder = match disk_megabytes {
            Some(size) => Some(small_disk(folder, size, user).await?),
            None => None,
        };
        if let Some(user) = user {
            chown(folder, Some(user), Some(user))?;
        }
        let address = free_port().await?;
        let server = Self { address, folder: folder.to_owned(), programs, user, holder, server: Mutex::default() };
        server.create_data().await?;
        server.start().await?;
        server.bootstrap().await?;
        schema::migrate(&SecretString::from(server.url("konstruct_owner", server.address))).await?;
        Ok(server)
    }

    /// Starts it and waits until it answers. Nothing happens if it runs.
    pub async fn start(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        let mut launches = 0;
        loop {
            if !self.is_running() {
                launches += 1;
                ensure!(launches <= LAUNCHES_MAX, "PostgreSQL does not start: {}", self.log_end());
                self.launch()?;
            }
            if let Ok(connection) = self.connect("postgres").await {
                connection.close().await?;
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "PostgreSQL does not answer: {}", self.log_end());
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// As `pg_ctl stop -m immediate`: no checkpoint, the next start recovers. Returns when it is gone.
    pub async fn stop_immediately(&self) -> anyhow::Result<()> {
        self.signal(Signal::QUIT)?;
        self.gone().await
    }

    /// As `pg_ctl stop -m fast`.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.signal(Signal::INT)?;
        self.gone().await
    }

    /// SIGKILL to the server and all its children, as if the machine lost its memory.
    pub async fn crash(&self) -> anyhow::Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        // Frozen, it can't start new ones meanwhile.
        send(pid, Signal::STOP)?;
        for child in children(pid) {
            // It may have ended by itself.
            let _ = send(child, Signal::KILL);
        }
        send(pid, Signal::KILL)?;
        self.gone().await
    }

    /// The product's sessions end; returns how many.
    pub async fn terminate_backends(&self) -> anyhow::Result<usize> {
        let mut connection = self.superuser().await?;
        let ended: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from pg_stat_activity
              where usename in ('konstruct_app', 'konstruct_system')",
        )
        .fetch_all(&mut connection)
        .await?;
        connection.close().await?;
        Ok(ended.len())
    }

    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Of the server's main process.
    pub fn pid(&self) -> Option<u32> {
        let mut server = self.server();
        let child = server.as_mut()?;
        if !matches!(child.try_wait(), Ok(None)) {
            *server = None;
            return None;
        }
        child.id()
    }

    /// The process ids of its sessions and background processes.
    pub fn backends(&self) -> Vec<u32> {
        self.pid().map(children).unwrap_or_default()
    }

    /// A connection that sees every tenant's rows, for checkers; straight to the server, past every proxy.
    pub async fn superuser(&self) -> anyhow::Result<PgConnection> {
        self.connect("konstruct").await
    }

    async fn connect(&self, database: &str) -> anyhow::Result<PgConnection> {
        let url = format!("postgres://{SUPERUSER}:{PASSWORD}@{}/{database}", self.address);
        let connecting = tokio::time::timeout(ANSWER_WITHIN, PgConnection::connect(&url));
        Ok(connecting.await.context("PostgreSQL does not answer")??)
    }

    /// The address of the database for one role, by way of `address` (the server's own, or a proxy's).
    pub fn url(&self, role: &str, address: SocketAddr) -> String {
        format!("postgres://{role}:{PASSWORD}@{address}/konstruct")
    }

    /// Takes what is left of the small disk.
    pub fn fill_disk(&self) -> anyhow::Result<()> {
        let mut filler = File::create(self.filler()?)?;
        loop {
            match filler.write(&[0; 64 * 1024]) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives it back.
    pub fn empty_disk(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.filler()?)?)
    }

    /// As it looks from outside the mount namespace.
    fn filler(&self) -> anyhow::Result<PathBuf> {
        let holder = self.holder.as_ref().and_then(Child::id).context("it has no disk of its own")?;
        let folder = self.folder.strip_prefix("/").context("the folder is absolute")?;
        Ok(PathBuf::from(format!("/proc/{holder}/root")).join(folder).join("filler"))
    }

    pub fn log_path(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    /// Ends it without waiting for a runtime, so that its folder can be removed.
    pub(super) fn close(&self) {
        let Some(pid) = self.pid() else { return };
        // Its children end with it; one that is frozen needs to be woken for that.
        for process in self.backends().into_iter().chain([pid]) {
            let _ = send(process, Signal::CONT);
        }
        let _ = send(pid, Signal::QUIT);
        let deadline = Instant::now() + CLOSE_WITHIN;
        while self.is_running() && Instant::now() < deadline {
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    async fn create_data(&self) -> anyhow::Result<()> {
        let password = self.folder.with_extension("password");
        fs::write(&password, PASSWORD)?;
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644))?;
        let mut command = self.command("server/bin/initdb");
        command.arg("-D").arg(self.data()).args(["-U", SUPERUSER, "--auth=scram-sha-256", "-E", "UTF8"]);
        // The files need not survive a power cut; everything else is as in the checkout.
        command.args(["--locale=C.UTF-8", "--data-checksums", "--no-sync"]);
        command.arg(format!("--pwfile={}", password.display()));
        run(command, "initdb failed").await
    }

    fn launch(&self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path())?;
        let mut command = self.command("server/bin/postgres");
        command.arg("-D").arg(self.data());
        let port = self.address.port().to_string();
        // As scripts/postgres.sh writes them.
        for (name, value) in [
            ("listen_addresses", "127.0.0.1"),
            ("port", port.as_str()),
            ("unix_socket_directories", ""),
            ("max_connections", "300"),
            ("shared_buffers", if self.holder.is_some() { "32MB" } else { "128MB" }),
            ("fsync", "on"),
            ("synchronous_commit", "on"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
        ] {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        if self.holder.is_some() {
            // A small disk has no room for spare log files.
            command.args(["-c", "min_wal_size=32MB", "-c", "max_wal_size=48MB", "-c", "wal_recycle=off"]);
        }
        *self.server() = Some(spawn(command, log)?);
        Ok(())
    }

    /// Roles, databases and extensions, by the script an operator runs.
    async fn bootstrap(&self) -> anyhow::Result<()> {
        let script = workspace().join("migrations/bootstrap.sql");
        let mut psql = Command::new(self.programs.join("tools/bin/psql"));
        psql.args(["-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-d", "postgres"])
            .args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()])
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLMODE", "disable")
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut psql = psql.spawn()?;
        let mut input = psql.stdin.take().context("psql reads its input")?;
        for role in ["owner", "app", "system"] {
            input.write_all(format!("\\set {role}_password '{PASSWORD}'\n").as_bytes()).await?;
        }
        input.write_all(format!("\\i {}\n", script.display()).as_bytes()).await?;
        drop(input);
        let outcome = psql.wait_with_output().await?;
        ensure!(outcome.status.success(), "bootstrap failed: {}", String::from_utf8_lossy(&outcome.stderr));
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let holder = self.holder.as_ref().and_then(Child::id);
        let mut command = child(self.user, holder, self.programs.join(program).as_os_str());
        command.current_dir("/");
        command
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        self.pid().map_or(Ok(()), |pid| send(pid, signal))
    }

    async fn gone(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + STOP_WITHIN;
        while self.is_running() {
            ensure!(Instant::now() < deadline, "PostgreSQL does not stop");
            sleep(LOOK_INTERVAL).await;
        }
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.close();
    }
}

/// Mounts a disk of a few megabytes over `folder`, seen only by whoever enters the namespace of the returned child.
async fn small_disk(folder: &Path, megabytes: u64, user: Option<u32>) -> anyhow::Result<Child> {
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "--",
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "sleep",
        "infinity",
    ]);
    let holder = spawn(command, File::create(folder.with_extension("disk.log"))?)?;
    let id = holder.id().context("the holder runs")?;
    let ours = fs::read_link("/proc/self/ns/mnt")?;
    let deadline = Instant::now() + Duration::from_secs(5);
    while fs::read_link(format!("/proc/{id}/ns/mnt")).is_ok_and(|its| its == ours) {
        ensure!(Instant::now() < deadline, "no mount namespace can be made here");
        sleep(LOOK_INTERVAL).await;
    }
    let owner = user.unwrap_or_else(|| geteuid().as_raw());
    let mut mount = Command::new("nsenter");
    mount.arg(format!("--mount=/proc/{id}/ns/mnt")).args(["--", "mount", "-t", "tmpfs", "-o"]);
    mount.arg(format!("size={megabytes}m,uid={owner},gid={owner},mode=700")).arg("tmpfs").arg(folder);
    run(mount, "no small disk can be mounted here").await?;
    Ok(holder)
}

async fn run(mut command: Command, what: &str) -> anyhow::Result<()> {
    let outcome = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if !outcome.status.success() {
        bail!("{what}: {}", String::from_utf8_lossy(&outcome.stderr).trim());
    }
    Ok(())
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn nobody() -> anyhow::Result<u32> {
    let users = fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find_map(|line| line.strip_prefix("nobody:")).context("there is no user nobody")?;
    Ok(line.split(':').nth(1).context("a user has a number")?.parse()?)
}

/// `.local/NAME` of the checkout we are in.
pub(super) fn local(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let found = here.ancestors().map(|folder| folder.join(".local").join(name)).find(|path| path.exists());
    let found = found.with_context(|| format!(".local/{name} is missing: `make test` installs it"))?;
    Ok(fs::canonicalize(found)?)
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
