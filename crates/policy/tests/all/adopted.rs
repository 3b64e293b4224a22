//! A new text of a pack that is in force already.

use sizao_model::{Fact, Instant, PersonId};
use sizao_policy::{FactIndex, Pack, PackTimeline, assess, change::Change};
use support::{pack, packs, policies};

use crate::files as support;

/// Met a case on 10 July 2022, found on the same day.
fn contact() -> Vec<Fact> {
    [
        r#"{"id":"f1","kind":"diagnosis","person":"c","happened":{"at":"2022-07-10T12:00:00+08:00"},"recorded_at":"2022-07-10T12:00:00+08:00","body":{"status":"confirmed_case","onset":"2022-07-09"}}"#,
        r#"{"id":"f2","kind":"exposure","person":"p","happened":{"from":"2022-07-10T10:00:00+08:00","to":"2022-07-10T11:00:00+08:00"},"recorded_at":"2022-07-10T13:00:00+08:00","body":{"case":"c","evidence":"interview","class":"close_contact"}}"#,
    ]
    .map(|line| Fact::from_json(line).unwrap())
    .into()
}

/// v9 with so many days at the site.
fn amended(days: &str) -> Pack {
    let text = std::fs::read_to_string(policies().join("cn-covid-v9/pack.toml")).unwrap();
    let text = text.replacen("\ndays = { value = 7,", &format!("\ndays = {{ value = {days},"), 1);
    let tests = if days == "5" { "value = [1, 2, 3, 5]," } else { "value = [1, 2, 3, 5, 7]," };
    Pack::from_toml("cn-covid-v9", &text.replacen("value = [1, 2, 3, 5, 7],", tests, 1)).unwrap()
}

/// What the text adopted on 13 July does to the contact, with the rules that hold then.
fn adopted(before: &PackTimeline, new: Pack) -> (Change, Vec<String>) {
    let (facts, at) = (contact(), Instant::parse("2022-07-13T00:00:00+08:00").unwrap());
    let after = before.with_adopted(&[new], at).unwrap();
    let dossier = FactIndex::new(&facts).dossier(PersonId::from_label("p"));
    let (old, new) = (assess(&dossier, before, at, at), assess(&dossier, &after, at, at));
    let measures =
        new.measures.iter().map(|measure| format!("{} to {}", measure.rule(), &measure.ends_at().to_string()[5..10]));
    (Change::between(&old, &new, at).unwrap(), measures.collect())
}

#[test]
fn a_milder_text_shortens_and_a_stricter_one_never_lengthens() {
    let before = packs(&["cn-covid-v9"]);
    let (change, measures) = adopted(&before, amended("5"));
    assert_eq!(
        (change, &measures[..]),
        (
            Change::Shortened,
            &["cn-covid-v9:close_contact to 07-16", "cn-covid-v9:close_contact to 07-19"].map(String::from)[..]
        )
    );
    let (change, measures) = adopted(&before, amended("9"));
    assert_eq!(change, Change::Unchanged);
    assert!(measures.iter().all(|measure| measure.starts_with("cn-covid-v9 (before):")), "{measures:?}");
}

#[test]
fn overlays_of_a_replaced_pack_go_on_with_the_new_text() {
    let before = packs(&["cn-covid-v8", "ha-window-4"]);
    let at = Instant::parse("2022-03-01T00:00:00+08:00").unwrap();
    let after = before.with_adopted(&[pack("cn-covid-v8")], at).unwrap();
    let ids: Vec<&str> = after.packs().map(|pack| &*pack.id).collect();
    assert_eq!(ids, ["cn-covid-v8 (before)", "ha-window-4 (before)", "ha-window-4", "cn-covid-v8"]);
    // Met four days before onset: a contact only under the overlay, before and after.
    let lines = [
        r#"{"id":"f1","kind":"diagnosis","person":"c","happened":{"at":"2022-03-12T12:00:00+08:00"},"recorded_at":"2022-03-12T12:00:00+08:00","body":{"status":"confirmed_case","onset":"2022-03-10"}}"#,
        r#"{"id":"f2","kind":"exposure","person":"p","happened":{"day":"2022-03-06"},"recorded_at":"2022-03-12T13:00:00+08:00","body":{"case":"c","evidence":"interview","class":"close_contact"}}"#,
    ];
    let facts: Vec<Fact> = lines.iter().map(|line| Fact::from_json(line).unwrap()).collect();
    let dossier = FactIndex::new(&facts).dossier(PersonId::from_label("p"));
    let noon = Instant::parse("2022-03-13T12:00:00+08:00").unwrap();
    assert_eq!(assess(&dossier, &after, noon, noon).classes.len(), 1);
}
