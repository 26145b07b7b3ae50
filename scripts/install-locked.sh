#!/bin/sh
# Installs what the lock file of each named folder pins, into that folder: package-lock.json into node_modules,
# requirements.txt into .venv. Packages of this repository come along: as copies into node_modules, as links into .venv
# (requirements-local.txt). Does nothing where all that and the interpreter are as they were the last time.
set -eu

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

need_node() {
  command -v node >/dev/null && command -v npm >/dev/null || fail "Node and npm are needed: install Node 20.6 or later (https://nodejs.org)."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 6) ? 0 : 1)' ||
    fail "Node $(node --version) is too old: install 20.6 or later (https://nodejs.org)."
}

need_python() {
  command -v "$python" >/dev/null || fail "Python is needed: install Python 3.10 or later, or set PYTHON to its command."
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "$("$python" --version) is too old: install 3.10 or later, or set PYTHON to its command."
}

node_state() {
  node --version
  cat package-lock.json
  sed -n 's/.*"resolved": "file:\(.*\)".*/\1/p' package-lock.json | while read -r package; do
    cksum "$package/package.json" "$package"/src/*
  done
}

python_state() {
  "$python" -c 'import sys; print(sys.version, sys.executable)'
  cat requirements.txt
  cat requirements-local.txt 2>/dev/null || true
}

install_node() {
  need_node
  node_state 2>/dev/null | cmp -s - node_modules/.installed && return
  echo "Installing Node packages in $1"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || fail "npm ci failed in $1: see above; is the package registry reachable?"
  node_state >node_modules/.installed
}

install_python() {
  need_python
  python_state 2>/dev/null | cmp -s - .venv/.installed && return
  echo "Installing Python packages in $1"
  "$python" -m venv --clear .venv || fail "python -m venv failed in $1: on Debian and Ubuntu it needs the package python3-venv."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt ||
    fail "pip failed in $1: see above; is the package index reachable?"
  if [ -e requirements-local.txt ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation -r requirements-local.txt ||
      fail "pip failed in $1 on requirements-local.txt: see above."
  fi
  python_state >.venv/.installed
}

python=${PYTHON:-python3}
for folder in "$@"; do
  cd "$folder"
  if [ -e package-lock.json ]; then install_node "$folder"; fi
  if [ -e requirements.txt ]; then install_python "$folder"; fi
  cd - >/dev/null
done
