//! Several signals of one arrival become one arrival: a ticket, a checkpoint, the person's own word, a list.

use sizao_model::{DivisionCode, FactId, Instant, fact::EvidenceGrade};

/// What kind of signal it is; each is a bit of [`OneArrival::channels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalKind {
    /// Announced before it happened (报备).
    Announced,
    /// The person's own word on arrival.
    Declared,
    /// Seen at a checkpoint.
    Checkpoint,
    /// Ticket, seat.
    Ticket,
    /// A row of a carrier's, hotel's or another city's list.
    List,
    /// Interview, camera, scan, payment.
    Other,
    /// The fence: only a question.
    Fence,
}

impl SignalKind {
    /// Every kind, in the order of their bits.
    pub const ALL: [Self; 7] =
        [Self::Announced, Self::Declared, Self::Checkpoint, Self::Ticket, Self::List, Self::Other, Self::Fence];

    /// Its bit.
    pub const fn bit(self) -> i64 {
        1 << self as i64
    }

    /// The word in locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Declared => "declared",
            Self::Checkpoint => "checkpoint",
            Self::Ticket => "ticket",
            Self::List => "list",
            Self::Other => "other",
            Self::Fence => "fence",
        }
    }
}

/// One signal of somebody's arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalSignal {
    /// The fact.
    pub fact: FactId,
    /// What kind.
    pub kind: SignalKind,
    /// What it is worth now: a lead that was confirmed is evidence. Of an announcement it does not matter.
    pub grade: EvidenceGrade,
    /// When the person arrived, at the earliest and at the latest.
    pub arrived: (Instant, Instant),
    /// When it was put on record.
    pub recorded_at: Instant,
    /// Division code or `abroad`.
    pub from: Box<str>,
    /// Where to.
    pub into: DivisionCode,
    /// Passing through.
    pub transit: bool,
    /// When the person leaves again.
    pub leaves_at: Option<Instant>,
    /// Nobody is waited for any more, or it was taken back.
    pub closed: bool,
}

/// Numbers of the fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivalRules {
    /// Signals of one person no further apart than this are one arrival; hours.
    pub together_hours: i64,
    /// Those from one and the same place may be further apart, since desks mistake days; hours.
    pub same_place_hours: i64,
    /// After so many hours beyond the time announced nobody is waited for; hours.
    pub no_show_hours: i64,
    /// How far before or after the time announced somebody may come; hours.
    pub announced_hours: i64,
}

impl Default for ArrivalRules {
    fn default() -> Self {
        Self { together_hours: 12, same_place_hours: 30, no_show_hours: 24, announced_hours: 72 }
    }
}

/// How far an arrival has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArrivalState {
    /// Announced; not yet here.
    Expected,
    /// Here, by leads alone: somebody has to ask.
    ToConfirm,
    /// Here, by evidence.
    Arrived,
    /// Announced and did not come.
    NoShow,
    /// Every signal was taken back: it was not so.
    Refuted,
}

/// One arrival of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneArrival {
    /// Its signals, by the time of recording.
    pub facts: Vec<FactId>,
    /// How far it has come.
    pub state: ArrivalState,
    /// When the person arrived, or is expected.
    pub arrived_at: Instant,
    /// When the first signal that says that the person is here was put on record; none while only expected.
    pub known_at: Option<Instant>,
    /// Bits of [`SignalKind`].
    pub channels: i64,
    /// Division code or `abroad`.
    pub from: Box<str>,
    /// Where to, as narrowly as any signal says.
    pub into: DivisionCode,
    /// Passing through, by evidence.
    pub transit: bool,
    /// When the person leaves again.
    pub leaves_at: Option<Instant>,
    /// From when on nobody is waited for; of one that is expected.
    pub no_show_at: Option<Instant>,
}

/// The arrivals of one human being out of all signals, in order of time. Where all signals were taken back the arrival is
/// refuted, and stays to be counted; beside others such signals count for nothing. The order in which signals are given
/// does not matter.
#[must_use]
pub fn fold_signals(signals: &[ArrivalSignal], rules: &ArrivalRules, now: Instant) -> Vec<OneArrival> {
    let mut seen: Vec<&ArrivalSignal> = signals.iter().filter(|signal| signal.kind != SignalKind::Announced).collect();
    seen.sort_by_key(|a| (middle(a), a.fact));
    let mut groups: Vec<Vec<&ArrivalSignal>> = Vec::new();
    for signal in seen {
        match groups.last_mut().filter(|group| belongs(group, signal, rules)) {
            Some(group) => group.push(signal),
            None => groups.push(vec![signal]),
        }
    }
    let mut announced: Vec<&ArrivalSignal> =
        signals.iter().filter(|signal| signal.kind == SignalKind::Announced).collect();
    announced.sort_by_key(|a| (a.arrived, a.fact));
    let mut waiting: Vec<Vec<&ArrivalSignal>> = Vec::new();
    for signal in announced {
        let hours = rules.announced_hours;
        let near = |group: &&mut Vec<&ArrivalSignal>| hours_between(middle(group[0]), signal.arrived.0) <= hours;
        // The nearest arrival that nobody else announced, else another announcement of the same.
        let nearest =
            groups.iter_mut().filter(near).min_by_key(|group| hours_between(middle(group[0]), signal.arrived.0));
        match nearest {
            Some(group) => group.push(signal),
            None => match waiting
                .iter_mut()
                .find(|group| hours_between(group[0].arrived.0, signal.arrived.0) <= rules.same_place_hours)
            {
                Some(group) => group.push(signal),
                None => waiting.push(vec![signal]),
            },
        }
    }
    let mut arrivals: Vec<OneArrival> = groups.iter().chain(&waiting).map(|group| arrival(group, rules, now)).collect();
    arrivals.sort_by(|a, b| (a.arrived_at, &a.facts).cmp(&(b.arrived_at, &b.facts)));
    arrivals
}

/// Whether a signal is of the same arrival as those before it.
fn belongs(group: &[&ArrivalSignal], signal: &ArrivalSignal, rules: &ArrivalRules) -> bool {
    let has_left = |before: &&&ArrivalSignal| before.leaves_at.is_some_and(|leaves| leaves < signal.arrived.0);
    if group.iter().any(|before| has_left(&before)) {
        return false;
    }
    let first = group[0];
    let hours = if group.iter().any(|before| is_same_place(&before.from, &signal.from)) {
        rules.same_place_hours
    } else {
        rules.together_hours
    };
    let overlap = first.arrived.0 <= signal.arrived.1 && signal.arrived.0 <= first.arrived.1;
    overlap || hours_between(middle(first), middle(signal)) <= hours
}

/// Same city, or both abroad.
fn is_same_place(one: &str, other: &str) -> bool {
    let city = |code: &str| code.get(..4).unwrap_or(code).to_owned();
    city(one) == city(other)
}

fn arrival(group: &[&ArrivalSignal], rules: &ArrivalRules, now: Instant) -> OneArrival {
    let mut by_record: Vec<&ArrivalSignal> = group.to_vec();
    by_record.sort_by_key(|signal| (signal.recorded_at, signal.fact));
    let seen = || by_record.iter().filter(|signal| signal.kind != SignalKind::Announced);
    let is_refuted = seen().next().is_some() && seen().all(|signal| signal.closed);
    let here = || seen().filter(|signal| !signal.closed || is_refuted);
    let evident = || here().filter(|signal| signal.grade == EvidenceGrade::Evidence);
    // The best that is known of it: evidence before leads, an instant before a day, the earliest record first.
    let best = evident()
        .chain(here())
        .chain(&by_record)
        .min_by_key(|signal| (rank(signal), width(signal)))
        .expect("a group has signals");
    let (no_show_at, is_closed) = match here().next() {
        Some(_) => (None, false),
        None => {
            let latest = group.iter().map(|signal| signal.arrived.0).max().expect("a group has signals");
            (Some(latest.plus_hours(rules.no_show_hours)), group.iter().all(|signal| signal.closed))
        }
    };
    let state = match () {
        () if is_refuted => ArrivalState::Refuted,
        () if evident().next().is_some() => ArrivalState::Arrived,
        () if here().next().is_some() => ArrivalState::ToConfirm,
        () if is_closed || no_show_at.is_some_and(|at| at <= now) => ArrivalState::NoShow,
        () => ArrivalState::Expected,
    };
    // An announcement names the street, a carrier only the station's city.
    let narrowest = group
        .iter()
        .filter(|signal| signal.into.is_under(best.into))
        .max_by_key(|signal| (signal.into.to_string().len(), std::cmp::Reverse(signal.recorded_at)));
    OneArrival {
        facts: by_record.iter().map(|signal| signal.fact).collect(),
        state,
        arrived_at: middle(best),
        known_at: here().map(|signal| signal.recorded_at).min(),
        channels: here()
            .chain(by_record.iter().filter(|signal| signal.kind == SignalKind::Announced))
            .fold(0, |bits, signal| bits | signal.kind.bit()),
        from: best.from.clone(),
        into: narrowest.map_or(best.into, |signal| signal.into),
        transit: best.transit,
        leaves_at: best.leaves_at.or_else(|| by_record.iter().find_map(|signal| signal.leaves_at)),
        no_show_at,
    }
}

fn rank(signal: &ArrivalSignal) -> u8 {
    match (signal.kind, signal.grade) {
        (SignalKind::Announced, _) => 3,
        (_, EvidenceGrade::Evidence) => 0,
        (_, EvidenceGrade::Lead) => 1,
        (_, EvidenceGrade::Question) => 2,
    }
}

fn width(signal: &ArrivalSignal) -> i64 {
    signal.arrived.1.as_micros() - signal.arrived.0.as_micros()
}

fn middle(signal: &ArrivalSignal) -> Instant {
    Instant::from_micros(signal.arrived.0.as_micros() + width(signal) / 2)
}

fn hours_between(one: Instant, other: Instant) -> i64 {
    (one.as_micros() - other.as_micros()).abs() / 3_600_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(&format!("2022-03-{text}:00+08:00")).unwrap()
    }

    fn signal(label: &str, kind: SignalKind, arrived: &str, recorded: &str, into: &str) -> ArrivalSignal {
        let grade = match kind {
            SignalKind::List => EvidenceGrade::Lead,
            SignalKind::Fence => EvidenceGrade::Question,
            _ => EvidenceGrade::Evidence,
        };
        ArrivalSignal {
            fact: FactId::from_label(label),
            kind,
            grade,
            arrived: (at(arrived), at(arrived)),
            recorded_at: at(recorded),
            from: "3101".into(),
            into: DivisionCode::parse(into).unwrap(),
            transit: false,
            leaves_at: None,
            closed: false,
        }
    }

    fn fold(signals: &[ArrivalSignal], now: &str) -> Vec<OneArrival> {
        fold_signals(signals, &ArrivalRules::default(), at(now))
    }

    #[test]
    fn four_channels_of_one_journey_are_one_arrival_known_at_the_first() {
        use SignalKind::{Announced, Checkpoint, Declared, List};
        let mut signals = vec![
            signal("a", Announced, "22T10:00", "20T09:00", "410105003"),
            signal("c", Checkpoint, "22T11:20", "22T11:21", "4101"),
            signal("l", List, "22T08:00", "22T11:00", "4101"),
            signal("d", Declared, "22T13:00", "22T20:00", "410105"),
        ];
        let one = fold(&signals, "22T21:00");
        signals.reverse();
        assert_eq!(fold(&signals, "22T21:00"), one, "whatever the order");
        let [arrival] = one.as_slice() else { panic!("{one:?}") };
        assert_eq!((arrival.state, arrival.known_at), (ArrivalState::Arrived, Some(at("22T11:00"))));
        assert_eq!(arrival.into.to_string(), "410105003", "the announcement names the street");
        assert_eq!(arrival.facts.len(), 4);
    }

    #[test]
    fn a_lorry_that_left_and_comes_again_the_same_day_arrives_twice() {
        let mut first = signal("1", SignalKind::Checkpoint, "22T06:00", "22T06:00", "4101");
        first.leaves_at = Some(at("22T09:00"));
        let second = signal("2", SignalKind::Checkpoint, "22T15:00", "22T15:00", "4101");
        assert_eq!(fold(&[first, second], "22T21:00").len(), 2);
    }

    #[test]
    fn who_was_announced_and_does_not_come_is_closed_after_the_window() {
        let announced = signal("a", SignalKind::Announced, "22T10:00", "20T09:00", "410105");
        let states =
            ["22T21:00", "23T09:59", "23T10:00"].map(|now| fold(std::slice::from_ref(&announced), now)[0].state);
        assert_eq!(states, [ArrivalState::Expected, ArrivalState::Expected, ArrivalState::NoShow]);
    }

    #[test]
    fn a_list_and_a_question_of_the_fence_are_only_to_be_confirmed() {
        let list = signal("l", SignalKind::List, "22T08:00", "22T09:00", "4101");
        let fence = signal("f", SignalKind::Fence, "22T08:30", "22T08:40", "410105");
        let arrivals = fold(&[list, fence.clone()], "22T10:00");
        assert_eq!((arrivals.len(), arrivals[0].state), (1, ArrivalState::ToConfirm));
        assert_eq!(fold(&[fence], "22T10:00")[0].state, ArrivalState::ToConfirm);
    }

    #[test]
    fn what_was_taken_back_is_refuted_alone_and_counts_for_nothing_beside_others() {
        let mut wrong = signal("c", SignalKind::Checkpoint, "22T11:20", "22T11:21", "4101");
        wrong.closed = true;
        assert_eq!(fold(std::slice::from_ref(&wrong), "22T12:00")[0].state, ArrivalState::Refuted);
        let right = signal("l", SignalKind::List, "22T10:00", "22T11:00", "4101");
        let arrivals = fold(&[wrong, right], "22T12:00");
        assert_eq!((arrivals.len(), arrivals[0].state), (1, ArrivalState::ToConfirm));
        assert_eq!(arrivals[0].channels, SignalKind::List.bit());
    }
}
