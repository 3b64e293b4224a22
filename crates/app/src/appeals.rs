//! Appeals (申诉): filed by the person at any state, decided with reasons by another unit, lapsing on silence where the
//! rules allow it, with a second instance.
//!
//! A decision changes no measure by itself: an appeal that is upheld takes back, by corrections on record, the person's
//! own facts on which the measure rested; what follows from that is assessed like everything else. So an appeal can
//! neither set a colour nor end what other facts ask for.

use sizao_model::{
    DivisionCode, FactBody, FactId, FactKind, Happened, Instant, Measure, MeasureKind, PersonId,
    fact::{Appeal, AppealDecision, AppealOutcome, Correction, EvidenceKind},
};
use sizao_policy::PackTimeline;
use sizao_store::{AppealRecord, Channel};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    assessments::Explained,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    loops::{Addition, EnteredStep, find},
    people::number,
    refusal::Refusal,
};

/// Appeals on a page.
const LISTED_MAX: u32 = 200;
/// Appeals that lapse in one round.
const LAPSED_MAX: u32 = 500;
/// Facts read at a time.
const CHUNK: u64 = 20_000;
/// Shortest reason of a decision, in characters: so that it says something.
const REASON_MIN: usize = 10;
/// A measure up to this strictness lapses when nobody decides: yellow, not red.
const LAPSES_UP_TO: u8 = 2;

/// An appeal with what the officer has to see.
#[derive(Clone, Debug)]
pub struct AppealLine {
    /// The appeal.
    pub record: AppealRecord,
    /// Number to speak of the person by.
    pub number: String,
    /// What the person wrote.
    pub words: String,
    /// Why it was decided so.
    pub reason: Option<String>,
}

impl App {
    /// Files an appeal of a person against a measure. The same key is the same appeal.
    ///
    /// # Errors
    /// [`Refusal`]: no such measure, no words, a second instance against nothing; [`AppError::Store`].
    pub async fn file_appeal(
        &self,
        person: PersonId,
        rule: &str,
        opened_by: FactId,
        words: &str,
        key: &str,
    ) -> Result<EnteredStep, AppError> {
        let words = crate::loops::text("words", words)?.ok_or(Refusal::field("words", "empty"))?;
        self.catch_up(|_| {}).await?;
        let laid = self.lay_out(&[person]).await?;
        let place = laid.first().map(|(_, place)| *place).ok_or(Refusal::NotFound)?;
        let loops: Vec<_> = laid.into_iter().map(|(closed_loop, _)| closed_loop).collect();
        find(&loops, rule, opened_by).ok_or(Refusal::NotFound)?;
        self.follow_appeals().await?;
        let before = self.store().appeals_of(person).await?;
        let of_this = before.iter().filter(|one| one.rule == rule && one.opened_by == opened_by);
        // An open appeal stands; after a rejection the next one is the second instance.
        let mut against = None;
        for one in of_this {
            match (one.outcome, one.against) {
                (0, _) => return Ok(EnteredStep { fact: one.fact, repeated: true }),
                (2, Some(_)) => return Err(Refusal::field("words", "appeal-final").into()),
                (2, None) if against.is_none() => against = one.decision,
                _ => {}
            }
        }
        let body = Appeal { rule: rule.into(), opened_by, words, against };
        let entered = self
            .append_entry(&self.own_pen(), person, place, body.into(), &format!("appeal/{person}/{key}"), self.now())
            .await?;
        self.follow_appeals().await?;
        Ok(entered)
    }

    /// The appeals of the actor's division, open ones first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_appeals(&self, actor: &Actor, wall: Instant) -> Result<Vec<AppealLine>, AppError> {
        let purpose = usual_purpose(actor, Action::DecideAppeals)?;
        let within = Scope::of(actor, Action::DecideAppeals, purpose)?.division();
        self.follow_appeals().await?;
        let records = self.store().list_appeals(within, LISTED_MAX).await?;
        let told = Reason::of(&format!("{} appeals", records.len()));
        self.log_deed(actor, Action::DecideAppeals, purpose, None, told, wall).await?;
        self.lines_of(records).await
    }

    /// The appeals of a person, latest first.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn appeals_of(&self, person: PersonId) -> Result<Vec<AppealLine>, AppError> {
        self.follow_appeals().await?;
        let records = self.store().appeals_of(person).await?;
        self.lines_of(records).await
    }

    /// Decides an appeal, with reasons that the person reads.
    ///
    /// # Errors
    /// [`Refusal::SameUnit`] for the unit that has the person's loop or decided before; [`Refusal::Changed`] when it was
    /// decided; [`Refusal`], [`AppError::Store`].
    pub async fn decide_appeal(
        &self,
        actor: &Actor,
        id: FactId,
        outcome: &str,
        reason: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::DecideAppeals)?;
        let within = Scope::of(actor, Action::DecideAppeals, purpose)?.division();
        self.follow_appeals().await?;
        let record = self.store().load_appeal(id).await?.filter(|one| one.division.is_under(within));
        let record = record.ok_or(Refusal::NotFound)?;
        let outcome = match outcome {
            "upheld" => AppealOutcome::Upheld,
            "rejected" => AppealOutcome::Rejected,
            _ => return Err(Refusal::field("outcome", "choose").into()),
        };
        let reason = crate::loops::text("reason", reason)?.filter(|text| text.chars().count() >= REASON_MIN);
        let reason = reason.ok_or(Refusal::field("reason", "reason-long"))?;
        if record.outcome != 0 {
            return Err(Refusal::Changed.into());
        }
        let loops = self.loops_of(record.person).await?;
        let owner = find(&loops, &record.rule, record.opened_by).and_then(|one| one.owner.clone());
        let first = match record.against {
            Some(decision) => self.unit_of_decision(record.person, decision).await?,
            None => None,
        };
        let own = actor.unit.to_string();
        if owner.is_some_and(|owner| *owner.unit == *own) || first.is_some_and(|unit| *unit == *own) {
            return Err(Refusal::SameUnit.into());
        }
        let told = Reason::of(&format!("{outcome:?}"));
        self.log_deed(actor, Action::DecideAppeals, purpose, Some(record.person), told, wall).await?;
        let by = Some((actor.unit, actor.account));
        self.conclude(&record, outcome, &reason, by).await
    }

    /// Reads appeals and decisions from the log, for the lists of officers.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_appeals(&self) -> Result<(), AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().watermark("appeal").await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let kinds = [FactKind::Appeal, FactKind::AppealDecision];
            let facts = self.store().load_kinds_among(from, to, &kinds).await?;
            let (mut filed, mut decided) = (Vec::new(), Vec::new());
            for stored in facts {
                let at = stored.fact.recorded_at;
                match (&stored.fact.body, stored.fact.person) {
                    (FactBody::Appeal(appeal), Some(person)) => {
                        let clocks = self.clocks().of(&appeal.rule);
                        let clock = match appeal.against {
                            Some(_) => &clocks.second_instance,
                            None if self.was_red(person, &appeal.rule, at).await? => &clocks.decided_red,
                            None => &clocks.decided,
                        };
                        filed.push(AppealRecord {
                            fact: stored.fact.id,
                            person,
                            division: stored.division,
                            rule: appeal.rule.to_string(),
                            opened_by: appeal.opened_by,
                            against: appeal.against,
                            filed_at: at,
                            deadline_at: at.plus_minutes(clock.minutes),
                            outcome: 0,
                            decided_at: None,
                            decision: None,
                            unit: String::new(),
                        });
                    }
                    (FactBody::AppealDecision(decision), Some(_)) => {
                        let outcome = match decision.outcome {
                            AppealOutcome::Upheld => 1,
                            AppealOutcome::Rejected => 2,
                            AppealOutcome::Lapsed => 3,
                        };
                        let unit = decision.unit.as_deref().unwrap_or_default().to_owned();
                        decided.push((decision.of, outcome, at, stored.fact.id, unit));
                    }
                    _ => {}
                }
            }
            self.store().save_appeals(&filed, &decided, to).await?;
            from = to;
        }
        Ok(())
    }

    /// Ends the measures of appeals that nobody decided in time, where the rules allow it: not red, and without an
    /// exposure that was told in an interview. The others stay open and late. How many lapsed.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn lapse_appeals(&self) -> Result<u64, AppError> {
        self.follow_appeals().await?;
        let now = self.now();
        let mut lapsed = 0;
        for record in self.store().late_appeals(now, LAPSED_MAX).await? {
            let explained = self.explain(record.person, now, now).await?;
            let own = own_facts(&explained, &record.rule, &self.rules().timeline);
            if own.is_empty() || !may_lapse(&explained, &record.rule, &self.rules().timeline) {
                continue;
            }
            let reason =
                "无人在时限内作出决定,依规则视为申诉成立。 Nobody decided in time; by the rules the appeal stands.";
            self.conclude(&record, AppealOutcome::Lapsed, reason, None).await?;
            lapsed += 1;
        }
        Ok(lapsed)
    }

    async fn conclude(
        &self,
        record: &AppealRecord,
        outcome: AppealOutcome,
        reason: &str,
        by: Option<(Uuid, Uuid)>,
    ) -> Result<(), AppError> {
        let now = self.now();
        let explained = self.explain(record.person, now, now).await?;
        let own = own_facts(&explained, &record.rule, &self.rules().timeline);
        if outcome == AppealOutcome::Upheld && own.is_empty() {
            // A diagnosis is answered by clinicians, with a dated fact of that patient.
            return Err(Refusal::field("outcome", "appeal-case").into());
        }
        let decision = AppealDecision {
            of: record.fact,
            outcome,
            reason: reason.into(),
            unit: by.map(|(unit, _)| unit.to_string().into()),
            officer: by.map(|(_, account)| account.to_string().into()),
        };
        let addition = |person, body: FactBody, key: String| Addition {
            person,
            division: record.division,
            happened: Happened::at(now),
            body,
            key,
            channel: if by.is_some() { Channel::Page } else { Channel::System },
        };
        // One commit: the decision and what it takes back.
        let mut additions = vec![addition(Some(record.person), decision.into(), format!("decision/{}", record.fact))];
        if outcome != AppealOutcome::Rejected {
            additions.extend(own.into_iter().map(|of| {
                let body = Correction {
                    of,
                    retract: true,
                    reason: Some(format!("appeal {}", record.fact).into()),
                    person: None,
                    happened: None,
                    body: None,
                };
                addition(None, body.into(), format!("decision/{}/{of}", record.fact))
            }));
        }
        let pen = match by {
            Some((_, account)) => self.pen_of(account).await?,
            None => self.own_pen(),
        };
        let receipts = self.append_all_by(&pen, "appeals", additions).await?;
        if matches!(receipts.first(), Some(sizao_store::Receipt::Conflict { .. })) {
            return Err(Refusal::Changed.into());
        }
        self.follow_appeals().await?;
        self.follow_loops().await?;
        Ok(())
    }

    /// Whether a measure was red when an appeal against it was filed: whoever is shut in is answered sooner.
    async fn was_red(&self, person: PersonId, rule: &str, filed_at: Instant) -> Result<bool, AppError> {
        let assessment = self.assess(person, filed_at, filed_at).await?.assessment;
        let mut of_it =
            assessment.measures.iter().filter(|measure| measure.rule() == rule && measure.is_active(filed_at));
        Ok(of_it.any(|measure| measure.kind().strictness() > LAPSES_UP_TO))
    }

    async fn unit_of_decision(&self, person: PersonId, decision: FactId) -> Result<Option<Box<str>>, AppError> {
        let found = self.store().load_fact(decision).await?;
        Ok(found.filter(|stored| stored.fact.person == Some(person)).and_then(|stored| match stored.fact.body {
            FactBody::AppealDecision(decision) => decision.unit,
            _ => None,
        }))
    }

    async fn lines_of(&self, records: Vec<AppealRecord>) -> Result<Vec<AppealLine>, AppError> {
        let mut ids: Vec<FactId> = records.iter().map(|record| record.fact).collect();
        ids.extend(records.iter().filter_map(|record| record.decision));
        let facts = self.store().load_facts(&ids).await?;
        let body = |id: FactId| facts.iter().find(|stored| stored.fact.id == id).map(|stored| &stored.fact.body);
        let line = |record: AppealRecord| AppealLine {
            number: number(record.person),
            words: match body(record.fact) {
                Some(FactBody::Appeal(appeal)) => appeal.words.to_string(),
                _ => String::new(),
            },
            reason: record.decision.and_then(|id| match body(id) {
                Some(FactBody::AppealDecision(decision)) => Some(decision.reason.to_string()),
                _ => None,
            }),
            record,
        };
        Ok(records.into_iter().map(line).collect())
    }
}

impl App {
    /// The evidence of a measure that a home city may take back, with where each was filed: exposures, stays and arrivals
    /// of that person. After silence alone, only where nothing red and no interview rests on it.
    pub(crate) async fn evidence_to_take_back(
        &self,
        person: PersonId,
        rule: &str,
        after_silence: bool,
    ) -> Result<Vec<(FactId, DivisionCode)>, AppError> {
        let now = self.now();
        let explained = self.explain(person, now, now).await?;
        let packs = &self.rules().timeline;
        if after_silence && !may_lapse(&explained, rule, packs) {
            return Ok(Vec::new());
        }
        let own = own_facts(&explained, rule, packs);
        let stored = self.store().load_facts(&own).await?;
        Ok(stored.into_iter().map(|stored| (stored.fact.id, stored.division)).collect())
    }
}

/// The person's own facts on which the appealed measure rests and that an appeal may take back: exposures, stays and
/// arrivals; no diagnosis, and nothing about anybody else.
fn own_facts(explained: &Explained, rule: &str, packs: &PackTimeline) -> Vec<FactId> {
    let of_it = |measure: &&Measure| packs.is_same_rule(measure.rule(), rule);
    let measures = explained.assessment.measures.iter().filter(of_it);
    let because: Vec<FactId> = measures.flat_map(|measure| measure.because().to_vec()).collect();
    let may_go = |kind| matches!(kind, FactKind::Exposure | FactKind::Stay | FactKind::Arrival);
    let own = explained.facts.iter().filter(|fact| may_go(fact.body.kind()) && because.contains(&fact.id));
    own.map(|fact| fact.id).collect()
}

/// Whether silence ends it: nothing red, and no exposure that was told in an interview.
fn may_lapse(explained: &Explained, rule: &str, packs: &PackTimeline) -> bool {
    let of_rule = |measure: &&Measure| packs.is_same_rule(measure.rule(), rule);
    let of_it = || explained.assessment.measures.iter().filter(of_rule);
    let is_mild = of_it().all(|measure| MeasureKind::strictness(measure.kind()) <= LAPSES_UP_TO);
    let told = explained.facts.iter().any(|fact| {
        of_it().any(|measure| measure.because().contains(&fact.id))
            && matches!(&fact.body, FactBody::Exposure(exposure) if exposure.evidence == EvidenceKind::Interview)
    });
    is_mild && !told
}
