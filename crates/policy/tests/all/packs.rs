//! The packs of the repository, and what is refused with place and cure.

use serde_json::Value;
use sizao_model::{CivilDay, MeasureKind};
use sizao_policy::{
    Pack, PackError, PackTimeline, TimelineError,
    pack::{AreaUnit, CaseEnd, Mark, PackFault, Phase},
};
use support::{pack, policies, reference};

use crate::files as support;

fn text(id: &str) -> String {
    std::fs::read_to_string(policies().join(id).join("pack.toml")).unwrap()
}

/// The faults of a pack with one passage replaced, and the text.
fn faults(id: &str, from: &str, to: &str) -> (Vec<PackError>, String) {
    let text = text(id);
    assert!(text.contains(from), "the passage is there to be replaced");
    let broken = text.replacen(from, to, 1);
    (Pack::from_toml(id, &broken).expect_err("the pack is refused"), broken)
}

/// Exactly one fault of this kind, on the line that holds the passage, with a cure in its message.
#[track_caller]
fn refused(id: &str, from: &str, to: &str, at: &str, is: impl Fn(&PackFault) -> bool) {
    let (faults, text) = faults(id, from, to);
    let found = faults.iter().find(|error| is(&error.fault)).unwrap_or_else(|| panic!("{faults:?}"));
    let line = text.lines().nth(found.line - 1).unwrap();
    assert!(line.contains(at), "line {} is {line:?}", found.line);
    assert!(found.column <= line.chars().count() + 1);
    let message = found.to_string();
    assert!(message.starts_with(&format!("{id}/pack.toml:{}:{}: ", found.line, found.column)), "{message}");
    assert!(message.ends_with(found.fault.cure()), "{message}");
}

#[test]
fn every_pack_of_the_repository_is_valid() {
    let mut count = 0;
    for entry in std::fs::read_dir(policies()).unwrap() {
        let id = entry.unwrap().file_name().into_string().unwrap();
        let pack = pack(&id);
        assert!(
            pack.numbers.iter().all(|number| !number.source.trim().is_empty()),
            "{id}: each number names its source"
        );
        count += 1;
    }
    assert!(count >= 12, "{count} packs");
}

#[test]
fn all_packs_together_make_a_timeline() {
    let ids: Vec<String> =
        std::fs::read_dir(policies()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(support::packs(&ids).packs().count(), ids.len());
}

#[test]
fn each_number_is_that_of_the_reference() {
    let Some(path) = reference("policy/packs.json") else { return };
    let wanted: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for want in &wanted {
        let got = pack(want["id"].as_str().unwrap());
        let base = got.overlay_of.is_none();
        assert_eq!(want["disease"], *got.disease);
        assert_eq!(want["colours"], got.colours);
        assert_eq!(want["grace_hours"], got.grace_hours);
        assert_eq!(want["max_extension_days"], got.max_extension_days);
        assert_eq!(want["overlay_of"].as_str(), got.overlay_of.as_deref());
        assert_eq!(got.valid_from, sizao_model::Instant::parse(want["valid_from"].as_str().unwrap()).unwrap());
        assert_eq!(
            want["hold_hours"].as_i64().filter(|_| base),
            got.hold_hours,
            "{}: overlays have the hold of their base",
            got.id
        );
        compare_phases(&want["close_contact"], got.close_contact.as_deref());
        compare_phases(&want["secondary_contact"]["phases"], got.secondary_contact.as_ref().map(|rule| &*rule.phases));
        assert_eq!(
            want["secondary_contact"]["follows_source"].as_bool(),
            got.secondary_contact.as_ref().map(|rule| rule.follows_source)
        );
        compare_phases(&want["inbound_traveller"], got.inbound_traveller.as_deref());
        compare_case(&want["case"], &got);
        compare_area(&want["area"], &got);
        compare_rest(want, &got);
    }
}

fn compare_phases(want: &Value, got: Option<&[Phase]>) {
    let Some(want) = want.as_array() else {
        assert_eq!(got, None);
        return;
    };
    let got = got.expect("the pack has the rule");
    assert_eq!(want.len(), got.len());
    for (want, got) in want.iter().zip(got) {
        assert_eq!(want["kind"], got.kind.name());
        assert_eq!(want["days"], got.days);
        assert_eq!(want["tests"], serde_json::json!(got.tests));
        assert_eq!(want["colour"], serde_json::json!(got.colour));
        assert_eq!(want["exit_samples"], got.exit_samples);
        assert_eq!(want["starts_day_after_first"].as_i64(), got.starts_day_after_first.map(i64::from));
        if !got.tests.is_empty() {
            assert_eq!(want["swab"], serde_json::json!(got.swab));
        }
    }
}

fn compare_case(want: &Value, got: &Pack) {
    let Some(case) = &got.case else { return assert!(want.is_null()) };
    match case.end {
        CaseEnd::Discharge { review_days, ceiling_days } => {
            assert_eq!(
                (&want["end"], &want["review_days"], &want["ceiling_days"]),
                (&"discharge".into(), &review_days.into(), &ceiling_days.into())
            );
        }
        CaseEnd::DaysAfterAnchor { days } => {
            assert_eq!((&want["end"], &want["days"]), (&"days_after_anchor".into(), &days.into()))
        }
    }
    assert_eq!(want["relapse_days"], case.relapse_days);
    assert_eq!(want["colour"], serde_json::json!(case.colour));
    compare_phases(&want["after"], Some(&case.after));
}

fn compare_area(want: &Value, got: &Pack) {
    let Some(area) = &got.area else { return assert!(want.is_null()) };
    assert_eq!(want["lookback_days"], area.lookback_days);
    assert_eq!(want["unit"], if area.unit == AreaUnit::County { "county" } else { "area" });
    compare_phases(&want["inside"]["high"], area.inside_high.as_deref());
    compare_phases(&want["inside"]["medium"], area.inside_medium.as_deref());
    compare_phases(&want["same_city"], area.same_city.as_deref());
    assert_eq!(want["same_county"]["days"].as_i64(), area.same_county.map(|rule| i64::from(rule.days)));
    let resident: serde_json::Map<String, Value> = area
        .resident
        .iter()
        .map(|(level, kind)| (serde_json::json!(level).as_str().unwrap().to_owned(), kind.name().into()))
        .collect();
    assert_eq!(want["resident"], Value::Object(resident));
}

fn compare_rest(want: &Value, got: &Pack) {
    let window = got.window.as_ref();
    assert_eq!(want["window"]["before_days"].as_i64(), window.map(|window| i64::from(window.before_days)));
    assert_eq!(
        want["window"]["after_days"].as_i64().unwrap_or(0),
        window.map_or(0, |window| i64::from(window.after_days))
    );
    assert_eq!(want["window"]["airspace_hours"].as_i64(), window.and_then(|window| window.airspace_hours));
    assert_eq!(want["arrival"]["days"].as_i64(), got.arrival.as_ref().map(|rule| i64::from(rule.tests.days)));
    assert_eq!(want["arrival"]["short_stay_hours"].as_i64(), got.arrival.as_ref().map(|rule| rule.short_stay_hours));
    assert_eq!(
        want["immunity"]["doses"].as_u64(),
        got.immunity.as_ref().and_then(|rule| rule.doses.map(|doses| doses as u64))
    );
    let offers: Vec<Value> = got
        .offers
        .iter()
        .map(|offer| serde_json::json!({"kind": &*offer.kind, "hours": offer.hours, "effect": offer.effect.map(MeasureKind::name)}))
        .collect();
    assert_eq!(want["offers"], Value::Array(offers));
}

#[test]
fn a_measure_without_end_is_refused() {
    let days = r#"days = { value = 6, unit = "days", source = "invented" }"#;
    refused("made-up-fever", days, "", "[[close_contact.phases]]", |fault| {
        matches!(fault, PackFault::NoEnd { missing: "days", .. })
    });
    let ceiling = r#"ceiling_days = { value = 28, unit = "days", source = "decided" }"#;
    refused("cn-covid-v8", ceiling, "", "end = ", |fault| {
        matches!(fault, PackFault::NoEnd { missing: "ceiling_days", .. })
    });
    refused(
        "ha-arrival-0322",
        r#"days = { value = 7, unit = "days", source = "henan-0322" }"#,
        "",
        "[arrival]",
        |fault| matches!(fault, PackFault::NoEnd { missing: "days", .. }),
    );
}

#[test]
fn of_a_phase_without_length_only_that_is_told() {
    let (faults, _) = faults("lantern-fever", "days = { value = 8, unit = \"days\", source = \"guide\" }\n", "");
    assert!(matches!(&faults[..], [PackError { fault: PackFault::NoEnd { missing: "days", .. }, .. }]), "{faults:?}");
}

#[test]
fn phases_that_get_stricter_are_refused() {
    refused(
        "made-up-fever",
        r#"kind = "self_monitoring""#,
        r#"kind = "central_isolation""#,
        "[[close_contact.phases]]",
        |fault| matches!(fault, PackFault::Stricter { phase: 2, .. }),
    );
    refused("cn-covid-v9", r#"colour = "red""#, "", "[[close_contact.phases]]", |fault| {
        matches!(fault, PackFault::Stricter { phase: 2, .. })
    });
}

#[test]
fn a_test_day_outside_its_phase_is_refused() {
    refused("made-up-fever", "value = [2, 5]", "value = [2, 7]", "[2, 7]", |fault| {
        matches!(fault, PackFault::TestOutsidePhase { day: 7, days: 6 })
    });
    refused("made-up-fever", "value = [2, 5]", "value = [5, 2]", "[5, 2]", |fault| {
        matches!(fault, PackFault::TestOrder)
    });
}

#[test]
fn overlapping_phases_are_refused() {
    refused(
        "made-up-fever",
        r#"kind = "self_monitoring""#,
        "kind = \"self_monitoring\"\nfrom_day = 5",
        "from_day",
        |fault| matches!(fault, PackFault::Overlap { phase: 2, begins: 5, before: 6, .. }),
    );
    let start =
        "kind = \"self_monitoring\"\nstarts_day_after_first = { value = 3, unit = \"days\", source = \"invented\" }";
    refused("made-up-fever", r#"kind = "self_monitoring""#, start, "starts_day_after_first", |fault| {
        matches!(fault, PackFault::Overlap { .. })
    });
}

#[test]
fn a_phase_that_follows_on_the_next_day_may_say_so() {
    let text =
        text("made-up-fever").replacen(r#"kind = "self_monitoring""#, "kind = \"self_monitoring\"\nfrom_day = 7", 1);
    assert!(Pack::from_toml("made-up-fever", &text).is_ok());
}

#[test]
fn an_unknown_anchor_is_refused() {
    refused("made-up-fever", r#"anchor = "onset""#, r#"anchor = "report""#, "anchor", |fault| {
        *fault == PackFault::UnknownAnchor("report".into())
    });
}

#[test]
fn an_overlay_of_itself_is_refused() {
    refused("ha-window-4", r#"overlay_of = "cn-covid-v8""#, r#"overlay_of = "ha-window-4""#, "overlay_of", |fault| {
        matches!(fault, PackFault::Circular(_))
    });
}

#[test]
fn overlays_in_a_circle_are_refused() {
    let read = |id: &str, below: &str| {
        let text = text("ha-window-4").replace("ha-window-4", id).replace("cn-covid-v8", below);
        Pack::from_toml(id, &text).unwrap()
    };
    let circle = PackTimeline::new(vec![read("one", "two"), read("two", "one")]);
    assert!(matches!(circle, Err(TimelineError::Circular(path)) if path.len() == 3));
    assert!(PackTimeline::new(vec![pack("cn-covid-v8"), read("one", "cn-covid-v8"), read("two", "one")]).is_ok());
}

#[test]
fn a_pack_twice_or_two_at_once_are_refused() {
    assert!(matches!(PackTimeline::new(vec![pack("cn-covid-v8"), pack("cn-covid-v8")]), Err(TimelineError::Twice(_))));
    let text = text("cn-covid-v8").replace("\"cn-covid-v8\"", "\"other\"");
    let other = Pack::from_toml("other", &text).unwrap();
    assert!(matches!(PackTimeline::new(vec![pack("cn-covid-v8"), other]), Err(TimelineError::SameInstant { .. })));
}

#[test]
fn missing_words_are_refused() {
    let (faults, _) = faults("made-up-fever", "[texts.case]\nzh = ", "[texts.case]\nzh = \"\" # ");
    assert!(faults.iter().any(|error| error.to_string().contains("case, in Chinese (zh), has no words")), "{faults:?}");
    let whole = text("made-up-fever");
    let cut = whole.find("[texts.hold]").unwrap();
    let without = format!("{}{}", &whole[..cut], &whole[whole[cut..].find("\n\n").unwrap() + cut..]);
    let faults = Pack::from_toml("made-up-fever", &without).unwrap_err();
    assert_eq!(faults[0].fault, PackFault::MissingText("hold".into()));
}

#[test]
fn restrictions_for_missed_tests_and_by_phone_cell_are_refused() {
    for (on, does) in [("missed_test", "home_isolation"), ("cell_location", "restriction"), ("cell_location", "red")] {
        let notice = format!(
            "[[notices]]\non = \"{on}\"\ndoes = \"{does}\"\ntext = {{ zh = \"字\", en = \"words\" }}\n\n[window]"
        );
        refused("made-up-fever", "[window]", &notice, "does", |fault| {
            *fault == PackFault::ForbiddenRestriction(does.to_owned())
        });
    }
}

#[test]
fn a_reminder_is_no_restriction() {
    let notice =
        "[[notices]]\non = \"missed_test\"\ndoes = \"reminder\"\ntext = { zh = \"字\", en = \"words\" }\n\n[window]";
    let pack = Pack::from_toml("made-up-fever", &text("made-up-fever").replacen("[window]", notice, 1)).unwrap();
    assert_eq!(pack.notices.len(), 1);
}

#[test]
fn a_number_needs_a_known_source_and_its_unit() {
    refused("made-up-fever", r#"value = 6, unit = "days""#, r#"value = 6, unit = "weeks""#, "weeks", |fault| {
        matches!(fault, PackFault::Unit { .. })
    });
    refused(
        "made-up-fever",
        r#"unit = "days", source = "invented""#,
        r#"unit = "days", source = "hearsay""#,
        "hearsay",
        |fault| *fault == PackFault::UnknownSource("hearsay".into()),
    );
    refused("made-up-fever", "value = 6,", "value = -6,", "-6", |fault| {
        matches!(fault, PackFault::OutOfBounds { value: -6, .. })
    });
}

#[test]
fn colours_in_a_pack_without_colours_are_refused() {
    refused(
        "cn-new-ten",
        r#"kind = "home_isolation""#,
        "kind = \"home_isolation\"\ncolour = \"red\"",
        "[[close_contact.phases]]",
        |fault| matches!(fault, PackFault::ColourWithoutColours(_)),
    );
}

#[test]
fn no_rule_of_a_pack_without_colours_has_one() {
    let area = "colours = false\n\n[texts.area]\nzh = \"字\"\nen = \"words\"\n\n[area]\nunit = \"area\"\n\
                lookback_days = { value = 7, unit = \"days\", source = \"invented\" }\n";
    let days = "days = { value = 3, unit = \"days\", source = \"invented\" }\ncolour = \"yellow\"\n";
    let phase = format!("kind = \"home_monitoring\"\n{days}");
    for (rule, told) in [
        (format!("[[area.inside.high]]\n{phase}"), "a phase of area.inside.high"),
        (format!("[[area.inside.medium]]\n{phase}"), "a phase of area.inside.medium"),
        (format!("[[area.same_city]]\n{phase}"), "a phase of area.same_city"),
        (format!("[area.same_county]\n{days}"), "area.same_county"),
    ] {
        // The rest of the file, without its own colours and with its tables after these.
        let text = text("made-up-fever");
        let text: String =
            text.lines().filter(|line| !line.starts_with("colour = ")).map(|l| format!("{l}\n")).collect();
        let head = text.find("\n[").unwrap();
        let (top, tables) = text.split_at(head);
        let top = top.replacen("colours = true", "", 1);
        let text = format!("{top}\n{area}{rule}\n{tables}");
        let faults = Pack::from_toml("made-up-fever", &text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].fault, PackFault::ColourWithoutColours(told.to_owned()));
    }
}

#[test]
fn a_dose_that_would_make_something_stricter_is_refused() {
    refused("measles-cn", "effect = \"self_monitoring\"", "effect = \"home_isolation\"", "[[offers]]", |fault| {
        *fault == PackFault::StricterAfterDose("mmr".to_owned())
    });
}

#[test]
fn unknown_fields_and_broken_files_are_refused_with_their_place() {
    refused("made-up-fever", "colours = true", "colours = true\nset_colour = \"red\"", "set_colour", |fault| {
        matches!(fault, PackFault::Format(_))
    });
    refused("made-up-fever", "colours = true", "colours = maybe", "maybe", |fault| {
        matches!(fault, PackFault::Format(_))
    });
    let faults = Pack::from_toml("other", &text("made-up-fever")).unwrap_err();
    assert!(matches!(&faults[0].fault, PackFault::OtherId { folder, .. } if folder == "other"));
}

#[test]
fn a_value_in_the_wrong_form_is_told_the_right_one() {
    let told = |from: &str, to: &str| faults("made-up-fever", from, to).0[0].to_string();
    let date = told(r#"valid_from = "2021-01-01""#, "valid_from = 2021-01-01");
    assert!(date.contains(r#"expected a day or an instant in quotes, such as "2024-01-01""#), "{date}");
    let number = told(r#"days = { value = 6, unit = "days", source = "invented" }"#, "days = 6");
    assert!(number.contains(r#"expected a value with unit and source, such as { value = 14"#), "{number}");
    let kind = told(r#"kind = "home_isolation""#, r#"kind = "lockdown""#);
    assert!(kind.contains("unknown variant `lockdown`, expected one of `case_isolation`"), "{kind}");
}

#[test]
fn what_is_asked_in_an_area_is_a_stay() {
    let is = |fault: &PackFault| matches!(fault, PackFault::NoStay(kind) if kind == "central_isolation");
    refused("cn-covid-v9", "high = \"stay_indoors\"", "high = \"central_isolation\"", "[area]", is);
}

#[test]
fn null_and_a_bare_list_of_test_days_are_told_what_to_write() {
    let told = |from: &str, to: &str| faults("lantern-fever", from, to).0[0].to_string();
    let null = told("relapse_days = { value = 90, unit = \"days\", source = \"decided\" }", "relapse_days = null");
    assert!(null.contains("leave the field out"), "{null}");
    let bare =
        told("tests = { value = [1, 4, 8], unit = \"day_of_isolation\", source = \"guide\" }", "tests = [1, 4, 8]");
    assert!(bare.contains("value = [1, 4]"), "{bare}");
}

#[test]
fn a_late_review_is_refused() {
    refused("cn-covid-v8", "review_days = { value = 14,", "review_days = { value = 21,", "end =", |fault| {
        matches!(fault, PackFault::LateReview { review: 21, ceiling: 28 })
    });
}

#[test]
fn the_share_of_numbers_without_a_source_is_counted() {
    let pack = pack("measles-cn");
    let (unsourced, all) = pack.unsourced();
    assert!(unsourced > 0 && unsourced < all);
    let born = pack.numbers.iter().find(|number| number.path == "immunity.born_before").unwrap();
    assert_eq!((born.mark, born.value.as_str()), (Mark::Unsourced, "1957-01-01"));
    assert_eq!(pack.immunity.unwrap().born_before, CivilDay::parse("1957-01-01").ok());
}
