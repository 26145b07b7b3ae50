#!/bin/sh
# Runs a command with JOURNAL_DISK set to a file system of 24 MiB, which goes with it.
set -eu
exec unshare --map-root-user --mount sh -c '
  JOURNAL_DISK=$(mktemp -d)
  export JOURNAL_DISK
  mount -t tmpfs -o size=24m none "$JOURNAL_DISK"
  status=0
  "$@" || status=$?
  umount "$JOURNAL_DISK"
  rmdir "$JOURNAL_DISK"
  exit "$status"
' small-disk "$@"
