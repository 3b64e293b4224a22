#!/usr/bin/env bash
# Sets up, builds, makes an embedded store, imports the published pairs of 2020 and prints the report.
# With ONCE=1 it always ends there; later versions go on to serve pages.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v cargo >/dev/null; then
    echo "Rust is not installed: get it from https://rustup.rs and run this again." >&2
    exit 1
fi
if ! command -v cc >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq gcc >/dev/null
    else
        echo "A C compiler is needed (for the embedded database): install the package 'gcc'." >&2
        exit 1
    fi
fi
echo "Building (the first time takes some minutes) …" >&2
cargo build --quiet
exec ./target/debug/sizao demo pairs --out demo "$@"
