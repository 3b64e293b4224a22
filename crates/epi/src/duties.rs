//! Clocks of sentinels and statutory reports: when something is due, whether it was kept, and by how many minutes not.

use sizao_model::{CivilDay, Instant};

/// What somebody has to do within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// A patient with fever at a township, village or private clinic is registered and told to the health department
    /// (发热病人登记报告).
    FeverReport,
    /// A suspected, confirmed or asymptomatic case is reported by the hospital to the network (网络直报).
    CaseReport,
    /// A report card is reviewed, from county to province (报告卡审核).
    CardReview,
    /// The first case of a county, or a cluster, is entered as a public-health event (突发公共卫生事件).
    FirstCaseEvent,
    /// A case is investigated by the county's centre for disease control (流行病学调查).
    CaseInvestigation,
    /// A change of status is reported: suspected to confirmed, type, outcome (订正报告).
    StatusChange,
    /// The movements of a positive are traced (活动轨迹).
    MovementTrack,
    /// The first report of an investigation (初步流调报告).
    FirstInvestigation,
    /// A sale of one of the four kinds of drugs is on record (四类药品登记).
    DrugSale,
    /// A day without anything to report is reported as such (零报告).
    ZeroReport,
    /// A red or yellow code that a shop, hotel or taxi found is reported (红黄码报告).
    CodeFound,
    /// A signal of the sentinel network is answered (预警信号响应).
    SignalAnswer,
}

/// How long a duty may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// So many minutes after it began.
    Minutes(i64),
    /// By the end of the civil day (Asia/Shanghai) on which it began.
    SameDay,
}

/// Every duty.
pub const DUTIES: [Duty; 12] = [
    Duty::FeverReport,
    Duty::CaseReport,
    Duty::CardReview,
    Duty::FirstCaseEvent,
    Duty::CaseInvestigation,
    Duty::StatusChange,
    Duty::MovementTrack,
    Duty::FirstInvestigation,
    Duty::DrugSale,
    Duty::ZeroReport,
    Duty::CodeFound,
    Duty::SignalAnswer,
];

impl Duty {
    /// The usual limit. Regions set others: a clock is made with a limit, not with a duty alone.
    ///
    /// # Source
    /// docs/methods/duties.md: protocol of 2021 and 2022 (1 h, 2 h, 24 h), the township chart "2+4+24", the sales register
    /// (same day), the daily report (by 24:00), and the four hours chosen for signals. "At once" is taken as 10 minutes.
    pub const fn usual_limit(self) -> Limit {
        match self {
            Self::FeverReport => Limit::Minutes(60),
            Self::CaseReport | Self::CardReview | Self::FirstCaseEvent => Limit::Minutes(2 * 60),
            Self::MovementTrack | Self::SignalAnswer => Limit::Minutes(4 * 60),
            Self::CaseInvestigation | Self::StatusChange | Self::FirstInvestigation => Limit::Minutes(24 * 60),
            Self::DrugSale | Self::ZeroReport => Limit::SameDay,
            Self::CodeFound => Limit::Minutes(10),
        }
    }

    /// The word in tables and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FeverReport => "fever-report",
            Self::CaseReport => "case-report",
            Self::CardReview => "card-review",
            Self::FirstCaseEvent => "first-case-event",
            Self::CaseInvestigation => "case-investigation",
            Self::StatusChange => "status-change",
            Self::MovementTrack => "movement-track",
            Self::FirstInvestigation => "first-investigation",
            Self::DrugSale => "drug-sale",
            Self::ZeroReport => "zero-report",
            Self::CodeFound => "code-found",
            Self::SignalAnswer => "signal-answer",
        }
    }
}

/// One duty that began, and may be done.
///
/// A correction of type or status never moves `done_at`: it keeps the time of the first report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DutyClock {
    /// What has to be done.
    pub duty: Duty,
    /// How long it may take.
    pub limit: Limit,
    /// When it began: the patient was seen, the drug sold, the day begun.
    pub began_at: Instant,
    /// When it was done; where it went through a network, when it arrived.
    pub done_at: Option<Instant>,
}

/// How a duty stands at a moment. Minutes late are minutes begun: one second late is one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not done; so many whole minutes are left.
    Running {
        /// Minutes.
        left: i64,
    },
    /// Done in time, after so many whole minutes.
    Kept {
        /// Minutes.
        took: i64,
    },
    /// Done, too late by so many minutes.
    DoneLate {
        /// Minutes.
        late: i64,
    },
    /// Not done, and too late by so many minutes.
    Overdue {
        /// Minutes.
        late: i64,
    },
}

impl Standing {
    /// Minutes too late; none where the duty was kept or runs.
    pub const fn late(self) -> Option<i64> {
        match self {
            Self::DoneLate { late } | Self::Overdue { late } => Some(late),
            Self::Running { .. } | Self::Kept { .. } => None,
        }
    }
}

impl DutyClock {
    /// A clock with the usual limit.
    pub const fn usual(duty: Duty, began_at: Instant, done_at: Option<Instant>) -> Self {
        Self { duty, limit: duty.usual_limit(), began_at, done_at }
    }

    /// The last moment at which the duty is kept.
    pub fn due_at(&self) -> Instant {
        match self.limit {
            Limit::Minutes(minutes) => self.began_at.plus_minutes(minutes),
            Limit::SameDay => self.began_at.day().plus_days(1).start(),
        }
    }

    /// How the duty stands. What was done before it began, by a clock that was wrong, took no time.
    pub fn standing(&self, now: Instant) -> Standing {
        let due = self.due_at();
        match self.done_at {
            Some(done) if done <= due => Standing::Kept { took: whole_minutes(self.began_at, done).max(0) },
            Some(done) => Standing::DoneLate { late: minutes_begun(due, done) },
            None if now <= due => Standing::Running { left: whole_minutes(now, due) },
            None => Standing::Overdue { late: minutes_begun(due, now) },
        }
    }
}

/// The duties that were not kept, the latest first, with minutes late.
pub fn breaches(clocks: &[DutyClock], now: Instant) -> Vec<(DutyClock, i64)> {
    let late = |clock: &DutyClock| clock.standing(now).late().map(|late| (*clock, late));
    let mut found: Vec<(DutyClock, i64)> = clocks.iter().filter_map(late).collect();
    found.sort_by_key(|(clock, late)| (std::cmp::Reverse(*late), clock.began_at));
    found
}

/// The first report of a day has to come by this moment, whatever it says.
pub fn daily_report(day: CivilDay, done_at: Option<Instant>) -> DutyClock {
    DutyClock::usual(Duty::ZeroReport, day.start(), done_at)
}

const MINUTE: i64 = 60_000_000;

fn whole_minutes(from: Instant, to: Instant) -> i64 {
    (to.as_micros() - from.as_micros()).div_euclid(MINUTE)
}

fn minutes_begun(from: Instant, to: Instant) -> i64 {
    (to.as_micros() - from.as_micros() + MINUTE - 1).div_euclid(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(&format!("2022-03-17T{text}+08:00")).unwrap()
    }

    fn check(duty: Duty, began: &str, done: Option<&str>, now: &str, expect: Standing) {
        let clock = DutyClock::usual(duty, at(began), done.map(at));
        assert_eq!(clock.standing(at(now)), expect, "{duty:?} {began} {done:?} {now}");
    }

    #[test]
    fn a_fever_has_an_hour_to_the_second() {
        use Standing::*;
        check(Duty::FeverReport, "08:00:00", Some("09:00:00"), "12:00:00", Kept { took: 60 });
        check(Duty::FeverReport, "08:00:00", Some("09:00:01"), "12:00:00", DoneLate { late: 1 });
        check(Duty::FeverReport, "08:00:00", Some("09:01:00"), "12:00:00", DoneLate { late: 1 });
        check(Duty::FeverReport, "08:00:00", Some("09:17:00"), "12:00:00", DoneLate { late: 17 });
        check(Duty::FeverReport, "08:00:00", None, "08:59:30", Running { left: 0 });
        check(Duty::FeverReport, "08:00:00", None, "09:00:00", Running { left: 0 });
        check(Duty::FeverReport, "08:00:00", None, "10:30:00", Overdue { late: 90 });
        check(Duty::FeverReport, "08:00:00", Some("07:58:00"), "10:30:00", Kept { took: 0 });
    }

    #[test]
    fn two_four_and_twenty_four_hours_and_ten_minutes() {
        let due = |duty| DutyClock::usual(duty, at("08:00:00"), None).due_at();
        assert_eq!(due(Duty::CaseReport), at("10:00:00"));
        assert_eq!(due(Duty::CardReview), at("10:00:00"));
        assert_eq!(due(Duty::FirstCaseEvent), at("10:00:00"));
        assert_eq!(due(Duty::MovementTrack), at("12:00:00"));
        assert_eq!(due(Duty::SignalAnswer), at("12:00:00"));
        assert_eq!(due(Duty::CodeFound), at("08:10:00"));
        for duty in [Duty::CaseInvestigation, Duty::StatusChange, Duty::FirstInvestigation] {
            assert_eq!(due(duty), Instant::parse("2022-03-18T08:00:00+08:00").unwrap());
        }
    }

    #[test]
    fn the_same_day_ends_at_midnight_in_shanghai() {
        let midnight = Instant::parse("2022-03-18T00:00:00+08:00").unwrap();
        for began in ["00:00:00", "23:59:59"] {
            assert_eq!(DutyClock::usual(Duty::DrugSale, at(began), None).due_at(), midnight);
        }
        let zero = daily_report(CivilDay::parse("2022-03-17").unwrap(), Some(midnight.plus_minutes(3)));
        assert_eq!(zero.standing(midnight), Standing::DoneLate { late: 3 });
        // Through the end of a leap day, seen as UTC the day before.
        let leap = Instant::parse("2024-02-28T16:30:00Z").unwrap();
        let clock = DutyClock::usual(Duty::DrugSale, leap, None);
        assert_eq!(clock.due_at(), Instant::parse("2024-03-01T00:00:00+08:00").unwrap());
    }

    #[test]
    fn breaches_are_listed_from_the_longest() {
        let clock = |began, done: Option<&str>| DutyClock::usual(Duty::FeverReport, at(began), done.map(at));
        let clocks =
            [clock("08:00:00", Some("09:05:00")), clock("08:30:00", Some("08:40:00")), clock("07:00:00", None)];
        let found = breaches(&clocks, at("09:30:00"));
        assert_eq!(found.iter().map(|(_, late)| *late).collect::<Vec<_>>(), [90, 5]);
        assert_eq!(found[0].0.began_at, at("07:00:00"));
    }

    #[test]
    fn every_duty_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<&str> = DUTIES.iter().map(|duty| duty.name()).collect();
        assert_eq!(names.len(), DUTIES.len());
    }
}
