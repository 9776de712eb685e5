//! A mail server as far as it is needed: it takes what it is told, and refuses on cue.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Answers the next recipients with these codes, then 250.
pub struct PostOffice {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<String>>>,
}

impl PostOffice {
    pub async fn open(refusals: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let (taken, refusals) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Mutex::new(refusals.to_vec())));
        let kept = taken.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone(), refusals.clone()));
            }
        });
        Self { address, taken }
    }

    /// What was sent so far.
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("nobody panics with it").clone()
    }
}

async fn serve(stream: TcpStream, taken: Arc<Mutex<Vec<String>>>, refusals: Arc<Mutex<Vec<&'static str>>>) {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    let mut answer = "220 here";
    loop {
        if writing.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        answer = match line.get(..4).unwrap_or_default() {
            "RCPT" => {
                let mut refusals = refusals.lock().expect("nobody panics with it");
                if refusals.is_empty() { "250 ok" } else { refusals.remove(0) }
            }
            "DATA" => {
                let _ = writing.write_all(b"354 go on\r\n").await;
                let mut mail = String::new();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                taken.lock().expect("nobody panics with it").push(mail);
                "250 taken"
            }
            "QUIT" => return,
            _ => "250 ok",
        };
    }
}
