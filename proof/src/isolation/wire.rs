//! A door before PostgreSQL that edits the statements passing through: how a product with a mistake in it is made without
//! one in its code.
//!
//! Only what a client sends is edited: the text of simple queries and of statements to prepare. A client prepares a
//! statement once for each connection, so a new mistake needs new connections.

use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow, ensure};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

/// What passes instead of a statement.
pub type Edit = Arc<dyn Fn(&str) -> String + Send + Sync>;

const FRAME_MAX: usize = 16 * 1024 * 1024;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

pub struct Wire {
    /// The statements as they came, before they were edited.
    pub seen: Arc<Mutex<Vec<String>>>,
    /// The address of this door.
    pub url: SecretString,
    _passing: JoinSet<()>,
}

impl Wire {
    /// A door to the server and role of this address. In the clear, or there would be nothing to edit.
    pub async fn before(url: &SecretString, edit: Edit) -> anyhow::Result<Self> {
        let mut url: Url = url.expose_secret().parse()?;
        let behind =
            format!("{}:{}", url.host_str().context("an address names a host")?, url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        url.set_host(Some("127.0.0.1"))?;
        url.set_port(Some(listener.local_addr()?.port())).map_err(|()| anyhow!("an address has a port"))?;
        url.set_query(Some("sslmode=disable"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut passing = JoinSet::new();
        passing.spawn(pass(listener, behind, edit, seen.clone()));
        Ok(Self { seen, url: SecretString::from(url.to_string()), _passing: passing })
    }
}

async fn pass(listener: TcpListener, behind: String, edit: Edit, seen: Arc<Mutex<Vec<String>>>) {
    // Dropped with this task, and with it every connection.
    let mut connections = JoinSet::new();
    while let Ok((here, _)) = listener.accept().await {
        let (behind, edit, seen) = (behind.clone(), edit.clone(), seen.clone());
        connections.spawn(async move {
            let Ok(there) = TcpStream::connect(behind).await else { return };
            // Each message is passed on by itself: held back until the one before it is confirmed, it comes 40 ms late.
            if here.set_nodelay(true).is_err() || there.set_nodelay(true).is_err() {
                return;
            }
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (here.into_split(), there.into_split());
            // Either side may break off.
            let _ = tokio::select! {
                up = forward(&mut from_client, &mut to_server, &edit, &seen) => up,
                down = copy(&mut from_server, &mut to_client) => down.map(|_| ()).map_err(anyhow::Error::from),
            };
        });
    }
}

async fn forward(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    edit: &Edit,
    seen: &Mutex<Vec<String>>,
) -> anyhow::Result<()> {
    greet(from, to).await?;
    loop {
        let kind = from.read_u8().await?;
        let body = frame(from).await?;
        let body = match kind {
            b'Q' => edited(&body, 0, edit, seen)?,
            b'P' => {
                let name = body.iter().position(|byte| *byte == 0).context("a statement has a name")?;
                edited(&body, name + 1, edit, seen)?
            }
            _ => body,
        };
        let mut message = vec![kind];
        message.extend_from_slice(&u32::try_from(body.len() + 4)?.to_be_bytes());
        message.extend_from_slice(&body);
        to.write_all(&message).await?;
    }
}

/// Until the client has said who it is, its messages have no kind.
async fn greet(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> anyhow::Result<()> {
    loop {
        let body = frame(from).await?;
        to.write_all(&u32::try_from(body.len() + 4)?.to_be_bytes()).await?;
        to.write_all(&body).await?;
        let code = body.first_chunk().map(|code| u32::from_be_bytes(*code));
        if !matches!(code, Some(SSL_REQUEST | GSS_REQUEST)) {
            return Ok(());
        }
    }
}

async fn frame(from: &mut OwnedReadHalf) -> anyhow::Result<Vec<u8>> {
    let length = from.read_u32().await? as usize;
    ensure!((4..FRAME_MAX).contains(&length), "a message of {length} bytes");
    let mut body = vec![0; length - 4];
    from.read_exact(&mut body).await?;
    Ok(body)
}

/// The message with the text that starts at `start`, and ends with a zero byte, edited.
fn edited(body: &[u8], start: usize, edit: &Edit, seen: &Mutex<Vec<String>>) -> anyhow::Result<Vec<u8>> {
    let text = body.get(start..).context("a statement has a text")?;
    let end = text.iter().position(|byte| *byte == 0).context("a text ends")?;
    let statement = std::str::from_utf8(&text[..end])?;
    seen.lock().expect("nobody panics with it").push(statement.to_owned());
    Ok([&body[..start], edit(statement).as_bytes(), &text[end..]].concat())
}
