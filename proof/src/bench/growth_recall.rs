//! The searching half of `growth`: the same tenant's search while everybody else's memories grow, then larger tenants.

use shared::db::TenantDb;

use super::{
    bulk,
    crowd::{Crowd, Member},
    growth::{ASKER, LARGER},
    recall::{ask, select_one},
    report::{Figure, Report},
    sample::{Dice, Sample, timed},
};

const QUESTIONS: usize = 120;
/// Of the larger tenants: each may take a second.
const QUESTIONS_LARGER: usize = 30;
const WARM_UP: usize = 5;
const TERMS: usize = 8;
const BAR: f64 = 1.3;

/// A tenant that searches, and the times it took.
struct Asker {
    db: TenantDb,
    own: usize,
    total: usize,
    search: Sample,
    floor: Sample,
}

impl Asker {
    fn new(crowd: &Crowd, member: &Member, own: usize) -> Self {
        let db = crowd.test.db.tenant(member.tenant);
        Self { db, own, total: crowd.memories(), search: Sample::default(), floor: Sample::default() }
    }

    async fn ask(&mut self, dice: &mut Dice, warm: bool) -> anyhow::Result<()> {
        let vector = bulk::vector(dice);
        let terms: Vec<String> = (0..TERMS).map(|_| bulk::sentence(dice, 1, 1)).collect();
        let (found, time) = timed(ask(&self.db, &vector, &terms.join(" or "))).await;
        found?;
        let (answered, bare) = timed(select_one(&self.db)).await;
        answered?;
        if warm {
            self.search.push(time);
            self.floor.push(bare);
        }
        Ok(())
    }
}

pub async fn measure(crowds: &[&Crowd], report: &mut Report) -> anyhow::Result<()> {
    let mut alike: Vec<Asker> = crowds
        .iter()
        .filter_map(|crowd| crowd.special.first().map(|member| Asker::new(crowd, member, ASKER)))
        .collect();
    let mut dice = Dice::new(17);
    for n in 0..WARM_UP + QUESTIONS {
        for asker in &mut alike {
            asker.ask(&mut dice, n >= WARM_UP).await?;
        }
    }
    let mut larger: Vec<Asker> = Vec::new();
    for crowd in crowds {
        let members = crowd.special.iter().skip(1).zip(LARGER);
        larger.extend(members.map(|(member, own)| Asker::new(crowd, member, own)));
    }
    for n in 0..WARM_UP + QUESTIONS_LARGER {
        for asker in &mut larger {
            asker.ask(&mut dice, n >= WARM_UP).await?;
        }
    }
    let smallest = alike.first().map_or(0.0, |asker| asker.search.median());
    for asker in &alike {
        let name = format!("search p50, {} of {} memories", asker.own, asker.total);
        report.add(Figure::new(name, asker.search.median(), "ms").floor(smallest).ratio_at_most(BAR));
    }
    for asker in alike.iter().chain(&larger) {
        for (word, percentile) in [("p50", 50.0), ("p95", 95.0)] {
            let name = format!("search {word}, {} of {} memories, to `select 1`", asker.own, asker.total);
            let figure = Figure::new(name, asker.search.percentile(percentile), "ms");
            report.add(figure.floor(asker.floor.percentile(percentile)));
        }
    }
    let line = |askers: &[Asker], of: fn(&Asker) -> f64| {
        askers.iter().map(|asker| (asker.total as f64, of(asker))).collect::<Vec<_>>()
    };
    report.draw("recall", format!("tenant of {ASKER}"), line(&alike, |asker| asker.search.median()));
    report.draw("recall", "select 1", line(&alike, |asker| asker.floor.median()));
    Ok(())
}
