//! From the proposals of a day to those officers whose new openings are held back.

use std::collections::{BTreeMap, BTreeSet};

use sizao_epi::proposal_watch::{Compared, ProposalWatch, Sign, Tally, find, share_tail};
use sizao_model::{FactId, Instant, PersonId};
use sizao_store::{FreezeRecord, WatchedRow};

use super::FreezeState;

/// An officer whose proposals of a class stand out.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// Which class.
    pub class: String,
    /// Who.
    pub officer: String,
    /// `untied`, `copied`, `register`, `target`, `list`.
    pub sign: &'static str,
    /// The register, target or list in which it stood out.
    pub of: Option<String>,
    /// The officer's proposals since the last freeze.
    pub own: Tally,
    /// Probability by chance.
    pub tail: f64,
    /// The marked proposals, oldest first.
    pub proposed: Vec<FactId>,
}

/// A register of people and whose proposals name them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// People in it.
    pub people: u64,
    /// Of these: who is named in a proposal of the window.
    pub named: BTreeSet<PersonId>,
}

/// Registers by name, and how many people the store knows.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    /// By name.
    pub by_name: BTreeMap<String, Register>,
    /// Everybody.
    pub people: u64,
}

/// Fewer people of a register than this are no cluster.
const CLUSTER_LEAST: u64 = 5;
/// An officer with fewer marked proposals in a group is not held for it.
const PART_LEAST: u64 = 2;

/// Judges proposals by officer, by list, by target and by register, each class by itself.
///
/// - `rows`: proposals of the window; `peers`: sums of the weeks before, by class and officer.
/// - `before`: freezes of these officers. Who is frozen is not frozen again; what was judged once does not count again.
/// - returns: each officer once a class, by the rarest sign.
pub fn judge(
    rows: &[WatchedRow],
    peers: &[(String, String, [u64; 3])],
    registers: &Registers,
    before: &[FreezeRecord],
    now: Instant,
) -> Vec<Suspect> {
    let rows: Vec<&WatchedRow> = rows.iter().filter(|row| counts(row, before, now)).collect();
    let mut suspects: BTreeMap<(String, String), Suspect> = BTreeMap::new();
    let mut add = |suspect: Suspect| {
        let key = (suspect.class.clone(), suspect.officer.clone());
        if suspects.get(&key).is_none_or(|known| suspect.tail < known.tail) {
            suspects.insert(key, suspect);
        }
    };
    let mut classes: Vec<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    for class in classes {
        let rows: Vec<&WatchedRow> = rows.iter().copied().filter(|row| row.class == class).collect();
        let peers = Peers::of(class, peers);
        for (sign, key) in [
            ("officer", (|row| row.officer.clone()) as fn(&WatchedRow) -> String),
            ("list", |row| row.list.clone()),
            ("target", |row| row.target.clone()),
        ] {
            for (of, tail, found, marked) in stand_out(&rows, key, &peers, sign) {
                parts(&marked).into_iter().for_each(|(officer, facts)| {
                    // Many have a case or a list in common: only those are held who share in what stands out.
                    let own = tally(rows.iter().copied().filter(|row| row.officer == officer));
                    let shares = facts.len() as u64 >= PART_LEAST && 2 * own.untied >= own.proposals;
                    if sign == "officer" || shares {
                        let name = if sign == "officer" { name_of(found) } else { sign };
                        let of = (sign != "officer").then(|| of.clone());
                        add(Suspect { class: class.into(), officer, sign: name, of, own, tail, proposed: facts });
                    }
                });
            }
        }
        for (of, tail, marked) in clusters(&rows, registers) {
            for (officer, facts) in parts(&marked) {
                let own = tally(rows.iter().copied().filter(|row| row.officer == officer));
                if facts.len() as u64 >= PART_LEAST && 2 * own.untied >= own.proposals {
                    let (class, of) = (class.to_owned(), Some(of.clone()));
                    add(Suspect { class, officer, sign: "register", of, own, tail, proposed: facts });
                }
            }
        }
    }
    suspects.into_values().collect()
}

/// What everybody proposed in the weeks before, of one class.
struct Peers {
    all: Tally,
    by_officer: BTreeMap<String, Tally>,
}

impl Peers {
    fn of(class: &str, sums: &[(String, String, [u64; 3])]) -> Self {
        let mut peers = Self { all: Tally::default(), by_officer: BTreeMap::new() };
        for (_, officer, [proposals, untied, copied]) in sums.iter().filter(|(of, ..)| of == class) {
            let (proposals, untied, copied) = (*proposals, *untied, *copied);
            let sum = Tally { proposals, untied, copied };
            peers.all += sum;
            *peers.by_officer.entry(officer.clone()).or_default() += sum;
        }
        peers
    }
}

/// Groups of proposals that stand out, with probability, sign and their marked proposals.
fn stand_out<'r>(
    rows: &[&'r WatchedRow],
    key: fn(&WatchedRow) -> String,
    peers: &Peers,
    by: &str,
) -> Vec<(String, f64, Sign, Vec<&'r WatchedRow>)> {
    let mut groups: BTreeMap<String, Vec<&WatchedRow>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups.remove("");
    let compared: Vec<Compared> = groups
        .iter()
        .map(|(of, rows)| {
            let own = tally(rows.iter().copied());
            let without = if by == "officer" { peers.by_officer.get(of).copied().unwrap_or(own) } else { own };
            Compared { own, others: peers.all.without(without) }
        })
        .collect();
    let found = find(&compared, &ProposalWatch::default()).unwrap_or_default();
    let groups: Vec<(String, Vec<&WatchedRow>)> = groups.into_iter().collect();
    let of_group = |finding: sizao_epi::proposal_watch::Finding| {
        let (of, rows) = &groups[finding.group];
        let marked = |row: &&&'r WatchedRow| row.untied && (finding.sign == Sign::Untied || row.copied);
        (of.clone(), finding.tail, finding.sign, rows.iter().filter(marked).copied().collect())
    };
    found.into_iter().map(of_group).collect()
}

/// Registers in which far more of those are than chance would put there whom nothing ties to what is said of them.
fn clusters<'r>(rows: &[&'r WatchedRow], registers: &Registers) -> Vec<(String, f64, Vec<&'r WatchedRow>)> {
    let untied: Vec<&WatchedRow> = rows.iter().copied().filter(|row| row.untied).collect();
    let people: BTreeSet<PersonId> = untied.iter().map(|row| row.person).collect();
    let small = registers.by_name.iter().filter(|(_, register)| 2 * register.people < registers.people);
    let looked_at = small.clone().count().max(1) as f64;
    let mut found = Vec::new();
    for (name, register) in small {
        let inside = people.intersection(&register.named).count() as u64;
        let tail = share_tail(inside, people.len() as u64, register.people as f64 / registers.people as f64);
        if inside >= CLUSTER_LEAST && tail < ProposalWatch::default().false_findings / looked_at {
            let marked = untied.iter().copied().filter(|row| register.named.contains(&row.person)).collect();
            found.push((name.clone(), tail, marked));
        }
    }
    found
}

/// Whether a proposal is judged: not one of an officer who is frozen, nor one from before the last freeze was over.
fn counts(row: &WatchedRow, before: &[FreezeRecord], now: Instant) -> bool {
    let of_row = |freeze: &&FreezeRecord| freeze.officer == row.officer && freeze.class == row.class;
    before.iter().filter(of_row).all(|freeze| {
        let over = match FreezeState::of(freeze, now) {
            FreezeState::Open | FreezeState::Upheld => return false,
            FreezeState::Lapsed => freeze.until_at,
            FreezeState::Over => freeze.holds_till.unwrap_or(freeze.until_at),
            FreezeState::Lifted => freeze.decided_at.unwrap_or(freeze.until_at),
        };
        row.at > over
    })
}

/// Marked proposals by officer.
fn parts(marked: &[&WatchedRow]) -> BTreeMap<String, Vec<FactId>> {
    let mut parts: BTreeMap<String, Vec<FactId>> = BTreeMap::new();
    for row in marked {
        parts.entry(row.officer.clone()).or_default().push(row.fact);
    }
    parts
}

fn tally<'r>(rows: impl Iterator<Item = &'r WatchedRow>) -> Tally {
    let mut tally = Tally::default();
    for row in rows {
        let (untied, copied) = (u64::from(row.untied), u64::from(row.untied && row.copied));
        tally += Tally { proposals: 1, untied, copied };
    }
    tally
}

const fn name_of(sign: Sign) -> &'static str {
    match sign {
        Sign::Untied => "untied",
        Sign::Copied => "copied",
    }
}
