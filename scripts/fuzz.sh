#!/bin/sh
# Runs every fuzz target for a while. Coverage-guided fuzzing needs compiler flags that the stable channel hides.
set -eu
cd "$(dirname "$0")/../fuzz"
seconds="${1:-60}"
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz
for target in $(cargo fuzz list); do
  RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" -- -max_total_time="$seconds" -max_len=65536
done
