//! The walls of the workspace: who may depend on whom, who may name a heavy crate, how long a file may be.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each member with the members that it may depend on. `cli` and `e2e` may name everyone.
const EDGES: &[(&str, &[&str])] = &[
    ("throughline-context", &[]),
    ("throughline-sip", &[]),
    ("throughline-sdk", &["throughline-context"]),
    ("w3c-service", &["throughline-sdk"]),
    ("flow", &["throughline-context"]),
    ("ingest-genesys", &["throughline-context", "flow"]),
    ("personal", &[]),
    ("tls", &["flow"]),
    ("ingest-sip", &["throughline-context", "throughline-sip", "flow", "tls"]),
    ("pipeline", &["throughline-context", "flow", "personal", "tls"]),
    ("store-api", &["throughline-context", "flow"]),
    ("store-lake", &["throughline-context", "flow", "store-api"]),
    ("store-clickhouse", &["throughline-context", "flow", "store-api", "tls"]),
    ("alerts", &["flow", "tls", "store-api"]),
    ("view-api", &["throughline-context", "flow", "personal", "store-api", "alerts", "tls"]),
    ("view-term", &[]),
    ("view-ui", &[]),
    ("hops", &["throughline-context", "throughline-sip"]),
    ("sim", &["throughline-context"]),
];

/// Crates that only `store-lake` may name.
const HEAVY: &[&str] = &["arrow", "parquet", "datafusion", "deltalake", "ballista", "object_store"];

/// Production lines of a file: look again at 350, never more than this.
const LONGEST: usize = 500;
/// Files over the limit. This list may only shrink.
const TOO_LONG: &[&str] = &[];

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    let members = members();
    for member in &members {
        let name = member["name"].as_str().unwrap();
        if ["throughline", "e2e"].contains(&name) {
            continue;
        }
        let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} is not in the table of crates"));
            continue;
        };
        for (dependency, kind) in dependencies(member) {
            let is_member = members.iter().any(|other| other["name"] == dependency.as_str());
            // A test of a crate may use the simulator, and its own crate with more features.
            let tested = kind == "dev" && (dependency == "sim" || dependency == name);
            if is_member && !tested && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name} must not depend on {dependency}"));
            }
            if name != "store-lake" && HEAVY.iter().any(|heavy| dependency.starts_with(heavy)) {
                wrong.push(format!("{name} names {dependency}, which stays behind store-lake"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_say_what_they_are() {
    let mut wrong = Vec::new();
    for member in members() {
        let manifest = PathBuf::from(member["manifest_path"].as_str().unwrap());
        let name = member["name"].as_str().unwrap().to_owned();
        if !read(&manifest).contains("[lints]\nworkspace = true") {
            wrong.push(format!("{name} does not take the workspace's lints"));
        }
        let lib = manifest.with_file_name("src").join("lib.rs");
        if !lib.exists() || name == "e2e" {
            continue;
        }
        let text = read(&lib);
        for heading in ["//! In: ", "//! Out: ", "//! Core: ", "//! Must not: "] {
            if !text.lines().any(|line| line.starts_with(heading)) {
                wrong.push(format!("{name}: lib.rs opens without `{heading}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let mut long: Vec<_> = sources(&root())
        .into_iter()
        .filter_map(|path| {
            let lines = read(&path).lines().take_while(|line| *line != "#[cfg(test)]").count();
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            (lines > LONGEST && !TOO_LONG.contains(&name.as_str())).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    long.sort();
    assert!(long.is_empty(), "over {LONGEST} lines:\n{}", long.join("\n"));
}

/// Each exception from the workspace's lint stands here, and its proof beside it.
#[test]
fn unsafe_code_is_counted() {
    let lifts = concat!("expect(", "unsafe_code");
    let files: Vec<_> = sources(&root())
        .into_iter()
        .filter(|path| read(path).contains(lifts))
        .map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, ["crates/cli/src/process/glibc.rs", "crates/cli/src/process/program.rs"]);
    for (file, count) in files.iter().zip([2, 1]) {
        let text = read(&root().join(file));
        assert_eq!((text.matches("unsafe {").count(), text.matches("// SAFETY:").count()), (count, count));
    }
}

/// `cargo deny` says more, and takes long to build; this much is said at every test.
#[test]
fn dependencies_are_licensed_for_us() {
    let deny = read(&root().join("deny.toml"));
    let quoted = |line: &str| line.trim().trim_end_matches(',').trim_matches('"').to_owned();
    let allowed: Vec<String> = deny
        .lines()
        .skip_while(|line| !line.starts_with("allow = ["))
        .skip(1)
        .take_while(|line| !line.starts_with(']'))
        .map(quoted)
        .collect();
    let banned: Vec<String> = deny
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = ")?.split_once(", reason"))
        .filter(|(name, _)| !name.contains("wrappers"))
        .map(|(name, _)| quoted(name))
        .collect();
    assert!(allowed.len() > 5 && banned.len() > 1, "deny.toml is not read as it is written");
    let wrong: Vec<_> = packages(&["--filter-platform=x86_64-unknown-linux-gnu"])
        .iter()
        .filter_map(|package| {
            let name = package.get("name")?.as_str()?.to_owned();
            let license = package.get("license").and_then(Value::as_str).unwrap_or("none");
            let fits = satisfied(license, &allowed) && !banned.contains(&name);
            (!fits).then(|| format!("{name}: {license}"))
        })
        .collect();
    assert!(wrong.is_empty(), "not allowed by deny.toml:\n{}", wrong.join("\n"));
}

/// An SPDX expression: one alternative of which every part is allowed.
fn satisfied(license: &str, allowed: &[String]) -> bool {
    let plain = license.replace(['(', ')'], "").replace('/', " OR ");
    let known = |part: &str| allowed.iter().any(|allowed| allowed == part.trim());
    plain.split(" OR ").any(|choice| choice.split(" AND ").all(known))
}

fn members() -> Vec<Value> {
    packages(&["--no-deps"])
}

fn packages(arguments: &[&str]) -> Vec<Value> {
    let run = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let metadata: Value = serde_json::from_slice(&run.stdout).unwrap();
    metadata.get("packages").unwrap().as_array().unwrap().clone()
}

fn dependencies(member: &Value) -> Vec<(String, String)> {
    let list = member["dependencies"].as_array().unwrap().iter();
    list.map(|found| {
        let kind = found["kind"].as_str().unwrap_or("normal");
        (found["name"].as_str().unwrap().to_owned(), kind.to_owned())
    })
    .collect()
}

/// Production sources: Rust, TypeScript and Svelte outside of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    const LEFT_OUT: &[&str] =
        &["tests", "target", "node_modules", "dist", "fuzz", ".git", ".venv", "golden", "benches"];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !LEFT_OUT.contains(&name.as_str()) {
                found.extend(sources(&path));
            }
        } else if name != "tests.rs" && [".rs", ".ts", ".svelte"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
