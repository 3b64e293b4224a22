//! Seats of vehicles through the ledger: the family `seat` of the policy reference, whose classes were derived from
//! the transport table of the protocol by hand and by a separate evaluator.

use serde_json::Value;
use sizao_presence::{
    CaseNo, Closeness, Duration, IndexCase, PersonNo, PlaceNo, Seat, Setting, SettingRules, Settings, Span, Stay,
    Vehicle, View, find_evidence,
};

const CASE: PersonNo = PersonNo(1);
const CONTACT: PersonNo = PersonNo(2);
const TRIP: Span = Span { from_s: 1_646_704_800, until_s: 1_646_710_200 };

fn text(setting: &Value, key: &str) -> Option<String> {
    setting[key].as_str().map(str::to_owned)
}

fn number(setting: &Value, key: &str) -> Option<u32> {
    setting[key].as_u64().map(|value| value as u32)
}

fn seat(setting: &Value, prefix: &str) -> Seat {
    let key = |name: &str| format!("{prefix}{name}");
    Seat {
        crew: setting[key("role")].as_str() == Some("crew"),
        soft_sleeper: setting["seat_type"].as_str() == Some("soft_sleeper"),
        row: number(setting, &key("row")),
        bay: number(setting, &key("bay")),
        carriage: text(setting, &key("carriage")),
        compartment: text(setting, &key("compartment")),
        cabin: text(setting, &key("cabin")),
        zone: text(setting, &key("zone")),
        class: None,
    }
}

/// Class of the contact, found by putting both on their trips.
fn class_of(setting: &Value) -> Option<&'static str> {
    let vehicle = match setting["vehicle"].as_str().expect("a vehicle") {
        "aircraft" => Vehicle::Aircraft,
        "sealed_train" => Vehicle::SealedTrain,
        "ordinary_train" => Vehicle::OrdinaryTrain,
        "sealed_coach" => Vehicle::SealedCoach,
        "ventilated_coach" => Vehicle::VentilatedCoach,
        "ship" => Vehicle::Ship,
        other => panic!("no such vehicle: {other}"),
    };
    let own = PlaceNo(10);
    let of_case = if setting["trip"] == setting["case_trip"] { own } else { PlaceNo(11) };
    let mut settings = Settings::default();
    let mut stays = Vec::new();
    for (person, place, prefix) in [(CONTACT, own, ""), (CASE, of_case, "case_")] {
        settings.set_place(place, Setting::Vehicle(vehicle));
        settings.set_seat(place, person, TRIP, seat(setting, prefix));
        stays.push(Stay { person, place, enter_s: TRIP.from_s, leave_s: TRIP.until_s });
    }
    let view = View::from_stays(stays).expect("two stays fit");
    let any = Duration::Each { least_s: 1 };
    let rules = SettingRules { household: any, school: any, vehicle: any, venue: any, airborne_lag_s: 0 };
    let window = Span { from_s: TRIP.from_s - 86_400, until_s: TRIP.until_s + 86_400 };
    let case = IndexCase { case: CaseNo(0), person: CASE, window };
    match &find_evidence(&view, &[case], &settings, &rules)[..] {
        [] => None,
        [evidence] => Some(match evidence.closeness {
            Closeness::Close => "close_contact",
            Closeness::General => "general_contact",
            Closeness::Undetermined => "undetermined",
        }),
        more => panic!("one encounter is expected, {} were found", more.len()),
    }
}

#[test]
fn the_seat_cases_of_the_policy_reference_get_their_classes() {
    let Some(folder) = std::env::var_os("SIZAO_REFERENCE") else {
        assert!(std::env::var_os("CI").is_none(), "CI runs with SIZAO_REFERENCE");
        eprintln!("not run: reference data absent");
        return;
    };
    let path = std::path::Path::new(&folder).join("policy/cases/seat.jsonl");
    let lines = std::fs::read_to_string(path).expect("the seat cases are there");
    let mut checked = 0;
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let facts = case["facts"].as_array().expect("facts");
        let setting = facts.iter().map(|fact| &fact["body"]["setting"]).find(|setting| setting.is_object());
        let expected = case["expect"]["classes"].as_array().expect("classes").first();
        let expected = expected.and_then(|class| class["class"].as_str());
        assert_eq!(class_of(setting.expect("a setting")), expected, "{}: {}", case["id"], case["note"]);
        checked += 1;
    }
    assert_eq!(checked, 36);
}
