//! Tables with rows that no person left behind: refused or named, and the answer is that of the good rows.

use std::fmt::Write;

use sizao_presence::{PresenceError, Rule, TraceAnswer, TraceTables, trace_tables};

const CASES: &str = "case_id,person_id,t0,t1\n0,1,1000,900000\n";
const PARAMS: &str = "d_s,latency_s,t_now,open_cap_s,t3_t0,t3_t1\n600,100,900000,3600,0,900000\n";

/// Person 1 meets person 2 for 1,000 s, who later meets person 3.
const GOOD: &str = "1,10,2000,4000\n2,10,3000,5000\n2,11,9000,12000\n3,11,9000,12000\n";

fn ask(ledger: &str, cases: &str, params: &str, places: &str) -> Result<TraceAnswer, PresenceError> {
    trace_tables(&TraceTables {
        ledger: ledger.as_bytes(),
        cases: cases.as_bytes(),
        params: params.as_bytes(),
        risky_places: Some(places.as_bytes()),
    })
}

fn good_with(bad: &str) -> TraceAnswer {
    let ledger = format!("person_id,place_id,enter_ts,leave_ts\n{bad}{GOOD}");
    ask(&ledger, CASES, PARAMS, "place_id\n11\n").expect("the question can be asked")
}

fn check(bad: &str, rule: Rule, count: u64, names: &str) {
    let (clean, answer) = (good_with(""), good_with(bad));
    assert_eq!((&answer.t1, &answer.t2, &answer.t3), (&clean.t1, &clean.t2, &clean.t3), "{bad}");
    assert_eq!(answer.report.count(rule), count);
    assert_eq!(answer.report.rows - answer.report.accepted, count);
    let complaint = answer.report.complaints().next().expect("there is a complaint");
    assert!(complaint.examples[0].contains(names), "{:?}", complaint.examples);
}

#[test]
fn the_good_rows_give_one_contact_of_each_degree() {
    let answer = good_with("");
    let t1 =
        "case_id,contact_id,n_encounters,total_overlap_s,first_exposure_ts,last_exposure_ts\n0,2,1,1000,3000,4000\n";
    let t2 =
        "contact_id,n_sources,n_encounters,total_overlap_s,first_exposure_ts,last_exposure_ts\n3,1,1,3000,9000,12000\n";
    let t3 = "person_id,n_stays,total_s,first_ts,last_ts\n2,1,3000,9000,12000\n3,1,3000,9000,12000\n";
    assert_eq!(String::from_utf8_lossy(&answer.t1), t1);
    assert_eq!(String::from_utf8_lossy(&answer.t2), t2);
    assert_eq!(String::from_utf8_lossy(&answer.t3.expect("places were given")), t3);
    assert_eq!(answer.report.complaints().count(), 0);
}

#[test]
fn a_row_that_leaves_before_it_enters_is_refused_and_named() {
    check("4,10,3500,2500\n", Rule::LeaveBeforeEnter, 1, "row 2");
}

#[test]
fn a_stay_of_four_hundred_days_is_refused_and_named() {
    check("4,10,1000,34561000\n", Rule::StayTooLong, 1, "34560000 s");
}

#[test]
fn cells_that_are_no_seconds_no_ids_or_missing_are_refused_and_named() {
    check("4,10,noon,5000\n,10,2000,4000\n4,10\n4,10,-5,4000\n4,10,99999999999,\n", Rule::Unreadable, 5, "`noon`");
}

#[test]
fn duplicates_and_disorder_change_nothing() {
    let clean = good_with("");
    let answer = good_with("3,11,9000,12000\n2,10,3000,5000\n2,10,3200,4100\n");
    assert_eq!((answer.t1, answer.t2, answer.t3), (clean.t1, clean.t2, clean.t3));
    assert_eq!((answer.report.accepted, answer.report.stays, answer.report.merged()), (7, 4, 3));
}

#[test]
fn an_unknown_place_and_a_case_without_stays_are_named_and_find_nobody() {
    let ledger = format!("person_id,place_id,enter_ts,leave_ts\n{GOOD}");
    let answer = ask(&ledger, "case_id,person_id,t0,t1\n5,99,0,900000\n", PARAMS, "place_id\n404\n404\n");
    let answer = answer.expect("the question can be asked");
    assert_eq!(answer.t1.iter().filter(|&&byte| byte == b'\n').count(), 1);
    assert_eq!((answer.report.count(Rule::CaseWithoutStay), answer.report.count(Rule::UnknownPlace)), (1, 1));
}

#[test]
fn textual_ids_come_back_as_they_were_and_sorted() {
    let ledger = "person_id,place_id,enter_ts,leave_ts\n王-1,\"Hall, A\",2000,4000\nP-9,\"Hall, A\",2000,4000\n7,\"Hall, A\",2000,4000\n";
    let answer = ask(ledger, "case_id,person_id,t0,t1\nc1,王-1,0,900000\n", PARAMS, "place_id\n\"Hall, A\"\n");
    let answer = answer.expect("the question can be asked");
    let t1 = String::from_utf8(answer.t1).expect("text");
    assert_eq!(t1.lines().skip(1).collect::<Vec<_>>(), ["c1,7,1,2000,2000,4000", "c1,P-9,1,2000,2000,4000"]);
    let t3 = String::from_utf8(answer.t3.expect("places were given")).expect("text");
    let ids: Vec<_> = t3.lines().skip(1).map(|line| line.split(',').next()).collect();
    assert_eq!(ids, [Some("7"), Some("P-9"), Some("王-1")]);
}

#[test]
fn parameters_that_are_missing_or_wrong_stop_the_question() {
    let ledger = format!("person_id,place_id,enter_ts,leave_ts\n{GOOD}");
    let ask = |params: &str| ask(&ledger, CASES, params, "place_id\n").err();
    assert_eq!(ask("d_s,latency_s,t_now,open_cap_s,t3_t0,t3_t1\n"), Some(PresenceError::ParamRows { rows: 0 }));
    assert!(matches!(ask("d_s\n600\n"), Some(PresenceError::ColumnMissing { column: "latency_s", .. })));
    let wrong = PARAMS.replace("3600", "an hour");
    assert!(matches!(ask(&wrong), Some(PresenceError::CellRefused { column: "open_cap_s", .. })));
}

#[test]
fn a_gate_that_counts_as_one_person_is_named_and_its_stays_stay_apart() {
    let mut gate = String::new();
    for second in 0..50_000 {
        // Leaves a second free, so that nothing merges.
        let enter = 100_000 + second * 2;
        writeln!(gate, "4,{},{enter},{}", 20 + second % 3, enter + 1).expect("text grows");
    }
    let clean = good_with("");
    let answer = good_with(&gate);
    assert_eq!((answer.t1, answer.t2), (clean.t1, clean.t2));
    assert_eq!(answer.report.count(Rule::ManyStaysInADay), 1);
    assert_eq!(answer.report.stays, 50_004);
}

#[test]
fn a_place_with_a_million_visitors_is_named_and_still_exact() {
    let mut crowd = String::new();
    for person in 0..1_000_001u32 {
        let enter = 200_000 + person % 1_000;
        writeln!(crowd, "{},50,{enter},{}", 1_000 + person, enter + 10).expect("text grows");
    }
    // The case is there too; 10 s with each are no contact, 700 s with person 5 are.
    crowd.push_str("1,50,200000,201000\n5,50,200300,202000\n");
    let answer = good_with(&crowd);
    assert_eq!(answer.report.count(Rule::CrowdedPlace), 1);
    let t1 = String::from_utf8(answer.t1).expect("text");
    assert_eq!(t1.lines().skip(1).collect::<Vec<_>>(), ["0,2,1,1000,3000,4000", "0,5,1,700,200300,201000"]);
}
