//! Answers worked out on paper from the rules of the policy reference (README, section 3); the number of the rule stands
//! in each test. None is taken from what the program says.
//!
//! C central isolation, H home isolation, M home monitoring, X exclusion, S self-monitoring, K case isolation, T two
//! tests in three days, L landing test, I stay indoors, A stay in area, O hold. Then start and end (a day is its
//! 00:00), then tests as day@date, `d` for double sampling.

use serde_json::{Value, json};
use sizao_model::{Fact, Instant, Measure, MeasureKind, PersonId};
use sizao_policy::{FactIndex, assess};
use support::packs;

use crate::files as support;

/// Facts written short; each gets the id of its place: f1, f2, …
#[derive(Default)]
struct Story(Vec<Fact>);

/// `03-04` or `03-04T13:00` of 2022, in Asia/Shanghai; other years are written out.
fn moment(text: &str) -> String {
    let whole = if text.len() < 16 { format!("2022-{text}") } else { text.to_owned() };
    if whole.len() == 10 { whole } else { format!("{whole}:00+08:00") }
}

fn when(text: &str) -> Value {
    match text.split_once('/') {
        Some((from, "…")) => json!({"from": moment(from), "to": null}),
        Some((from, to)) => json!({"from": moment(from), "to": moment(to)}),
        None if moment(text).len() == 10 => json!({"day": moment(text)}),
        None => json!({"at": moment(text)}),
    }
}

impl Story {
    /// - `about`: kind, then the person where the kind has one.
    /// - `happened`: a day, an instant, or two with a slash between; `…` is open.
    fn and(mut self, about: &str, happened: &str, recorded: &str, body: Value) -> Self {
        let (kind, person) = about.split_once(' ').unwrap_or((about, ""));
        let id = format!("f{}", self.0.len() + 1);
        let mut fact =
            json!({"id": id, "kind": kind, "happened": when(happened), "recorded_at": moment(recorded), "body": body});
        if !person.is_empty() {
            fact["person"] = json!(person);
        }
        self.0.push(Fact::from_json(&fact.to_string()).unwrap_or_else(|error| panic!("{error}: {fact}")));
        self
    }

    /// A case `c` with onset, diagnosed at noon of a day and isolated at 20:00.
    fn ill(self, onset: &str, on: &str) -> Self {
        let (noon, evening) = (format!("{on}T12:00"), format!("{on}T20:00"));
        self.and("diagnosis c", &noon, &noon, json!({"status": "confirmed_case", "onset": moment(onset)})).and(
            "isolation_started c",
            &evening,
            &evening,
            json!({"site": "hospital"}),
        )
    }

    fn met(self, happened: &str, recorded: &str) -> Self {
        self.and(
            "exposure p",
            happened,
            recorded,
            json!({"case": "c", "evidence": "interview", "class": "close_contact"}),
        )
    }

    fn isolated(self, at: &str) -> Self {
        self.and("isolation_started p", at, at, json!({"site": "site-1", "floor": 3}))
    }

    /// A sample of `p` at eight with its result at two, from a laboratory.
    fn tested(self, on: &str, lab: &str, outcome: &str) -> Self {
        let (eight, two) = (format!("{on}T08:00"), format!("{on}T14:00"));
        let sample = format!("f{}", self.0.len() + 1);
        self.and("sample p", &eight, &eight, json!({"method": "nucleic_test", "lab": lab})).and(
            "result",
            &two,
            &two,
            json!({"sample": sample, "outcome": outcome}),
        )
    }

    fn area(self, level: &str, from: &str, until: &str) -> Self {
        let until = format!("{}T00:00:00+08:00", moment(until));
        let body =
            json!({"area": "410102001", "level": level, "until": until, "evidence": ["e"], "signers": ["a", "b"]});
        self.and("area_declared", &format!("{from}T00:00"), &format!("{from}T00:00"), body)
    }

    fn stayed(self, area: &str, happened: &str, recorded: &str) -> Self {
        self.and("stay p", happened, recorded, json!({"area": area, "evidence": "declared"}))
    }

    /// What holds for `p`, as known at and asked for one moment.
    #[track_caller]
    fn gives(&self, ids: &[&str], at: &str, want: &str) -> &Self {
        let (timeline, at) = (packs(ids), Instant::parse(&moment(at)).unwrap());
        let index = FactIndex::new(&self.0);
        let answer = assess(&index.dossier(PersonId::from_label("p")), &timeline, at, at);
        let got: Vec<String> = answer.measures.iter().map(shown).collect();
        assert_eq!(got.join("; "), want);
        self
    }
}

fn shown(measure: &Measure) -> String {
    let letter = match measure.kind() {
        MeasureKind::CaseIsolation => "K",
        MeasureKind::CentralIsolation => "C",
        MeasureKind::HomeIsolation => "H",
        MeasureKind::StayIndoors => "I",
        MeasureKind::Exclusion => "X",
        MeasureKind::HomeMonitoring => "M",
        MeasureKind::StayInArea => "A",
        MeasureKind::TwoTestsThreeDays => "T",
        MeasureKind::LandingTest => "L",
        MeasureKind::Hold => "O",
        MeasureKind::SelfMonitoring => "S",
        MeasureKind::FollowUp => "F",
    };
    let edge = |at: Instant| {
        let text = at.to_string();
        if &text[11..19] == "00:00:00" { text[5..10].to_owned() } else { text[5..16].to_owned() }
    };
    let tests = measure.tests().iter().map(|test| {
        let double = if test.samples == 2 { "d" } else { "" };
        format!(" {}@{}{double}", test.day, &test.date.to_string()[5..])
    });
    format!("{letter} {}/{}{}", edge(measure.starts_at()), edge(measure.ends_at()), tests.collect::<String>())
}

fn story() -> Story {
    Story::default()
}

const V8: &[&str] = &["cn-covid-v8"];
const V9: &[&str] = &["cn-covid-v9"];
const ALL: &[&str] = &["cn-covid-v8", "cn-covid-v9", "cn-twenty", "cn-new-ten", "cn-class-B-B"];

#[test]
fn rule_3_an_exposure_counts_from_the_opening_of_the_window_to_the_isolation_of_the_case() {
    // Onset 4 March: the window opens on the 2nd at 00:00. Isolated on the 5th at 20:00.
    let ill = || story().ill("03-04", "03-05");
    let plan = "C 03-06T09:00/03-17 1@03-06 4@03-09 7@03-12 11@03-16d; M 03-17/03-24 2@03-18 7@03-23";
    ill().met("03-01T22:00/03-02T00:00", "03-06T09:00").gives(V8, "03-06T10:00", "");
    ill().met("03-01T22:00/03-02T00:01", "03-06T09:00").gives(V8, "03-06T10:00", plan);
    ill().met("03-05T20:00/03-05T21:00", "03-06T09:00").gives(V8, "03-06T10:00", "");
    // Cut at the isolation: a meeting noted from the 5th to the 7th counts to the 5th.
    ill().met("03-05T19:00/03-07T21:00", "03-08T09:00").gives(
        V8,
        "03-08T10:00",
        "C 03-08T09:00/03-20 1@03-08 4@03-11 7@03-14 12@03-19d; M 03-20/03-27 2@03-21 7@03-26",
    );
}

#[test]
fn rule_4_an_exposure_known_after_the_end_opens_a_new_chain_and_one_known_before_lengthens_the_old() {
    // E = 2 March: C to the 17th, M to the 24th, exits negative, so over on the 24th at 00:00.
    let first = || {
        story()
            .ill("03-01", "03-03")
            .met("03-02T10:00/03-02T11:00", "03-03T13:00")
            .isolated("03-03T15:00")
            .tested("03-16", "lab-1", "negative")
            .tested("03-16", "lab-2", "negative")
            .tested("03-23", "lab-1", "negative")
            .and(
                "diagnosis d",
                "03-23T09:00",
                "03-23T09:00",
                json!({"status": "confirmed_case", "onset": "2022-03-22"}),
            )
    };
    let again = |story: Story, recorded: &str| {
        let body = json!({"case": "d", "evidence": "interview", "class": "close_contact"});
        story.and("exposure p", "03-22T10:00/03-22T11:00", recorded, body)
    };
    // Known on the 25th: days 1 to 14 are 23 March to 5 April; nothing isolated since, so day 1 is the 25th.
    again(first(), "03-25T10:00").gives(
        V8,
        "03-25T12:00",
        "C 03-25T10:00/04-06 1@03-25 4@03-28 7@03-31 12@04-05d; M 04-06/04-13 2@04-07 7@04-12",
    );
    // Known on the 23rd: one chain, E = 22 March, isolated since the 3rd, so day 1 is E; 14@04-04 is the day before
    // the last served day.
    again(first(), "03-23T10:00").gives(
        V8,
        "03-23T12:00",
        "C 03-03T13:00/04-06 1@03-22 4@03-25 7@03-28 14@04-04d; M 04-06/04-13 2@04-07 7@04-12",
    );
}

#[test]
fn rule_6_a_measure_starts_when_exposure_and_diagnosis_are_both_on_record() {
    let story = story().met("03-04T10:00/03-04T11:00", "03-05T09:00").and(
        "diagnosis c",
        "03-06T08:00",
        "03-06T18:30",
        json!({"status": "confirmed_case", "onset": "2022-03-04"}),
    );
    story.gives(V8, "03-06T18:29", "").gives(
        V8,
        "03-06T18:30",
        "C 03-06T18:30/03-19 1@03-06 4@03-09 7@03-12 13@03-18d; M 03-19/03-26 2@03-20 7@03-25",
    );
}

#[test]
fn rule_9_the_last_phase_has_a_grace_of_its_own_and_then_lapses() {
    let story = story()
        .ill("07-09", "07-10")
        .met("07-10T10:00/07-10T11:00", "07-10T13:00")
        .isolated("07-10T15:00")
        .tested("07-17", "lab-1", "negative");
    // C ends on the 18th. M serves 18 to 20 July; its test of day 3 never comes: to the 22nd at 00:00, then nothing.
    story.gives(V9, "07-20T23:59", "M 07-18/07-21 3@07-20").gives(V9, "07-21T00:00", "M 07-18/07-22 3@07-20").gives(
        V9,
        "07-22T00:00",
        "",
    );
}

#[test]
fn rule_10_an_extension_counts_while_its_phase_runs_and_within_seven_days() {
    let extended = |recorded: &str, until: &str| {
        story()
            .ill("07-09", "07-10")
            .met("07-10T10:00/07-10T11:00", "07-10T13:00")
            .isolated("07-10T15:00")
            .tested("07-17", "lab-1", "negative")
            .and(
                "extension p",
                recorded,
                recorded,
                json!({"rule": "close_contact", "until": moment(until), "evidence": ["f4"], "officer": "o"}),
            )
    };
    // Last served day 17 July. Two days more: to the 20th; the second phase keeps its end on the 21st.
    extended("07-17T18:00", "07-19").gives(
        V9,
        "07-17T19:00",
        "C 07-10T13:00/07-20 1@07-10 2@07-11 3@07-12 5@07-14 7@07-16 10@07-19; M 07-20/07-21 1@07-20",
    );
    // Seven days more use up the second phase. Eight are too many.
    extended("07-17T18:00", "07-24").gives(
        V9,
        "07-17T19:00",
        "C 07-10T13:00/07-25 1@07-10 2@07-11 3@07-12 5@07-14 7@07-16 15@07-24",
    );
    extended("07-17T18:00", "07-25").gives(
        V9,
        "07-17T19:00",
        "C 07-10T13:00/07-18 1@07-10 2@07-11 3@07-12 5@07-14 7@07-16; M 07-18/07-21 3@07-20",
    );
    // Recorded in the second phase, it lengthens that one.
    extended("07-19T18:00", "07-22").gives(V9, "07-19T19:00", "M 07-18/07-23 3@07-20 5@07-22");
}

#[test]
fn rule_11_packs_without_secondary_contacts_determine_none_and_raise_none() {
    let story = story()
        .ill("11-12", "11-13")
        .and(
            "exposure v",
            "11-13T10:00/11-13T11:00",
            "11-13T14:00",
            json!({"case": "c", "evidence": "interview", "class": "close_contact"}),
        )
        .and(
            "exposure p",
            "11-13T18:00/11-13T19:00",
            "11-13T20:00",
            json!({"via": "v", "evidence": "interview", "class": "secondary_contact"}),
        )
        .and("diagnosis v", "11-15T10:00", "11-15T10:00", json!({"status": "confirmed_case", "onset": "2022-11-15"}));
    story.gives(&["cn-twenty"], "11-14T12:00", "").gives(&["cn-twenty"], "11-16T12:00", "");
}

#[test]
fn rule_12_each_renewal_needs_news_later_than_the_last() {
    let ill = story().and(
        "diagnosis p",
        "03-01T10:00",
        "03-01T10:00",
        json!({"status": "confirmed_case", "onset": "2022-03-01"}),
    );
    let renewed = |story: Story, at: &str, evidence: &str, signers: Value| {
        story.and("extension p", at, at, json!({"rule": "case", "evidence": [evidence], "signers": signers}))
    };
    // Diagnosed on the 1st: ceiling 28 days, 29 March. Renewed on the 12th on the result f3 of the 10th: 9 April.
    let once = renewed(ill.tested("03-10", "lab-1", "positive"), "03-12T09:00", "f3", json!(["a", "b"]));
    once.gives(V8, "03-12T10:00", "K 03-01T10:00/04-09");
    // Again on the same result: nothing. On a symptom of the 20th: counted from the 21st, 18 April.
    let twice = renewed(once, "03-20T09:00", "f3", json!(["a", "b"]));
    twice.gives(V8, "03-20T10:00", "K 03-01T10:00/04-09");
    let thrice = twice.and("symptom_report p", "03-20T20:00", "03-20T20:00", json!({"symptoms": ["fever"]}));
    renewed(thrice, "03-21T09:00", "f6", json!(["a", "b"])).gives(V8, "03-21T10:00", "K 03-01T10:00/04-18");
}

#[test]
fn rule_12_who_was_discharged_serves_for_a_new_exposure() {
    let story = story()
        .and("diagnosis p", "03-01T10:00", "03-01T10:00", json!({"status": "confirmed_case", "onset": "2022-03-01"}))
        .and("discharge p", "03-12T10:00", "03-12T10:00", json!({}))
        .ill("04-09", "04-10")
        .met("04-10T10:00/04-10T11:00", "04-10T13:00");
    story.gives(V8, "03-12T10:00", "M 03-12T10:00/03-20");
    story.gives(
        V8,
        "04-10T14:00",
        "C 04-10T13:00/04-25 1@04-10 4@04-13 7@04-16 14@04-23d; M 04-25/05-02 2@04-26 7@05-01",
    );
}

#[test]
fn rule_13_the_look_back_begins_at_midnight() {
    // High from 20 July; v9 looks back 7 days: 13 July, 00:00.
    let left = |at: &str| {
        story().stayed("410102001", &format!("07-10T08:00/{at}"), "07-14T09:00").area("high", "07-20", "08-20")
    };
    left("07-12T23:59").gives(V9, "07-20T10:00", "");
    // E = 13 July: C serves 14 to 20 July; known on the 20th, which is the last served day.
    left("07-13T00:00").gives(V9, "07-20T10:00", "C 07-20/07-21 1@07-20");
}

#[test]
fn rule_13_the_level_is_that_of_the_latest_declaration_and_low_opens_nothing() {
    let left = || story().stayed("410102001", "07-10T08:00/07-12T18:00", "07-13T09:00").area("high", "07-11", "08-11");
    let central = "C 07-13T09:00/07-20 1@07-13 2@07-14 3@07-15 5@07-17 7@07-19";
    left().gives(V9, "07-14T10:00", central);
    left().area("medium", "07-14", "08-14").gives(V9, "07-14T10:00", "H 07-13T09:00/07-20 1@07-13 4@07-16 7@07-19");
    left().area("sealed", "07-14", "08-14").gives(V9, "07-14T10:00", central);
    left().area("low", "07-14", "08-14").gives(V9, "07-14T10:00", "");
    // A minute before, the second is only announced.
    left().area("medium", "07-14", "08-14").gives(V9, "07-13T23:59", central);
}

#[test]
fn rule_13_who_is_there_stays_to_the_end_of_the_area_and_who_leaves_serves() {
    let here = story().stayed("410102001", "07-01T08:00/…", "07-02T09:00").area("controlled", "07-05", "07-15");
    here.gives(V9, "07-06T10:00", "A 07-05/07-15");
    let ended = here.and("area_ended", "07-10T12:00", "07-10T12:00", json!({"area": "410102001"}));
    ended.gives(V9, "07-10T11:59", "A 07-05/07-15").gives(V9, "07-10T12:00", "");
}

#[test]
fn rule_14_forty_eight_hours_make_two_tests_and_a_minute_less_makes_one() {
    let arrived = |leaves: &str| {
        let body = json!({"from": "310115", "into": "410102", "evidence": "checkpoint", "leaves_at": Instant::parse(&moment(leaves)).unwrap()});
        story().and("arrival p", "03-23T14:00", "03-23T14:00", body)
    };
    let ids = &["cn-covid-v8", "ha-arrival-0322"];
    arrived("03-25T13:59").gives(ids, "03-23T15:00", "L 03-23T14:00/03-25T13:59 1@03-23");
    arrived("03-25T14:00").gives(ids, "03-23T15:00", "T 03-23T14:00/03-31 1@03-23 2@03-24");
    arrived("03-25T13:59").tested("03-24", "lab-1", "negative").gives(
        ids,
        "03-24T13:59",
        "L 03-23T14:00/03-25T13:59 1@03-23",
    );
    arrived("03-25T13:59").tested("03-24", "lab-1", "negative").gives(ids, "03-24T14:00", "");
}

#[test]
fn rule_14_the_arrival_rule_ends_with_its_base() {
    let story = story().and(
        "arrival p",
        "06-26T14:00",
        "06-26T14:00",
        json!({"from": "310115", "into": "410102", "evidence": "ticket"}),
    );
    let ids = &["cn-covid-v8", "ha-arrival-0322", "cn-covid-v9"];
    story.gives(ids, "06-27T23:59", "T 06-26T14:00/07-04 1@06-26 2@06-27").gives(ids, "06-28T00:00", "");
}

#[test]
fn rule_15_only_an_own_sample_taken_after_the_result_ends_a_hold() {
    let held = || story().tested("03-17", "lab-1", "grey_zone");
    held().gives(V8, "03-17T14:00", "O 03-17T14:00/03-18T14:00");
    let with = |at: &str, result: &str| {
        held().and("sample p", at, at, json!({"method": "nucleic_test", "lab": "lab-1"})).and(
            "result",
            result,
            result,
            json!({"sample": "f3", "outcome": "negative"}),
        )
    };
    with("03-17T13:59", "03-17T18:00").gives(V8, "03-17T19:00", "O 03-17T14:00/03-18T14:00");
    with("03-17T14:00", "03-17T18:00").gives(V8, "03-17T17:59", "O 03-17T14:00/03-18T14:00").gives(
        V8,
        "03-17T19:00",
        "",
    );
}

#[test]
fn rule_16_everybody_in_central_isolation_at_the_site_starts_again() {
    let reset = |story: Story, on: &str, floor: i32| {
        let noon = format!("{on}T12:00");
        let body = json!({"site": "site-1", "floor": floor, "scope": "floors", "evidence": ["f1"]});
        story.and("site_reset", &noon, &noon, body)
    };
    // From abroad on 5 March: day 0. A positive on the 9th one floor up: E is the 9th, C serves 10 to 23 March.
    let inbound = || {
        story()
            .and(
                "arrival p",
                "03-05T10:00",
                "03-05T10:00",
                json!({"from": "abroad", "into": "410102", "evidence": "ticket"}),
            )
            .isolated("03-05T14:00")
    };
    reset(inbound(), "03-09", 4).gives(
        V8,
        "03-09T13:00",
        "C 03-05T10:00/03-24 1@03-09 4@03-12 7@03-15 14@03-22d; M 03-24/03-31 2@03-25 7@03-30",
    );
    reset(inbound(), "03-09", 5).gives(
        V8,
        "03-09T13:00",
        "C 03-05T10:00/03-20 1@03-05 4@03-08 7@03-11 14@03-18d; M 03-20/03-27 2@03-21 7@03-26",
    );
    // Left a high-risk area on 5 March, at the site since the 6th, a positive on the 10th: C serves 11 to 24 March, but
    // not beyond the area.
    let traveller = |until: &str| {
        story()
            .area("high", "03-01", until)
            .stayed("410102001", "03-02T08:00/03-05T18:00", "03-06T09:00")
            .isolated("03-06T14:00")
    };
    reset(traveller("06-01"), "03-10", 3).gives(
        V8,
        "03-10T13:00",
        "C 03-06T09:00/03-25 1@03-10 4@03-13 7@03-16 14@03-23d",
    );
    reset(traveller("03-12"), "03-10", 3).gives(V8, "03-10T13:00", "C 03-06T09:00/03-12 1@03-10d");
}

#[test]
fn rule_18_nothing_flows_before_the_link_and_links_carry_on_transitively() {
    let story = story()
        .ill("07-09", "07-10")
        .and(
            "exposure q",
            "07-10T10:00/07-10T11:00",
            "07-10T13:00",
            json!({"case": "c", "evidence": "interview", "class": "close_contact"}),
        )
        .and("identity_link q", "07-11T09:00", "07-11T09:00", json!({"other": "r", "basis": "document"}))
        .and("identity_link p", "07-12T09:00", "07-12T09:00", json!({"other": "r", "basis": "person"}));
    let plan = "C 07-12T09:00/07-18 1@07-12 2@07-13 3@07-14 5@07-16; M 07-18/07-21 3@07-20";
    story.gives(V9, "07-12T08:59", "").gives(V9, "07-12T09:00", plan);
}

#[test]
fn rule_19_the_area_of_the_old_pack_gives_way_to_the_shorter_rule_of_the_new() {
    // Another township of the county, left on 25 June. v8: fourteen days at a site. v9: two tests to day 3, 28 June.
    let story = story().area("high", "06-20", "08-20").stayed("410102002", "06-21T08:00/06-25T18:00", "06-26T09:00");
    story.gives(ALL, "06-27T23:59", "C 06-26T09:00/07-10 1@06-26 4@06-29 7@07-02 14@07-09d").gives(
        ALL,
        "06-28T00:00",
        "T 06-28/06-29 1@06-28",
    );
}

#[test]
fn rule_19_an_old_plan_in_its_grace_ends_with_the_adoption_of_a_shorter_one() {
    // E = 13 June: C to 28 June, exit test missing. On the 28th v9 is in force, whose whole ended on 24 June.
    let story = story().ill("06-12", "06-13").met("06-13T10:00/06-13T11:00", "06-13T13:00").isolated("06-13T15:00");
    story
        .gives(
            ALL,
            "06-27T23:59",
            "C 06-13T13:00/06-28 1@06-13 4@06-16 7@06-19 14@06-26d; M 06-28/07-05 2@06-29 7@07-04",
        )
        .gives(ALL, "06-28T00:00", "");
}

#[test]
fn rule_20_a_vaccine_at_the_very_hour_is_in_time() {
    let met = story()
        .and(
            "diagnosis c",
            "04-16T12:00",
            "04-16T12:00",
            json!({"status": "confirmed_case", "onset": "2022-04-16", "disease": "measles"}),
        )
        .and(
            "exposure p",
            "04-14T10:00/04-14T11:00",
            "04-16T13:00",
            json!({"case": "c", "evidence": "interview", "class": "close_contact", "disease": "measles"}),
        );
    // First exposure on 14 April at 10:00: 72 hours are over on the 17th at 10:00. Away from day 5, the 19th, to the
    // end of day 21, 5 May.
    met.gives(&["measles-cn"], "04-16T14:00", "X 04-19/05-06");
    met.and("vaccine_dose p", "04-17T10:00", "04-17T10:00", json!({"disease": "measles", "product": "mmr"})).gives(
        &["measles-cn"],
        "04-17T11:00",
        "S 04-19/05-06",
    );
}
