//! files: what large and slow files cost those who sent none, and the worker that fetches them.

use std::time::Duration;

use anyhow::bail;
use serde_json::json;
use simulators::WhatsAppSay;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    report::{Figure, Report},
    sample::Sample,
    street::Street,
};

const MESSAGES: u32 = 200;
const APART: Duration = Duration::from_millis(150);
const DOCUMENT_BYTES: usize = 100 * 1024 * 1024;
const SLOW_FILES: usize = 20;
const TOGETHER: usize = 20;
const PATIENCE: Duration = Duration::from_secs(180);
const LARGE_NAME: &str = "minutes.txt";
const SLOW_NAME: &str = "slow.txt";
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
const DELAY_BAR_MS: f64 = 100.0;
const MEMORY_BAR_MB: f64 = 64.0;

pub async fn run() -> anyhow::Result<Report> {
    let street = Street::open().await?;
    // Memory is compared with a worker that has read something before.
    for n in 0..20 {
        street.asks_by_phone(&format!("4915000000{n:02}"), "where do we meet on Friday?").await?;
    }
    sleep(Duration::from_secs(3)).await;
    let mut report = Report::new("files");
    delays(&street, &mut report).await?;
    memory(&street, &mut report).await?;
    street.close().await?;
    report.note(format!(
        "Delay: {MESSAGES} people write in WhatsApp, one every {} ms, and wait for their answer, first among themselves, then \
         while {SLOW_FILES} files come with a byte a second and a document of 100 MB is sent every five seconds by others.",
        APART.as_millis()
    ));
    report.note(format!(
        "Memory: resident memory of the worker's process, looked at every {} ms while {TOGETHER} documents of 100 MB, sent at once, are \
         fetched and kept in a folder; above what it was before. Documents are read in processes of their own.",
        LOOK_INTERVAL.as_millis()
    ));
    Ok(report)
}

fn sends_file(street: &Street, person: &str, (id, name): (&str, &str)) {
    let document = json!({ "type": "document", "document": {
        "id": id, "mime_type": "text/plain", "filename": name, "caption": "please read this",
    } });
    street.whatsapp.say(WhatsAppSay::new(&street.number, person, "").message(document));
}

fn document(street: &Street, bytes: usize) -> String {
    let line = "The order goes to room 14, and Ada takes the minutes to Lyon.\n";
    let text: Vec<u8> = line.bytes().cycle().take(bytes).collect();
    street.whatsapp.keep(&street.number, "text/plain", text)
}

async fn delays(street: &Street, report: &mut Report) -> anyhow::Result<()> {
    let quiet = answers(street, 1).await?;
    let slow = document(street, 10_000);
    street.whatsapp.drip(&slow);
    for n in 0..SLOW_FILES {
        sends_file(street, &format!("4915100000{n:02}"), (&slow, SLOW_NAME));
    }
    let large = document(street, DOCUMENT_BYTES);
    let senders = async {
        for n in 0.. {
            sends_file(street, &format!("4915200000{n:02}"), (&large, LARGE_NAME));
            sleep(Duration::from_secs(5)).await;
        }
    };
    let busy = tokio::select! {
        busy = answers(street, 2) => busy?,
        () = senders => Sample::default(),
    };
    for percent in [50.0, 99.0] {
        let (before, beside) = (quiet.percentile(percent), busy.percentile(percent));
        report.add(Figure::new(format!("answered, p{percent}"), before, "ms"));
        report.add(Figure::new(format!("beside large and slow files, p{percent}"), beside, "ms").floor(before));
        let delay = Figure::new(format!("delay, p{percent}"), beside - before, "ms");
        report.add(if percent > 50.0 { delay.at_most(DELAY_BAR_MS) } else { delay });
    }
    Ok(())
}

/// One message after another at a steady pace, each by somebody else, whether or not the one before is answered.
async fn answers(street: &Street, round: u32) -> anyhow::Result<Sample> {
    let began = Instant::now();
    let asking = (0..MESSAGES).map(|n| async move {
        sleep_until(began + APART * n).await;
        street.asks_by_phone(&format!("4916{round}{n:06}"), "where do we meet on Friday?").await
    });
    Ok(futures::future::try_join_all(asking).await?.into_iter().collect())
}

async fn memory(street: &Street, report: &mut Report) -> anyhow::Result<()> {
    let large = document(street, DOCUMENT_BYTES);
    // Those of before are in.
    kept(street, 0, |_| ()).await?;
    let before = street.worker.memory()?.now;
    for n in 0..TOGETHER {
        sends_file(street, &format!("4915300000{n:02}"), (&large, LARGE_NAME));
    }
    let (mut most, began) = (before, Instant::now());
    kept(street, TOGETHER, |now| most = now.max(most)).await?;
    report.add(Figure::new("worker, before", before, "MB"));
    let name = format!("worker, most above that with {TOGETHER} documents of 100 MB");
    report.add(Figure::new(name, most - before, "MB").at_most(MEMORY_BAR_MB));
    report.add(Figure::new("until all of them were kept", began.elapsed().as_secs_f64(), "s"));
    Ok(())
}

/// Waits until so many documents of those people are kept and nothing of that size is awaited, and looks at the memory meanwhile.
async fn kept(street: &Street, count: usize, mut look: impl FnMut(f64)) -> anyhow::Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let mut tx = street.db.begin_for_all_audiences().await?;
        let (stored, awaited): (i64, i64) = sqlx::query_as(
            "select count(*) filter (where m.state = 'stored' and p.phone like '4915300000%'),
                    count(*) filter (where m.state = 'pending' and m.name <> $2)
               from media m join messages s using (tenant_id, message_id) join people p using (tenant_id, person_id)
              where m.tenant_id = $1",
        )
        .bind(street.db.id())
        .bind(SLOW_NAME)
        .fetch_one(tx.conn())
        .await?;
        tx.close().await?;
        if usize::try_from(stored)? == count && awaited == 0 {
            return Ok(());
        }
        for _ in 0..10 {
            look(street.worker.memory()?.now);
            sleep(LOOK_INTERVAL).await;
        }
    }
    bail!("not all documents are kept after {} s", PATIENCE.as_secs())
}
