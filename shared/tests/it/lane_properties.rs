//! Lanes as a state machine against a model: random sequences of what can happen, shrunk to the shortest one that fails.
//!
//! `PROPTEST_CASES=2000` plays more of them: a third of that, for each takes dozens of transactions. What failed once is kept in `lanes.proptest-regressions` and played first.

use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};

use crate::{
    lane_model::Queue,
    lane_steps::{Fate, Step, steps},
    lane_world::World,
    stage::Stage,
};

/// Shorter sequences that are tried after a failure; each takes a twentieth of a second.
const SHRINKS_MAX: u32 = 4_000;
/// Claims it may take to end everything that waits.
const CLAIMS_LATEST: usize = 200;

/// Each message that was accepted ends, in one state, whatever happened before: workers that go on working come to an end.
async fn drain(world: &mut World<'_>) {
    let leased = world.model.lanes.len();
    for lane in 0..leased {
        world.expire_lane(Some(lane)).await;
    }
    world.take(&Step::PauseEnds).await;
    world.take(&Step::Sweep).await;
    let mut claims = 0;
    while !world.model.claimable().is_empty() {
        claims += 1;
        assert!(claims < CLAIMS_LATEST, "it does not end");
        world.take(&Step::Claim(1)).await;
        let held = world.held.len() - 1;
        world.begin(held, Fate::Commit).await;
        world.record(held, 2, false, Fate::Commit).await;
        if !world.held[held].gave_back {
            world.finish(held, true, Fate::Commit).await;
        }
    }
    world.compare("the end").await;
    for lane in &world.model.lanes {
        assert!(lane.queue == Queue::Out && lane.entries.iter().all(|entry| entry.state != "pending"));
        assert!(lane.runs.iter().all(|run| run.state != "running"));
        let replied = lane.entries.iter().filter(|entry| entry.state == "replied");
        assert!(replied.into_iter().all(|entry| entry.run.is_some()), "every answer belongs to a run");
        assert!(lane.runs.windows(2).all(|two| two[0].to < two[1].from), "no message belongs to two runs");
    }
}

#[test]
fn lanes_do_what_their_model_does_whatever_happens() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let stage = runtime.block_on(Stage::new());
    let kept = FileFailurePersistence::Direct("tests/it/lanes.proptest-regressions");
    let config = Config::default();
    let (cases, max_shrink_iters) = (config.cases / 3, SHRINKS_MAX);
    let config = Config { cases, max_shrink_iters, failure_persistence: Some(Box::new(kept)), ..config };
    let result = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(async {
            let mut world = World::new(&stage).await;
            world.play(&steps).await;
            drain(&mut world).await;
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
