#!/usr/bin/env bash
# Scans a second that a node acknowledges, on SQLite; one a request and in batches of a hundred, over 256 connections from the same
# cores. SECONDS_OF_EACH=10
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
cargo build --release --quiet -p sizao-server --example bench_scans
folder=$(mktemp -d)
./target/release/sizao demo pages --people 300 --out "$folder/demo" --listen 127.0.0.1:0 >"$folder/out" 2>"$folder/told" &
node=$!
stop() { kill "$node" 2>/dev/null && wait "$node" 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
until grep -q "Serving at" "$folder/out"; do
    kill -0 "$node" 2>/dev/null || { cat "$folder/told" >&2; exit 1; }
    sleep 1
done
address=$(grep -o 'http://[0-9.]*:[0-9]*' "$folder/out" | head -1)
password=$(grep -o 'demo-[0-9a-f]\{16\}' "$folder/told" | head -1)
echo "load average before: $(cut -d' ' -f1-3 /proc/loadavg)"
for batch in 1 100; do
    ./target/release/examples/bench_scans "${address#http://}" "$password" "${SECONDS_OF_EACH:-10}" "$batch"
done
echo "CPU seconds of the node: $(awk '{print ($14 + $15) / 100}' "/proc/$node/stat")"
