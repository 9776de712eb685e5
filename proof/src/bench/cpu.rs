//! Processor time by `/proc`: of one process, and of a whole PostgreSQL server.
//!
//! Where a machine is busy with other things, the wall clock measures them, too; processor time does not. A server's time is
//! that of its postmaster, of every child alive and of those it has reaped, so it only grows.

use std::{fs, path::Path};

use anyhow::{Context, ensure};
use shared::testing::TestDb;

/// What one tick of `/proc` lasts: `USER_HZ`, 100 on every Linux this runs on.
const MS_PER_TICK: f64 = 10.0;
/// Fields of `/proc/PID/stat` after the command's name, counted from the state.
const PARENT: usize = 1;
const OWN_TIMES: [usize; 2] = [11, 12];
const REAPED_TIMES: [usize; 2] = [13, 14];

/// Milliseconds of processor time since the process began.
pub fn of_process(id: u32) -> anyhow::Result<f64> {
    Ok(ms(&stat(id)?, &OWN_TIMES))
}

/// Of this process.
pub fn of_us() -> anyhow::Result<f64> {
    of_process(std::process::id())
}

/// Of a process with all below it, those that ended and were waited for included.
pub fn of_family(id: u32) -> anyhow::Result<f64> {
    let root = stat(id).with_context(|| format!("process {id} is gone"))?;
    let mut sum = ms(&root, &OWN_TIMES) + ms(&root, &REAPED_TIMES);
    for child in children(id) {
        // It may have ended since; then its parent's reaped times have it next time.
        sum += of_family(child).unwrap_or_default();
    }
    Ok(sum)
}

/// A process and all below it.
pub fn family(id: u32) -> Vec<u32> {
    let mut all = vec![id];
    for child in children(id) {
        all.extend(family(child));
    }
    all
}

/// A PostgreSQL server on this machine.
pub struct Server {
    postmaster: u32,
}

impl Server {
    pub async fn of(test: &TestDb) -> anyhow::Result<Self> {
        // Held until its process was looked at: without its connection it would be gone.
        let mut connection = test.owner().await;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await?;
        let backend = u32::try_from(backend)?;
        let name = fs::read_to_string(format!("/proc/{backend}/comm")).unwrap_or_default();
        ensure!(name.trim() == "postgres", "PostgreSQL does not run on this machine, so its time can't be seen");
        let postmaster = stat(backend)?.get(PARENT).context("a process without a parent")?.parse()?;
        drop(connection);
        Ok(Self { postmaster })
    }

    /// Milliseconds since it started.
    pub fn cpu_ms(&self) -> anyhow::Result<f64> {
        of_family(self.postmaster)
    }
}

/// The fields after the name, which may itself hold spaces and brackets.
fn stat(id: u32) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = text.rsplit_once(") ").context("an unreadable /proc/PID/stat")?;
    Ok(fields.split(' ').map(str::to_owned).collect())
}

fn ms(stat: &[String], fields: &[usize]) -> f64 {
    let ticks = |field: &usize| stat.get(*field).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    fields.iter().map(ticks).sum::<f64>() * MS_PER_TICK
}

fn children(id: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir(Path::new("/proc")) else { return Vec::new() };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|child| {
        stat(*child).is_ok_and(|fields| fields.get(PARENT).is_some_and(|parent| *parent == id.to_string()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_this_process_and_in_its_family() {
        let before = of_us().unwrap();
        let mut sum = 0_u64;
        while of_us().unwrap() < before + 30.0 {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!(sum > 0);
        assert!(of_family(std::process::id()).unwrap() >= before + 30.0);
    }
}
