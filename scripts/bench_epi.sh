#!/usr/bin/env bash
# Speed of the surveillance statistics against the R packages surveillance and EpiEstim, both in one run.
# Usage: scripts/bench_epi.sh [REFERENCE]   REFERENCE holds surveillance/bench_series.csv.gz (default: $SIZAO_REFERENCE)
# SIZES="F,E,C": series that R gets for Farrington, EARS and Cori; sizao always gets all 1,000.
# SIZAO_BIN names a built sizao; without it `cargo build --release` makes one.
set -euo pipefail
export TZ=UTC
cd "$(dirname "$0")/.."
reference=${1:-${SIZAO_REFERENCE:?name the reference folder, or set SIZAO_REFERENCE}}
sizes=${SIZES:-20,200,100}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! Rscript -e 'library(surveillance); library(EpiEstim)' >/dev/null 2>&1; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -q
    $sudo apt-get install -y -q --no-install-recommends r-base-core r-cran-surveillance r-cran-epiestim
fi
if [ -z "${SIZAO_BIN:-}" ]; then
    cargo build --release -q -p sizao
    SIZAO_BIN=target/release/sizao
fi

python3 - "$reference/surveillance/bench_series.csv.gz" "$work" <<'PY'
import datetime, gzip, sys
names = {"W": ("weekly.csv", datetime.date(2015, 1, 5), 7), "D": ("daily.csv", datetime.date(2022, 1, 1), 1)}
files = {kind: open(f"{sys.argv[2]}/{name}", "w") for kind, (name, _, _) in names.items()}
for file in files.values():
    file.write("date,stratum,count\n")
number = {"W": 0, "D": 0}
for line in gzip.open(sys.argv[1], "rt"):
    kind, *counts = line.strip().split(",")
    if kind in number:
        number[kind] += 1
        _, first, step = names[kind]
        for at, count in enumerate(counts):
            files[kind].write(f"{first + datetime.timedelta(step * at)},{kind}{number[kind]},{count}\n")
PY

Rscript -e 'cat(R.version.string, "surveillance", as.character(packageVersion("surveillance")), "EpiEstim", as.character(packageVersion("EpiEstim")), "\n")'
"$SIZAO_BIN" --version 2>/dev/null || true
uname -srm; nproc
Rscript scripts/bench_epi.R "$work/weekly.csv" "$work/daily.csv" "$sizes" "$work" >"$work/r.tsv"

uptime

# Least of five of each: processor and wall seconds of judging, by the command's own clocks, and of the whole command.
measure() {
    local name=$1 series=$2; shift 2
    for _ in 1 2 3 4 5; do
        bash -c 'TIMEFORMAT="whole %U %S %R"; time "$@"' _ "$SIZAO_BIN" epi "$@" --threads 1 --times --out "$work/out.csv" 2>"$work/times"
        awk '/^judged/ {fits = $2; cpu = $3; wall = $4} /^whole/ {print fits, cpu, wall, $2 + $3, $4}' "$work/times"
    done | awk -v name="$name" -v series="$series" '{for (i = 2; i <= 5; i++) if (NR == 1 || $i < best[i]) best[i] = $i; fits = $1}
        END {printf "sizao\t%s\t%d\t%d\t%.6f\t%.6f\t%.6f\t%.6f\n", name, series, fits, best[2], best[3], best[4], best[5]}'
}
{
    measure farrington_flexible 1000 farrington --compat --by-index --years-back 3 --last 52 --in "$work/weekly.csv"
    measure ears_c2 1000 ears --chart C2 --in "$work/daily.csv"
    measure cori 1000 cori --si-mean 4.8 --si-sd 2.3 --in "$work/daily.csv"
} >"$work/sizao.tsv"

python3 - "$work/r.tsv" "$work/sizao.tsv" <<'PY'
import sys
rows = [line.rstrip("\n").split("\t") for path in sys.argv[1:] for line in open(path)]
by = {(who, name): (int(series), int(fits), *map(float, times)) for who, name, series, fits, *times in rows}
goals = {"farrington_flexible": 200, "ears_c2": 1000, "cori": 300}
print("Ratios by processor time; in brackets by the clock on the wall.\n")
print("| method | R: series, fits | R per fit | sizao: series, fits | sizao per fit | ratio | goal | whole per series, R | sizao | ratio | goal |")
print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
for name, goal in goals.items():
    rs, rf, *r = by["R", name]
    ss, sf, *s = by["sizao", name]
    r = [t / n * 1e6 for t, n in zip(r, (rf, rf, rs, rs))]
    s = [t / n * 1e6 for t, n in zip(s, (sf, sf, ss, ss))]
    ratio = [f"{a / b:,.0f}" for a, b in zip(r, s)]
    print(f"| {name} | {rs}, {rf} | {r[0]:,.1f} µs | {ss}, {sf} | {s[0]:,.4f} µs | **{ratio[0]}** ({ratio[1]}) | {goal} | {r[2]:,.0f} µs | {s[2]:,.1f} µs | **{ratio[2]}** ({ratio[3]}) | 100 |")
print()
PY

# The joined signal over a province: 3,000 institutions, four series each, three years of days, all detectors.
uptime
for _ in 1 2 3; do
    bash -c 'TIMEFORMAT="whole, with inventing the network: %U user, %S system, %R wall"; time "$@"' _ \
        "$SIZAO_BIN" epi signals --invented 3000 --threads 2 --out "$work/signals.csv" 2>&1
done
