//! Requests between cities through `app`: nodes with stores and keys of their own, clocks in hand.

use std::{collections::BTreeMap, sync::atomic::Ordering, task::Poll};

use sizao_app::{
    AppError, Refusal,
    assists::{AssistClears, Envelope, EnvelopeFault, LIMIT_MINUTES, NewChallenge, Taken},
};
use sizao_model::{
    Instant,
    assist::{AssistMessage, AssistOutcome, LineNo, NodeId, RequestId},
};
use uuid::Uuid;

use crate::cities::*;
use crate::support::*;

/// Zhengzhou and Luoyang, whose clocks are ten minutes apart.
async fn two(places: [&TestPlace; 2]) -> (City, City) {
    let zhengzhou = City::new(places[0], 1, "郑州", "4101", 0).await;
    let luoyang = City::new(places[1], 2, "洛阳", "4103", 10).await;
    zhengzhou.knows(&luoyang).await;
    luoyang.knows(&zhengzhou).await;
    (zhengzhou, luoyang)
}

/// Two places on each engine that is there.
async fn pairs() -> Vec<[TestPlace; 2]> {
    let (first, second) = (places().await, places().await);
    first.into_iter().zip(second).map(|(one, other)| [one, other]).collect()
}

async fn clears(city: &City, id: RequestId) -> AssistClears {
    let clears = city.app.assist_clears(id).await.unwrap();
    assert!(clears.adds_up(), "{clears:?}");
    clears
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_received_taken_on_replied_and_closed_and_both_sides_have_the_same_log() {
    for [one, other] in pairs().await {
        let (zhengzhou, luoyang) = two([&one, &other]).await;
        let link = Lossy::good();
        let people = zhengzhou.people(0..6).await;
        luoyang.people(0..1).await;
        let id = zhengzhou.ask(&luoyang, &people).await;
        zhengzhou.pass(29);
        let alarm = async || {
            let board = zhengzhou.app.assist_board(&zhengzhou.officer).await.unwrap();
            board.open[0].unacknowledged
        };
        assert_eq!(alarm().await, None);
        zhengzhou.pass(1);
        assert_eq!(alarm().await, Some(1));
        assert_eq!(luoyang.fetch(&zhengzhou, &link).await, 1);
        assert_eq!(zhengzhou.fetch(&luoyang, &link).await, 1);
        assert_eq!(alarm().await, None);
        let received = luoyang.now();
        let view = luoyang.app.view_assist(&luoyang.officer, id, 0).await.unwrap();
        assert_eq!(view.summary.countdown.unwrap().due_at, received.plus_minutes(LIMIT_MINUTES));
        assert_eq!(view.lines.iter().filter(|line| line.person.is_some()).count(), 1, "one is in Luoyang's vault");
        luoyang.app.see_assist(&luoyang.officer, id).await.unwrap();
        luoyang.app.accept_assist(&luoyang.officer, id, luoyang.now()).await.unwrap();
        luoyang.app.accept_assist(&luoyang.officer, id, luoyang.now()).await.unwrap();
        let opened =
            luoyang.app.open_assist_identity(&luoyang.officer, id, 2, "走访前核对", luoyang.now()).await.unwrap();
        assert_eq!(opened.name.as_deref(), Some("张测1"));
        for (no, outcome) in (1..).zip(["located-here", "not-found", "wrong-data", "already-controlled", "refuted"]) {
            luoyang.reply(id, (no, 1), &replying(outcome)).await;
            clears(&luoyang, id).await;
        }
        zhengzhou.fetch(&luoyang, &link).await;
        let view = zhengzhou.app.view_assist(&zhengzhou.officer, id, 0).await.unwrap();
        assert_eq!(view.lines[0].detail.0.as_deref(), Some("涧西区 12 号"));
        assert_eq!(view.summary.closed_at, None);
        luoyang.reply(id, (6, 1), &replying("refuted")).await;
        zhengzhou.fetch(&luoyang, &link).await;
        luoyang.fetch(&zhengzhou, &link).await;
        let (ours, theirs) = (
            zhengzhou.app.view_assist(&zhengzhou.officer, id, 0).await.unwrap(),
            luoyang.app.view_assist(&luoyang.officer, id, 0).await.unwrap(),
        );
        assert_eq!(ours.summary.closed_at, Some(luoyang.now()));
        assert_eq!((ours.log_digest, ours.log.len()), (theirs.log_digest, theirs.log.len()));
        assert_eq!(clears(&zhengzhou, id).await, clears(&luoyang, id).await);
        let words: Vec<&str> = theirs.log.iter().map(|(line, _)| line.word.as_str()).collect();
        assert_eq!(words, {
            ["list", "received", "seen", "accepted", "replies", "replies", "replies", "replies", "replies", "replies"]
        });
    }
}

/// An officer of elsewhere, and one of a county under the city, see nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_the_business_of_the_citys_officers_and_those_above() {
    let places = [sqlite(), sqlite()];
    let (zhengzhou, luoyang) = two([&places[0], &places[1]]).await;
    let id = zhengzhou.ask(&luoyang, &zhengzhou.people(0..1).await).await;
    luoyang.fetch(&zhengzhou, &Lossy::good()).await;
    for (division, sees) in [("4103", true), ("41", true), ("410302", false), ("4101", false)] {
        let mut officer = luoyang.officer.clone();
        officer.division = division.parse_division();
        assert_eq!(luoyang.app.view_assist(&officer, id, 0).await.is_ok(), sees, "{division}");
        assert_eq!(luoyang.app.assist_board(&officer).await.unwrap().open.len(), usize::from(sees), "{division}");
    }
    let mut lab = luoyang.officer.clone();
    lab.role = sizao_app::identity::Role::Lab;
    let refused = luoyang.app.view_assist(&lab, id, 0).await;
    assert!(matches!(refused, Err(AppError::Refused(Refusal::NotAllowed { .. }))));
}

trait ParseDivision {
    fn parse_division(&self) -> sizao_model::DivisionCode;
}

impl ParseDivision for str {
    fn parse_division(&self) -> sizao_model::DivisionCode {
        sizao_model::DivisionCode::parse(self).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_replayed_unknown_and_foreign_envelopes_are_turned_away_and_named() {
    for [one, other] in pairs().await {
        let (zhengzhou, luoyang) = two([&one, &other]).await;
        let people = zhengzhou.people(0..3).await;
        let id = zhengzhou.ask(&luoyang, &people).await;
        let peer = zhengzhou.peer(&luoyang).await;
        let sent = zhengzhou.app.store().outbox(peer.node, 0, 10).await.unwrap().remove(0).envelope;
        let envelope = Envelope::from_bytes(&sent).unwrap();
        let take = async |bytes: &[u8]| luoyang.app.take_in_envelope(bytes).await.unwrap();
        let refused = |fault| Taken::Refused(fault);
        // Every byte that a way could change.
        let body_ends = 144 + envelope.body.len();
        for at in (0..body_ends).step_by(body_ends / 40) {
            let mut changed = sent.clone();
            changed[at] ^= 1;
            assert!(matches!(take(&changed).await, Taken::Refused(_)), "byte {at}");
        }
        assert_eq!(take(&sent[..sent.len() - 1]).await, refused(EnvelopeFault::Unreadable));
        let keys = zhengzhou.app.cooperation_keys().await.unwrap();
        let message: AssistMessage = serde_json::from_slice(&envelope.body).unwrap();
        let sign = |origin, to, seq, before, message: &AssistMessage, seals| {
            Envelope::sign((origin, to), (seq, before), message, seals, keys.signing()).to_bytes()
        };
        let (us, them) = (zhengzhou.app.assist_node(), luoyang.app.assist_node());
        let stranger = NodeId::new(Uuid::from_u128(99));
        let seals = envelope.seals.clone();
        assert_eq!(
            take(&sign(stranger, them, 1, [0; 32], &message, seals.clone())).await,
            refused(EnvelopeFault::UnknownNode)
        );
        assert_eq!(
            take(&sign(us, stranger, 1, [0; 32], &message, seals.clone())).await,
            refused(EnvelopeFault::NotForUs)
        );
        assert_eq!(
            take(&sign(them, them, 1, [0; 32], &message, seals.clone())).await,
            refused(EnvelopeFault::UnknownNode)
        );
        assert_eq!(
            take(&sign(us, them, 1, [1; 32], &message, seals.clone())).await,
            refused(EnvelopeFault::BrokenChain)
        );
        // What is sealed is bound by the digests in the body; changed on the way, it is as good as not there.
        let mut changed = sent.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(take(&changed).await, refused(EnvelopeFault::Malformed));
        assert_eq!(take(&sent).await, Taken::Done { messages: 1 });
        assert_eq!(take(&sent).await, Taken::Repeat);
        let other =
            sign(us, them, 1, [0; 32], &AssistMessage::Received { request: id, version: 1, at: at(NOW) }, vec![]);
        assert_eq!(take(&other).await, refused(EnvelopeFault::SecondContent));
        // Signed by a peer, in its place, and still not fitting: on record, and the link goes on.
        let unfit = AssistMessage::Seen { request: id, version: 1, at: at(NOW) };
        let second = Envelope::sign((us, them), (2, envelope.digest()), &unfit, vec![], keys.signing());
        assert_eq!(take(&second.to_bytes()).await, Taken::Done { messages: 1 });
        let third = Envelope::sign((us, them), (3, second.digest()), &message, seals.clone(), keys.signing());
        let fourth = Envelope::sign((us, them), (4, third.digest()), &unfit, vec![], keys.signing());
        assert_eq!(take(&fourth.to_bytes()).await, Taken::Waits { missing: 3 });
        assert_eq!(take(&third.to_bytes()).await, Taken::Done { messages: 2 });
        let whys: Vec<String> =
            luoyang.app.store().list_refused(200).await.unwrap().into_iter().map(|one| one.why).collect();
        for why in
            ["unreadable", "forged", "unknown-node", "not-for-us", "broken-chain", "second-content", "does-not-fit"]
        {
            assert!(whys.iter().any(|one| one == why), "{why}: {whys:?}");
        }
        assert_eq!(clears(&luoyang, id).await.total, 3);
        // A peer that was closed is a stranger.
        let mut closed = luoyang.peer(&zhengzhou).await;
        closed.closed_at = Some(luoyang.now());
        luoyang.app.store().save_peer(&closed).await.unwrap();
        let fifth = Envelope::sign((us, them), (5, fourth.digest()), &unfit, vec![], keys.signing());
        assert_eq!(take(&fifth.to_bytes()).await, refused(EnvelopeFault::UnknownNode));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_is_readable_on_the_way_or_in_either_store() {
    let places = [sqlite(), sqlite()];
    let (zhengzhou, luoyang) = two([&places[0], &places[1]]).await;
    let id = zhengzhou.ask(&luoyang, &zhengzhou.people(7..8).await).await;
    let peer = zhengzhou.peer(&luoyang).await;
    let sent = zhengzhou.app.store().outbox(peer.node, 0, 10).await.unwrap().remove(0).envelope;
    luoyang.fetch(&zhengzhou, &Lossy::good()).await;
    let row = luoyang.app.store().list_assist_lines(id, 0, 1).await.unwrap().remove(0);
    let person = somebody(7, zhengzhou.division).draft;
    let number = match &person.names[0] {
        sizao_model::draft::PersonName::Document(document) => document.reveal().to_owned(),
        _ => unreachable!(),
    };
    let name = person.full_name.unwrap();
    let all = format!("{} {:?} {row:?}", String::from_utf8_lossy(&sent), sent);
    for secret in [number.as_str(), &*name, person.phones[0].reveal()] {
        assert!(!all.contains(secret), "{secret} can be read");
    }
    // The same person under another pair of nodes has another digest.
    let kaifeng_place = sqlite();
    let kaifeng = City::new(&kaifeng_place, 3, "开封", "4102", 0).await;
    kaifeng.knows(&luoyang).await;
    kaifeng.ask(&luoyang, &kaifeng.people(7..8).await).await;
    let peer = kaifeng.peer(&luoyang).await;
    let other = kaifeng.app.store().outbox(peer.node, 0, 10).await.unwrap().remove(0).envelope;
    let digest = |bytes: &[u8]| match Envelope::from_bytes(bytes).unwrap().message().unwrap() {
        AssistMessage::List(list) => list.lines[0].matches,
        _ => unreachable!(),
    };
    assert_ne!(digest(&sent), digest(&other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_person_asked_for_by_two_cities_is_one_task_with_two_requesters() {
    for [one, other] in pairs().await {
        let (zhengzhou, luoyang) = two([&one, &other]).await;
        let third = sqlite();
        let kaifeng = City::new(&third, 3, "开封", "4102", 0).await;
        kaifeng.knows(&luoyang).await;
        luoyang.knows(&kaifeng).await;
        let link = Lossy::good();
        let first = zhengzhou.ask(&luoyang, &zhengzhou.people(0..2).await).await;
        let second = kaifeng.ask(&luoyang, &kaifeng.people(1..3).await).await;
        luoyang.fetch(&zhengzhou, &link).await;
        luoyang.fetch(&kaifeng, &link).await;
        let view = luoyang.app.view_assist(&luoyang.officer, first, 0).await.unwrap();
        assert_eq!(view.lines.iter().map(|line| line.others).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(luoyang.reply(first, (2, 1), &replying("located-here")).await, 2, "both cities are answered");
        zhengzhou.fetch(&luoyang, &link).await;
        kaifeng.fetch(&luoyang, &link).await;
        assert_eq!(clears(&zhengzhou, first).await.of(AssistOutcome::LocatedHere), 1);
        assert_eq!(clears(&kaifeng, second).await.of(AssistOutcome::LocatedHere), 1);
        let view = kaifeng.app.view_assist(&kaifeng.officer, second, 0).await.unwrap();
        assert_eq!(view.lines[0].detail.0.as_deref(), Some("涧西区 12 号"), "sealed to each of them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_moved_on_goes_to_the_next_city_with_a_new_clock_and_the_first_learns_how_it_ended() {
    let places = [sqlite(), sqlite(), sqlite()];
    let (zhengzhou, luoyang) = two([&places[0], &places[1]]).await;
    let kaifeng = City::new(&places[2], 3, "开封", "4102", -5).await;
    kaifeng.knows(&luoyang).await;
    luoyang.knows(&kaifeng).await;
    let link = Lossy::good();
    let id = zhengzhou.ask(&luoyang, &zhengzhou.people(0..1).await).await;
    luoyang.fetch(&zhengzhou, &link).await;
    let begun = luoyang.now();
    for city in [&zhengzhou, &luoyang, &kaifeng] {
        city.pass(200);
    }
    let moved = |to: &City| {
        let mut reply = replying("moved-on");
        reply.to = to.app.assist_node().to_string();
        reply
    };
    let back = luoyang.app.reply_assist(&luoyang.officer, id, (1, 1), &moved(&zhengzhou), luoyang.now()).await;
    assert!(matches!(back, Err(AppError::Refused(Refusal::Field { field: "to", rule: "assist-back" }))));
    luoyang.reply(id, (1, 1), &moved(&kaifeng)).await;
    kaifeng.fetch(&luoyang, &link).await;
    let board = kaifeng.app.assist_board(&kaifeng.officer).await.unwrap();
    let onward = &board.open[0];
    assert_eq!(onward.countdown.unwrap().due_at, kaifeng.now().plus_minutes(LIMIT_MINUTES), "a new six hours");
    assert_eq!(onward.age_from, Some(begun), "and the total age");
    let opened = kaifeng.app.open_assist_identity(&kaifeng.officer, onward.id, 1, "走访前核对", kaifeng.now()).await;
    assert_eq!(opened.unwrap().name.as_deref(), Some("张测0"));
    kaifeng.pass(30);
    kaifeng.reply(onward.id, (1, 1), &replying("located-here")).await;
    luoyang.fetch(&kaifeng, &link).await;
    zhengzhou.fetch(&luoyang, &link).await;
    let view = zhengzhou.app.view_assist(&zhengzhou.officer, id, 0).await.unwrap();
    let ended = view.lines[0].line.onward.unwrap();
    assert_eq!((ended.outcome, ended.node, ended.replied_at), {
        (AssistOutcome::LocatedHere, kaifeng.app.assist_node(), kaifeng.now())
    });
    assert_eq!(clears(&zhengzhou, id).await.of(AssistOutcome::MovedOn), 1, "one final state here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_version_keeps_the_clocks_of_unchanged_lines_and_withdraws_missing_ones() {
    let places = [sqlite(), sqlite()];
    let (zhengzhou, luoyang) = two([&places[0], &places[1]]).await;
    let link = Lossy::good();
    let people = zhengzhou.people(0..4).await;
    let id = zhengzhou.ask(&luoyang, &people[..3]).await;
    luoyang.fetch(&zhengzhou, &link).await;
    let first = luoyang.now().plus_minutes(LIMIT_MINUTES);
    luoyang.pass(60);
    zhengzhou.pass(60);
    let mut list = zhengzhou.list(&luoyang, &[people[0], people[1], people[3]]);
    list.lines[1].exposure = Some("同车".into());
    zhengzhou.app.amend_assist(&zhengzhou.officer, id, &list, zhengzhou.now()).await.unwrap();
    luoyang.fetch(&zhengzhou, &link).await;
    let second = luoyang.now().plus_minutes(LIMIT_MINUTES);
    let view = luoyang.app.view_assist(&luoyang.officer, id, 0).await.unwrap();
    let due: Vec<(LineNo, Option<Instant>)> =
        view.lines.iter().map(|line| (line.line.no, line.countdown.map(|clock| clock.due_at))).collect();
    assert_eq!(due, [(1, Some(first)), (2, Some(second)), (3, None), (4, Some(second))]);
    assert_eq!(clears(&luoyang, id).await.total, 3);
    let old = luoyang.app.reply_assist(&luoyang.officer, id, (2, 1), &replying("refuted"), luoyang.now()).await;
    assert!(matches!(old, Err(AppError::Refused(Refusal::Changed))), "the officer had the old content before them");
    let opened = luoyang.app.open_assist_identity(&luoyang.officer, id, 2, "走访前核对", luoyang.now()).await.unwrap();
    assert_eq!(opened.exposure.as_deref(), Some("同车"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_without_an_answer_for_six_hours_may_be_acted_on_and_not_before() {
    let places = [sqlite(), sqlite()];
    let (zhengzhou, luoyang) = two([&places[0], &places[1]]).await;
    let link = Lossy::good();
    let person = zhengzhou.people(0..1).await[0];
    let new = NewChallenge {
        peer: luoyang.app.assist_node().uuid(),
        person,
        rule: "cn-covid-v8:close_contact".into(),
        reason: "当日不在洛阳".into(),
        phone: "0371-12320".into(),
    };
    let refused = zhengzhou.app.challenge_restriction(&zhengzhou.officer, &new, zhengzhou.now()).await;
    assert!(matches!(refused, Err(AppError::Refused(Refusal::Field { field: "rule", .. }))), "nothing restricts them");
    zhengzhou.contact_fact(person).await;
    let id = zhengzhou.app.challenge_restriction(&zhengzhou.officer, &new, zhengzhou.now()).await.unwrap();
    luoyang.fetch(&zhengzhou, &link).await;
    zhengzhou.fetch(&luoyang, &link).await;
    let suspend =
        async || zhengzhou.app.suspend_challenged(&zhengzhou.officer, id, "六小时未答复", zhengzhou.now()).await;
    let early = suspend().await;
    assert!(matches!(early, Err(AppError::Refused(Refusal::Field { rule: "challenge-early", .. }))));
    // Luoyang's clock is ten minutes ahead, and the six hours are by it.
    zhengzhou.pass(LIMIT_MINUTES + 9);
    assert!(suspend().await.is_err());
    zhengzhou.pass(2);
    let strong = suspend().await;
    assert!(
        matches!(strong, Err(AppError::Refused(Refusal::Field { rule: "challenge-strong", .. }))),
        "an interview and quarantine at a site: silence ends neither: {strong:?}"
    );
    luoyang.app.answer_challenge(&luoyang.officer, id, "lifted", "名单有误，已更正", luoyang.now()).await.unwrap();
    zhengzhou.fetch(&luoyang, &link).await;
    suspend().await.unwrap();
    let now = zhengzhou.now();
    let after = zhengzhou.app.explain(person, now, now).await.unwrap();
    assert!(after.assessment.measures.iter().all(|measure| !measure.is_active(now)), "the evidence was taken back");
}

/// Goes on with a piece of work until it has been looked at so many times; then it is dropped where it stands.
async fn unless_killed(mut looks: u64, work: impl Future<Output = u64>) -> bool {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        if looks == 0 {
            return Poll::Ready(false);
        }
        looks -= 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// What the test knows of a line: when it was answered first, by the receiver's clock.
type Answered = BTreeMap<(RequestId, LineNo), Instant>;

/// The chaos of a night: a link that loses, doubles, mixes up and is cut; rounds that are given up in the middle, as if
/// the node had been killed; clocks ten minutes apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_bad_link_every_line_ends_in_one_final_state_with_breaches_to_the_microsecond() {
    let lines: u32 = std::env::var("SIZAO_ASSIST_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    for (turn, [one, other]) in pairs().await.into_iter().enumerate() {
        let (zhengzhou, luoyang) = two([&one, &other]).await;
        let link = Lossy::bad(7 + turn as u64);
        let people = zhengzhou.people(0..lines).await;
        let mut ids = Vec::new();
        for some in people.chunks(100) {
            ids.push(zhengzhou.ask(&luoyang, some).await);
        }
        let mut answered = Answered::new();
        let mut given_up = 0;
        let outcomes = ["located-here", "not-found", "wrong-data", "already-controlled", "refuted"];
        let mut waiting: Vec<(RequestId, LineNo)> =
            ids.iter().flat_map(|id| (1..=100).map(move |no| (*id, no))).take(lines as usize).collect();
        // Half of the lines are answered within about six hours, the others later.
        for round in 0.. {
            if round > 60 && waiting.is_empty() {
                break;
            }
            let micros = (4 * 60_000_000 + link.draw(6 * 60_000_000)) as i64;
            zhengzhou.pass_micros(micros);
            luoyang.pass_micros(micros);
            link.is_cut.store(link.draw(10) == 0, Ordering::Relaxed);
            for (to, from) in [(&luoyang, &zhengzhou), (&zhengzhou, &luoyang)] {
                let patience = if link.draw(2) == 0 { 1 + link.draw(400) } else { u64::MAX };
                given_up += u64::from(!unless_killed(patience, to.fetch(from, &link)).await);
            }
            for _ in 0..link.draw(u64::from(lines) / 40) {
                if waiting.is_empty() {
                    break;
                }
                let index = link.draw(waiting.len() as u64) as usize;
                let (id, no) = waiting[index];
                let reply = replying(outcomes[link.draw(5) as usize]);
                let now = luoyang.now();
                match luoyang.app.reply_assist(&luoyang.officer, id, (no, 1), &reply, now).await {
                    Ok(1) => {
                        answered.insert((id, no), now);
                        waiting.swap_remove(index);
                    }
                    // The list is not there yet.
                    Err(AppError::Refused(Refusal::NotFound)) => {}
                    other => panic!("{other:?}"),
                }
            }
            luoyang.app.follow_assists().await.unwrap();
            for id in &ids {
                let theirs = luoyang.app.assist_clears(*id).await.unwrap();
                let expected = answered.keys().filter(|(of, _)| of == id).count() as u64;
                assert!(theirs.adds_up() && theirs.counted() == expected, "{theirs:?}");
                let ours = clears(&zhengzhou, *id).await;
                assert!(ours.counted() <= theirs.counted() && ours.total >= theirs.total);
            }
        }
        link.is_cut.store(false, Ordering::Relaxed);
        for _ in 0..400 {
            luoyang.fetch(&zhengzhou, &link).await;
            zhengzhou.fetch(&luoyang, &link).await;
            let to = zhengzhou.app.store().link_state(luoyang.app.assist_node().uuid()).await.unwrap();
            let back = luoyang.app.store().link_state(zhengzhou.app.assist_node().uuid()).await.unwrap();
            if (to.confirmed, back.confirmed) == (to.sent, back.sent) {
                break;
            }
        }
        let mut late = 0;
        for (index, id) in ids.iter().enumerate() {
            let count = (lines - index as u32 * 100).min(100);
            let received = zhengzhou.received_at(*id).await;
            let expected: Vec<(LineNo, Instant)> = (1..=count)
                .filter(|no| answered[&(*id, *no)] > received.plus_minutes(LIMIT_MINUTES))
                .map(|no| (no, received.plus_minutes(LIMIT_MINUTES)))
                .collect();
            late += expected.len();
            for city in [&zhengzhou, &luoyang] {
                let view = city.app.view_assist(&city.officer, *id, 0).await.unwrap();
                let found: Vec<(LineNo, Instant)> = view
                    .lines
                    .iter()
                    .flat_map(|line| line.breaches.iter().map(|breach| (breach.no, breach.due_at)))
                    .collect();
                assert_eq!(found, expected);
                assert!(view.lines.iter().all(|line| !line.line.is_open()));
                assert_eq!(clears(city, *id).await.counted(), u64::from(count));
            }
            let logs = [&zhengzhou, &luoyang].map(|city| city.app.store().assist_log(*id));
            let [ours, theirs] = logs;
            assert_eq!(ours.await.unwrap(), theirs.await.unwrap(), "the same log on both sides");
        }
        assert!(late > 0 && late < lines as usize, "{late} of {lines} were late");
        println!(
            "figure: {lines} lines, {late} breaches to the microsecond, {} fetches, {given_up} rounds given up in the middle",
            link.fetches.load(Ordering::Relaxed)
        );
    }
}
