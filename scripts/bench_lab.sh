#!/usr/bin/env bash
# Screening and laboratory: HL7 messages a second, the due list of 1,000,000 key people, registrations and results of a round on
# SQLite and on PostgreSQL. Processor time (user and system) counts, so that other work on the machine does not.
#   TUBES=20000 TIMES=300000 scripts/bench_lab.sh
set -euo pipefail
cd "$(dirname "$0")/.."
cargo="${CARGO:-cargo}"
"$cargo" build --release --quiet -p sizao-interop --example hl7_speed
"$cargo" build --release --quiet -p sizao-epi --example due_list
TIMEFORMAT='%U %S'

echo "load average before: $(cut -d' ' -f1-3 /proc/loadavg)"
message=crates/cli/tests/cmd/interop.in/results.hl7
times="${TIMES:-100000}"
for step in parse lab drafts; do
    seconds=$({ time ./target/release/examples/hl7_speed "$message" "$times" "$step" >"/tmp/hl7_speed.$$"; } 2>&1 | awk '{print $1 + $2}')
    messages=$(cut -d' ' -f1 "/tmp/hl7_speed.$$")
    awk -v n="$messages" -v s="$seconds" -v step="$step" 'BEGIN { printf "HL7 v2, %s: %d messages in %.2f processor seconds, %.0f a second\n", step, n, s, n / s }'
done
rm -f "/tmp/hl7_speed.$$"
made=$({ time ./target/release/examples/due_list make >/dev/null; } 2>&1 | awk '{print $1 + $2}')
all=$({ time ./target/release/examples/due_list >/dev/null; } 2>&1 | awk '{print $1 + $2}')
awk -v m="$made" -v a="$all" 'BEGIN { printf "due list of 1,000,000 key people: %.2f processor seconds with making the people, %.2f for making them alone\n", a, m }'
SIZAO_TUBES="${TUBES:-5000}" scripts/postgres.sh "$cargo" test --release --quiet -p sizao-app --test all \
    laboratory::figures_of_a_round -- --ignored --nocapture | grep registrations
