"""Makes a ledger, asks it with sizao, DuckDB and PostgreSQL in one run, and prints CPU time, ratios and peak memory.

Run by bench_trace.sh. The engines take turns on the same machine, so what else runs on it meets all of them; CPU time
is compared, since wall time is shared."""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import pyarrow.parquet

REFERENCE = pathlib.Path(os.environ["SIZAO_REFERENCE"]) / "trace"
OURS = "target/release/examples/bench_trace"
LINE = re.compile(r"^(T\d(?: K=\d+)?) +([\d.]+) ms +least +([\d.]+) ms +cpu +([\d.]+) ms +least +([\d.]+) ms +(\d+) rows")
THEIRS = re.compile(r"^(duckdb|postgres) +(T\d(?: K=\d+)?) +wall median +([\d.]+) ms +min +[\d.]+ ms +cpu +([\d.]+) ms +rows (\d+)")
TABLES = {
    "ledger": ["person_id", "place_id", "enter_ts", "leave_ts"],
    "cases": ["case_id", "person_id", "t0", "t1"],
    "places": ["place_id"],
}


def generate(rows, folder):
    """The reference generator's ledger, also as the plain numbers that our benchmark reads."""
    if (folder / "ledger.u32").exists():
        return
    subprocess.run([sys.executable, REFERENCE / "gen_ledger.py", "--rows", str(rows), "--seed", "1", "--out", folder], check=True)
    for name, columns in TABLES.items():
        with open(folder / f"{name}.u32", "wb") as out:
            for batch in pyarrow.parquet.ParquetFile(folder / f"{name}.parquet").iter_batches(1 << 20):
                numbers = [batch.column(column).to_numpy().astype("<u4") for column in columns]
                out.write(numpy.stack(numbers, 1).tobytes())


def run(arguments, pattern):
    """Runs an engine, shows what it says, and gives the lines that match."""
    found = []
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as engine:
        for line in engine.stdout:
            print("   ", line.rstrip(), flush=True)
            if match := pattern.match(line):
                found.append(match.groups())
    if engine.returncode:
        sys.exit(f"{arguments[0]} ended with {engine.returncode}")
    return found


def baseline(folder, port):
    arguments = [sys.executable, "-u", REFERENCE / "run_baseline.py", "time", folder]
    if port:
        arguments += ["--pg", port]
    answers = {}
    for engine, question, wall, cpu, rows in run(arguments, THEIRS):
        answers[engine, question] = (float(wall), float(cpu), int(rows))
    return answers


def compare(rows, folder, port, runs):
    generate(rows, folder)
    print(f"{rows:,} rows: ours", flush=True)
    ours = run([OURS, folder, "--runs", str(runs)], LINE)
    print(f"{rows:,} rows: the others", flush=True)
    theirs = baseline(folder, port)
    print(f"\n| {rows:,} rows | rows found | ours, CPU ms | least | DuckDB, CPU ms | times | PostgreSQL, CPU ms | times |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for question, _, _, cpu, least, count in ours:
        cells = [question, f"{int(count):,}", cpu, least]
        for engine in ("duckdb", "postgres"):
            wall_cpu_rows = theirs.get((engine, question))
            if wall_cpu_rows is None:
                cells += ["-", "-"]
                continue
            if wall_cpu_rows[2] != int(count):
                sys.exit(f"{question}: {engine} finds {wall_cpu_rows[2]} rows, we {count}")
            cells += [f"{wall_cpu_rows[1]:,.1f}", f"{wall_cpu_rows[1] / max(float(cpu), 0.01):.1f}"]
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", default="10000000,50000000", help="sizes of the ledger, with commas between")
    arguments.add_argument("--runs", type=int, default=15)
    arguments.add_argument("--no-postgres", action="store_true")
    arguments.add_argument("--keep", type=pathlib.Path, help="folder in which the ledgers stay for the next run")
    arguments = arguments.parse_args()
    port = None
    if not arguments.no_postgres:
        place = os.environ["SIZAO_TEST_POSTGRES"]
        port = re.search(r":(\d+)", place.split("@")[-1]).group(1)
        import psycopg

        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute("CREATE ROLE postgres SUPERUSER LOGIN")
    with tempfile.TemporaryDirectory() as scratch:
        for rows in map(int, arguments.rows.split(",")):
            folder = (arguments.keep or pathlib.Path(scratch)) / str(rows)
            folder.mkdir(parents=True, exist_ok=True)
            compare(rows, folder, port, arguments.runs)


main()
