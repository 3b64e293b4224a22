#!/usr/bin/env python3
"""Import end to end, portion by portion: parse, validate, encrypt, commit durably, index, assess.

    bench_import.py PROGRAM PLACE FACTS.ndjson WORKDIR [PORTION]

PLACE is a file that does not exist yet, or the URL of an empty PostgreSQL database. Prints one line a portion.
"""
import json, os, sys, time

program, place, facts, work = sys.argv[1:5]
portion = int(sys.argv[5]) if len(sys.argv) > 5 else 500_000
key = os.path.join(work, "bench.key")
base = [program, "--store", place, "--key", key]


def run(arguments):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        os.execvp(base[0], base + arguments)
    os.close(write)
    with os.fdopen(read) as out:
        lines = out.read().splitlines()
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit("failed: " + " ".join(arguments))
    return lines, usage


run(["init", "--kind", "drill"])
print(f"{'facts':>10} {'facts/s':>9} {'since 1':>9} {'peak MB':>8} {'cpu us/fact':>12}", flush=True)
done, total = 0, 0.0
with open(facts, "rb") as source:
    while True:
        part = os.path.join(work, "part.ndjson")
        count = 0
        with open(part, "wb") as out:
            for line in source:
                out.write(line)
                count += 1
                if count == portion:
                    break
        if not count:
            break
        started = time.monotonic()
        lines, usage = run(["import", part, "--sender", "city", "--list", f"part {done}", "--json"])
        seconds = time.monotonic() - started
        report = json.loads(lines[-1])
        assert report["rows_rejected"] == 0 and report["facts_stored"] == count, report
        done, total = done + count, total + seconds
        cpu = (usage.ru_utime + usage.ru_stime) * 1e6 / count
        print(f"{done:>10} {count / seconds:>9.0f} {done / total:>9.0f} {usage.ru_maxrss / 1024:>8.0f} {cpu:>12.1f}", flush=True)
