#!/bin/sh
# Builds web/dist when a source of it is newer.
set -eu
cd "$(dirname "$0")/.."
scripts/install-locked.sh web
cd web
sources="index.html package.json package-lock.json public src vite.config.ts svelte.config.js"
# shellcheck disable=SC2086
if [ -e dist/index.html ] && [ -z "$(find $sources -newer dist/index.html -print -quit)" ]; then
  exit 0
fi
npm run --silent build
