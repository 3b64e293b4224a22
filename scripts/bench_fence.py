"""Figures of the fence: sensitivity, precision, delay, false questions, speed; determinism; geometry beside shapely.

usage: bench_fence.py PROGRAM WORKDIR SEED...     (CONFIG names a configuration of fence_gen.py)
"""
import csv
import json
import os
import random
import resource
import subprocess
import sys
import time

REFERENCE = os.environ["SIZAO_REFERENCE"]
FENCE = os.path.join(REFERENCE, "fence")
sys.path.insert(0, FENCE)
from fence_score import score  # noqa: E402

PROGRAM, WORK, SEEDS = sys.argv[1], sys.argv[2], sys.argv[3:]


def generate(seed):
    folder = os.path.join(WORK, f"seed{seed}")
    if not os.path.exists(os.path.join(folder, "meta.json")):
        config = ["--config", os.environ["CONFIG"]] if "CONFIG" in os.environ else []
        subprocess.run([sys.executable, os.path.join(FENCE, "fence_gen.py"), seed, folder, *config], check=True)
    return folder


def detect(folder, observations, out, *more):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    named = [f"--{name}={os.path.join(folder, name)}.csv" for name in ("towers", "prior")]
    command = [PROGRAM, "fence", "detect", *named, f"--observations={observations}", f"--border={FENCE}/border.json",
               f"--sites={folder}/sites.json", f"--out={out}", *more]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode not in (0, 2):
        sys.exit("detect failed: " + " ".join(command))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows(path):
    with open(path) as file:
        return [(row["person_id"], row["declared_ms"]) for row in csv.DictReader(file)]


def naive(folder):
    """Entered at the first record of any tower that stands inside, left at the first of one outside."""
    import shapely
    with open(os.path.join(FENCE, "border.json")) as file:
        border = shapely.geometry.shape(json.load(file))
    shapely.prepare(border)
    with open(os.path.join(folder, "towers.csv")) as file:
        inside = {row["tower_id"]: shapely.contains_xy(border, float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}
    with open(os.path.join(folder, "prior.csv")) as file:
        side = {row["person_id"]: row["prior_side"] == "in" for row in csv.DictReader(file)}
    found = []
    with open(os.path.join(folder, "observations.csv")) as file:
        for row in csv.DictReader(file):
            now = bool(inside[row["tower_id"]])
            if now and not side[row["person_id"]]:
                found.append((row["person_id"], row["recv_ms"]))
            side[row["person_id"]] = now
    return found


def figures(folder, found):
    result = score(folder, found)
    with open(os.path.join(folder, "people.csv")) as file:
        residents = sum(row["kind"].startswith("resident") for row in csv.DictReader(file))
    with open(os.path.join(folder, "meta.json")) as file:
        days = json.load(file)["scored_days"]
    false = sum(counts["fp"] for kind, counts in result["by_kind"].items() if kind.startswith("resident"))
    day, delay = result["person_day"], result["delay_s"]
    return [day["sensitivity"], day["ppv"], delay["median"], delay["p95"], 500 * false / (residents * days)]


def say(name, values, more=""):
    sensitivity, precision, median, p95, false = values
    print(f"{name:28} {sensitivity:.4f}  {precision:.4f}  {median:6.0f}  {p95:6.0f}  {false:6.2f}  {more}", flush=True)


def mean(lists):
    return [sum(values) / len(values) for values in zip(*lists)]


def determinism(folder):
    """Ten cuts with a restart from a full snapshot, and 10 % repetitions."""
    with open(os.path.join(folder, "observations.csv")) as file:
        head, *lines = file.readlines()
    path = lambda name: os.path.join(WORK, name)
    detect(folder, os.path.join(folder, "observations.csv"), path("whole.csv"))
    whole = rows(path("whole.csv"))
    draws = random.Random(1)
    same = 0
    for _ in range(10):
        cut = draws.randrange(len(lines))
        for name, part in (("first", lines[:cut]), ("second", lines[cut:])):
            with open(path(name + "-observations.csv"), "w") as file:
                file.writelines([head, *part])
        detect(folder, path("first-observations.csv"), path("first.csv"), "--snapshot=" + path("state"))
        detect(folder, path("second-observations.csv"), path("second.csv"), "--resume=" + path("state"))
        same += rows(path("first.csv")) + rows(path("second.csv")) == whole
    print(f"cuts with restart: {same} of 10 identical")
    keyed = [(int(line.split(",", 1)[0]), line) for line in lines]
    for at, line in list(keyed):
        if draws.random() < 0.1:
            later = at + draws.randrange(1, 600_000)
            keyed.append((later, f"{later},{line.split(',', 1)[1]}"))
    keyed.sort(key=lambda entry: entry[0])
    with open(path("repeated.csv"), "w") as file:
        file.writelines([head, *(line for _, line in keyed)])
    detect(folder, path("repeated.csv"), path("repeated-out.csv"))
    print("10 % repetitions:", "identical" if rows(path("repeated-out.csv")) == whole else "DIFFERENT")
    middle = int(lines[len(lines) // 2].split(",", 1)[0])
    detect(folder, os.path.join(folder, "observations.csv"), path("sketch.csv"), f"--restart-at={middle}")
    say("  whole run", figures(folder, whole))
    say("  restart from sketches", figures(folder, rows(path("sketch.csv"))))


def geometry():
    import numpy
    import shapely
    with open(os.path.join(REFERENCE, "geo", "henan_counties.geojson")) as file:
        shapes = [shapely.geometry.shape(feature["geometry"]) for feature in json.load(file)["features"]]
    tree = shapely.STRtree(shapes)
    draws = numpy.random.default_rng(1)
    lines = numpy.concatenate([shapely.get_coordinates(shape) for shape in shapes])
    near = lines[draws.integers(len(lines), size=200_000)] + draws.normal(0, 0.002, (200_000, 2))
    uniform = draws.uniform(lines.min(0), lines.max(0), (200_000, 2))
    for name, points in (("hugging borders", near), ("uniform", uniform)):
        started = time.process_time()
        tree.query(shapely.points(points), predicate="within")
        seconds = time.process_time() - started
        print(f"shapely, counties only, {name}: {len(points) / seconds / 1e6:.2f} M points/s")


def main():
    print(f"{'':28} sens    prec    median  p95     false/500 resident-days")
    ours, theirs = [], []
    for seed in SEEDS:
        folder = generate(seed)
        out = os.path.join(WORK, f"detections{seed}.csv")
        observations = os.path.join(folder, "observations.csv")
        seconds = detect(folder, observations, out)
        with open(observations, "rb") as file:
            records = sum(1 for _ in file) - 1
        ours.append(figures(folder, rows(out)))
        theirs.append(figures(folder, naive(folder)))
        say(f"seed {seed}", ours[-1], f"{records / seconds / 1e6:.2f} M records/s of CPU, reading included")
        say("  naive", theirs[-1])
    say("mean", mean(ours))
    say("  naive", mean(theirs))
    print("\nthreshold, mean of the seeds")
    for ask_at in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98):
        lists = []
        for seed in SEEDS:
            folder, out = generate(seed), os.path.join(WORK, "sweep.csv")
            detect(folder, os.path.join(folder, "observations.csv"), out, f"--ask-at={ask_at}")
            lists.append(figures(folder, rows(out)))
        say(f"  ask at {ask_at}", mean(lists))
    print()
    determinism(generate(SEEDS[0]))
    print()
    geometry()


main()
