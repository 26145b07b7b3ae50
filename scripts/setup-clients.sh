#!/bin/sh
# Installs what the SDK programs of the whole-product tests need, inside their folders.
set -eu
cd "$(dirname "$0")/.."
exec scripts/install-locked.sh e2e/clients/node e2e/clients/python e2e/clients/genesys-node e2e/clients/genesys-python
