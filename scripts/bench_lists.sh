#!/usr/bin/env bash
# Times of every list, search and board on PostgreSQL, for every role, the most restricted first; and pages a second.
#   PEOPLE=1000000 scripts/bench_lists.sh     SECONDS_OF_MIX=30
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${SIZAO_TEST_POSTGRES:-}" ]; then
    cargo build --release --quiet
    cargo build --release --quiet -p sizao-server --example bench_lists
    exec scripts/postgres.sh "$0"
fi
folder=$(mktemp -d)
database="${SIZAO_TEST_POSTGRES%/*}/lists"
psql -q "$SIZAO_TEST_POSTGRES" -c "CREATE DATABASE lists"
began=$(date +%s)
./target/release/sizao demo pages --people "${PEOPLE:-1000000}" --database "$database" --out "$folder/demo" --listen 127.0.0.1:0 \
    >"$folder/out" 2>"$folder/told" &
node=$!
stop() { kill "$node" 2>/dev/null && wait "$node" 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
until grep -q "Serving at" "$folder/out"; do
    kill -0 "$node" 2>/dev/null || { cat "$folder/told" >&2; exit 1; }
    sleep 1
done
echo "made in $(($(date +%s) - began)) s"
psql -q "$database" -c "VACUUM ANALYZE"
psql -qAt "$database" -c "SELECT (SELECT COUNT(*) FROM person) || ' people, ' || (SELECT COUNT(*) FROM fact) || ' facts, ' || (SELECT COUNT(*) FROM assessment) || ' assessments, ' || (SELECT COUNT(*) FROM course) || ' courses'"
echo "load average before: $(cut -d' ' -f1-3 /proc/loadavg)"
address=$(grep -o 'http://[0-9.]*:[0-9]*' "$folder/out" | head -1)
./target/release/examples/bench_lists "${address#http://}" "$(grep -o 'demo-[0-9a-f]\{16\}' "$folder/told" | head -1)" "${SECONDS_OF_MIX:-30}"
echo "memory of the node, MB: $(($(grep VmRSS "/proc/$node/status" | grep -o '[0-9]*') / 1024))"
