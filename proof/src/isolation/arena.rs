//! A database in which two tenants have rows in every table, each text value with a canary.

use std::collections::BTreeMap;

use shared::testing::TestDb;
use sqlx::Executor;
use uuid::Uuid;

use super::{
    catalog::Catalog,
    fill::{Doors, Tenant},
    probes::{self, Probe},
    trial::{self, Report, Speaker},
};

pub struct Arena {
    pub test: TestDb,
    pub doors: Doors,
    pub catalog: Catalog,
}

impl Arena {
    pub async fn new() -> anyhow::Result<Self> {
        let test = TestDb::new().await;
        let doors = Doors { app: test.app().await, system: test.system().await };
        let catalog = Catalog::read(&mut test.owner().await).await?;
        let mut arena = Self { test, doors, catalog };
        let Self { doors, catalog, .. } = &mut arena;
        for tenant in [ours(catalog), theirs(catalog)] {
            tenant.fill(doors).await?;
        }
        // With statistics, which hold copies of values.
        arena.test.owner().await.execute("analyze").await?;
        Ok(arena)
    }

    /// Every way from one tenant to the other, as the unspoilt catalogue suggests them.
    pub fn probes(&self) -> anyhow::Result<Vec<Probe>> {
        probes::all(&self.catalog, ours(&self.catalog), theirs(&self.catalog))
    }

    pub async fn prints(
        &mut self,
        tenant: fn(&Catalog) -> Tenant<'_>,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        tenant(&self.catalog).fingerprints(&mut self.doors).await
    }

    /// Runs the probes and commits; changes of the other side's rows are leaks, too.
    pub async fn attack(&mut self, speaker: Speaker<'_>, probes: &[Probe]) -> anyhow::Result<Report> {
        let them = theirs(&self.catalog);
        let before = them.fingerprints(&mut self.doors).await?;
        let mut report = trial::run(&self.test, speaker, them, probes).await?;
        report.leaks.extend(trial::changed(&mut self.doors, them, &before).await?);
        Ok(report)
    }
}

/// Who asks.
pub fn ours(catalog: &Catalog) -> Tenant<'_> {
    Tenant { catalog, id: Uuid::from_u128(0xA), mark: "CANARY-A" }
}

/// Whom nobody may reach.
pub fn theirs(catalog: &Catalog) -> Tenant<'_> {
    Tenant { catalog, id: Uuid::from_u128(0xB), mark: "CANARY-B" }
}
