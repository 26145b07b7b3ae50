mod registry;
mod structure;
mod connectors;
mod settings;
mod sources;
mod traps;
mod graph;
mod shipped;
mod damage;

use std::collections::BTreeMap;

use expect_test::Expect;

use super::{Plan, Sources, World, findings_as_text};
use registry::registry;

/// A good configuration without advice, for tests to break.
const GOOD: &str = "
receivers: {otlp: {protocols: {grpc: }}}
processors: {memory_limiter: {check_interval: 1s, limit_mib: 100}}
exporters: {debug: }
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter], exporters: [debug]}
";

/// Files and variables that stand in memory.
#[derive(Default)]
struct Given {
    files: BTreeMap<&'static str, String>,
    env: BTreeMap<&'static str, &'static str>,
}

impl Given {
    fn file(mut self, name: &'static str, text: &str) -> Self {
        self.files.insert(name, text.to_owned());
        self
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.insert(name, value);
        self
    }

    fn read(&self, configs: &[&str], sets: &[&str]) -> (Option<Plan>, String) {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let sources = Sources { configs: owned(configs), sets: owned(sets) };
        let env = |name: &str| self.env.get(name).map(|&value| value.to_owned());
        let file =
            |path: &str| self.files.get(path).cloned().ok_or_else(|| "there is no such file".to_owned());
        let (plan, findings) = Plan::read(&sources, World { env: &env, file: &file }, &registry());
        (plan, findings_as_text(&findings))
    }
}

/// What is found when this is put over the good configuration.
fn over_good(text: &str, expected: Expect) {
    let given = Given::default().file("good.yaml", GOOD).file("c.yaml", text);
    expected.assert_eq(&given.read(&["good.yaml", "c.yaml"], &[]).1);
}

/// What is found in this alone.
fn alone(text: &str, expected: Expect) {
    expected.assert_eq(&Given::default().file("c.yaml", text).read(&["c.yaml"], &[]).1);
}

#[test]
fn the_good_one_is_good() {
    let (plan, findings) = Given::default().file("good.yaml", GOOD).read(&["good.yaml"], &[]);
    assert_eq!((plan.is_some(), findings.as_str()), (true, ""));
}
