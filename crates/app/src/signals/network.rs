//! From reports to signals: daily sums of every site, all detectors, one signal for each happening.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sizao_epi::{
    EpiError,
    day_effects::HolidayCalendar,
    signals::{
        Network, NetworkSeries, NetworkSite, RankedSignal, RankingSettings, ScoreSettings, cut_for_budget,
        find_happenings, rank_signals, score_network,
    },
};
use sizao_model::{CivilDay, DivisionCode, division::DivisionLevel, fact::SentinelKind};
use sizao_store::{DailyCount, InstitutionRecord, SignalRecord, SignalStep};
use uuid::Uuid;

use super::{ANSWER_MINUTES, date_of};
use crate::{App, AppError, accounts::NowV7, sentinels::kind_code};

/// What detectors look at: the word of each series.
pub const SOURCES: [&str; 7] = ["fever", "antipyretic", "cough", "antiviral", "antibiotic", "antigen", "absence"];

/// Days of history that detectors learn from, at most.
const HISTORY_DAYS: i32 = 1_095;
/// False alarms allowed for each county and week; the cut is learned from the past.
const BUDGET: f64 = 0.1;
/// Quiet days after which a happening is over.
const QUIET_DAYS: usize = 2;
/// Happenings that touched one of so many last days become signals.
const LAST_DAYS: usize = 7;

/// A series behind a signal, as the table keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalReason {
    /// A word of [`SOURCES`].
    pub source: String,
    /// The site; none: all sites of the county.
    pub site: Option<Uuid>,
    /// Name of the site.
    pub name: Option<String>,
    /// The detector that speaks loudest.
    pub detector: String,
    /// Its -ln p.
    pub evidence: f64,
    /// Persons above those expected in seven days.
    pub excess: f64,
}

/// The places of series to which a sum of reports belongs: a sale of two kinds of drugs counts for both.
pub(super) fn sources_of(kind: i64, drugs: i64) -> impl Iterator<Item = usize> {
    let of = |wanted| kind == kind_code(wanted);
    let drugs = if of(SentinelKind::DrugSale) { drugs } else { 0 };
    let single = [
        (of(SentinelKind::Fever), 0),
        (drugs & 1 != 0, 1),
        (drugs & 2 != 0, 2),
        (drugs & 4 != 0, 3),
        (drugs & 8 != 0, 4),
        (of(SentinelKind::AntigenPositive), 5),
        (of(SentinelKind::Absence), 6),
    ];
    single.into_iter().filter_map(|(is_it, place)| is_it.then_some(place))
}

impl App {
    /// Looks at the reports up to yesterday and raises signals, or lets those that are there grow; how many are open.
    ///
    /// One for each happening: days of a county close together are one, whatever the source or the site that raised them.
    /// Fewer than nine weeks of reports give none.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn refresh_signals(&self) -> Result<usize, AppError> {
        let now = self.now();
        let yesterday = now.day().plus_days(-1);
        let from = yesterday.plus_days(1 - HISTORY_DAYS);
        let institutions = self.store().list_institutions(None, 100_000).await?;
        let counts = self.store().daily_counts(None, from).await?;
        let Some(network) = build(&institutions, &counts, from, yesterday) else { return Ok(0) };
        let found = tokio::task::block_in_place(|| detect(&network.network));
        let ranked = match found {
            Ok(ranked) => ranked,
            Err(EpiError::SeriesTooShort { .. }) => return Ok(0),
            Err(error) => {
                tracing::error!(%error, "The detectors gave no answer");
                return Err(AppError::Stopped("the detectors gave no answer"));
            }
        };
        for signal in &ranked {
            self.raise(&network, signal).await?;
        }
        Ok(ranked.len())
    }

    async fn raise(&self, network: &Sites, ranked: &RankedSignal) -> Result<(), AppError> {
        let day = |place: usize| network.first.plus_days(place as i32);
        let (first_on, last_on) = (day(ranked.happening.first), day(ranked.happening.last));
        let county = network.counties[ranked.happening.county];
        let reach = QUIET_DAYS as i32 + 1;
        let before = self.store().list_signals(county, first_on.plus_days(-reach), 50).await?;
        let same = before.into_iter().find(|signal| signal.first_on <= last_on.plus_days(reach));
        if same.as_ref().is_some_and(|signal| signal.closed_at.is_some() || signal.last_on == last_on) {
            return Ok(());
        }
        let now = self.now();
        let reasons: Vec<SignalReason> =
            ranked.contributions.iter().filter(|one| one.excess > 0.5).map(|one| network.reason(one)).collect();
        let loudest = reasons.first();
        let milli = |value: f64| (value * 1_000.0).round().clamp(-1e15, 1e15) as i64;
        let signal = SignalRecord {
            id: same.as_ref().map_or_else(|| Uuid::now_v7_at(now), |signal| signal.id),
            division: county,
            institution: loudest.and_then(|reason| reason.site),
            first_on: same.as_ref().map_or(first_on, |signal| signal.first_on.min(first_on)),
            last_on,
            peak_on: day(ranked.happening.peak),
            score: milli(ranked.happening.score.into()),
            probability: milli(ranked.probability * 1_000.0),
            excess: milli(ranked.excess),
            benefit: milli(ranked.benefit),
            detector: loudest.map_or(String::new(), |reason| reason.detector.clone()),
            reasons: serde_json::to_string(&reasons).map_err(|_| AppError::Stopped("reasons cannot be written"))?,
            opened_at: same.as_ref().map_or(now, |signal| signal.opened_at),
            due_at: same.as_ref().map_or_else(|| now.plus_minutes(ANSWER_MINUTES), |signal| signal.due_at),
            answered_at: None,
            escalated_at: None,
            closed_at: None,
            outcome: None,
        };
        let (step, word) = (if same.is_some() { "grown" } else { "opened" }.to_owned(), last_on.to_string());
        let step = SignalStep { signal: signal.id, at: now, account: None, step, word, told: String::new() };
        Ok(self.store().save_signal(&signal, Some(&step)).await?)
    }
}

/// A network with what its places stand for.
pub(super) struct Sites {
    pub(super) network: Network,
    pub(super) counties: Vec<DivisionCode>,
    ids: Vec<Uuid>,
    pub(super) first: CivilDay,
}

impl Sites {
    fn reason(&self, one: &sizao_epi::signals::Contribution) -> SignalReason {
        SignalReason {
            source: SOURCES[one.source].to_owned(),
            site: one.site.map(|site| self.ids[site]),
            name: one.site.map(|site| self.network.sites[site].name.clone()),
            detector: one.detector.name().to_owned(),
            evidence: f64::from(one.evidence),
            excess: one.excess,
        }
    }
}

/// Daily sums as a network; days before the first report of anybody are left out.
pub(super) fn build(
    institutions: &[InstitutionRecord],
    counts: &[DailyCount],
    from: CivilDay,
    to: CivilDay,
) -> Option<Sites> {
    let first = counts.iter().map(|count| count.on_day).min()?.max(from);
    let days = to.days_since(first) + 1;
    if days <= 0 {
        return None;
    }
    let mut counties: Vec<DivisionCode> = Vec::new();
    let (mut sites, mut ids) = (Vec::new(), Vec::new());
    let mut place_of: HashMap<Uuid, usize> = HashMap::new();
    for institution in institutions {
        let code = institution.division.at(DivisionLevel::County).unwrap_or(institution.division);
        let county = counties.iter().position(|one| *one == code).unwrap_or_else(|| {
            counties.push(code);
            counties.len() - 1
        });
        place_of.insert(institution.id, sites.len());
        sites.push(NetworkSite { name: institution.name.clone(), county });
        ids.push(institution.id);
    }
    let mut series: HashMap<(usize, usize), Vec<f64>> = HashMap::new();
    for count in counts {
        let (Some(site), day) = (place_of.get(&count.institution), count.on_day.days_since(first)) else { continue };
        if (0..days).contains(&day) {
            for source in sources_of(count.kind, count.drugs) {
                let cells = series.entry((*site, source)).or_insert_with(|| vec![0.0; days as usize]);
                cells[day as usize] += count.count as f64;
            }
        }
    }
    let mut series: Vec<NetworkSeries> =
        series.into_iter().map(|((site, source), counts)| NetworkSeries { site, source, counts }).collect();
    series.sort_by_key(|one| (one.site, one.source));
    let dates = (0..days).map(|n| date_of(first.plus_days(n))).collect();
    let network = Network {
        dates,
        counties: counties.iter().map(ToString::to_string).collect(),
        sources: SOURCES.map(str::to_owned).into(),
        sites,
        series,
    };
    (!network.series.is_empty()).then_some(Sites { network, counties, ids, first })
}

fn detect(network: &Network) -> Result<Vec<RankedSignal>, EpiError> {
    let settings = ScoreSettings {
        calendar: HolidayCalendar::china(),
        learn_from: 0..network.dates.len(),
        quiet_days: QUIET_DAYS,
        threads: 0,
    };
    let (scores, learned) = score_network(network, &settings)?;
    let days = network.dates.len() - scores.first_day;
    let cut = cut_for_budget(&scores.joined, BUDGET, QUIET_DAYS, 0..days)?;
    let mut happenings = find_happenings(&scores.joined, cut, QUIET_DAYS, 0..days);
    happenings.retain(|happening| happening.last + LAST_DAYS >= days);
    rank_signals(network, &scores, &learned, &happenings, &settings, &RankingSettings::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_of_two_kinds_counts_for_both_and_a_fever_for_itself() {
        let places = |kind, drugs| sources_of(kind_code(kind), drugs).collect::<Vec<_>>();
        assert_eq!(places(SentinelKind::DrugSale, 0b0101), [1, 3]);
        assert_eq!(places(SentinelKind::Fever, 0b1111), [0]);
        assert!(places(SentinelKind::Zero, 0).is_empty());
        assert_eq!(places(SentinelKind::Absence, 0), [6]);
    }
}
