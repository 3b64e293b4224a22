#!/usr/bin/env bash
# Speed and memory, in release, on an invented city. PEOPLE sets its size (1,000,000 gives about 5,180,000 facts).
#   make bench                 all of it
#   PEOPLE=200000 make bench   a fifth
set -euo pipefail
cd "$(dirname "$0")/.."
people=${PEOPLE:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release --quiet
cargo build --release --quiet -p sizao-drill --example assess
program=target/release/sizao

echo "commit $(git rev-parse --short HEAD), $(nproc) cores, $people people"
echo
echo "== assess, one core, packs v8 and v9 =="
target/release/examples/assess "$people" 1

echo
echo "== the city as files =="
started=$(date +%s.%N)
"$program" demo city --people "$people" --days 14 --seed 1 --out "$work/city"
echo "$(echo "$(date +%s.%N) - $started" | bc) s"
rm -f "$work/city/ledger.csv" "$work/city/samples.csv" "$work/city/results.csv" "$work/city/other.ndjson"

echo
echo "== import end to end on SQLite =="
mkdir "$work/sqlite"
python3 scripts/bench_import.py "$program" "$work/sqlite/store.db" "$work/city/facts.ndjson" "$work/sqlite"
ls -l "$work/sqlite/store.db" | awk '{printf "store %.0f MB\n", $5 / 1e6}'
rm -rf "$work/sqlite"

echo
echo "== import end to end on PostgreSQL =="
mkdir "$work/postgres"
export work program
scripts/postgres.sh bash -c 'python3 scripts/bench_import.py "$program" "$SIZAO_TEST_POSTGRES" "$work/city/facts.ndjson" "$work/postgres"'
