#!/usr/bin/env bash
# What the policy room has to be fast at, in one run: comparing and replaying packs over a store with a city, one new
# fact, an area in which 200,000 people stayed, assess on one core.
#   PEOPLE=1000000 scripts/bench_policy.sh     STORE=city.db KEY=city.key (a store that is there already; it is copied)
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PROGRAM:-}" ]; then
    cargo build --release --quiet
    PROGRAM=target/release/sizao
fi
cargo build --release --quiet -p sizao-app --example bench_policy
cargo build --release --quiet -p sizao-drill --example assess
folder=$(mktemp -d "${TMPDIR:-/tmp}/bench-policy.XXXXXX")
trap 'rm -rf "$folder"' EXIT
people=${PEOPLE:-1000000}
if [ -z "${STORE:-}" ]; then
    "$PROGRAM" demo city --people "$people" --days 14 --seed 1 --out "$folder/city"
    python3 scripts/bench_import.py "$PROGRAM" "$folder/city.db" "$folder/city/facts.ndjson" "$folder"
    rm -rf "$folder/city"
    STORE=$folder/city.db KEY=$folder/bench.key
fi
load() { cut -d' ' -f1-3 /proc/loadavg; }
# Wall clock, processor seconds and peak memory of a command; what it prints goes by.
timed() {
    python3 - "$@" <<'PY'
import resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1]}: {time.monotonic() - began:.1f} s by the clock, {used.ru_utime + used.ru_stime:.1f} s of processor, peak {used.ru_maxrss / 1024:.0f} MB")
sys.exit(code)
PY
}
of_store=(--store "$STORE" --key "$KEY")
echo "load average before: $(load)"
timed "diff v8 → v9 over the store" "$PROGRAM" policy diff policies/cn-covid-v8 policies/cn-covid-v9 --at 2022-03-18T00:00:00+08:00 "${of_store[@]}"
timed "replay v8 → class B as B over the store" "$PROGRAM" policy replay policies/cn-covid-v8 policies/cn-class-B-B --at 2022-03-18T00:00:00+08:00 "${of_store[@]}"
cp "$STORE" "$folder/copy.db"
"target/release/examples/bench_policy" "$folder/copy.db" "$KEY" "${FACTS:-500}" "${STAYED:-200000}"
target/release/examples/assess 200000 1
echo "load average after: $(load)"
