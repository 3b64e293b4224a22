#!/usr/bin/env python3
"""Makes crates/server/assets/henan.txt from the reference: county outlines as SVG paths on a small grid.

    scripts/map.py REFERENCE_FOLDER > crates/server/assets/henan.txt

One line a county: code, name in Chinese and English, people in 2020 (functional zones with their host), where a label
fits, path. One line a city with its path, for the stronger lines. Shared borders stay shared: equal points are rounded
to equal points.
"""
import csv
import json
import math
import sys

folder = sys.argv[1] + "/geo/"
WIDTH = 880
rows = {row["code6"]: row for row in csv.DictReader(open(folder + "divisions.csv", encoding="utf-8"))}
people = {code: int(row["pop_2020"] or 0) for code, row in rows.items() if row["level"] == "county" or code == "419001"}
for code, row in rows.items():
    if row["host_county"]:
        people[row["host_county"]] += int(row["pop_2020"] or 0)

counties = json.load(open(folder + "henan_counties_light.geojson", encoding="utf-8"))["features"]
cities = json.load(open(folder + "henan_cities.geojson", encoding="utf-8"))["features"]


def rings(geometry):
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return [ring for part in parts for ring in part]


points = [point for feature in counties for ring in rings(feature["geometry"]) for point in ring]
west, east = min(p[0] for p in points), max(p[0] for p in points)
south, north = min(p[1] for p in points), max(p[1] for p in points)
squeeze = math.cos(math.radians((south + north) / 2))
scale = WIDTH / ((east - west) * squeeze)


def place(point):
    return round((point[0] - west) * squeeze * scale), round((north - point[1]) * scale)


def path(geometry):
    text = ""
    for ring in rings(geometry):
        placed = []
        for point in map(place, ring):
            if not placed or placed[-1] != point:
                placed.append(point)
        if len(placed) < 4:
            continue
        x, y = placed[0]
        text += f"M{x} {y}l"
        steps = []
        for a, b in placed[1:-1]:
            steps.append(f"{a - x} {b - y}")
            x, y = a, b
        text += " ".join(steps).replace(" -", "-") + "z"
    return text


def thinned(geometry):
    """City lines in full detail would weigh more than all counties: points closer than two units are left out."""
    parts = []
    for ring in rings(geometry):
        kept = []
        for point in ring:
            if not kept or math.dist(place(point), place(kept[-1])) >= 3:
                kept.append(point)
        kept.append(ring[0])
        parts.append([kept])
    return {"type": "MultiPolygon", "coordinates": parts}


print(f"size\t{WIDTH}\t{round((north - south) * scale)}")
for feature in counties:
    code = feature["properties"]["code"]
    row = rows[code]
    x, y = place(feature["properties"]["cp"])
    print("\t".join(map(str, ["county", code, row["short_zh"] if code == "419001" else row["name_zh"], row["name_en"], people[code], x, y, path(feature["geometry"])])))
for feature in cities:
    code = feature["properties"]["code"]
    row = rows[code]
    x, y = place(feature["properties"]["cp"])
    print("\t".join(map(str, ["city", code, row["short_zh"], row["pinyin"], int(row["pop_2020"] or 0), x, y, path(thinned(feature["geometry"]))])))
