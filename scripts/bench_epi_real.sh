#!/usr/bin/env bash
# Alarm days and quiet months of the detectors on the real series of the reference folder.
# Usage: scripts/bench_epi_real.sh [REFERENCE]   (default: $SIZAO_REFERENCE); SIZAO_BIN names a built sizao.
set -euo pipefail
cd "$(dirname "$0")/.."
reference=${1:-${SIZAO_REFERENCE:?name the reference folder, or set SIZAO_REFERENCE}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "${SIZAO_BIN:-}" ]; then
    cargo build --release -q -p sizao
    SIZAO_BIN=target/release/sizao
fi

python3 - "$reference/data" "$work" <<'PY'
import csv, datetime, gzip, sys
data, work = sys.argv[1:]

cumulated = {}
for row in csv.DictReader(gzip.open(f"{data}/cn-provinces-jhu-2020-2023/cum_confirmed.csv.gz", "rt")):
    cumulated.setdefault(row["province"], []).append((row["date"], int(float(row["cum_confirmed"]))))
with open(f"{work}/provinces.csv", "w") as out:
    out.write("date,stratum,count\n")
    for province, rows in cumulated.items():
        before = 0
        for date, total in sorted(rows):
            # A correction downwards is no negative count: the day has none.
            out.write(f"{date},{province},{max(0, total - before)}\n")
            before = max(before, total)

regions = {}
for row in csv.DictReader(open(f"{data}/us-ilinet/ilinet_hhs.csv")):
    year, week = int(row["YEAR"]), int(row["WEEK"])
    fourth = datetime.date(year, 1, 4)  # lies in week 1; weeks begin on Sunday
    begin = fourth - datetime.timedelta((fourth.weekday() + 1) % 7) + datetime.timedelta(7 * (week - 1))
    # All-year reporting began in autumn 2003.
    if row["ILITOTAL"] not in ("", "X") and datetime.date(2003, 9, 28) <= begin < datetime.date(2010, 10, 1):
        regions.setdefault(row["REGION"], []).append((begin, int(float(row["ILITOTAL"])), int(float(row["TOTAL PATIENTS"]))))
with open(f"{work}/ilinet.csv", "w") as out:
    out.write("date,stratum,count,population\n")
    for region, rows in regions.items():
        for begin, cases, patients in sorted(rows):
            out.write(f"{begin},{region},{cases},{patients}\n")

calls = {}
for row in csv.DictReader(gzip.open(f"{data}/nhs-pathways-2020/calls_by_ccg_day.csv.gz", "rt")):
    key = (row["site_type"], row["date"])
    calls[key] = calls.get(key, 0) + int(row["count"])
with open(f"{work}/nhs.csv", "w") as out:
    out.write("date,stratum,count\n")
    for (kind, date), count in sorted(calls.items()):
        out.write(f"{date},{kind},{count}\n")
PY

grep -E '^date|,Henan,' "$work/provinces.csv" >"$work/henan.csv"
echo "== Henan, confirmed cases: waves of July-August 2021 and January 2022, quiet from May 2020 to March 2022"
"$SIZAO_BIN" epi watch --in "$work/henan.csv" --from 2020-05-01 --to 2022-03-31 \
    --event 2021-07-31..2021-08-31 --event 2022-01-02..2022-01-31 ${PLOTS:+--svg "$PLOTS/henan.svg"}
echo "== US ILINet: the wave of 2009, quiet from October 2006"
"$SIZAO_BIN" epi watch --in "$work/ilinet.csv" --from 2006-10-01 --event 2009-04-19..2009-11-28 ${PLOTS:+--svg "$PLOTS/ilinet.svg"}
echo "== NHS 111, 999 and online, England 2020: the rise of September"
"$SIZAO_BIN" epi watch --in "$work/nhs.csv" --event 2020-09-01..2020-09-20
