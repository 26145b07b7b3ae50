#!/bin/sh
# Licences, bans and sources of all dependencies. The tool is built once, beside other build output.
set -eu
cd "$(dirname "$0")/.."
target=$(cargo metadata --no-deps --format-version 1 --offline | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
export PATH="$target/tools/bin:$PATH"
command -v cargo-deny >/dev/null || cargo install --quiet --locked cargo-deny --version 0.20.2 --root "$target/tools"
cargo deny --log-level error check bans licenses sources
