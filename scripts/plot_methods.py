#!/usr/bin/env python3
"""Draws the plot of every method page: invented counts, judged by the command `sizao epi` itself.

Usage: scripts/plot_methods.py    SIZAO_BIN names a built sizao (default target/release/sizao). The same seed gives the same
pictures, in docs/methods/plots/.
"""
import csv, datetime, math, os, random, subprocess, sys, tempfile

HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIZAO = os.environ.get("SIZAO_BIN", f"{HOUSE}/target/release/sizao")
PLOTS = f"{HOUSE}/docs/methods/plots"
WORK = tempfile.mkdtemp()
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 260, 60, 40, 44, 34
BLACK, BLUE, RED, GREEN, SHADE, GREY = "#000000", "#0072b2", "#d55e00", "#009e73", "#cfe4f2", "#bbbbbb"
dice = random.Random(20260101)


def poisson(mean):
    if mean > 60:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, dice.random()
    while product > limit:
        count, product = count + 1, product * dice.random()
    return count


def negative_binomial(mean, size):
    return poisson(dice.gammavariate(size, mean / size)) if mean > 0 else 0


def days(first, counts, step=1):
    first = datetime.date.fromisoformat(first)
    return [(first + datetime.timedelta(step * at), count) for at, count in enumerate(counts)]


def table(name, header, rows):
    path = f"{WORK}/{name}.csv"
    with open(path, "w") as out:
        out.write(header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def epi(*words):
    """Runs a command on a table and reads its answer."""
    answer = f"{WORK}/answer.csv"
    done = subprocess.run([SIZAO, "epi", *words, "--out", answer], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"sizao epi {' '.join(words)}: {done.stderr}")
    return list(csv.DictReader(open(answer)))


def number(text):
    return float(text) if text not in ("", None) else None


def column(rows, name):
    return [number(row[name]) for row in rows]


class Panel:
    """One picture with an axis of places (days, or anything in order) and one of values."""

    def __init__(self, title, labels, top, bottom=0.0):
        self.labels, self.low, self.high, self.body, self.keys = labels, bottom, top, [], []
        self.title = title
        # Few places: room for half a bar at either end.
        self.margin = 0.5 * (WIDTH - LEFT - RIGHT) / len(labels) if len(labels) < 40 else 0

    def x(self, at):
        return LEFT + self.margin + (WIDTH - LEFT - RIGHT - 2 * self.margin) * at / max(1, len(self.labels) - 1)

    def y(self, value):
        value = min(max(value, self.low), self.high)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)

    def key(self, name, colour):
        self.keys.append((name, colour))

    def bars(self, values, name="counts", colour=GREY):
        self.key(name, colour)
        width = max(1.0, 0.7 * (WIDTH - LEFT - RIGHT) / len(values))
        for at, value in enumerate(values):
            if value:
                top = self.y(value)
                self.body.append(f'<rect x="{self.x(at) - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{self.y(self.low) - top:.1f}" fill="{colour}"/>')

    def line(self, values, name, colour, dash=""):
        self.key(name, colour)
        runs, run = [], []
        for at, value in enumerate(values):
            if value is None:
                runs, run = runs + [run], []
            else:
                run.append(f"{self.x(at):.1f},{self.y(value):.1f}")
        for run in filter(None, runs + [run]):
            self.body.append(f'<polyline points="{" ".join(run)}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash}"/>')

    def band(self, lower, upper, name):
        self.key(name, SHADE)
        known = [at for at in range(len(lower)) if lower[at] is not None and upper[at] is not None]
        there = [f"{self.x(at):.1f},{self.y(upper[at]):.1f}" for at in known]
        back = [f"{self.x(at):.1f},{self.y(lower[at]):.1f}" for at in reversed(known)]
        self.body.append(f'<polygon points="{" ".join(there + back)}" fill="{SHADE}"/>')

    def marks(self, values, flags, name="alarm", colour=RED):
        self.key(name, colour)
        for at, flag in enumerate(flags):
            if flag:
                self.body.append(f'<circle cx="{self.x(at):.1f}" cy="{self.y(values[at]):.1f}" r="3.2" fill="{colour}"/>')

    def level(self, value, name, colour=RED):
        self.line([value] * len(self.labels), name, colour, "6 3")

    def save(self, name):
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="{self.title}">',
               '<rect width="100%" height="100%" fill="#ffffff"/>', f'<text x="{LEFT}" y="16" font-weight="bold">{self.title}</text>']
        at = LEFT
        for text, colour in self.keys:
            out.append(f'<rect x="{at}" y="24" width="12" height="8" fill="{colour}"/><text x="{at + 16}" y="32">{text}</text>')
            at += 30 + 6.6 * len(text)
        for part in range(5):
            value = self.low + (self.high - self.low) * part / 4
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.y(value):.1f}" y2="{self.y(value):.1f}" stroke="#e5e5e5"/><text x="{LEFT - 6}" y="{self.y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
        out += self.body
        step = max(1, round(len(self.labels) / 7))
        for at in range(0, len(self.labels), step):
            out.append(f'<text x="{self.x(at):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{self.labels[at]}</text>')
        os.makedirs(PLOTS, exist_ok=True)
        with open(f"{PLOTS}/{name}.svg", "w") as file:
            file.write("\n".join(out) + "\n</svg>\n")
        print(name)


def daily():
    """Visits of a clinic for 120 days, with a two-week outbreak of up to twelve more a day."""
    bump = [0] * 82 + [2, 4, 6, 9, 12, 12, 10, 9, 7, 5, 4, 3, 2, 1] + [0] * 24
    return days("2024-03-01", [negative_binomial(8, 12) + poisson(extra) for extra in bump])


def weekly():
    """Seven years of weeks with a season, a slow trend, an old outbreak and one in the last year."""
    counts = []
    for week in range(364):
        mean = 12 * math.exp(0.6 * math.sin(2 * math.pi * week / 52) + 0.0008 * week)
        extra = 25 if 150 <= week < 155 else 14 if 345 <= week < 351 else 0
        counts.append(negative_binomial(mean, 10) + poisson(extra))
    return days("2017-01-02", counts, 7)


def epidemic():
    """Seventy days of onsets: growth by 12 % a day, then decline by 8 %."""
    return days("2024-01-05", [poisson(3 * math.exp(0.12 * day if day < 32 else 0.12 * 32 - 0.08 * (day - 32))) for day in range(70)])


def top(*columns):
    return 1.08 * max(value for values in columns for value in values if value is not None)


def bounds():
    rows = daily()
    path = table("daily", "date,count", rows)
    labels = [str(day)[5:] for day, _ in rows]
    answer = epi("ears", "--chart", "C2", "--in", path)
    counts, upper = column(answer, "count"), column(answer, "upper_bound")
    panel = Panel("EARS C2 on a clinic's visits", labels, top(counts, upper))
    panel.bars(counts)
    panel.line(column(answer, "expected"), "expected", BLUE)
    panel.line(upper, "bound", RED, "6 3")
    panel.marks(counts, column(answer, "alarm"))
    panel.save("ears")

    answer = epi("cusum", "--history", "60", "--in", path)
    counts, sums = column(answer, "count"), column(answer, "statistic")
    panel = Panel("CUSUM: the sum, which has to come down again after the outbreak", labels, top(counts, sums))
    panel.bars(counts)
    panel.line(sums, "sum", BLUE)
    panel.marks(sums, column(answer, "alarm"))
    panel.save("cusum")

    glr = epi("glr", "--history", "60", "--in", path)
    onset = epi("outbreak-p", "--history", "60", "--in", path)
    ratio, log_ratio = column(glr, "statistic"), column(onset, "log_statistic")
    panel = Panel("GLR (starts anew after each alarm) and OutbreakP (logarithm)", labels, top(ratio, log_ratio, [8]))
    panel.line(ratio, "GLR", BLUE)
    panel.line(log_ratio, "log OutbreakP", GREEN)
    panel.level(5, "threshold of GLR")
    panel.marks(ratio, column(glr, "alarm"))
    panel.save("sequential")

    recent = rows[:92]
    answer = epi("trend", "--recent", "7", "--in", table("recent", "date,count", recent))
    counts, upper = column(answer, "count"), column(answer, "upper_bound")
    panel = Panel("Recent trend: the last seven days against the model of those before", labels[:92], top(counts, upper))
    panel.band(column(answer, "lower_bound"), upper, "95 % limits")
    panel.bars(counts)
    panel.line(column(answer, "expected"), "expected", BLUE)
    panel.marks(counts, column(answer, "alarm"))
    panel.save("recent-trend")


def seasons():
    rows = weekly()
    path = table("weekly", "date,count", rows)
    for name, title, words in [
        ("farrington", "Farrington's flexible algorithm: the last year against the five before", ["farrington", "--years-back", "5"]),
        ("reference-values", "Simple rule (RKI): the same weeks of two years", ["rki"]),
    ]:
        answer = epi(*words, "--in", path)[-104:]
        counts, upper = column(answer, "count"), column(answer, "upper_bound")
        panel = Panel(title, [row["date"][:7] for row in answer], top(counts, upper))
        panel.bars(counts)
        panel.line(column(answer, "expected"), "expected", BLUE)
        panel.line(upper, "bound", RED, "6 3")
        panel.marks(counts, column(answer, "alarm"))
        panel.save(name)
    rare = days("2022-01-01", [poisson(0.03) + (1 if day in (660, 662, 663, 667) else 0) for day in range(720)])
    answer = epi("sparse", "--in", table("rare", "date,count", rare), "--spans", "1,7,14")[-180:]
    counts = column(answer, "count")
    tail = [None if p is None else -math.log10(max(p, 1e-12)) for p in column(answer, "p_value")]
    panel = Panel("Sparse counts: −log10 p of the closest cases", [row["date"][:10] for row in answer], top(counts, tail))
    panel.bars(counts, "cases")
    panel.line(tail, "−log10 p", BLUE)
    panel.marks(tail, column(answer, "alarm"))
    panel.save("sparse")


def spread():
    rows = epidemic()
    path = table("epidemic", "date,count", rows)
    labels = [str(day)[5:] for day, _ in rows]
    interval = ["--si-mean", "4.8", "--si-sd", "2.3"]
    for name, title, words in [
        ("cori", "R of Cori on a week's window, with its 95 % interval", ["cori"]),
        ("wallinga-teunis", "R of Wallinga and Teunis, by the day of the infector", ["wallinga-teunis"]),
        ("epi-filter", "R of EpiFilter, smoothed over the whole series", ["epi-filter"]),
    ]:
        answer = epi(*words, *interval, "--in", path)
        panel = Panel(title, labels, 5.0)
        panel.band(column(answer, "r_lower"), column(answer, "r_upper"), "95 % interval")
        panel.line(column(answer, "r_mean"), "R", BLUE)
        panel.level(1, "R = 1", GREY)
        panel.save(name)
    parts = epi("growth", "--split", "--in", path)
    counts = [count for _, count in rows]
    panel = Panel("Growth and decline, and the day between them", labels, top(counts))
    panel.bars(counts)
    for part, colour in zip(parts, (RED, BLUE)):
        first, last = (labels.index(part[end][5:]) for end in ("first", "last"))
        fitted = [(at, math.log(counts[at])) for at in range(first, last + 1) if counts[at]]
        middle = [sum(pair[k] for pair in fitted) / len(fitted) for k in (0, 1)]
        rate = float(part["rate_per_day"])
        values = [math.exp(middle[1] + rate * (at - middle[0])) if first <= at <= last else None for at in range(len(rows))]
        panel.line(values, f"{part['part']}: {100 * rate:+.1f} % a day", colour)
    panel.save("growth")


def delays():
    lines, now = [], datetime.date(2024, 3, 1)
    for back in range(45):
        event = now - datetime.timedelta(back)
        for _ in range(poisson(20 * math.exp(0.02 * (45 - back)))):
            lines.append((event, event + datetime.timedelta(min(14, int(dice.gammavariate(1.6, 2.2))))))
    truth = {}
    for event, _ in lines:
        truth[event] = truth.get(event, 0) + 1
    known = sorted(line for line in lines if line[1] <= now)
    answer = epi("nowcast", "--method", "bnb", "--delay-max", "14", "--now", str(now), "--in", table("lines", "event,report", known))
    panel = Panel("Nowcast: known by 1 March, expected in the end, and what came", [row["date"][5:] for row in answer], top(column(answer, "upper")))
    panel.band(column(answer, "lower"), column(answer, "upper"), "95 % interval")
    panel.bars(column(answer, "observed"), "known by now")
    panel.line(column(answer, "expected"), "expected", BLUE)
    panel.line([truth.get(datetime.date.fromisoformat(row["date"]), 0) for row in answer], "in the end", BLACK, "2 3")
    panel.save("nowcast")

    pairs = [(0, round(dice.gammavariate(4.4, 1.1), 2)) for _ in range(120)]
    fit = epi("serial-interval", "--family", "gamma", "--in", table("pairs", "first,second", pairs))[0]
    shape, scale = float(fit["parameter_1"]), float(fit["parameter_2"])
    places = [step / 4 for step in range(61)]
    density = [at ** (shape - 1) * math.exp(-at / scale) / (math.gamma(shape) * scale**shape) if at > 0 else 0 for at in places]
    seen = [sum(at - 0.5 <= second < at + 0.5 for _, second in pairs) / len(pairs) if at == int(at) else 0 for at in places]
    panel = Panel(f"Serial intervals of 120 pairs and the gamma fitted: mean {float(fit['mean']):.1f} days", [f"{at:.0f}" for at in places], top(density, seen))
    panel.bars(seen, "pairs, share a day")
    panel.line(density, "fitted density", BLUE)
    panel.save("serial-interval")


def calendar():
    week = [1.25, 1.05, 1.0, 1.0, 1.0, 0.8, 0.7]
    rows = [(day, poisson(30 * week[day.weekday()])) for day, _ in days("2023-01-01", [0] * 500)]
    answer = epi("day-effects", "--in", table("calendar", "date,count", rows))
    factors = column(answer, "factor")
    panel = Panel("Factors of the days: Monday to Sunday, holidays, worked weekend days", [row["day_type"] for row in answer], top(factors))
    panel.bars(factors, "factor", BLUE)
    panel.level(1, "usual", GREY)
    panel.save("day-effects")


def places():
    sites = [(f"s{at}", dice.uniform(0, 10), dice.uniform(0, 6), 1000) for at in range(40)]
    centre = sites[7]
    near = {name for name, x, y, _ in sites if math.hypot(x - centre[1], y - centre[2]) < 1.6}
    rows = []
    for day, _ in days("2024-05-01", [0] * 60):
        for name, *_ in sites:
            late = name in near and day >= datetime.date(2024, 6, 23)
            count = poisson(0.15 + (0.5 if late else 0))
            if count:
                rows.append((day, name, count))
    answer = epi("scan", "--in", table("counts", "date,site,count", rows), "--sites", table("sites", "site,x,y,population", sites), "--duration-max", "14", "--replicates", "999")
    best = answer[0]
    middle = next(site for site in sites if site[0] == best["centre"])
    members = set(best["members"].replace(";", " ").replace(",", " ").split())
    panel = Panel(f"Scan: the most extreme cluster since {best['from']}, p = {float(best['p_value']):.3f}", [str(at) for at in range(11)], 6.0)
    panel.key("site with planted cases", RED)
    panel.key("other site", GREY)
    panel.key("cluster found", BLUE)
    for name, x, y, _ in sites:
        panel.body.append(f'<circle cx="{panel.x(x):.1f}" cy="{panel.y(y):.1f}" r="4" fill="{RED if name in near else GREY}"/>')
        if name in members:
            panel.body.append(f'<circle cx="{panel.x(x):.1f}" cy="{panel.y(y):.1f}" r="8" fill="none" stroke="{BLUE}" stroke-width="1.6"/>')
    panel.save("scan")


def budget():
    """False alarms that a textbook limit promises, and those that 300 quiet series of 200 days really give."""
    rows = [(day, f"s{at}", negative_binomial(4, 3)) for at in range(300) for day, _ in days("2024-01-01", [0] * 200)]
    path = table("quiet", "date,stratum,count", rows)
    promised = [10**-(4 - at / 4) for at in range(13)]
    found = []
    for alpha in promised:
        alarms = [flag for flag in column(epi("ears", "--chart", "C1", "--alpha", str(alpha), "--in", path), "alarm") if flag is not None]
        found.append(1000 * sum(alarms) / len(alarms))
    panel = Panel("False alarms in 1,000 quiet days: promised by EARS C1, and found", [f"{alpha:.1g}" for alpha in promised], top(found))
    panel.line([1000 * alpha for alpha in promised], "promised by alpha (below)", GREY, "6 3")
    panel.line(found, "found", RED)
    panel.save("alarm-budget")


for picture in (bounds, seasons, spread, delays, calendar, places, budget):
    picture()
