use sizao_presence::{Area, Detector, FenceRules, Gcj02, Level, Locator, Observation, Outcome, Tower};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    env, fs,
};
const DAY: i64 = 86_400_000;
struct Seed {
    name: String,
    towers: Vec<Tower>,
    prior: rustc_hash::FxHashMap<u64, bool>,
    rows: Vec<Observation>,
    kinds: Vec<String>,
    ev: HashMap<u64, Vec<(i64, i64)>>,
    ign: HashMap<u64, Vec<(i64, i64)>>,
}
fn load(name: &str) -> Seed {
    let dir = format!("/tmp/fence/{name}");
    let read = |f: &str| fs::read_to_string(format!("{dir}/{f}")).unwrap();
    let towers = read("towers.csv")
        .lines()
        .skip(1)
        .map(|l| {
            let f: Vec<&str> = l.split(',').collect();
            Tower { lon: f[2].parse().unwrap(), lat: f[3].parse().unwrap(), is_small: f[4] == "small" }
        })
        .collect();
    let prior = read("prior.csv")
        .lines()
        .skip(1)
        .map(|l| {
            let f: Vec<&str> = l.split(',').collect();
            (f[0].parse().unwrap(), f[1] == "in")
        })
        .collect();
    let rows = read("observations.csv")
        .lines()
        .skip(1)
        .map(|l| {
            let mut f = l.split(',');
            let mut n = || f.next().unwrap().parse::<i64>().unwrap();
            Observation { recv_ms: n(), person: n() as u64, tower: n() as u32, event_ms: n() }
        })
        .collect();
    let kinds = read("people.csv").lines().skip(1).map(|l| l.split(',').nth(1).unwrap().to_owned()).collect();
    let (mut ev, mut ign): (HashMap<u64, Vec<(i64, i64)>>, HashMap<u64, Vec<(i64, i64)>>) = Default::default();
    for l in read("truth.csv").lines().skip(1) {
        let f: Vec<&str> = l.split(',').collect();
        (if f[3] == "enter" { &mut ev } else { &mut ign })
            .entry(f[0].parse().unwrap())
            .or_default()
            .push((f[1].parse().unwrap(), f[2].parse().unwrap()));
    }
    ev.values_mut().for_each(|v| v.sort());
    Seed { name: name.into(), towers, prior, rows, kinds, ev, ign }
}
struct Res {
    tp: usize,
    fn_: usize,
    fp: usize,
    delays: Vec<f64>,
    by: BTreeMap<String, [usize; 3]>,
    list: Vec<(u64, i64, &'static str)>,
    res: (usize, usize),
}
fn score(s: &Seed, det: &HashMap<u64, Vec<i64>>) -> Res {
    let mut r = Res { tp: 0, fn_: 0, fp: 0, delays: vec![], by: BTreeMap::new(), list: vec![], res: (0, 0) };
    let none = vec![];
    let nod = vec![];
    for (p, kind) in s.kinds.iter().enumerate() {
        let p = p as u64;
        let ds = det.get(&p).unwrap_or(&nod);
        let mut used = HashSet::new();
        let (mut hit, mut miss, mut fpd) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut at = vec![];
        for &(a, b) in s.ev.get(&p).unwrap_or(&none) {
            let m = (0..ds.len()).find(|i| {
                !used.contains(i) && a - 300_000 <= ds[*i] && ds[*i] <= (b + 1_800_000).min(a + 6 * 3_600_000)
            });
            if let Some(m) = m {
                used.insert(m);
            }
            if a < DAY {
                continue;
            }
            match m {
                None => {
                    miss.insert(a / DAY);
                    at.push((a, "FN"));
                }
                Some(m) => {
                    hit.insert(a / DAY);
                    r.delays.push((ds[m] - a).max(0) as f64 / 1000.0);
                }
            }
        }
        for (i, &d) in ds.iter().enumerate() {
            if used.contains(&i) || d < DAY || d >= 4 * DAY {
                continue;
            }
            if s.ign.get(&p).unwrap_or(&none).iter().any(|&(a, b)| a - 900_000 <= d && d <= b + 900_000) {
                continue;
            }
            fpd.insert(d / DAY);
            at.push((d, "FP"));
        }
        miss.retain(|d| !hit.contains(d));
        fpd.retain(|d| !hit.contains(d) && !miss.contains(d));
        for (t, w) in at {
            if (w == "FN" && miss.contains(&(t / DAY))) || (w == "FP" && fpd.contains(&(t / DAY))) {
                r.list.push((p, t, w));
            }
        }
        let c = [hit.len(), miss.len(), fpd.len()];
        r.tp += c[0];
        r.fn_ += c[1];
        r.fp += c[2];
        let e = r.by.entry(kind.clone()).or_default();
        for i in 0..3 {
            e[i] += c[i];
        }
        if kind.starts_with("resident") {
            r.res.0 += c[2];
            r.res.1 += 3;
        }
    }
    r.delays.sort_by(f64::total_cmp);
    r
}
fn set(rules: &mut FenceRules, kv: &str) {
    let (k, v) = kv.split_once('=').unwrap();
    let v: f32 = v.parse().unwrap();
    match k {
        "ask" => rules.ask_at = v,
        "left" => rules.left_at = v,
        "scale" => rules.level_scale_db = v,
        "stray" => rules.stray_share = v,
        "place" => rules.place_weight = v,
        "dep" => rules.departures_per_h = v,
        "way" => rules.way_min = v,
        "wrong" => rules.prior_wrong = v,
        "mem" => rules.memory_weight = v,
        "slow" => rules.slow_kmh = v,
        "fast" => rules.fast_kmh = v,
        "fshare" => rules.fast_share = v,
        "small" => rules.small_db = v,
        "cross" => rules.crossing_share = v,
        "crossw" => rules.crossing_weight = v,
        "shape" => rules.shape_weight = v,
        "local" => rules.local_km = v,
        "ret" => rules.return_share = v,
        "still" => rules.still_below = v,
        "loss" => rules.loss_db = v,
        "wgap" => rules.way_gap_s = v, //MORE
        _ => panic!("{k}"),
    }
}
fn main() {
    let a: Vec<String> = env::args().collect();
    let border: serde_json::Value =
        serde_json::from_str(&fs::read_to_string("/work/shared/reference/fence/border.json").unwrap()).unwrap();
    let mut rings = Vec::new();
    for p in border["coordinates"].as_array().unwrap() {
        for r in p.as_array().unwrap() {
            rings
                .push(r.as_array().unwrap().iter().map(|v| (v[0].as_f64().unwrap(), v[1].as_f64().unwrap())).collect());
        }
    }
    let loc = Locator::<Gcj02>::new(&[Area { level: Level::Province, code: "41".into(), rings }]).unwrap();
    let verbose = a.iter().any(|x| x == "-v");
    let seeds: Vec<Seed> = a[1].split(',').map(load).collect();
    let cpu =
        || fs::read_to_string("/proc/self/schedstat").unwrap().split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9;
    let sets: Vec<&String> = a[2..].iter().filter(|x| !x.starts_with('-')).collect();
    let base = String::new();
    let mut base_set = FenceRules::default();
    let common: Vec<&str> = sets.iter().filter(|x| x.starts_with('+')).map(|x| &x[1..]).collect();
    for kv in common.iter().flat_map(|x| x.split(',')) {
        set(&mut base_set, kv);
    }
    let mut sets: Vec<&String> = sets.into_iter().filter(|x| !x.starts_with('+')).collect();
    if sets.is_empty() {
        sets.push(&base);
    }
    for s in sets {
        let mut rules = base_set;
        s.split(',').filter(|x| !x.is_empty()).for_each(|kv| set(&mut rules, kv));
        let mut m = [0.0; 5];
        let mut by: BTreeMap<String, [usize; 3]> = BTreeMap::new();
        let mut speed = 0.0;
        for seed in &seeds {
            let mut det = Detector::new(
                &seed.towers,
                |x, y| loc.locate_degrees(x, y).unit(Level::Province).is_some(),
                seed.prior.clone(),
                rules,
            );
            let t2 = cpu();
            let mut out: HashMap<u64, Vec<i64>> = HashMap::new();
            let log: HashMap<u64, Vec<(f64, u32, f32, f32)>> = HashMap::new();
            for r in &seed.rows {
                let o = det.take(r);
                if let Outcome::Asked(q) = o {
                    out.entry(q.person).or_default().push(q.declared_ms);
                }
            }
            speed += seed.rows.len() as f64 / (cpu() - t2) / 1e6;
            let r = score(seed, &out);
            let n = r.delays.len();
            let v = [
                r.tp as f64 / (r.tp + r.fn_) as f64,
                r.tp as f64 / (r.tp + r.fp) as f64,
                r.delays[n / 2],
                r.delays[(n as f64 * 0.95) as usize],
                r.res.0 as f64 / r.res.1 as f64 * 500.0,
            ];
            for i in 0..5 {
                m[i] += v[i] / seeds.len() as f64;
            }
            for (k, v) in &r.by {
                let e = by.entry(k.clone()).or_default();
                for i in 0..3 {
                    e[i] += v[i];
                }
            }
            if verbose {
                for (p, t, w) in &r.list {
                    println!("{} {w} {p} {} {:.2}h", seed.name, seed.kinds[*p as usize], *t as f64 / 3.6e6);
                    let th = *t as f64 / 3.6e6;
                    let l: Vec<_> = log
                        .get(p)
                        .into_iter()
                        .flatten()
                        .filter(
                            |x| if *w == "FP" { x.0 < th && x.0 > th - 6.0 } else { x.0 > th - 1.0 && x.0 < th + 3.0 },
                        )
                        .collect();
                    let skip = if *w == "FP" { l.len().saturating_sub(22) } else { 0 };
                    for x in l.iter().skip(skip).take(22) {
                        let tw = &seed.towers[x.1 as usize];
                        print!(
                            "   {:.2}:{}{}{}@{:.1},{:.1} {:.2}/{:.2}",
                            x.0,
                            if loc.locate_degrees(tw.lon, tw.lat).unit(Level::Province).is_some() { "I" } else { "O" },
                            if tw.is_small { "s" } else { "" },
                            x.1,
                            (tw.lon - seed.towers[0].lon) * 93.0 % 1000.0,
                            (tw.lat - seed.towers[0].lat) * 110.6 % 1000.0,
                            x.2,
                            x.3
                        );
                    }
                    println!();
                }
            }
        }
        println!(
            "{s:40} | sens {:.4} ppv {:.4} med {:.0} p95 {:.0} resfp {:.2} | {:.2} M/s | {}",
            m[0],
            m[1],
            m[2],
            m[3],
            m[4],
            speed / seeds.len() as f64,
            by.iter()
                .map(|(k, v)| format!(
                    "{}:{}/{}/{}",
                    k.replace("motorway", "mw").replace("resident", "res"),
                    v[0],
                    v[1],
                    v[2]
                ))
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
}
