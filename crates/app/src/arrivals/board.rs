//! The board of arrivals, one arrival with its signals, the answers of those who asked, and how good each channel is.

use std::collections::{BTreeMap, HashMap};

use sizao_model::{
    DivisionCode, FactBody, FactId, Happened, Instant, PersonId,
    fact::{Arrival, Confirmation, ConfirmedBy, Correction, EvidenceGrade, EvidenceKind, LinkBasis},
};
use sizao_presence::SignalKind;
use sizao_store::{ArrivalQuery, Channel, ChannelOutcome};
use uuid::Uuid;

use super::{ArrivalClass, ArrivalFilter, ArrivalRecord, STATES};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    loops::Addition,
    mandates::Collection,
    people::number,
    refusal::Refusal,
};

/// Rows on a page.
pub const PAGE: u32 = 50;
/// Units of a province.
const UNITS_MAX: u32 = 50_000;

/// What a unit has.
#[derive(Clone, Debug, Default)]
pub struct OwnerLine {
    /// Its id; none: nobody's.
    pub unit: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// Known within 24 hours, with class, with owner, overdue, to be asked.
    pub counts: [u64; 5],
}

impl OwnerLine {
    /// Whether anything is overdue.
    pub const fn is_late(&self) -> bool {
        self.counts[3] > 0
    }
}

/// From the first signal to class and owner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Arrivals known within 24 hours that have both.
    pub count: usize,
    /// Median; minutes.
    pub median_min: f64,
    /// The longest; minutes.
    pub longest_min: f64,
}

/// A row.
#[derive(Clone, Debug)]
pub struct ArrivalLine {
    /// The arrival.
    pub record: ArrivalRecord,
    /// Number to speak of the person by.
    pub number: String,
    /// Family name and stars.
    pub name: Option<String>,
    /// The class.
    pub class: Option<ArrivalClass>,
    /// Words of the kinds of signals.
    pub channels: Vec<&'static str>,
    /// Name of the unit.
    pub owner: Option<String>,
    /// Name of the person there.
    pub officer: Option<String>,
}

/// The board.
#[derive(Clone, Debug)]
pub struct ArrivalBoard {
    /// How many each filter has, in the order of [`ArrivalFilter::ALL`].
    pub counts: Vec<(ArrivalFilter, u64)>,
    /// By owner, the most overdue first.
    pub owners: Vec<OwnerLine>,
    /// The rows of the filter chosen.
    pub lines: Vec<ArrivalLine>,
    /// How many it has in all.
    pub total: u64,
    /// From signal to class and owner.
    pub latency: Latency,
    /// When it was read.
    pub at: Instant,
    /// What it was limited to.
    pub within: DivisionCode,
}

/// A signal of an arrival.
#[derive(Clone, Debug)]
pub struct Signal {
    /// The fact.
    pub fact: FactId,
    /// Which kind.
    pub kind: SignalKind,
    /// Whether it counts.
    pub is_evidence: bool,
    /// Taken back, or nobody came.
    pub closed: bool,
    /// When the person arrived by it.
    pub arrived_at: Instant,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// Where from.
    pub from: String,
    /// Where to.
    pub into: DivisionCode,
    /// Of which record.
    pub number: String,
    /// Of a question of the fence: how probable, in thousandths, and why, in Chinese and English.
    pub why: Option<(i64, [String; 2])>,
}

/// Another record of the same person, and why a program thinks so.
#[derive(Clone, Debug)]
pub struct SameRecord {
    /// The link.
    pub link: FactId,
    /// The two records.
    pub pair: [String; 2],
    /// Words of the reasons.
    pub reasons: Vec<String>,
    /// A guess; otherwise by document or by the person.
    pub is_guess: bool,
}

/// One arrival.
#[derive(Clone, Debug)]
pub struct ArrivalView {
    /// Its row.
    pub line: ArrivalLine,
    /// The word of the state.
    pub state: &'static str,
    /// Its signals.
    pub signals: Vec<Signal>,
    /// The records it was put together from.
    pub records: Vec<SameRecord>,
    /// When it was read.
    pub at: Instant,
}

/// How good a channel is, measured by what came of it (灵敏度、精准度).
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelQuality {
    /// `channel`, `class` or `area`: by what it is counted.
    pub by: &'static str,
    /// Word of the channel.
    pub channel: &'static str,
    /// Word of the class, or code of the county; empty for the channel in all.
    pub of: String,
    /// Arrivals that are certain.
    pub certain: u64,
    /// Of these, seen by this channel.
    pub seen: u64,
    /// Seen by this channel and answered: certain or refuted.
    pub answered: u64,
    /// Of these, certain.
    pub upheld: u64,
    /// Seen by this channel and not answered yet.
    pub open: u64,
}

impl ChannelQuality {
    /// Share of the certain arrivals that the channel saw; none without any.
    pub fn sensitivity(&self) -> Option<f64> {
        (self.certain > 0).then(|| self.seen as f64 / self.certain as f64)
    }

    /// Share of what the channel said that was so; none without any answer.
    pub fn precision(&self) -> Option<f64> {
        (self.answered > 0).then(|| self.upheld as f64 / self.answered as f64)
    }
}

impl App {
    /// The board of arrivals of the actor's division, or of one under it.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn arrival_board(
        &self,
        actor: &Actor,
        filter: ArrivalFilter,
        of: Option<DivisionCode>,
        unit: Option<Uuid>,
        page: u32,
        wall: Instant,
    ) -> Result<ArrivalBoard, AppError> {
        let purpose = usual_purpose(actor, Action::ViewArrivals)?;
        let scope = Scope::of(actor, Action::ViewArrivals, purpose)?;
        let within = of.map_or(Ok(scope), |division| scope.narrowed(division))?.division();
        let now = self.now();
        let query = |filter, unit| ArrivalQuery { within, filter, unit, now };
        let mut counts = Vec::with_capacity(ArrivalFilter::ALL.len());
        for filter in ArrivalFilter::ALL {
            counts.push((filter, self.store().count_arrivals(query(filter, None)).await?));
        }
        let names = self.names_of_owners(within).await?;
        let figures = self.store().arrival_figures(within, now).await?;
        let mut owners: Vec<OwnerLine> = figures
            .into_iter()
            .map(|row| OwnerLine {
                unit: row.unit,
                name: row.unit.and_then(|unit| names.get(&unit).cloned()).unwrap_or_default(),
                counts: [row.known, row.classed, row.owned, row.overdue, row.to_confirm],
            })
            .filter(|line| line.counts != [0; 5])
            .collect();
        owners.sort_by_key(|line| std::cmp::Reverse((line.counts[3], line.counts[4], line.counts[0])));
        let total = self.store().count_arrivals(query(filter, unit)).await?;
        let records = self.store().list_arrivals(query(filter, unit), page * PAGE, PAGE).await?;
        let told = Reason::of(&format!("{} arrivals", records.len()));
        self.log_deed(actor, Action::ViewArrivals, purpose, None, told, wall).await?;
        let lines = self.arrival_lines(records, &names).await?;
        let latency = latency(&self.store().list_arrivals(query(ArrivalFilter::Owned, None), 0, 10_000).await?);
        Ok(ArrivalBoard { counts, owners, lines, total, latency, at: now, within })
    }

    /// One arrival with its signals and the records it was put together from.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn view_arrival(&self, actor: &Actor, id: FactId, wall: Instant) -> Result<ArrivalView, AppError> {
        let purpose = usual_purpose(actor, Action::ViewArrivals)?;
        let record = self.arrival_seen(actor, Action::ViewArrivals, id).await?;
        self.log_deed(actor, Action::ViewArrivals, purpose, Some(record.person), Reason::NONE, wall).await?;
        let clusters = self.clusters(&[record.person]).await?;
        let cluster = clusters.into_iter().find(|cluster| cluster.people.contains(&record.person)).unwrap_or_default();
        let near = |at: Instant| (at.as_micros() - record.arrived_at.as_micros()).abs() < 4 * 86_400_000_000;
        let mut signals: Vec<Signal> = cluster
            .signals
            .iter()
            .filter(|signal| near(signal.arrived.0) || near(signal.arrived.1))
            .map(|signal| Signal {
                fact: signal.fact,
                kind: signal.kind,
                is_evidence: signal.kind != SignalKind::Announced && signal.grade == EvidenceGrade::Evidence,
                closed: signal.closed,
                arrived_at: signal.arrived.0,
                recorded_at: signal.recorded_at,
                from: signal.from.to_string(),
                into: signal.into,
                number: cluster.of.get(&signal.fact).map_or(String::new(), |(person, _)| number(*person)),
                why: None,
            })
            .collect();
        let asked: Vec<FactId> = signals.iter().map(|signal| signal.fact).collect();
        for (fact, per_mille, zh, en) in self.store().fence_questions(&asked).await? {
            if let Some(signal) = signals.iter_mut().find(|signal| signal.fact == fact) {
                signal.why = Some((per_mille, [zh, en]));
            }
        }
        signals.sort_by_key(|signal| signal.recorded_at);
        let records = cluster
            .links
            .iter()
            .map(|link| SameRecord {
                link: link.fact,
                pair: link.pair.map(number),
                reasons: link.reasons.iter().map(|reason| reason.to_string()).collect(),
                is_guess: link.basis == LinkBasis::Automatic,
            })
            .collect();
        let names = self.names_of_owners(record.division).await?;
        let state = STATES.get(record.state as usize).copied().unwrap_or("expected");
        let line = self.arrival_lines(vec![record], &names).await?.pop().ok_or(Refusal::NotFound)?;
        Ok(ArrivalView { line, state, signals, records, at: self.now() })
    }

    /// What came of asking: `here`, `transit`, or `not-here`. Here: leads are confirmed by the person, and the person's word to
    /// whoever asked is an arrival of its own where only the fence spoke. Not here: the signals are taken back.
    ///
    /// - `from`: where the person came from, where no signal says so.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn answer_arrival(
        &self,
        actor: &Actor,
        id: FactId,
        answer: &str,
        from: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::AnswerArrivals)?;
        let record = self.arrival_seen(actor, Action::AnswerArrivals, id).await?;
        self.require_mandate(Collection::Movement, record.division).await?;
        self.log_deed(actor, Action::AnswerArrivals, purpose, Some(record.person), Reason::of(answer), wall).await?;
        let clusters = self.clusters(&[record.person]).await?;
        let cluster = clusters.into_iter().find(|cluster| cluster.people.contains(&record.person)).unwrap_or_default();
        let hours = |at: Instant| (at.as_micros() - record.arrived_at.as_micros()).abs() / 3_600_000_000;
        let its = cluster.signals.iter().filter(|signal| {
            signal.kind != SignalKind::Announced
                && !signal.closed
                && hours(signal.arrived.0).min(hours(signal.arrived.1)) <= 36
        });
        let its: Vec<_> = its.collect();
        let (now, mut additions) = (self.now(), Vec::new());
        let mut add = |person, at, body: FactBody, key| {
            let (division, channel) = (record.division, Channel::Page);
            additions.push(Addition { person, division, happened: Happened::at(at), body, key, channel });
        };
        match answer {
            "here" | "transit" => {
                let transit = answer == "transit";
                let counts = BTreeMap::from([("confirmation", its.len().max(1) as u64)]);
                self.count_restricting(actor, &counts, wall).await?;
                // Of one record alone: that others are the same person's is a guess, and a guess opens nothing.
                let whose = |fact: &FactId| cluster.of.get(fact).map_or(record.person, |(person, _)| *person);
                let leads = || its.iter().filter(|signal| signal.grade == EvidenceGrade::Lead);
                let asked =
                    leads().map(|lead| whose(&lead.fact)).min_by_key(|person| (*person != record.person, *person));
                for lead in leads().filter(|lead| !transit && Some(whose(&lead.fact)) == asked) {
                    let body = Confirmation { of: lead.fact, by: ConfirmedBy::Person };
                    add(None, now, body.into(), format!("answer/{}", lead.fact));
                }
                if its.iter().all(|signal| signal.grade != EvidenceGrade::Lead) || transit {
                    let known = its.iter().map(|signal| &signal.from).find(|from| !from.is_empty());
                    let told = (from == "abroad" || DivisionCode::parse(from).is_ok()).then(|| from.into());
                    let from = told.or(known.cloned()).ok_or(Refusal::field("from", "choose"))?;
                    let body = Arrival {
                        from,
                        into: record.division.to_string().into(),
                        evidence: EvidenceKind::Declared,
                        transit,
                        leaves_at: None,
                    };
                    add(Some(record.person), record.arrived_at.min(now), body.into(), format!("answer/{id}/{answer}"));
                }
            }
            "not-here" => {
                for signal in its.iter().filter(|signal| signal.grade != EvidenceGrade::Evidence) {
                    let body = Correction {
                        of: signal.fact,
                        retract: true,
                        reason: Some("not here, by whoever asked".into()),
                        person: None,
                        happened: None,
                        body: None,
                    };
                    add(None, now, body.into(), format!("not-here/{}", signal.fact));
                }
            }
            _ => return Err(Refusal::field("answer", "choose").into()),
        }
        self.append_all("arrivals", additions).await?;
        self.follow_arrivals().await?;
        Ok(())
    }

    /// Sensitivity and precision of each channel over 14 days: in all, by class, by county.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn channel_quality(&self, actor: &Actor) -> Result<Vec<ChannelQuality>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewArrivals)?;
        let within = Scope::of(actor, Action::ViewArrivals, purpose)?.division();
        Ok(quality(&self.store().channel_outcomes(within, self.now()).await?))
    }

    async fn arrival_seen(&self, actor: &Actor, action: Action, id: FactId) -> Result<ArrivalRecord, AppError> {
        let purpose = usual_purpose(actor, action)?;
        let scope = Scope::of(actor, action, purpose)?;
        let record = self.store().load_arrival(id).await?.ok_or(Refusal::NotFound)?;
        scope.narrowed(record.division)?;
        Ok(record)
    }

    async fn names_of_owners(&self, within: DivisionCode) -> Result<HashMap<Uuid, String>, AppError> {
        use sizao_model::division::DivisionLevel::Province;
        let province = within.at(Province).unwrap_or(within);
        let mut names = crate::loops::unit_names(self.store().list_units(province, UNITS_MAX).await?);
        let accounts = self.store().list_accounts(within, UNITS_MAX).await?;
        names.extend(accounts.into_iter().map(|account| (account.id, account.name)));
        Ok(names)
    }

    async fn arrival_lines(
        &self,
        records: Vec<ArrivalRecord>,
        names: &HashMap<Uuid, String>,
    ) -> Result<Vec<ArrivalLine>, AppError> {
        let people: Vec<PersonId> = records.iter().map(|record| record.person).collect();
        let details = self.store().reveal_details(&people).await?;
        let protected = self.store().protected_among(&people).await?;
        let line = |record: ArrivalRecord| {
            let name = details.get(&record.person).and_then(|details| details.full_name.as_deref());
            ArrivalLine {
                number: number(record.person),
                name: name.filter(|_| !protected.contains(&record.person)).map(sizao_model::identity::mask_name),
                class: ArrivalClass::of_code(record.class),
                channels: words_of(record.channels),
                owner: record.unit.and_then(|unit| names.get(&unit).cloned()),
                officer: record.officer.and_then(|officer| names.get(&officer).cloned()),
                record,
            }
        };
        Ok(records.into_iter().map(line).collect())
    }
}

/// The words of the kinds of signals in a set of bits.
fn words_of(bits: i64) -> Vec<&'static str> {
    SignalKind::ALL.into_iter().filter(|kind| bits & kind.bit() != 0).map(SignalKind::name).collect()
}

fn latency(records: &[ArrivalRecord]) -> Latency {
    let minutes = |record: &ArrivalRecord| {
        let done = record.classed_at?.max(record.owned_at?);
        Some((done.as_micros() - record.known_at?.as_micros()).max(0) as f64 / 60e6)
    };
    let mut all: Vec<f64> = records.iter().filter_map(minutes).collect();
    all.sort_by(f64::total_cmp);
    let at = |index: usize| all.get(index).copied().unwrap_or_default();
    Latency { count: all.len(), median_min: at(all.len() / 2), longest_min: all.last().copied().unwrap_or_default() }
}

/// Counts outcomes by channel, and by channel with class and with county.
pub(super) fn quality(outcomes: &[ChannelOutcome]) -> Vec<ChannelQuality> {
    let mut rows: BTreeMap<(&'static str, SignalKind, String), ChannelQuality> = BTreeMap::new();
    for outcome in outcomes {
        let class = ArrivalClass::of_code(outcome.class).map_or("", ArrivalClass::name).to_owned();
        for kind in SignalKind::ALL {
            let saw = outcome.channels & kind.bit() != 0;
            for (by, of) in
                [("channel", String::new()), ("class", class.clone()), ("area", outcome.division.to_string())]
            {
                let row = rows.entry((by, kind, of.clone())).or_insert_with(|| ChannelQuality {
                    by,
                    channel: kind.name(),
                    of,
                    certain: 0,
                    seen: 0,
                    answered: 0,
                    upheld: 0,
                    open: 0,
                });
                let is_certain = outcome.state == 2;
                row.certain += outcome.count * u64::from(is_certain);
                row.seen += outcome.count * u64::from(is_certain && saw);
                row.answered += outcome.count * u64::from(saw && outcome.state != 1);
                row.upheld += outcome.count * u64::from(saw && is_certain);
                row.open += outcome.count * u64::from(saw && outcome.state == 1);
            }
        }
    }
    rows.into_values().filter(|row| row.seen + row.answered + row.open > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitivity_and_precision_of_a_channel_are_those_worked_out_by_hand() {
        let fence = SignalKind::Fence.bit();
        let ticket = SignalKind::Ticket.bit();
        let of = |channels, state, count| ChannelOutcome {
            channels,
            class: ArrivalClass::Tests.code(),
            division: DivisionCode::parse("410105").unwrap(),
            state,
            count,
        };
        // 100 certain arrivals, 80 of them seen by the fence, 30 by tickets; 5 questions refuted, 7 not answered yet.
        let rows = quality(&[
            of(fence, 2, 70),
            of(fence | ticket, 2, 10),
            of(ticket, 2, 20),
            of(fence, 4, 5),
            of(fence, 1, 7),
        ]);
        let row = rows.iter().find(|row| row.by == "channel" && row.channel == "fence").unwrap();
        assert_eq!((row.sensitivity(), row.open), (Some(0.8), 7));
        assert_eq!(row.precision(), Some(80.0 / 85.0));
        let row = rows.iter().find(|row| row.by == "area" && row.channel == "ticket").unwrap();
        assert_eq!((row.sensitivity(), row.precision()), (Some(0.3), Some(1.0)));
    }
}
