#!/usr/bin/env bash
# Sets up, builds, makes an embedded store, imports the published pairs of 2020 and prints the report.
# Then it serves pages with the pairs and a small invented city, until Ctrl-C. With ONCE=1 it ends after the report.
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
./target/debug/sizao demo pairs --out demo "$@"
if [ "${ONCE:-}" != 1 ]; then
    exec ./target/debug/sizao demo pages --out demo/pages
fi
