//! Why an assessment says what it says, in plain Chinese and English, the same for the person and the officer.

mod words;

use sizao_model::{
    Assessment, Explanation, Fact, FactBody, FactId, Finding, Instant, Measure,
    fact::{EvidenceGrade, EvidenceKind},
    measure::PlannedTest,
};

use crate::{
    Dossier,
    known::{self, Seen},
    pack::{Mark, Pack},
    people::Group,
    timeline::PackTimeline,
};

/// Explains an assessment.
///
/// - `assessment`: what [`assess`](crate::assess) answered for this dossier at `known_at`.
/// - returns: a tree of findings: the colour, each measure with its rule, the kinds of evidence, its tests and its end,
///   each class, offer and lead. Facts about others are named by kind alone, so that it never identifies a patient.
pub fn explain(assessment: &Assessment, dossier: &Dossier<'_>, packs: &PackTimeline, known_at: Instant) -> Explanation {
    let facts = known::read(&dossier.facts, known_at);
    let me = Group::of(dossier.person, &facts);
    let teller = Teller { facts: &facts, all: &dossier.facts, me: &me, packs };
    let (zh, en) = words::colour(assessment.colour);
    let mut findings = vec![Finding::of(zh, en)];
    if assessment.measures.is_empty() {
        findings.push(Finding::of("目前没有任何措施。", "No measure holds for you."));
    }
    findings.extend(assessment.measures.iter().map(|measure| teller.measure(measure)));
    findings.extend(assessment.classes.iter().filter_map(|found| {
        let (zh, en) = words::class(found.class);
        let own = teller.own(found.fact)?;
        Some(Finding {
            facts: vec![found.fact],
            children: vec![own],
            ..Finding::of(format!("接触分类:{zh}"), format!("Class: {en}"))
        })
    }));
    findings.extend(assessment.offers.iter().map(|offer| {
        Finding::of(
            format!("{} 前可获得:{}", offer.until, offer.kind),
            format!("You can have {} until {}", offer.kind, offer.until),
        )
    }));
    findings.extend(teller.leads());
    Explanation { person: dossier.person, findings }
}

struct Teller<'t> {
    facts: &'t [Seen<'t>],
    all: &'t [&'t Fact],
    me: &'t Group,
    packs: &'t PackTimeline,
}

impl Teller<'_> {
    fn measure(&self, measure: &Measure) -> Finding {
        let (pack_id, rule) = measure.rule().split_once(':').unwrap_or((measure.rule(), ""));
        let pack = self.packs.pack(pack_id);
        let (kind_zh, kind_en) = words::measure(measure.kind());
        let mut finding = Finding {
            rule: Some(measure.rule().into()),
            ..Finding::of(
                format!("{kind_zh},{} 至 {}", measure.starts_at(), measure.ends_at()),
                format!("{kind_en}, from {} to {}", measure.starts_at(), measure.ends_at()),
            )
        };
        if let Some(pack) = pack {
            finding.children.extend(said(pack, rule));
        }
        finding.children.extend(self.because(measure.because()));
        finding.children.extend(measure.tests().iter().map(planned));
        finding.children.push(end(measure));
        finding.children.extend(pack.and_then(|pack| defaults(pack, rule)));
        finding.children.push(Finding::of(
            "如有异议,可随时申诉;就医需要优先。",
            "You may appeal at any time; medical need comes first.",
        ));
        finding
    }

    /// The facts behind a measure: the person's own each, those about others counted by kind.
    fn because(&self, ids: &[FactId]) -> Vec<Finding> {
        let mut findings: Vec<Finding> = ids.iter().filter_map(|id| self.own(*id)).collect();
        let mut others: Vec<(words::Words, usize)> = Vec::new();
        for fact in self.all.iter().filter(|fact| ids.contains(&fact.id) && self.own(fact.id).is_none()) {
            let word = words::fact(fact.body.kind());
            match others.iter_mut().find(|(known, _)| *known == word) {
                Some((_, count)) => *count += 1,
                None => others.push((word, 1)),
            }
        }
        findings.extend(others.into_iter().map(|((zh, en), count)| {
            Finding::of(
                format!("另有记录(不显示他人身份):{zh}({count} 条)"),
                format!("Also on record, without names: {en} ({count})"),
            )
        }));
        findings
    }

    /// A fact of the person, with its day and how it is known; nothing for facts about others.
    fn own(&self, id: FactId) -> Option<Finding> {
        let seen = self.facts.iter().find(|seen| seen.id == id)?;
        self.me.reach(seen)?;
        let (zh, en) = words::fact(seen.body.kind());
        let on = seen.happened.last_day().unwrap_or_else(|| seen.happened.first_day());
        let evidence = evidence_of(&seen.body);
        let (by_zh, by_en) = evidence.map_or((String::new(), String::new()), |kind| {
            let (zh, en) = words::evidence(kind);
            (format!(",依据:{zh}"), format!(", known from {en}"))
        });
        Some(Finding {
            evidence,
            facts: vec![id],
            ..Finding::of(format!("{zh}({on}){by_zh}"), format!("{en} ({on}){by_en}"))
        })
    }

    /// What is on record and counts for nothing yet: leads without confirmation, and cells of phones.
    fn leads(&self) -> Vec<Finding> {
        let is_confirmed = |id| {
            self.facts
                .iter()
                .any(|seen| matches!(&*seen.body, FactBody::Confirmation(confirmation) if confirmation.of == id))
        };
        self.facts
            .iter()
            .filter(|seen| self.me.reach(seen).is_some())
            .filter_map(|seen| {
                let kind = evidence_of(&seen.body)?;
                let (zh, en) = match kind.grade() {
                    EvidenceGrade::Evidence => return None,
                    EvidenceGrade::Lead if is_confirmed(seen.id) => return None,
                    EvidenceGrade::Lead => {
                        ("线索,核实前不产生任何措施", "a lead: it opens nothing before somebody confirms it")
                    }
                    EvidenceGrade::Question => {
                        ("仅供询问,永不产生措施", "only a reason to ask: it never opens anything")
                    }
                };
                let own = self.own(seen.id)?;
                Some(Finding { zh: format!("{}:{zh}", own.zh), en: format!("{}: {en}", own.en), ..own })
            })
            .collect()
    }
}

/// What the pack says about the rule.
fn said(pack: &Pack, rule: &str) -> Option<Finding> {
    let text = pack.text(text_key(rule))?;
    let from = pack.valid_from.day();
    Some(Finding::of(
        format!("{}({},{from} 起施行)", text.zh, pack.name.zh),
        format!("{} ({}, in force from {from})", text.en, pack.name.en),
    ))
}

/// The rules about areas share one text.
fn text_key(rule: &str) -> &str {
    match rule {
        "risk_area_traveller" | "same_city_traveller" | "same_county_traveller" | "area_resident" => "area",
        other => other,
    }
}

fn planned(test: &PlannedTest) -> Finding {
    let (swab_zh, swab_en) = words::swab(test.sampling);
    let (zh, en) = match test.not_before {
        Some(at) => (format!(",{at} 以后采样方有效"), format!(", counts when sampled from {at} on")),
        None => (String::new(), String::new()),
    };
    Finding::of(
        format!("检测:第 {} 天,{},{swab_zh},{} 份{zh}", test.day, test.date, test.samples),
        format!("Test: day {}, {}, {swab_en}, samples: {}{en}", test.day, test.date, test.samples),
    )
}

fn end(measure: &Measure) -> Finding {
    match measure.review_at() {
        Some(review_at) => Finding::of(
            format!("由医院按临床标准结束;{review_at} 复核;未续期则 {} 自动失效", measure.ends_at()),
            format!(
                "It ends on clinical conditions, is reviewed at {review_at}, and lapses at {} unless renewed",
                measure.ends_at()
            ),
        ),
        None => Finding::of(
            format!("{} 自动结束", measure.ends_at()),
            format!("It ends by itself at {}", measure.ends_at()),
        ),
    }
}

/// Numbers of the rule without a source, said openly.
fn defaults(pack: &Pack, rule: &str) -> Option<Finding> {
    let prefix = text_key(rule);
    let unsourced =
        pack.numbers.iter().filter(|number| number.path.starts_with(prefix) && number.mark == Mark::Unsourced).count();
    (unsourced > 0).then(|| {
        Finding::of(
            format!("其中 {unsourced} 个数值为默认值,非官方规定"),
            format!("{unsourced} of its numbers: default, not official"),
        )
    })
}

const fn evidence_of(body: &FactBody) -> Option<EvidenceKind> {
    match body {
        FactBody::Exposure(exposure) => Some(exposure.evidence),
        FactBody::Stay(stay) => Some(stay.evidence),
        FactBody::Arrival(arrival) => Some(arrival.evidence),
        _ => None,
    }
}
