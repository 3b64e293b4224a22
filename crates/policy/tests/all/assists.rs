//! Requests between cities: by hand, and against a slow version in invented exchanges over a link that is late.

use proptest::{prelude::*, test_runner::FileFailurePersistence};
use sizao_model::{
    Instant, MeasureKind,
    assist::{
        AssistLine, AssistList, AssistMessage, AssistOutcome, Breach, BreachCause, Forwarded, LineNo, LineReply,
        NodeId, Onward, Priority, RequestId, Sealed, Tried,
    },
    fact::EvidenceKind,
};
use sizao_policy::{
    assists::{AssistFault, LineState, Request, Side, due_at, urgency},
    loops::Urgency,
};
use uuid::Uuid;

const REQUEST: RequestId = RequestId::new(Uuid::from_u128(7));
const ZHENGZHOU: NodeId = NodeId::new(Uuid::from_u128(4101));
const LUOYANG: NodeId = NodeId::new(Uuid::from_u128(4103));
const KAIFENG: NodeId = NodeId::new(Uuid::from_u128(4102));

/// 17 March 2022, so many minutes after 09:00.
fn at(minutes: i64) -> Instant {
    Instant::parse("2022-03-17T09:00:00+08:00").unwrap().plus_minutes(minutes)
}

fn content(of: u8) -> Sealed {
    Sealed([of; 32])
}

fn list(version: u32, lines: &[(LineNo, u8)], sent_at: Instant) -> AssistMessage {
    let line = |(no, of): &(LineNo, u8)| AssistLine {
        no: *no,
        matches: content(*no as u8),
        content: content(*of),
        sealed: content(*of),
        class: None,
        measure: None,
        evidence: EvidenceKind::Interview,
        last_exposure_on: None,
    };
    AssistMessage::List(AssistList {
        request: REQUEST,
        version,
        case: "case 1".into(),
        pack: "cn-covid-v8".into(),
        reason: "shared a table".into(),
        priority: Priority::Ordinary,
        officer: "Wang".into(),
        phone: "0371-0000".into(),
        sent_at,
        forwarded: None,
        lines: lines.iter().map(line).collect(),
    })
}

fn received(version: u32, at: Instant) -> AssistMessage {
    AssistMessage::Received { request: REQUEST, version, at }
}

fn reply(no: LineNo, version: u32, outcome: AssistOutcome) -> LineReply {
    let controlled = outcome == AlreadyControlled;
    LineReply {
        no,
        version,
        outcome,
        identified: None,
        placed_at: (outcome == LocatedHere).then(|| at(-60)),
        measure: controlled.then_some(MeasureKind::HomeIsolation),
        controlled_at: controlled.then(|| at(-60)),
        sampled_at: None,
        tried: if outcome == NotFound { vec![Tried::Phones] } else { Vec::new() },
        forwarded: (outcome == MovedOn).then_some((KAIFENG, RequestId::new(Uuid::from_u128(8)), 1)),
        sealed: Some(content(9)),
    }
}

fn replies(replies: Vec<LineReply>, at: Instant) -> AssistMessage {
    AssistMessage::Replies { request: REQUEST, replies, at }
}

fn said(messages: &[(Side, AssistMessage)]) -> Request {
    let mut request = Request::new(REQUEST, ZHENGZHOU, LUOYANG);
    for (by, message) in messages {
        request.apply(*by, message).unwrap_or_else(|fault| panic!("{message:?}: {fault}"));
    }
    request
}

use AssistOutcome::{AlreadyControlled, LocatedHere, MovedOn, NotFound, Refuted};
use Side::{Origin, Receiver};

#[test]
fn the_six_hours_begin_with_the_receipt_and_run_through_the_night() {
    let evening = Instant::parse("2022-04-02T22:00:00+08:00").unwrap();
    assert_eq!(due_at(evening), Instant::parse("2022-04-03T04:00:00+08:00").unwrap());
    let request = said(&[(Origin, list(1, &[(1, 1)], at(-500))), (Receiver, received(1, at(0)))]);
    assert_eq!(request.lines[&1].due_at(), Some(at(360)));
    assert_eq!(request.breaches(at(360)), []);
    let late = Breach { no: 1, due_at: at(360), cause: BreachCause::NotSeen };
    assert_eq!(request.breaches(Instant::from_micros(at(360).as_micros() + 1)), [late]);
}

#[test]
fn reminder_after_three_hours_next_level_after_five_late_after_six() {
    let by = |minutes| urgency(at(0), at(minutes));
    assert_eq!([by(0), by(179), by(180), by(299), by(300), by(360)], {
        use Urgency::{Calm, Escalated, Reminded};
        [Calm, Calm, Reminded, Reminded, Escalated, Escalated]
    });
    assert_eq!(urgency(at(0), Instant::from_micros(at(360).as_micros() + 1)), Urgency::Overdue);
}

#[test]
fn half_an_hour_without_a_receipt_alarms_the_sender() {
    let mut request = said(&[(Origin, list(1, &[(1, 1)], at(0)))]);
    assert_eq!((request.unacknowledged(at(29)), request.unacknowledged(at(30))), (None, Some(1)));
    request.apply(Receiver, &received(1, at(40))).unwrap();
    assert_eq!(request.unacknowledged(at(600)), None);
}

#[test]
fn a_second_version_resets_the_clock_of_changed_lines_alone() {
    let request = said(&[
        (Origin, list(1, &[(1, 1), (2, 2), (3, 3)], at(0))),
        (Receiver, received(1, at(5))),
        (Origin, list(2, &[(1, 1), (2, 22), (4, 4)], at(100))),
        (Receiver, received(2, at(120))),
    ]);
    let due = |no: LineNo| request.lines[&no].due_at();
    assert_eq!([due(1), due(2), due(3), due(4)], [Some(at(365)), Some(at(480)), None, Some(at(480))]);
    assert_eq!(request.lines[&3].state(), LineState::Withdrawn);
    assert_eq!(request.clears().total, 3);
}

#[test]
fn a_reply_to_a_line_that_changed_meanwhile_does_not_end_it() {
    let messages = [
        (Origin, list(1, &[(1, 1)], at(0))),
        (Receiver, received(1, at(5))),
        (Origin, list(2, &[(1, 11)], at(50))),
        (Receiver, replies(vec![reply(1, 1, Refuted)], at(51))),
        (Receiver, received(2, at(60))),
    ];
    let request = said(&messages);
    assert_eq!(request.lines[&1].state(), LineState::Received);
    assert_eq!(request.lines[&1].due_at(), Some(at(420)));
    assert_eq!(request.breaches(at(400)), []);
}

#[test]
fn a_mended_reply_counts_from_the_first_one() {
    let request = said(&[
        (Origin, list(1, &[(1, 1)], at(0))),
        (Receiver, received(1, at(0))),
        (Receiver, replies(vec![reply(1, 1, NotFound)], at(350))),
        (Receiver, replies(vec![reply(1, 1, LocatedHere)], at(400))),
    ]);
    assert_eq!(request.lines[&1].state(), LineState::Final(LocatedHere));
    assert_eq!((request.breaches(at(9_999)), request.closed_at()), (vec![], Some(at(350))));
}

#[test]
fn the_cause_of_a_breach_is_how_far_the_line_had_come_by_then() {
    let request = said(&[
        (Origin, list(1, &[(1, 1), (2, 2)], at(0))),
        (Receiver, received(1, at(0))),
        (Receiver, AssistMessage::Seen { request: REQUEST, version: 1, at: at(10) }),
        (Receiver, replies(vec![reply(2, 1, NotFound)], at(20))),
        (Receiver, AssistMessage::Accepted { request: REQUEST, version: 1, at: at(361) }),
        (Receiver, replies(vec![reply(1, 1, AlreadyControlled)], at(370))),
    ]);
    let breach = Breach { no: 1, due_at: at(360), cause: BreachCause::NotAccepted };
    assert_eq!(request.breaches(at(9_999)), [breach]);
    assert_eq!(request.closed_at(), Some(at(370)));
}

#[test]
fn a_line_that_was_sent_on_shows_the_total_age_and_how_it_ended() {
    let mut onward = list(1, &[(1, 1)], at(200));
    if let AssistMessage::List(list) = &mut onward {
        list.forwarded = Some(Forwarded { node: ZHENGZHOU, request: REQUEST, no: 1, received_at: at(0) });
    }
    let third = said(&[(Origin, onward), (Receiver, received(1, at(210)))]);
    assert_eq!((third.age_from(), third.lines[&1].due_at()), (Some(at(0)), Some(at(570))));
    let ended = Onward { no: 1, node: KAIFENG, outcome: LocatedHere, replied_at: at(300) };
    let first = said(&[
        (Origin, list(1, &[(1, 1)], at(-1))),
        (Receiver, received(1, at(0))),
        (Receiver, replies(vec![reply(1, 1, MovedOn)], at(200))),
        (Receiver, AssistMessage::Onward { request: REQUEST, onward: ended, at: at(310) }),
    ]);
    assert_eq!(first.lines[&1].onward, Some(ended));
    assert_eq!(first.clears().of(MovedOn), 1);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let before = said(&[(Origin, list(1, &[(1, 1), (2, 2)], at(0))), (Receiver, received(1, at(0)))]);
    let mut moved_without = reply(1, 1, MovedOn);
    moved_without.forwarded = None;
    let mut not_tried = reply(1, 1, NotFound);
    not_tried.tried.clear();
    let breach = |due| AssistMessage::Breached {
        request: REQUEST,
        lines: vec![Breach { no: 1, due_at: due, cause: BreachCause::NotSeen }],
        at: at(500),
    };
    let wrong: [(Side, AssistMessage); 10] = [
        (Receiver, list(2, &[(1, 1)], at(1))),
        (Origin, replies(vec![reply(1, 1, Refuted)], at(1))),
        (Origin, list(3, &[(1, 1)], at(1))),
        (Origin, list(2, &[(1, 1), (1, 2)], at(1))),
        (Origin, list(2, &[], at(1))),
        (Receiver, received(2, at(1))),
        (Receiver, replies(vec![reply(2, 1, Refuted), reply(3, 1, Refuted)], at(1))),
        (Receiver, replies(vec![moved_without], at(1))),
        (Receiver, replies(vec![not_tried], at(1))),
        (Receiver, breach(at(359))),
    ];
    for (by, message) in wrong {
        let mut request = before.clone();
        assert!(request.apply(by, &message).is_err(), "{message:?}");
        assert_eq!(request, before, "{message:?}");
    }
    let mut request = before.clone();
    assert_eq!(request.apply(Receiver, &replies(vec![reply(1, 2, Refuted)], at(1))), Err(AssistFault::Stale(1)));
    request.apply(Receiver, &breach(at(360))).unwrap();
    assert_eq!(request.breaches(at(9_999)).len(), 2, "line 1 once, and line 2");
}

/// What somebody does in an invented exchange, a minute or more after what came before.
#[derive(Clone, Debug)]
enum Deed {
    /// The origin sends a version: content of each line; 0: not on it.
    List([u8; 4]),
    /// The receiver's node takes in whatever versions are under way.
    TakeIn,
    Seen,
    Accepted,
    Reply(LineNo, usize),
    /// The receiver puts on record what has run out.
    Record,
}

fn deed() -> impl Strategy<Value = (i64, Deed)> {
    let what = prop_oneof![
        2 => prop::array::uniform4(0u8..3).prop_map(Deed::List),
        4 => Just(Deed::TakeIn),
        1 => Just(Deed::Seen),
        1 => Just(Deed::Accepted),
        6 => (1u32..5, 0usize..6).prop_map(|(no, how)| Deed::Reply(no, how)),
        2 => Just(Deed::Record),
    ];
    (1i64..240, what)
}

/// What happened to one line at the receiver, in its order: the slow version reads nothing else.
#[derive(Clone, Debug)]
enum Happened {
    Content(Instant),
    Gone(Instant),
    Seen(Instant),
    Accepted(Instant),
    Reply(Instant),
}

/// Breaches by looking at every content of a line for itself.
fn slow_breaches(no: LineNo, line: &[Happened], now: Instant) -> Vec<Breach> {
    let mut found = Vec::new();
    for (index, happened) in line.iter().enumerate() {
        let Happened::Content(from) = happened else { continue };
        let due_at = from.plus_hours(6);
        let rest = &line[index + 1..];
        let end = rest.iter().find_map(|later| match later {
            Happened::Content(at) | Happened::Gone(at) | Happened::Reply(at) => Some(*at),
            _ => None,
        });
        if end.unwrap_or(now) <= due_at {
            continue;
        }
        let until = rest
            .iter()
            .position(|later| matches!(later, Happened::Content(_) | Happened::Gone(_) | Happened::Reply(_)));
        let within = &rest[..until.unwrap_or(rest.len())];
        let by_then = |wanted: fn(&Happened) -> Option<Instant>| {
            within.iter().filter_map(wanted).next().is_some_and(|at| at <= due_at)
        };
        let accepted = by_then(|h| if let Happened::Accepted(at) = h { Some(*at) } else { None });
        let seen = accepted
            || by_then(|h| match h {
                Happened::Seen(at) | Happened::Accepted(at) => Some(*at),
                _ => None,
            });
        let cause = match (accepted, seen) {
            (true, _) => BreachCause::NotReplied,
            (_, true) => BreachCause::NotAccepted,
            _ => BreachCause::NotSeen,
        };
        found.push(Breach { no, due_at, cause });
    }
    found
}

struct World {
    now: Instant,
    origin: Request,
    receiver: Request,
    under_way: Vec<AssistMessage>,
    answers: Vec<AssistMessage>,
    lines: [Vec<Happened>; 4],
    contents: [u8; 4],
    offset: i64,
}

impl World {
    fn new(offset: i64) -> Self {
        let new = || Request::new(REQUEST, ZHENGZHOU, LUOYANG);
        Self {
            now: at(0),
            origin: new(),
            receiver: new(),
            under_way: Vec::new(),
            answers: Vec::new(),
            lines: Default::default(),
            contents: [0; 4],
            offset,
        }
    }

    /// The receiver's clock goes differently.
    fn theirs(&self) -> Instant {
        self.now.plus_minutes(self.offset)
    }

    fn answer(&mut self, message: AssistMessage) -> bool {
        if self.receiver.apply(Receiver, &message).is_err() {
            return false;
        }
        self.answers.push(message);
        true
    }

    fn take_in(&mut self) {
        for message in std::mem::take(&mut self.under_way) {
            self.receiver.apply(Origin, &message).unwrap();
            let AssistMessage::List(list) = &message else { unreachable!() };
            let now = self.theirs();
            for no in 0..4 {
                let new = list.lines.iter().find(|line| line.no as usize == no + 1).map_or(0, |line| line.content.0[0]);
                match (self.contents[no], new) {
                    (old, new) if old == new => {}
                    (_, 0) => self.lines[no].push(Happened::Gone(now)),
                    _ => self.lines[no].push(Happened::Content(now)),
                }
                self.contents[no] = new;
            }
            assert!(self.answer(received(list.version, now)));
        }
    }

    fn act(&mut self, deed: &Deed) {
        let now = self.theirs();
        match deed {
            Deed::List(contents) if contents.iter().any(|content| *content > 0) => {
                let lines: Vec<(LineNo, u8)> = (1..).zip(*contents).filter(|(_, of)| *of > 0).collect();
                let message = list(self.origin.version + 1, &lines, self.now);
                self.origin.apply(Origin, &message).unwrap();
                self.under_way.push(message);
            }
            Deed::List(_) => {}
            Deed::TakeIn => self.take_in(),
            Deed::Seen | Deed::Accepted => {
                let version = self.receiver.received.keys().last().copied().unwrap_or(0);
                let seen = matches!(deed, Deed::Seen);
                let message = match seen {
                    true => AssistMessage::Seen { request: REQUEST, version, at: now },
                    false => AssistMessage::Accepted { request: REQUEST, version, at: now },
                };
                if self.answer(message) {
                    for line in &mut self.lines {
                        line.push(if seen { Happened::Seen(now) } else { Happened::Accepted(now) });
                    }
                }
            }
            Deed::Reply(no, how) => {
                let version = self.receiver.lines.get(no).map_or(0, |line| line.version);
                let mut reply = reply(*no, version, AssistOutcome::ALL[*how]);
                reply.placed_at = reply.placed_at.map(|_| now);
                if self.answer(replies(vec![reply], now)) {
                    self.lines[*no as usize - 1].push(Happened::Reply(now));
                }
            }
            Deed::Record => {
                let owed = self.receiver.owed_breaches(now);
                if !owed.is_empty() {
                    assert!(self.answer(AssistMessage::Breached { request: REQUEST, lines: owed, at: now }));
                }
            }
        }
    }

    /// Some of what the receiver said reaches the origin, in its order.
    fn deliver(&mut self, count: usize) {
        for message in self.answers.drain(..count.min(self.answers.len())) {
            self.origin.apply(Receiver, &message).unwrap();
        }
    }

    fn check(&self) {
        for side in [&self.origin, &self.receiver] {
            let clears = side.clears();
            assert!(clears.adds_up(), "{clears:?}");
            let open = side.lines.values().filter(|line| line.is_open()).count() as u64;
            assert_eq!(clears.open, open);
            let on_list = side.lines.values().filter(|line| line.state() != LineState::Withdrawn).count() as u64;
            assert_eq!(clears.total, on_list);
        }
        let mut slow: Vec<Breach> =
            (1..).zip(&self.lines).flat_map(|(no, line)| slow_breaches(no, line, self.theirs())).collect();
        slow.sort_unstable();
        assert_eq!(self.receiver.breaches(self.theirs()), slow);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/assists.regressions"))),
        ..ProptestConfig::with_cases(600)
    })]

    #[test]
    fn both_sides_come_to_the_same_end_and_the_counts_add_up_at_every_moment(
        offset in -10i64..=10,
        deeds in prop::collection::vec((deed(), 0usize..6), 1..40),
    ) {
        let mut world = World::new(offset);
        for ((minutes, deed), delivered) in &deeds {
            world.now = world.now.plus_minutes(*minutes);
            world.act(deed);
            world.deliver(*delivered);
            world.check();
        }
        world.take_in();
        world.deliver(usize::MAX);
        world.check();
        let end = world.theirs().plus_hours(24);
        prop_assert_eq!(world.origin.breaches(end), world.receiver.breaches(end));
        prop_assert_eq!(&world.origin, &world.receiver);
    }
}
