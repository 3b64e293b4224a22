//! The assessment: which measures hold for one person at one moment, as known at one moment.

use sizao_model::{Assessment, Colour, Fact, FactBody, Instant, Measure, fact::Outcome, measure::Offer};

use crate::{
    Dossier,
    known::{self, Seen},
    people::Group,
    rules::{self, Opened, View},
    timeline::PackTimeline,
};

/// What the packs make of a dossier.
///
/// - `known_at`: only facts recorded by then exist.
/// - `now`: the moment that the answer is for; it may lie before or after `known_at`.
/// - returns: measures active or planned, classes, offers, the colour, and the next moment at which any of this may
///   change without a new fact.
///
/// Pure: the same input gives the same answer, in whatever order the facts come. Of several diseases the measures are
/// united and the worst colour counts. Nobody sets a colour.
pub fn assess(dossier: &Dossier<'_>, packs: &PackTimeline, known_at: Instant, now: Instant) -> Assessment {
    if !dossier.facts.iter().any(|fact| may_open(fact)) {
        return nothing(dossier, packs, now);
    }
    let facts = known::read(&dossier.facts, known_at);
    let me = Group::of(dossier.person, &facts);
    if is_dead(&me, &facts, now) {
        return Assessment { colour: None, next_change_at: None, ..nothing(dossier, packs, now) };
    }
    let view = View { facts: &facts, me: &me, at: now };
    let found = find(&view, packs);
    assessment(dossier, packs, now, found)
}

/// What the rules of all diseases found.
#[derive(Default)]
pub(crate) struct Found {
    pub opened: Vec<Opened>,
    pub classes: Vec<sizao_model::measure::ClassFinding>,
    pub offers: Vec<Offer>,
    pub announced: Vec<Instant>,
}

pub(crate) fn find(view: &View<'_>, packs: &PackTimeline) -> Found {
    let mut found = Found::default();
    for timeline in packs.diseases() {
        let Some(rules) = timeline.at(view.at) else { continue };
        let (opened, case_periods) = rules::case::assess(view, rules, &timeline.disease);
        found.opened.extend(opened);
        let contacts = rules::contact::assess(view, timeline, &case_periods);
        found.opened.extend(contacts.opened);
        found.classes.extend(contacts.classes);
        found.offers.extend(contacts.offers);
        found.opened.extend(rules::inbound_traveller::assess(view, timeline, &case_periods));
        found.opened.extend(rules::arrival::assess(view, timeline, &case_periods));
        found.opened.extend(rules::hold::assess(view, timeline, &case_periods));
        let areas = rules::area::assess(view, timeline, &case_periods);
        found.opened.extend(areas.opened);
        found.announced.extend(areas.announced);
    }
    found
}

fn assessment(dossier: &Dossier<'_>, packs: &PackTimeline, now: Instant, found: Found) -> Assessment {
    let mut colour = packs.has_colours(now).then_some(Colour::Green);
    let mut next_change_at = packs.next_adoption(now);
    let mut soon = |at: Instant| {
        if at > now {
            next_change_at = Some(next_change_at.map_or(at, |next| next.min(at)));
        }
    };
    found.announced.iter().copied().for_each(&mut soon);
    found.offers.iter().for_each(|offer| soon(offer.until));
    let mut measures = Vec::new();
    for Opened { rule, laid, because } in found.opened {
        if laid.ends_at <= now {
            continue;
        }
        soon(laid.starts_at);
        soon(laid.ends_at);
        if let Some(review_at) = laid.review_at {
            soon(review_at);
        }
        if laid.starts_at <= now
            && let (Some(worst), Some(own)) = (colour, laid.colour)
        {
            colour = Some(worst.max(own));
        }
        let Ok(measure) = Measure::open(laid.kind, rule, because, laid.starts_at, laid.ends_at) else { continue };
        let measure = measure.with_tests(laid.tests);
        measures.push(match laid.review_at {
            Some(review_at) => measure.with_review(review_at),
            None => measure,
        });
    }
    measures.sort_by(|a: &Measure, b: &Measure| order(a).cmp(&order(b)));
    Assessment {
        person: dossier.person,
        colour,
        measures,
        classes: found.classes,
        offers: found.offers,
        next_change_at,
    }
}

fn order(measure: &Measure) -> (Instant, Instant, &str, &[sizao_model::FactId]) {
    (measure.starts_at(), measure.ends_at(), measure.rule(), measure.because())
}

fn nothing(dossier: &Dossier<'_>, packs: &PackTimeline, now: Instant) -> Assessment {
    Assessment {
        person: dossier.person,
        colour: packs.has_colours(now).then_some(Colour::Green),
        measures: Vec::new(),
        classes: Vec::new(),
        offers: Vec::new(),
        next_change_at: packs.next_adoption(now),
    }
}

/// How much a fact can change by itself. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bearing {
    /// Opens and links nothing: it matters only to people whom a stronger fact names. A sample, a negative result.
    Slight,
    /// Matters once any area is declared: a stay.
    WithAreas,
    /// Matters where a pack has a rule for arrivals from other provinces.
    WithArrivalRule,
    /// May open or end something for somebody, or tie people together.
    Strong,
}

/// How much a fact can change by itself.
///
/// Whom no fact concerns ([`FactIndex::concerned`](crate::FactIndex::concerned)) with a bearing of
/// [`Bearing::Strong`] (or of the others, once areas are declared, where [`PackTimeline::has_arrival_rule`]) has an
/// assessment that says nothing, whatever slight facts are on record: stores need not make it.
pub fn bearing(fact: &Fact) -> Bearing {
    match &fact.body {
        FactBody::Stay(_) => Bearing::WithAreas,
        FactBody::Arrival(arrival) if &*arrival.from != "abroad" => Bearing::WithArrivalRule,
        FactBody::AreaDeclared(_)
        | FactBody::AreaEnded(_)
        | FactBody::SiteReset(_)
        | FactBody::IdentityLink(_)
        | FactBody::IdentityUnlink(_)
        | FactBody::Confirmation(_) => Bearing::Strong,
        _ if may_open(fact) => Bearing::Strong,
        _ => Bearing::Slight,
    }
}

fn may_open(fact: &Fact) -> bool {
    match &fact.body {
        FactBody::Stay(_)
        | FactBody::Arrival(_)
        | FactBody::Diagnosis(_)
        | FactBody::Exposure(_)
        | FactBody::Death(_)
        | FactBody::Correction(_) => true,
        FactBody::TestResult(result) => matches!(result.outcome, Outcome::Positive | Outcome::GreyZone),
        _ => false,
    }
}

fn is_dead(me: &Group, facts: &[Seen<'_>], now: Instant) -> bool {
    facts
        .iter()
        .any(|seen| matches!(&*seen.body, FactBody::Death(_)) && me.reach(seen).is_some() && seen.starts_at() <= now)
}
