//! Packs checked together: faults that no pack shows alone have a place too.

use sizao_policy::pack::{PackFault, PackText, check_together};
use support::policies;

use crate::files as support;

fn text(id: &str, change: impl Fn(String) -> String) -> PackText {
    let text = std::fs::read_to_string(policies().join(id).join("pack.toml")).unwrap();
    PackText { folder: None, file: format!("{id}.toml"), text: change(text) }
}

/// The one fault of these packs, on the line that holds the passage.
#[track_caller]
fn refused(texts: &[PackText], file: usize, at: &str) -> PackFault {
    let faults = check_together(texts).unwrap_err();
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!(fault.file, texts[file].file);
    let line = texts[file].text.lines().nth(fault.line - 1).unwrap();
    assert!(line.contains(at), "line {} is {line:?}", fault.line);
    fault.fault.clone()
}

#[test]
fn overlays_in_a_circle_are_refused_where_they_name_each_other() {
    let window = text("ha-window-4", |text| text.replace("\"cn-covid-v8\"", "\"ha-normal-2.0\""));
    let normal = text("ha-normal-2.0", |text| text.replace("\"cn-covid-v8\"", "\"ha-window-4\""));
    let fault = refused(&[window, normal], 0, "overlay_of");
    assert_eq!(fault, PackFault::Circular("ha-window-4 -> ha-normal-2.0 -> ha-window-4".into()));
}

#[test]
fn an_overlay_of_another_disease_is_refused() {
    let overlay = text("ha-window-4", |text| text.replace("\"cn-covid-v8\"", "\"measles-cn\""));
    let fault = refused(&[text("measles-cn", |text| text), overlay], 1, "overlay_of");
    assert!(matches!(fault, PackFault::OtherDisease { .. }), "{fault:?}");
}

#[test]
fn two_packs_of_one_id_and_two_from_one_instant_are_refused() {
    let fault = refused(&[text("measles-cn", |text| text), text("measles-cn", |text| text)], 1, "id = ");
    assert_eq!(fault, PackFault::Twice("measles-cn".into()));
    let other = text("measles-cn", |text| text.replacen("measles-cn", "measles-new", 1));
    let fault = refused(&[text("measles-cn", |text| text), other], 1, "valid_from");
    assert_eq!(fault, PackFault::SameInstant("measles-cn".into()));
}

#[test]
fn all_packs_of_the_repository_go_together() {
    let ids = std::fs::read_dir(policies()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The demonstration has the rules of v8 from another day, under another id.
    let texts: Vec<PackText> = ids.map(|id| text(&id, |text| text)).collect();
    let checked = check_together(&texts).unwrap();
    assert!(checked.packs.len() >= 13);
}
