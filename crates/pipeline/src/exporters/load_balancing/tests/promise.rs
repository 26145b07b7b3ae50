//! Whatever becomes of the backends: as long as one answers, nothing is lost.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Send(u64),
    Kill(usize),
    Revive(usize),
    /// Which of the backends stand in the list, besides the one that always does.
    List([bool; 3]),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..12).prop_map(Step::Send),
        1 => (0_usize..3).prop_map(Step::Kill),
        1 => (0_usize..3).prop_map(Step::Revive),
        1 => any::<[bool; 3]>().prop_map(Step::List),
        2 => (0_u64..8000).prop_map(Step::Wait),
    ]
}

const NAMES: [&str; 3] = ["a:4317", "b:4317", "c:4317"];
const YAML: &str = "{resolver: {static: {hostnames: [steady, a, b, c]}}, failover_after: 4s,
    protocol: {otlp: {sending_queue: {queue_size: 5, num_consumers: 2},
        retry_on_failure: {initial_interval: 1s, max_elapsed_time: 10s}}}}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_span_is_lost(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(&steps));
    }
}

async fn run(steps: &[Step]) {
    let setup = Setup::start(YAML, paper).await;
    let mut sent = BTreeSet::new();
    for step in steps {
        match step {
            Step::Send(traces) => {
                let first = setup.sent.load(Ordering::Relaxed);
                if setup.send(*traces).await.is_ok() {
                    sent.extend(first + 1..=first + traces * 3);
                }
            }
            Step::Kill(nth) => setup.world.kill(NAMES[*nth]),
            Step::Revive(nth) => setup.world.revive(NAMES[*nth]),
            Step::List(listed) => {
                let listed = NAMES.iter().zip(listed).filter(|(_, listed)| **listed).map(|(name, _)| *name);
                setup.install(&listed.chain(["steady:4317"]).collect::<Vec<_>>());
            }
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(*millis)).await,
        }
    }
    setup.quiet().await;
    let balance = setup.balance();
    assert_eq!(balance.lost, 0, "{balance:?}");
    assert_eq!(setup.world.all(), sent, "what was taken arrived");
    for outcomes in setup.settled.0.lock().unwrap().values() {
        assert_eq!(*outcomes, [Outcome::Exported], "each request settles once");
    }
    setup.stop().await;
    assert_eq!(setup.ctx.memory.held(), 0);
}
