//! Which detector a history is long enough for, in words that a person can act on.

use crate::ears::{EarsMethod, EarsSettings};
use crate::farrington::FarringtonSettings;

/// A detector with settings that fit the history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Detector {
    /// Farrington's flexible algorithm.
    Farrington(FarringtonSettings),
    /// An EARS chart.
    Ears(EarsSettings),
}

/// What a history allows.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorChoice {
    /// The best detector; `None` where the history is too short for any.
    pub detector: Option<Detector>,
    /// Periods of history, the judged one included, from which a better one can be used; `None` for the best.
    pub periods_for_better: Option<usize>,
    /// What is used and what more it takes.
    pub words_en: String,
    /// The same in Chinese.
    pub words_zh: String,
}

/// One step of the ladder: a detector, the periods it needs (the judged one included), and its names.
struct Rung {
    need: usize,
    detector: Detector,
    name_en: &'static str,
    name_zh: &'static str,
}

/// Chooses the best detector for a history of `periods` periods, the judged one included.
///
/// From the top: Farrington with five, four and three years (trend and season), with two and one years (season only, half
/// of the gap left out), then EARS C2 and C1 with a baseline of seven periods.
///
/// - `periods_per_year`: 52 for weeks, 12 for months, 365 for days.
///
/// # Source
/// The lengths are those of the methods: see [`crate::farrington`] and [`crate::ears`].
pub fn choose_detector(periods: usize, periods_per_year: usize) -> DetectorChoice {
    let ladder = ladder(periods_per_year);
    let place = ladder.iter().position(|rung| periods >= rung.need);
    let better = match place {
        Some(0) => None,
        Some(place) => Some(&ladder[place - 1]),
        None => ladder.last(),
    };
    let used = place.map(|place| &ladder[place]);
    DetectorChoice {
        detector: used.map(|rung| rung.detector),
        periods_for_better: better.map(|rung| rung.need),
        words_en: words_en(periods, used, better),
        words_zh: words_zh(periods, used, better),
    }
}

fn ladder(periods_per_year: usize) -> Vec<Rung> {
    let half_window = if periods_per_year <= 12 { 1 } else { 3 };
    let mut ladder: Vec<Rung> = (1..=5)
        .rev()
        .map(|years_back| {
            let settings = FarringtonSettings {
                years_back,
                half_window,
                trend: years_back >= 3,
                seasonal_levels: if periods_per_year <= 12 { 5 } else { 10 },
                periods_excluded: (periods_per_year / 2).min(26),
                ..FarringtonSettings::noufaily_2013()
            };
            let (name_en, name_zh) = farrington_names(years_back);
            let need = years_back * periods_per_year + half_window + 1;
            Rung { need, detector: Detector::Farrington(settings), name_en, name_zh }
        })
        .collect();
    for (method, name_en, name_zh) in [
        (EarsMethod::C2, "EARS C2 on the last weeks", "EARS C2（近期基线）"),
        (EarsMethod::C1, "EARS C1 on the last weeks", "EARS C1（近期基线）"),
    ] {
        let settings = EarsSettings { sd_min: 0.5, ..EarsSettings::usual(method) };
        ladder.push(Rung { need: settings.warm_up() + 1, detector: Detector::Ears(settings), name_en, name_zh });
    }
    ladder
}

fn farrington_names(years_back: usize) -> (&'static str, &'static str) {
    match years_back {
        5 => ("Farrington with five years", "Farrington 法（五年基线）"),
        4 => ("Farrington with four years", "Farrington 法（四年基线）"),
        3 => ("Farrington with three years", "Farrington 法（三年基线）"),
        2 => ("Farrington with two years, without trend", "Farrington 法（两年基线，无趋势项）"),
        _ => ("Farrington with one year, without trend", "Farrington 法（一年基线，无趋势项）"),
    }
}

fn words_en(periods: usize, used: Option<&Rung>, better: Option<&Rung>) -> String {
    let more = |rung: &Rung| format!("{} needs {} periods, {} more", rung.name_en, rung.need, rung.need - periods);
    match (used, better) {
        (Some(used), None) => format!("{periods} periods: {}.", used.name_en),
        (Some(used), Some(better)) => format!("{periods} periods: {}. {}.", used.name_en, more(better)),
        (None, Some(better)) => format!("{periods} periods are too few for any detector. {}.", more(better)),
        (None, None) => format!("{periods} periods are too few for any detector."),
    }
}

fn words_zh(periods: usize, used: Option<&Rung>, better: Option<&Rung>) -> String {
    let more = |rung: &Rung| format!("{}需要 {} 期，还差 {} 期", rung.name_zh, rung.need, rung.need - periods);
    match (used, better) {
        (Some(used), None) => format!("已有 {periods} 期：使用 {}。", used.name_zh),
        (Some(used), Some(better)) => format!("已有 {periods} 期：使用 {}。{}。", used.name_zh, more(better)),
        (None, Some(better)) => format!("已有 {periods} 期，不足以进行任何检测。{}。", more(better)),
        (None, None) => format!("已有 {periods} 期，不足以进行任何检测。"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;
    use crate::ears::ears;
    use crate::farrington::{SeasonalSeries, farrington};

    #[test]
    fn every_choice_runs_on_the_history_it_was_made_for() {
        for periods_per_year in [12, 52] {
            for periods in 1..=300 {
                let counts = Counts::new((0..periods).map(|i| f64::from(5 + (i * 7) % 4))).unwrap();
                let choice = choose_detector(counts.len(), periods_per_year);
                let ran = match choice.detector {
                    None => counts.len() < 8,
                    Some(Detector::Ears(settings)) => ears(&counts, &settings).is_ok(),
                    Some(Detector::Farrington(settings)) => {
                        let series =
                            SeasonalSeries { counts: &counts, periods_per_year, dates: None, population: None };
                        farrington(&series, &settings, &[counts.len() - 1]).is_ok()
                    }
                };
                assert!(ran, "{periods_per_year} a year, {periods} periods: {choice:?}");
            }
        }
    }

    #[test]
    fn the_words_say_how_many_periods_are_missing() {
        let choice = choose_detector(50, 52);
        assert_eq!(choice.periods_for_better, Some(56));
        assert!(choice.words_en.contains("56 periods, 6 more"), "{}", choice.words_en);
        assert!(choice.words_zh.contains("还差 6 期"), "{}", choice.words_zh);
        assert!(choose_detector(400, 52).periods_for_better.is_none());
        assert!(choose_detector(3, 52).detector.is_none());
    }
}
