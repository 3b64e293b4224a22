//! The join under T1 and T2: where people were in their windows, and who else was there.

use crate::exposure::{Duration, Encounter, ExposureRules, is_enough};
use crate::index::Company;
use crate::stay::Span;
use crate::view::{Anchor, View};

/// Somebody (dense number) who may infect others within a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposer {
    pub(crate) person: u32,
    pub(crate) window: Span,
}

/// Exposers worked on together: their rows, and the neighbours, stay in the second-level cache.
pub(crate) const BATCH: usize = 24;

/// Time during which an exposer's presence at a place exposes others.
#[derive(Debug, Clone, Copy)]
struct Emission {
    exposer: u32,
    anchor: Anchor,
    span: Span,
    /// Its blocks in the plan of the batch.
    plan_start: u32,
    plan_end: u32,
}

/// Buffers that a worker uses again and again.
#[derive(Default)]
pub(crate) struct Scratch {
    anchors: Vec<(u32, Anchor)>,
    words: Vec<u64>,
    emissions: Vec<Emission>,
    company: Company,
    pairs: Vec<Encounter>,
    plan: Vec<u32>,
}

/// Calls `visit(exposer, encounter)` for every encounter that counts, exposer after exposer by position.
pub(crate) fn for_encounters(
    view: &View,
    exposers: &[Exposer],
    rules: &ExposureRules,
    scratch: &mut Scratch,
    mut visit: impl FnMut(usize, Encounter),
) {
    find_emissions(view, exposers, rules, scratch);
    let Scratch { emissions, company, pairs, plan, .. } = scratch;
    match rules.duration {
        Duration::Each { .. } => for_each_met(view, exposers, emissions, plan, rules, company, visit),
        Duration::Cumulated { least_s, within_s } => {
            for emissions in emissions.chunk_by(|a, b| a.exposer == b.exposer) {
                pairs.clear();
                let note = |_, encounter| pairs.push(encounter);
                for_each_met(view, exposers, emissions, plan, rules, company, note);
                pairs.sort_unstable();
                let enough = |pair: &&[Encounter]| is_enough(pair, least_s, within_s);
                for pair in pairs.chunk_by(|a, b| a.contact == b.contact).filter(enough) {
                    pair.iter().for_each(|&encounter| visit(emissions[0].exposer as usize, encounter));
                }
            }
        }
    }
}

/// Calls `visit(exposer, place, encounter)` for every encounter of a second or more; places by dense number.
pub(crate) fn for_meetings(
    view: &View,
    exposers: &[Exposer],
    airborne_lag_s: u32,
    scratch: &mut Scratch,
    mut visit: impl FnMut(usize, u32, Encounter),
) {
    let rules = ExposureRules { airborne_lag_s, ..ExposureRules::at_least(1) };
    find_emissions(view, exposers, &rules, scratch);
    let Scratch { emissions, company, plan, .. } = scratch;
    for emission in &*emissions {
        let place = view.place_of(emission.anchor);
        let note = |exposer, encounter| visit(exposer, place, encounter);
        for_each_met(view, exposers, std::slice::from_ref(emission), plan, &rules, company, note);
    }
}

/// Calls `visit` for every encounter of these emissions, which are all of the batch or a part of it.
#[inline]
fn for_each_met(
    view: &View,
    exposers: &[Exposer],
    emissions: &[Emission],
    plan: &[u32],
    rules: &ExposureRules,
    company: &mut Company,
    mut visit: impl FnMut(usize, Encounter),
) {
    let least_s = rules.piece_s();
    for emission in emissions {
        let exposer = emission.exposer as usize;
        let own = exposers[exposer].person;
        let mut note = |contact, together: Span| {
            if contact != own {
                visit(exposer, Encounter { contact, start_s: together.from_s, end_s: together.until_s });
            }
        };
        let Some(index) = view.single() else {
            view.for_company_at(view.place_of(emission.anchor), emission.span, least_s, company, note);
            continue;
        };
        company.clear();
        let blocks = &plan[emission.plan_start as usize..emission.plan_end as usize];
        index.add_company(emission.anchor.row as usize, blocks, emission.span, least_s, company);
        for &met in company.met() {
            if let Some((contact, together)) = index.time_together(met, emission.span, least_s) {
                note(contact, together);
            }
        }
    }
}

/// Plans which blocks to read for each emission, and reads them.
fn plan_blocks(view: &View, rules: &ExposureRules, emissions: &mut [Emission], plan: &mut Vec<u32>) {
    plan.clear();
    let Some(index) = view.single() else { return };
    let ahead = emissions.iter().fold(0, |sum, emission| sum ^ index.touch(emission.anchor.row));
    std::hint::black_box(ahead);
    for emission in &mut *emissions {
        emission.plan_start = plan.len() as u32;
        index.plan(emission.anchor.row as usize, emission.span, rules.piece_s(), plan);
        emission.plan_end = plan.len() as u32;
    }
    let ahead = plan.iter().fold(0, |sum, &block| sum ^ index.touch_block(block));
    std::hint::black_box(ahead);
}

/// Where and when the exposers expose others, in sweeps over the batch: row numbers, rows, the rows' surroundings,
/// planned blocks. The reads of one sweep do not wait for one another.
fn find_emissions(view: &View, exposers: &[Exposer], rules: &ExposureRules, scratch: &mut Scratch) {
    let Scratch { anchors, words, emissions, plan, .. } = scratch;
    anchors.clear();
    for (number, exposer) in (0..).zip(exposers) {
        view.for_anchors_of(exposer.person, |anchor| anchors.push((number, anchor)));
    }
    words.clear();
    words.extend(anchors.iter().map(|&(_, anchor)| view.word(anchor)));

    emissions.clear();
    let lag_s = rules.airborne_lag_s;
    let least_s = if lag_s == 0 { rules.piece_s() } else { 1 };
    for (&(exposer, anchor), &word) in anchors.iter().zip(&*words) {
        let mut span = view.span_of(anchor, word).intersection(exposers[exposer as usize].window);
        if span.length_s() >= least_s && view.holds(anchor) {
            span.until_s = span.until_s.saturating_add(lag_s);
            emissions.push(Emission { exposer, anchor, span, plan_start: 0, plan_end: 0 });
        }
    }
    if lag_s > 0 {
        join_lingering(view, emissions);
    }
    plan_blocks(view, rules, emissions, plan);
}

/// Joins spans of one exposer at one place that the lag made overlap, so that no second counts twice.
fn join_lingering(view: &View, emissions: &mut Vec<Emission>) {
    let mut placed: Vec<(u32, Emission)> =
        emissions.drain(..).map(|emission| (view.place_of(emission.anchor), emission)).collect();
    placed.sort_unstable_by_key(|&(place, emission)| (emission.exposer, place, emission.span));
    placed.dedup_by(|(place, later), (kept_place, kept)| {
        let joins = place == kept_place && later.exposer == kept.exposer && later.span.from_s <= kept.span.until_s;
        if joins {
            kept.span.until_s = kept.span.until_s.max(later.span.until_s);
        }
        joins
    });
    emissions.extend(placed.into_iter().map(|(_, emission)| emission));
}
