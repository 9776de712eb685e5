//! The generator: any number of operations, role × table × shape, with random ids of one's own, of others, of nobody and
//! mixed. The same seed makes the same operations.
//!
//! Each session asks for a tenant of its own, for nobody, or as `konstruct_system`. The victims never ask, so their rows
//! must stay as they are; that is checked by a hash after each stretch. Beside it all, a listener hears every wake-up.

use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::future::try_join_all;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use secrecy::ExposeSecret;
use shared::{ids::PersonId, jobs::Job, queue, testing::TestDb};
use sqlx::{Executor, postgres::PgListener};
use uuid::Uuid;

use super::{
    catalog::{Catalog, Table},
    fill::{Doors, ROWS, Tenant, insert},
    probes::{self, Aim, DENIED, Expect, Probe, Shape, Way},
    session::{Asker, Session},
    trial::{self, Speaker},
};

const ASKERS: [&str; 4] = ["CANARY-A0", "CANARY-A1", "CANARY-A2", "CANARY-A3"];
const VICTIMS: [&str; 2] = ["CANARY-B0", "CANARY-B1"];
/// Operations between two looks at the victims' rows.
const STRETCH: u64 = 25_000;
/// One round in so many also copies, which costs a connection each time.
const COPIES_EVERY: u32 = 100;
const SYSTEM: &str = "konstruct_system";
/// apalis' channel.
const WAKE_UPS: &str = "apalis::job::insert";
const HEARD_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub operations: u64,
    pub elapsed: Duration,
    /// Role, table and shape that were tried together.
    pub covered: BTreeSet<(&'static str, String, Shape)>,
    pub wake_ups: usize,
    pub leaks: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        let per_second = self.operations as f64 / seconds;
        for leak in self.leaks.iter().take(20) {
            writeln!(f, "LEAK: {leak}")?;
        }
        write!(
            f,
            "{} operations in {seconds:.0} s ({per_second:.0}/s), seed {}: {} combinations of role, table and shape, {} \
             wake-ups heard, {} leaks",
            self.operations,
            self.seed,
            self.covered.len(),
            self.wake_ups,
            self.leaks.len()
        )
    }
}

/// Everybody in one database.
struct World {
    test: TestDb,
    catalog: Catalog,
}

impl World {
    fn tenant(&self, mark: &'static str) -> Tenant<'_> {
        let number = ASKERS.iter().chain(&VICTIMS).position(|other| *other == mark).unwrap_or_default();
        Tenant { catalog: &self.catalog, id: Uuid::from_u128(0xA000 + number as u128), mark }
    }

    /// What betrays a row of anybody but this one.
    fn secrets_of_others(&self, own: Option<&str>) -> Vec<String> {
        let others = ASKERS.iter().chain(&VICTIMS).filter(|mark| own != Some(mark));
        others.flat_map(|mark| self.tenant(mark).secrets()).collect()
    }
}

pub async fn run(operations: u64, seed: u64) -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let catalog = Catalog::read(&mut test.owner().await).await?;
    let world = World { test, catalog };
    let mut doors = Doors { app: world.test.app().await, system: world.test.system().await };
    for mark in ASKERS.into_iter().chain(VICTIMS) {
        world.tenant(mark).fill(&mut doors).await?;
    }
    world.test.owner().await.execute("analyze").await?;
    let mut listener = PgListener::connect(world.test.config.database_url.expose_secret()).await?;
    listener.listen(WAKE_UPS).await?;

    let begin = Instant::now();
    let mut report = Report {
        seed,
        operations: 0,
        elapsed: Duration::ZERO,
        covered: BTreeSet::new(),
        wake_ups: 0,
        leaks: Vec::new(),
    };
    let mut workers = Vec::new();
    for (number, mark) in ASKERS.into_iter().enumerate() {
        workers.push(Worker::new(&world, mark, seed.wrapping_add(number as u64)).await?);
    }
    let before = prints(&world, &mut doors).await?;
    while report.operations < operations && report.leaks.len() < 100 {
        let each = (operations - report.operations).min(STRETCH).div_ceil(workers.len() as u64);
        try_join_all(workers.iter_mut().map(|worker| worker.work(each))).await?;
        for worker in &mut workers {
            report.operations += std::mem::take(&mut worker.operations);
            report.leaks.append(&mut worker.leaks);
        }
        if prints(&world, &mut doors).await? != before {
            report.leaks.push(format!("a victim's rows changed before operation {}", report.operations));
        }
        report.leaks.extend(hear_a_wake_up(&world, &mut listener).await?);
        report.wake_ups += 1;
    }
    report.elapsed = begin.elapsed();
    report.covered = workers.into_iter().flat_map(|worker| worker.covered).collect();
    Ok(report)
}

async fn prints(world: &World, doors: &mut Doors) -> anyhow::Result<Vec<String>> {
    let mut prints = Vec::new();
    for mark in VICTIMS {
        prints.extend(world.tenant(mark).fingerprints(doors).await?.into_values());
    }
    Ok(prints)
}

/// Another tenant enqueues a job; who listens learns that there is one, and nothing else.
async fn hear_a_wake_up(world: &World, listener: &mut PgListener) -> anyhow::Result<Option<String>> {
    let (tenant, _) = world.test.tenant("CANARY-loud").await;
    let person = PersonId::new();
    let mut tx = world.test.db.tenant(tenant).begin().await?;
    let job = queue::enqueue(&mut tx, &Job::FetchPersonProfile { person }).await?;
    tx.commit().await?;
    let heard = tokio::time::timeout(HEARD_WITHIN, listener.recv()).await.context("no wake-up came")??;
    let secrets = [tenant.to_string(), tenant.uuid().to_string(), person.to_string(), job.uuid().to_string()];
    let told = secrets.iter().find(|secret| heard.payload().contains(secret.as_str()));
    Ok(told.map(|secret| format!("a wake-up tells {secret}: {}", heard.payload())))
}

struct Worker<'a> {
    world: &'a World,
    us: Tenant<'a>,
    tables: Vec<&'a Table>,
    random: StdRng,
    app: Session,
    system: Session,
    /// Set once to what it is after a transaction that had a tenant.
    emptied: Session,
    /// What must never show to somebody whom no tenant is set for.
    everybodys: Vec<String>,
    /// What must never show to us.
    others: Vec<String>,
    fresh: usize,
    operations: u64,
    covered: BTreeSet<(&'static str, String, Shape)>,
    leaks: Vec<String>,
}

impl<'a> Worker<'a> {
    async fn new(world: &'a World, mark: &'static str, seed: u64) -> anyhow::Result<Self> {
        let mut emptied = world.test.app().await;
        emptied.execute("select set_config('app.current_tenant', '', false)").await?;
        Ok(Self {
            world,
            us: world.tenant(mark),
            tables: world.catalog.tenant_tables()?,
            random: StdRng::seed_from_u64(seed),
            app: Session::new(world.test.app().await),
            system: Session::new(world.test.system().await),
            emptied: Session::new(emptied),
            everybodys: world.secrets_of_others(None),
            others: world.secrets_of_others(Some(mark)),
            fresh: 1_000,
            operations: 0,
            covered: BTreeSet::new(),
            leaks: Vec::new(),
        })
    }

    async fn work(&mut self, operations: u64) -> anyhow::Result<()> {
        while self.operations < operations {
            self.round().await?;
        }
        Ok(())
    }

    /// One table, reached for by one asker in every shape.
    async fn round(&mut self) -> anyhow::Result<()> {
        let table = *self.tables.choose(&mut self.random).context("there are tables")?;
        let victim = VICTIMS.choose(&mut self.random).context("there are victims")?;
        let them = self.world.tenant(victim);
        let exists = self.random.random_bool(0.6);
        let row =
            if exists { self.random.random_range(1..=ROWS) } else { self.random.random_range(1_000..1_000_000) };
        let aim = Aim { row, mixed: self.random.random_bool(0.25) };
        let mut probes = probes::of(table, self.us, them, aim, &mut self.fresh)?;
        self.fresh = 1_000 + self.fresh % 1_000_000;
        let (settings, dice) = (self.us.settings(), self.random.random_range(0..10));
        let role = match dice {
            0 => "konstruct_app for nobody",
            1 => "konstruct_app after somebody",
            2 => SYSTEM,
            _ => "konstruct_app",
        };
        match dice {
            0 | 1 => probes = probes.into_iter().map(Probe::by_nobody).collect(),
            2 => probes = self.beyond_the_system(table, them, row)?,
            _ => probes.extend(beside_the_tables()),
        }
        let (session, asker) = match dice {
            0 => (&mut self.app, Asker { settings: "", secrets: &self.everybodys }),
            1 => (&mut self.emptied, Asker { settings: "", secrets: &self.everybodys }),
            2 => (&mut self.system, Asker { settings: "", secrets: &self.everybodys }),
            _ => (&mut self.app, Asker { settings: &settings, secrets: &self.others }),
        };
        self.leaks
            .extend(session.try_all(&asker, &probes).await?.into_iter().map(|leak| format!("{role}: {leak}")));
        if dice > 2 && self.random.random_ratio(1, COPIES_EVERY) {
            self.copies(&probes, them).await?;
        } else {
            probes.retain(|probe| probe.way == Way::Statement);
        }
        self.operations += probes.len() as u64;
        self.covered.extend(probes.into_iter().map(|probe| (role, probe.table, probe.shape)));
        Ok(())
    }

    async fn copies(&mut self, probes: &[Probe], them: Tenant<'_>) -> anyhow::Result<()> {
        let copies: Vec<Probe> = probes.iter().filter(|probe| probe.way != Way::Statement).cloned().collect();
        let speaker = Speaker::Tenant(self.us);
        let report = trial::run(&self.world.test, speaker, them, &copies).await?;
        self.leaks.extend(report.leaks);
        Ok(())
    }

    /// What the role that works for all tenants has no right to.
    fn beyond_the_system(&self, table: &Table, them: Tenant<'_>, row: usize) -> anyhow::Result<Vec<Probe>> {
        let (name, id) = (&table.name, them.id);
        let refused = |shape, sql| Probe {
            table: name.clone(),
            shape,
            setup: Vec::new(),
            sql,
            way: Way::Statement,
            expect: Expect::Refused(DENIED),
        };
        let unreadable = table.columns.iter().filter(|column| !column.read_by.iter().any(|role| role == SYSTEM));
        let mut probes: Vec<Probe> = unreadable
            .map(|column| refused(Shape::SelectById, format!("select {}::text from {name}", column.name)))
            .collect();
        for (right, shape, sql) in [
            ("INSERT", Shape::InsertAsThem, insert(table, &them.row(table, row)?)),
            (
                "UPDATE",
                Shape::UpdateById,
                format!("update {name} set tenant_id = tenant_id where tenant_id = '{id}'"),
            ),
            ("DELETE", Shape::DeleteById, format!("delete from {name} where tenant_id = '{id}'")),
            ("TRUNCATE", Shape::Truncate, format!("truncate {name} cascade")),
        ] {
            if !table.allows(SYSTEM, right) {
                probes.push(refused(shape, sql));
            }
        }
        Ok(probes)
    }
}

/// The job queue's own tables, and other sessions' statements.
fn beside_the_tables() -> impl Iterator<Item = Probe> {
    let probes = [
        ("apalis.jobs", Shape::SelectAll, "select t::text from apalis.jobs t", Expect::Refused(DENIED)),
        ("apalis.jobs", Shape::UpdateById, "update apalis.jobs set status = 'Done'", Expect::Refused(DENIED)),
        ("apalis.jobs", Shape::DeleteById, "delete from apalis.jobs", Expect::Refused(DENIED)),
        ("apalis.workers", Shape::SelectAll, "select t::text from apalis.workers t", Expect::Refused(DENIED)),
        ("quarantine", Shape::SelectAll, "select t::text from quarantine t", Expect::Refused(DENIED)),
        ("system_secrets", Shape::SelectAll, "select t::text from system_secrets t", Expect::Refused(DENIED)),
        ("pg_statistic", Shape::Statistics, "select t::text from pg_statistic t", Expect::Refused(DENIED)),
    ];
    probes.into_iter().map(|(table, shape, sql, expect)| Probe {
        table: table.into(),
        shape,
        setup: Vec::new(),
        sql: sql.into(),
        way: Way::Statement,
        expect,
    })
}
