#!/bin/sh
# Rebuilds ../static from the pinned packages; the same inputs give the same bytes.
# Needs Node 20.11 or later, with npm. Run it after any change in this directory and commit what it writes.
set -eu
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund
exec node build.mjs
