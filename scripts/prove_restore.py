#!/usr/bin/env python3
"""Backup and restore of a large store, on both engines: same root, same assessments.

    prove_restore.py PROGRAM PEOPLE SEED

Makes an invented city, imports it, writes a backup, restores that into an empty place, verifies both logs and compares 100
stored assessments drawn by lot, and counts all that differ. SIZAO_TEST_POSTGRES names a server (scripts/postgres.sh).
"""
import json, os, random, shutil, sqlite3, subprocess, sys, tempfile, time

program, people, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
work = tempfile.mkdtemp(prefix="restore-")
server = os.environ["SIZAO_TEST_POSTGRES"]


def run(place, *arguments):
    command = [program, "--store", place, "--key", f"{work}/key", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stdout[-400:]}{done.stderr[-400:]}")
    return json.loads(done.stdout.splitlines()[-1])


def database(name):
    subprocess.run(["psql", "-q", server, "-c", f"CREATE DATABASE {name}"], check=True)
    return server.rsplit("/", 1)[0] + "/" + name


def assessments(place):
    if place.startswith("postgres"):
        text = "COPY (SELECT replace(person::text, '-', ''), answer FROM assessment) TO STDOUT"
        rows = subprocess.run(["psql", "-q", place, "-c", text], capture_output=True, text=True, check=True).stdout
        return dict(line.split("\t", 1) for line in rows.splitlines())
    with sqlite3.connect(f"file:{place}?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT lower(hex(person)), answer FROM assessment"))


try:
    subprocess.run([program, "demo", "city", "--people", str(people), "--days", "14", "--seed", str(seed), "--out",
                    f"{work}/city"], check=True, capture_output=True)
    for engine in ["SQLite", "PostgreSQL"]:
        one, two = (f"{work}/{n}.db" for n in ("one", "two")) if engine == "SQLite" else (database("one"), database("two"))
        if os.path.exists(f"{work}/key"):
            os.remove(f"{work}/key")
        run(one, "init", "--kind", "drill")
        stored = run(one, "import", f"{work}/city/facts.ndjson", "--sender", "city", "--list", "city")["facts_stored"]
        before = run(one, "log", "verify")
        began = time.monotonic()
        run(one, "backup", f"{work}/backup.zst")
        size = os.path.getsize(f"{work}/backup.zst") / 1e6
        saved = time.monotonic()
        run(two, "restore", f"{work}/backup.zst")
        restored = time.monotonic()
        after = run(two, "log", "verify")
        if not (before["sound"] and after["sound"] and before["root"] == after["root"]):
            sys.exit(f"{engine}: before {before}, after {after}")
        there, here = assessments(one), assessments(two)
        drawn = random.Random(seed).sample(sorted(there), 100)
        wrong = [person for person in drawn if there[person] != here.get(person)]
        others = sum(there.get(person) != here.get(person) for person in there.keys() | here.keys())
        if wrong:
            sys.exit(f"{engine}: {len(wrong)} of 100 assessments differ: {wrong[:3]}")
        print(f"figure: {engine}: {stored:,} facts, backup {size:.0f} MB in {saved - began:.0f} s, restored and assessed in "
              f"{restored - saved:.0f} s: the same root {after['root'][:16]}…, 100 of 100 assessments drawn by lot equal, "
              f"{others} of all {len(there):,} differ", flush=True)
        os.remove(f"{work}/backup.zst")
finally:
    shutil.rmtree(work)
