//! Embeds anew when the built page changes, and says so when there is none.

use std::path::Path;

const DIST: &str = "../../web/dist";

fn main() {
    println!("cargo::rerun-if-changed={DIST}");
    if !Path::new(DIST).join("index.html").is_file() {
        println!(
            "cargo::warning=web/dist/index.html is missing: the binary will serve a placeholder; run `make ui`"
        );
    }
}
