use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use super::state::{Limits, Reading, State, retry_after};
use super::*;
use expect_test::{Expect, expect};
use flow::{Fault, Hold, Memory, Payload, Telemetry};

mod promise;

const MIB: u64 = 1 << 20;

fn limits() -> Limits {
    Limits { limit: 100 * MIB, soft: 80 * MIB, check_interval: Duration::from_secs(1) }
}

/// Held, resident set, and what may be held after this reading; in MiB.
type Row = (u64, Option<u64>, u64);

#[test]
fn the_cap_follows_the_resident_set() {
    let table: &[(&str, &[Row])] = &[
        ("nothing is known of the process", &[(0, None, 80), (79, None, 80), (200, None, 80)]),
        ("far from the limit", &[(0, Some(10), 80), (60, Some(75), 80), (80, Some(90), 80)]),
        (
            "as much more as the process may grow",
            &[(50, Some(80), 70), (50, Some(95), 55), (50, Some(100), 50)],
        ),
        ("above the limit it sheds down to the soft one", &[(60, Some(101), 39), (60, Some(120), 20)]),
        (
            "until the resident set is below the soft limit",
            &[
                (60, Some(101), 39),
                (50, Some(95), 35),
                (40, Some(80), 40),
                (40, Some(79), 61),
                (40, Some(95), 45),
            ],
        ),
        (
            "what the allocator keeps does not stop everything",
            &[(0, Some(99), 10), (0, Some(500), 10), (9, Some(99), 10)],
        ),
        ("it recovers by degrees", &[(0, Some(90), 10), (10, Some(90), 20), (20, Some(90), 30)]),
    ];
    for (name, rows) in table {
        let mut state = State::new(limits());
        let at = Instant::now();
        for (held, rss, cap) in *rows {
            let rss = rss.map(|rss| rss * MIB);
            let allowance = state.observe(Reading { at, held: held * MIB, freed: 0, rss });
            assert_eq!(allowance.cap / MIB, *cap, "{name}: {held} held");
        }
    }
}

#[test]
fn limits_that_leave_nothing_or_everything() {
    let tight = Limits { soft: MIB, ..limits() };
    let at = Instant::now();
    let reading = Reading { at, held: 0, freed: 0, rss: Some(u64::MAX) };
    assert_eq!(State::new(tight).observe(reading).cap, MIB);
    let reading = Reading { held: u64::MAX, ..reading };
    assert_eq!(State::new(limits()).observe(reading).cap, 10 * MIB);
}

#[test]
fn the_rate_is_that_of_the_last_seconds() {
    let mut state = State::new(limits());
    let start = Instant::now();
    let table = [
        (0, 0, u64::MAX),
        (100, 50_000, u64::MAX),
        (1_000, 1_000_000, 1_000_000),
        (1_100, 1_100_000, 1_000_000),
        (5_000, 3_000_000, 600_000),
        (6_000, 3_000_000, 400_000),
        (60_000, 9_000_000, u64::MAX),
        (61_000, 9_000_000, 0),
    ];
    for (millis, freed, rate) in table {
        let reading = Reading { at: start + Duration::from_millis(millis), held: 0, freed, rss: None };
        assert_eq!(state.observe(reading).rate, rate, "after {millis} ms");
    }
}

#[test]
fn clients_come_back_when_there_is_room() {
    let table = [
        (0, 0, 30),
        (0, 1, 1),
        (999, 1000, 1),
        (1000, 1000, 2),
        (10_500, 1000, 11),
        (u64::MAX, 1, 30),
        (5, u64::MAX, 1),
    ];
    for (too_many, rate, seconds) in table {
        assert_eq!(retry_after(too_many, rate), Duration::from_secs(seconds), "{too_many} at {rate}");
    }
}

fn report(section: &str, expected: Expect) {
    let mut section = Node::load("c.yaml", section).expect("valid YAML");
    section.set_path("processors::memory_limiter".into());
    let findings = settings::check(&section);
    expected.assert_eq(&findings.iter().map(|finding| format!("{finding}\n")).collect::<String>());
}

#[test]
fn errors_have_a_place_and_a_mend() {
    report("check_interval: 1s\nlimit_mib: 1500\nspike_limit_mib: 500", expect![[""]]);
    report("check_interval: 1s\nlimit_percentage: 75\nspike_limit_percentage: 20", expect![[""]]);
    report(
        "",
        expect![[r#"
        c.yaml:1:1: error: processors::memory_limiter: `check_interval` must be greater than zero
          help: set `check_interval: 1s`
        c.yaml:1:1: error: processors::memory_limiter: `limit_mib` or `limit_percentage` must be greater than zero
          help: set `limit_mib` to what this process may take, such as 512
    "#]],
    );
    report(
        "check_interval: 0s\nlimit_mib: 100\nspike_limit_mib: 100",
        expect![[r#"
        c.yaml:1:17: error: processors::memory_limiter::check_interval: `check_interval` must be greater than zero
          help: set `check_interval: 1s`
        c.yaml:3:18: error: processors::memory_limiter::spike_limit_mib: `spike_limit_mib` must be smaller than `limit_mib`
          help: it is the room kept for surges: a fifth of the limit is usual
    "#]],
    );
    report(
        "check_interval: 1s\nlimit_percentage: 101\nspike_limit_percentage: 300",
        expect![[r#"
        c.yaml:2:19: error: processors::memory_limiter::limit_percentage: `limit_percentage` is a percentage, from 1 to 100
          help: 75 is usual, with a spike of 20
        c.yaml:3:25: error: processors::memory_limiter::spike_limit_percentage: `spike_limit_percentage` is a percentage, from 1 to 100
          help: 75 is usual, with a spike of 20
        c.yaml:3:25: error: processors::memory_limiter::spike_limit_percentage: `spike_limit_percentage` must be smaller than `limit_percentage`
          help: it is the room kept for surges: a fifth of the limit is usual
    "#]],
    );
    report(
        "check_interval: 1s\nlimit_mib: -1\nspike_limt_mib: 3",
        expect![[r#"
        c.yaml:2:12: error: processors::memory_limiter::limit_mib: expected a whole number from 0 to 4294967295, found the number `-1`
        c.yaml:3:1: error: processors::memory_limiter::spike_limt_mib: unknown key
          help: did you mean `spike_limit_mib`?
    "#]],
    );
    report(
        "check_interval: 1s\nlimit_mib: 16\nlimit_percentage: 50\nmin_gc_interval_when_soft_limited: 10s\n\
         max_gc_interval_when_hard_limited: soon\n",
        expect![[r#"
            c.yaml:4:36: advice: processors::memory_limiter::min_gc_interval_when_soft_limited: `min_gc_interval_when_soft_limited` has no effect: there is no garbage to collect
              help: remove it
            c.yaml:5:36: error: processors::memory_limiter::max_gc_interval_when_hard_limited: expected a duration such as `1s` or `200ms`, found the text `soon`
              help: a number is missing in the duration
            c.yaml:5:36: advice: processors::memory_limiter::max_gc_interval_when_hard_limited: `max_gc_interval_when_hard_limited` has no effect: there is no garbage to collect
              help: remove it
        "#]],
    );
    report(
        "check_interval: 1s\nlimit_mib: 16\nlimit_percentage: 50",
        expect![[r#"
        c.yaml:2:12: advice: processors::memory_limiter::limit_mib: little is left for telemetry, since the process itself takes about 15 MiB
          help: set 32 or more
        c.yaml:3:19: advice: processors::memory_limiter::limit_percentage: `limit_percentage` has no effect, since `limit_mib` is set
          help: remove it
    "#]],
    );
    report(
        "check_interval: 1s\nlimit_percentage: 50\nspike_limit_mib: 50",
        expect![[r#"
        c.yaml:3:18: advice: processors::memory_limiter::spike_limit_mib: `spike_limit_mib` has no effect, since `limit_percentage` is set
          help: remove it
    "#]],
    );
}

#[test]
fn limits_in_bytes() {
    let read = |text: &str| -> Settings { Node::load("c.yaml", text).unwrap().parse().unwrap() };
    let of_host = || Some(1000 * MIB);
    let table = [
        ("limit_mib: 1500\nspike_limit_mib: 500", 1500, 1000),
        ("limit_mib: 1500", 1500, 1200),
        ("limit_mib: 1500\nlimit_percentage: 1\nspike_limit_percentage: 1", 1500, 1200),
        ("limit_percentage: 50\nspike_limit_percentage: 20", 500, 300),
        ("limit_percentage: 100", 1000, 800),
    ];
    for (text, limit, soft) in table {
        let limits = read(&format!("check_interval: 2s\n{text}")).limits(of_host).unwrap();
        let expected =
            Limits { limit: limit * MIB, soft: soft * MIB, check_interval: Duration::from_secs(2) };
        assert_eq!(limits, expected, "{text}");
    }
    assert!(read("limit_percentage: 50").limits(|| None).is_err());
}

/// Path and text.
type File = (&'static str, &'static str);

/// Control groups of both versions; a group's limit is the lowest one up to the root.
#[test]
fn total_memory_is_the_hosts_or_the_control_groups() {
    const MEMINFO: File = ("proc/meminfo", "MemTotal:        1024 kB\nMemFree: 1 kB\n");
    let table: &[(&str, &[File], Option<u64>)] = &[
        ("no files", &[], None),
        ("host", &[MEMINFO], Some(MIB)),
        (
            "v2 container",
            &[MEMINFO, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "500\n")],
            Some(500),
        ),
        (
            "v2 without a limit",
            &[MEMINFO, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "max\n")],
            Some(MIB),
        ),
        (
            "v2 nested",
            &[
                MEMINFO,
                ("proc/self/cgroup", "0::/a.slice/b.service\n"),
                ("sys/fs/cgroup/a.slice/memory.max", "300"),
                ("sys/fs/cgroup/a.slice/b.service/memory.max", "max"),
            ],
            Some(300),
        ),
        (
            "v1",
            &[
                MEMINFO,
                ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n"),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "700\n"),
            ],
            Some(700),
        ),
        (
            "v1 without a limit",
            &[
                MEMINFO,
                ("proc/self/cgroup", "4:memory:/\n"),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ],
            Some(MIB),
        ),
        ("outside", &[MEMINFO, ("proc/self/cgroup", "0::/../..\nodd\n\n"), ("memory.max", "1")], Some(MIB)),
    ];
    for (name, files, expected) in table {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in *files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(system::total_below(root.path()), *expected, "{name}");
    }
    if Path::new("/proc/self/status").exists() {
        assert!(system::resident_set().is_some_and(|bytes| bytes > MIB));
        assert!(system::total_memory() > system::resident_set());
    }
}

fn ctx() -> Ctx {
    Ctx::new(Arc::new(Memory::default()), Telemetry::default())
        .named("memory_limiter")
        .within("traces", Signal::Traces)
}

fn of(ctx: &Ctx, bytes: u64) -> Hold {
    ctx.memory.hold(usize::try_from(bytes).unwrap())
}

#[derive(Default)]
struct Taker(Mutex<Vec<usize>>);

impl Consumer for Taker {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        self.0.lock().unwrap().push(batch.items);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test(start_paused = true)]
async fn refuses_before_a_body_is_read_and_behind_it() {
    let ctx = ctx();
    let taker = Arc::new(Taker::default());
    let guard = Guard::new(&ctx, limits(), Box::new(|| None));
    let limiter = Limiter { guard, counts: Counts::new(&ctx), next: taker.clone() };
    let queued = of(&ctx, 79 * MIB);
    limiter.admit(1 << 20).unwrap();
    let refusal = limiter.admit((1 << 20) + 1).unwrap_err();
    assert_eq!((refusal.fault, refusal.retry_after), (Fault::Busy, Some(Duration::from_secs(1))));
    assert_eq!(refusal.why, "data refused due to high memory usage; repeat the request in 1 s");

    let batch = |items: usize, hold: Hold| {
        let mut batch = Batch::new(Signal::Traces, Payload::from(vec![0; 1 << 20]), items);
        batch.hold = hold;
        batch
    };
    limiter.consume(batch(5, of(&ctx, MIB))).await.unwrap();
    limiter.consume(batch(6, Hold::default())).await.unwrap();
    let grown = of(&ctx, 2 * MIB);
    assert_eq!(limiter.consume(batch(7, grown)).await.unwrap_err().fault, Fault::Busy);
    assert_eq!(*taker.0.lock().unwrap(), [5, 6]);
    drop(queued);
    assert_eq!(ctx.memory.held(), 0);
    expect![[r#"
        otelcol_processor_accepted_spans{processor="memory_limiter"} 11
        otelcol_processor_memory_limiter_accepted_spans{processor="memory_limiter"} 11
        otelcol_processor_memory_limiter_refused_spans{processor="memory_limiter"} 7
        otelcol_processor_refused_spans{processor="memory_limiter"} 7
        throughline_memory_limiter_cap_bytes{processor="memory_limiter"} 83886080
        throughline_memory_limiter_limit_bytes{processor="memory_limiter"} 104857600
        throughline_memory_limiter_refused_requests{processor="memory_limiter"} 1
    "#]]
    .assert_eq(&metrics(&ctx));
}

/// Nothing goes out for a while: the answer is to come back late, then, as the sink drains, sooner.
#[tokio::test(start_paused = true)]
async fn the_time_to_come_back_is_how_fast_memory_is_freed() {
    let ctx = ctx();
    let guard = Guard::new(&ctx, limits(), Box::new(|| None));
    let mut queued: Vec<Hold> = (0..80).map(|_| of(&ctx, MIB)).collect();
    let mut after = |freed: usize| {
        queued.truncate(queued.len() - freed);
        let ask = usize::try_from(20 * MIB).unwrap();
        guard.ask(ask, Instant::now()).map_err(|refusal| refusal.retry_after.unwrap().as_secs())
    };
    assert_eq!(after(0), Err(1), "nothing is known yet");
    for (freed, expected) in [(0, Err(30)), (2, Err(19)), (2, Err(13)), (16, Ok(()))] {
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(after(freed), expected);
    }
}

#[test]
fn the_factory_makes_one() {
    let section = Node::load("c.yaml", "check_interval: 1s\nlimit_percentage: 90").unwrap();
    let Make::Processor(make) = FACTORY.make else { panic!("not a processor") };
    let limiter = make(&section, &ctx(), Arc::new(Taker::default()));
    assert!(limiter.is_ok_and(|limiter| limiter.admit(1).is_ok() && limiter.admit(usize::MAX).is_err()));
}

fn metrics(ctx: &Ctx) -> String {
    let text = prometheus::TextEncoder::new().encode_to_string(&ctx.telemetry.registry().gather()).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}
