//! Any text as a configuration: a plan or findings, never a panic.
#![no_main]

use flow::Registry;
use pipeline::plan::{Plan, Sources, World};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let env = |name: &str| (name.len() < 3).then(|| name.repeat(2));
    let file = |_: &str| Ok(text.to_owned());
    let sources = Sources { configs: vec!["file:c.yaml".to_owned()], sets: vec![] };
    Plan::read(&sources, World { env: &env, file: &file }, &Registry::default());
});
