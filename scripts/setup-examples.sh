#!/bin/sh
# Installs what the example services need, inside their folders.
set -eu
cd "$(dirname "$0")/.."
exec scripts/install-locked.sh examples/node-service examples/python-crm
