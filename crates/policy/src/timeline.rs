//! Which rules are in force when. A base pack is in force until the next one of its disease; overlays replace single
//! rules of their base from their own day on. The timeline is cut into eras within which nothing changes.

use std::sync::Arc;

use sizao_model::{Instant, MeasureKind};
use thiserror::Error;

use crate::pack::{
    AreaRule, ArrivalRule, CaseRule, Immunity, OfferRule, Pack, Phase, SecondaryRule, Special, Transport, Window,
};

/// The packs of every disease, in force one after another.
#[derive(Clone, Debug, Default)]
pub struct PackTimeline {
    diseases: Vec<DiseaseTimeline>,
    adoptions: Vec<Instant>,
    packs: Vec<Arc<Pack>>,
}

/// The eras of one disease, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct DiseaseTimeline {
    pub disease: Arc<str>,
    pub eras: Vec<Era>,
}

/// A stretch of time within which the rules of a disease stay the same.
#[derive(Clone, Debug)]
pub(crate) struct Era {
    pub from: Instant,
    /// Nothing: no pack of the disease is in force.
    pub rules: Option<Rules>,
}

/// The rules of a disease in one era, each with the id that measures carry: `<pack>:<rule>`.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub colours: bool,
    pub grace_hours: i64,
    pub max_extension_days: i32,
    pub relapse_days: i32,
    pub window: Option<Window>,
    pub close_contact: Option<Named<Vec<Phase>>>,
    pub secondary_contact: Option<Named<SecondaryRule>>,
    pub case: Option<Named<CaseRule>>,
    pub inbound_traveller: Option<Named<Vec<Phase>>>,
    pub area: Option<NamedArea>,
    pub arrival: Option<Named<ArrivalRule>>,
    /// First instant since which the arrival rule has been in force.
    pub arrival_since: Instant,
    pub hold_hours: Option<Named<i64>>,
    pub immunity: Option<Immunity>,
    pub offers: Vec<OfferRule>,
    pub special: Special,
    pub transport: Transport,
}

/// A rule with its id.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    pub id: Arc<str>,
    pub rule: T,
}

/// The rules about areas have four ids.
#[derive(Clone, Debug)]
pub(crate) struct NamedArea {
    pub risk_area_traveller: Arc<str>,
    pub same_city_traveller: Arc<str>,
    pub same_county_traveller: Arc<str>,
    pub area_resident: Arc<str>,
    pub rule: AreaRule,
}

/// Diagnoses up to so many days after the first belong to one infection, where a pack has no rule for cases.
/// No source found.
const RELAPSE_DAYS: i32 = 90;

/// Why packs do not make a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimelineError {
    /// One id twice.
    #[error("pack '{0}' is given twice: give it once")]
    Twice(Arc<str>),
    /// Two base packs of one disease begin at once.
    #[error(
        "packs '{first}' and '{second}' of {disease} take effect at the same instant: let one begin later, or make it an overlay of the other"
    )]
    SameInstant {
        /// The disease.
        disease: Arc<str>,
        /// One pack.
        first: Arc<str>,
        /// The other.
        second: Arc<str>,
    },
    /// Overlays that rest on one another.
    #[error("overlays rest on one another in a circle: {}. Let one of them name a base pack", .0.iter().map(|id| &**id).collect::<Vec<_>>().join(" -> "))]
    Circular(Vec<Arc<str>>),
    /// An overlay of another disease's pack.
    #[error("overlay '{overlay}' is about {found}, its base '{base}' about {expected}: correct one of them")]
    OtherDisease {
        /// The overlay.
        overlay: Arc<str>,
        /// Its base.
        base: Arc<str>,
        /// The overlay's disease.
        found: Arc<str>,
        /// The base's disease.
        expected: Arc<str>,
    },
}

impl PackTimeline {
    /// Puts packs in order. An overlay whose base is not among them is never in force.
    ///
    /// # Errors
    /// [`TimelineError`].
    pub fn new(packs: Vec<Pack>) -> Result<Self, TimelineError> {
        let packs: Vec<Arc<Pack>> = packs.into_iter().map(Arc::new).collect();
        check(&packs)?;
        let mut adoptions: Vec<Instant> =
            packs.iter().flat_map(|pack| [Some(pack.valid_from), pack.valid_until]).flatten().collect();
        adoptions.sort_unstable();
        adoptions.dedup();
        let mut names: Vec<Arc<str>> = packs.iter().map(|pack| pack.disease.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let diseases = names
            .into_iter()
            .map(|disease| {
                let own: Vec<&Pack> = packs.iter().filter(|pack| pack.disease == disease).map(|pack| &**pack).collect();
                DiseaseTimeline { disease, eras: eras(&own) }
            })
            .collect();
        Ok(Self { diseases, adoptions, packs })
    }

    /// The same with some packs adopted at an instant, whatever day they name.
    ///
    /// A pack of the same id as one in force is its new text: the old one stays in force until then, under its id with
    /// " (before)", " (before 2)" and so on, and overlays of it go on with both.
    ///
    /// # Errors
    /// [`TimelineError`].
    pub fn with_adopted(&self, adopted: &[Pack], at: Instant) -> Result<Self, TimelineError> {
        let mut replaced: Vec<&str> = Vec::new();
        let mut found = true;
        while found {
            let is_replaced = |pack: &&Pack| {
                adopted.iter().any(|new| new.id == pack.id)
                    || pack.overlay_of.as_ref().is_some_and(|base| replaced.contains(&&**base))
            };
            let more = self.packs().filter(|pack| !replaced.contains(&&*pack.id)).find(is_replaced);
            found = more.is_some();
            replaced.extend(more.map(|pack| &*pack.id));
        }
        let before =
            |id: &Arc<str>| -> Arc<str> { if replaced.contains(&&**id) { self.name_of_old(id) } else { id.clone() } };
        let old = self.packs().map(|pack| Pack {
            id: before(&pack.id),
            overlay_of: pack.overlay_of.as_ref().map(before),
            ..pack.clone()
        });
        let goes_on = |pack: &&Pack| replaced.contains(&&*pack.id) && adopted.iter().all(|new| new.id != pack.id);
        let overlays = self.packs().filter(goes_on).cloned();
        let new = adopted.iter().cloned().map(|pack| Pack { valid_from: at, ..pack });
        Self::new(old.chain(overlays).chain(new).collect())
    }

    /// A name that no pack has yet for the old text of a pack.
    fn name_of_old(&self, id: &str) -> Arc<str> {
        let first = std::iter::once(format!("{id} (before)"));
        let mut names = first.chain((2..).map(|number| format!("{id} (before {number})")));
        names.find(|name| self.pack(name).is_none()).expect("numbers do not end").into()
    }

    /// The same with packs in force from the instants of their adoption instead of those that they name.
    ///
    /// # Errors
    /// [`TimelineError`].
    pub fn in_force_from(&self, adopted: &[(&str, Instant)]) -> Result<Self, TimelineError> {
        let packs = self.packs().cloned().map(|pack| {
            let from = adopted.iter().find(|(id, _)| **id == *pack.id).map_or(pack.valid_from, |(_, from)| *from);
            Pack { valid_from: from, ..pack }
        });
        Self::new(packs.collect())
    }

    /// Packs that were in force from the beginning of time, with their overlays.
    ///
    /// # Errors
    /// [`TimelineError`].
    pub fn always(packs: &[Pack]) -> Result<Self, TimelineError> {
        Self::new(Vec::new())?.with_adopted(packs, Instant::MIN)
    }

    /// The packs, as given.
    pub fn packs(&self) -> impl Iterator<Item = &Pack> {
        self.packs.iter().map(|pack| &**pack)
    }

    /// The pack with this id.
    pub fn pack(&self, id: &str) -> Option<&Pack> {
        self.packs().find(|pack| &*pack.id == id)
    }

    /// Whether two measures' rules, `<pack>:<name>`, are one rule under packs of one disease: a measure goes on when
    /// another pack takes over.
    pub fn is_same_rule(&self, one: &str, other: &str) -> bool {
        let split = |rule| str::split_once(rule, ':').unwrap_or(("", rule));
        let ((pack, name), (other_pack, other_name)) = (split(one), split(other));
        let disease = |id| self.pack(id).map(|pack| &pack.disease);
        one == other || (name == other_name && disease(pack).is_some() && disease(pack) == disease(other_pack))
    }

    /// The first adoption (or end) of a pack after `at`.
    pub fn next_adoption(&self, at: Instant) -> Option<Instant> {
        self.adoptions.iter().copied().find(|adoption| *adoption > at)
    }

    /// The last adoption (or end) of a pack up to `at`.
    pub fn last_adoption(&self, at: Instant) -> Option<Instant> {
        self.adoptions.iter().copied().rfind(|adoption| *adoption <= at)
    }

    /// When a pack is in force: from when, and until when where that is known. Nothing: never.
    ///
    /// A base pack ends with the next one of its disease; an overlay with its base.
    pub fn stretch(&self, id: &str) -> Option<(Instant, Option<Instant>)> {
        let pack = self.pack(id)?;
        let base = root(&self.packs, pack).ok().flatten()?;
        let bases = self.packs().filter(|other| other.overlay_of.is_none() && other.disease == pack.disease);
        let next = bases.map(|other| other.valid_from).filter(|from| *from > base.valid_from).min();
        let until = [pack.valid_until, base.valid_until, next].into_iter().flatten().min();
        let from = pack.valid_from.max(base.valid_from);
        until.is_none_or(|until| until > from).then_some((from, until))
    }

    /// Whether any pack has a rule for arrivals from other provinces.
    pub fn has_arrival_rule(&self) -> bool {
        let eras = self.diseases.iter().flat_map(|disease| &disease.eras);
        eras.filter_map(|era| era.rules.as_ref()).any(|rules| rules.arrival.is_some())
    }

    /// Whether a pack in force at the moment uses colours.
    pub fn has_colours(&self, at: Instant) -> bool {
        self.diseases.iter().any(|disease| disease.at(at).is_some_and(|rules| rules.colours))
    }

    pub(crate) fn diseases(&self) -> &[DiseaseTimeline] {
        &self.diseases
    }
}

impl DiseaseTimeline {
    /// The number of the era at the moment, if any has begun.
    pub fn era_at(&self, at: Instant) -> Option<usize> {
        self.eras.iter().rposition(|era| era.from <= at)
    }

    /// The rules in force at the moment.
    pub fn at(&self, at: Instant) -> Option<&Rules> {
        self.era_at(at).and_then(|era| self.eras[era].rules.as_ref())
    }
}

impl AreaRule {
    /// What somebody still in the area is asked. Sealed counts as high and controlled as medium where a pack does not
    /// name them.
    pub(crate) fn resident_kind(&self, level: sizao_model::fact::AreaLevel) -> Option<MeasureKind> {
        use sizao_model::fact::AreaLevel;
        let of = |wanted: AreaLevel| self.resident.iter().find(|(level, _)| *level == wanted).map(|(_, kind)| *kind);
        of(level).or_else(|| match level {
            AreaLevel::Sealed => of(AreaLevel::High),
            AreaLevel::Controlled => of(AreaLevel::Medium),
            AreaLevel::High | AreaLevel::Medium | AreaLevel::Low => None,
        })
    }
}

fn check(packs: &[Arc<Pack>]) -> Result<(), TimelineError> {
    for (index, pack) in packs.iter().enumerate() {
        for other in &packs[..index] {
            if other.id == pack.id {
                return Err(TimelineError::Twice(pack.id.clone()));
            }
            let both_base = pack.overlay_of.is_none() && other.overlay_of.is_none();
            if both_base && pack.disease == other.disease && pack.valid_from == other.valid_from {
                let (disease, first, second) = (pack.disease.clone(), other.id.clone(), pack.id.clone());
                return Err(TimelineError::SameInstant { disease, first, second });
            }
        }
        root(packs, pack)?;
    }
    Ok(())
}

/// The base pack under an overlay, if it is among the packs given.
fn root<'a>(packs: &'a [Arc<Pack>], pack: &'a Pack) -> Result<Option<&'a Pack>, TimelineError> {
    let mut path = vec![pack.id.clone()];
    let mut current = pack;
    while let Some(below) = &current.overlay_of {
        if path.contains(below) {
            path.push(below.clone());
            return Err(TimelineError::Circular(path));
        }
        let Some(base) = packs.iter().find(|pack| pack.id == *below) else { return Ok(None) };
        if base.disease != pack.disease {
            return Err(TimelineError::OtherDisease {
                overlay: pack.id.clone(),
                base: base.id.clone(),
                found: pack.disease.clone(),
                expected: base.disease.clone(),
            });
        }
        path.push(below.clone());
        current = base;
    }
    Ok(Some(current))
}

fn eras(packs: &[&Pack]) -> Vec<Era> {
    let mut cuts: Vec<Instant> =
        packs.iter().flat_map(|pack| [Some(pack.valid_from), pack.valid_until]).flatten().collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut since: Vec<(Arc<str>, Instant)> = Vec::new();
    cuts.into_iter()
        .map(|from| {
            let rules = rules_at(packs, from, &mut since);
            Era { from, rules }
        })
        .collect()
}

fn rules_at(packs: &[&Pack], at: Instant, since: &mut Vec<(Arc<str>, Instant)>) -> Option<Rules> {
    let base = packs
        .iter()
        .filter(|pack| pack.overlay_of.is_none() && pack.valid_from <= at)
        .max_by_key(|pack| pack.valid_from)?;
    if base.valid_until.is_some_and(|until| until <= at) {
        return None;
    }
    let mut layers: Vec<&Pack> = packs
        .iter()
        .copied()
        .filter(|pack| pack.overlay_of.is_some() && rests_on(packs, pack, base))
        .filter(|pack| pack.valid_from <= at && pack.valid_until.is_none_or(|until| until > at))
        .collect();
    // The youngest overlay comes first, the base last: the first that has a rule supplies it.
    layers.sort_by_key(|pack| std::cmp::Reverse(pack.valid_from));
    layers.push(base);
    let mut rules = merge(&layers, base);
    if let Some(arrival) = &rules.arrival {
        match since.iter().find(|(id, _)| *id == arrival.id) {
            Some((_, first)) => rules.arrival_since = *first,
            None => {
                since.push((arrival.id.clone(), at));
                rules.arrival_since = at;
            }
        }
    }
    Some(rules)
}

fn rests_on(packs: &[&Pack], pack: &Pack, base: &Pack) -> bool {
    let mut current = pack;
    // Circles were refused before, so that this ends.
    while let Some(below) = &current.overlay_of {
        if *below == base.id {
            return true;
        }
        match packs.iter().find(|pack| pack.id == *below) {
            Some(next) => current = next,
            None => return false,
        }
    }
    false
}

fn merge(layers: &[&Pack], base: &Pack) -> Rules {
    fn supply<T: Clone>(layers: &[&Pack], name: &str, field: impl Fn(&Pack) -> Option<T>) -> Option<Named<T>> {
        layers.iter().find_map(|pack| field(pack).map(|rule| Named { id: rule_id(pack, name), rule }))
    }
    let first = |has: &dyn Fn(&Pack) -> bool| layers.iter().copied().find(|pack| has(pack));
    let area = first(&|pack| pack.area.is_some());
    let case = supply(layers, "case", |pack| pack.case.clone());
    Rules {
        colours: layers.iter().any(|pack| pack.colours),
        grace_hours: base.grace_hours,
        max_extension_days: base.max_extension_days,
        relapse_days: case.as_ref().map_or(RELAPSE_DAYS, |case| case.rule.relapse_days),
        window: layers.iter().find_map(|pack| pack.window.clone()),
        close_contact: supply(layers, "close_contact", |pack| pack.close_contact.clone()),
        secondary_contact: supply(layers, "secondary_contact", |pack| pack.secondary_contact.clone()),
        case,
        inbound_traveller: supply(layers, "inbound_traveller", |pack| pack.inbound_traveller.clone()),
        area: area.and_then(|pack| {
            Some(NamedArea {
                risk_area_traveller: rule_id(pack, "risk_area_traveller"),
                same_city_traveller: rule_id(pack, "same_city_traveller"),
                same_county_traveller: rule_id(pack, "same_county_traveller"),
                area_resident: rule_id(pack, "area_resident"),
                rule: pack.area.clone()?,
            })
        }),
        arrival: supply(layers, "arrival", |pack| pack.arrival.clone()),
        arrival_since: Instant::MIN,
        // Overlays carry the hold of their base; the base names it.
        hold_hours: base.hold_hours.map(|rule| Named { id: rule_id(base, "hold"), rule }),
        immunity: layers.iter().find_map(|pack| pack.immunity.clone()),
        offers: layers.iter().find(|pack| !pack.offers.is_empty()).map_or_else(Vec::new, |pack| pack.offers.clone()),
        special: base.special.clone(),
        transport: base.transport,
    }
}

fn rule_id(pack: &Pack, rule: &str) -> Arc<str> {
    format!("{}:{rule}", pack.id).into()
}
