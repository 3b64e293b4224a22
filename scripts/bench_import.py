#!/usr/bin/env python3
"""Import end to end, in one run: parse, validate, encrypt, commit durably, index, assess.

    bench_import.py PROGRAM PLACE FACTS.ndjson WORKDIR [PORTION]

PLACE is a file that does not exist yet, or the URL of an empty PostgreSQL database. Prints the curve, a line a portion of
facts committed, and at the end the rate with which everything was committed, indexed and assessed.
"""
import json, os, sys, time

program, place, facts, work = sys.argv[1:5]
portion = int(sys.argv[5]) if len(sys.argv) > 5 else 500_000
base = [program, "--store", place, "--key", os.path.join(work, "bench.key")]


def start(arguments):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        os.execvp(base[0], base + arguments)
    os.close(write)
    return pid, os.fdopen(read)


def seen(pid):
    """CPU seconds, peak memory in MB and bytes written so far."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        with open(f"/proc/{pid}/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        with open(f"/proc/{pid}/io") as io:
            written = next(int(line.split()[1]) for line in io if line.startswith("write_bytes"))
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024, written
    except (OSError, StopIteration):
        return 0.0, 0.0, 0


pid, out = start(["init", "--kind", "drill"])
out.read()
if os.waitpid(pid, 0)[1]:
    sys.exit("the store could not be made")
print(f"{'facts':>10} {'facts/s':>9} {'since 1':>9} {'peak MB':>8} {'cpu us/fact':>12} {'written/fact':>13}", flush=True)
pid, out = start(["import", facts, "--sender", "city", "--list", "city", "--json"])
began = last_at = time.monotonic()
last = last_cpu = last_written = 0
for line in out:
    answer = json.loads(line)
    done = answer.get("committed", {}).get("facts", 0)
    if done - last >= portion:
        now, (cpu, peak, written) = time.monotonic(), seen(pid)
        count = done - last
        print(
            f"{done:>10} {count / (now - last_at):>9.0f} {done / (now - began):>9.0f} {peak:>8.0f} "
            f"{(cpu - last_cpu) * 1e6 / count:>12.1f} {(written - last_written) / count:>13.0f}",
            flush=True,
        )
        last, last_at, last_cpu, last_written = done, now, cpu, written
_, status, usage = os.wait4(pid, 0)
seconds = time.monotonic() - began
assert not status and answer["rows_rejected"] == 0, answer
stored = answer["facts_stored"]
print(
    f"{stored} facts committed, indexed and {answer['people_assessed']} people assessed in {seconds:.1f} s: "
    f"{stored / seconds:.0f} facts/s, peak {usage.ru_maxrss / 1024:.0f} MB, "
    f"{(usage.ru_utime + usage.ru_stime) * 1e6 / stored:.1f} us CPU a fact"
)
