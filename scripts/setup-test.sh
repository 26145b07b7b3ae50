#!/bin/sh
# Installs what the tests use besides Rust, Node and Python: a browser and a database server.
set -eu
cd "$(dirname "$0")/.."

missing=""
command -v chromium >/dev/null || missing="$missing chromium"
[ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null | head -n 1)" ] || missing="$missing postgresql"
if [ -n "$missing" ]; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  $sudo apt-get update -q
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qy --no-install-recommends $missing
fi
scripts/install-locked.sh web libs/node libs/python examples/genesys-python examples/browser-softphone
scripts/setup-examples.sh
[ ! -x scripts/setup-clients.sh ] || scripts/setup-clients.sh
