//! Facts exported from one store and imported into another have equal content.

use std::{collections::HashMap, sync::Arc};

use sizao_app::{
    App, Rules,
    imports::{ImportOrder, ImportReport, pump},
};
use sizao_drill::city::{City, CityOptions};
use sizao_interop::ndjson::{self, EXPORTED_FROM, FactImport};
use sizao_model::{Clock, DivisionCode, Fact, FactId, Instant, PersonId, fact::RetentionClass};
use sizao_policy::PackTimeline;
use sizao_store::{Store, StoreKind};
use tokio::sync::mpsc;

use crate::support::*;

/// The clock stands still, after everything in the city.
struct Stopped(Instant);

impl Clock for Stopped {
    fn now(&self) -> Instant {
        self.0
    }
}

async fn node(place: &TestPlace, now: Instant) -> Arc<App> {
    let store = Store::create(&place.place, StoreKind::Drill, master(), entropy(1), now).await.unwrap();
    let rules = Rules::new(PackTimeline::new(Vec::new()).unwrap(), &[]);
    let signer = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    Arc::new(App::new(store, Arc::new(Stopped(now)), signer, "tester", rules).await.unwrap())
}

async fn import(app: &Arc<App>, sender: &str, text: String) -> ImportReport {
    let (to, rows) = mpsc::channel(2);
    let order = ImportOrder {
        list: format!("from {sender}"),
        sender: sender.to_owned(),
        file_digest: [7; 32],
        mapping: "facts".to_owned(),
        file_bytes: text.len() as u64,
        by: None,
    };
    let (now, sender) = (app.now(), sender.to_owned());
    let reader = std::thread::spawn(move || {
        let rows = FactImport::new(text.as_bytes(), &sender, DivisionCode::HENAN, now);
        pump(rows, FactImport::bytes_read, &to).unwrap();
    });
    let report = app.import(order, rows, ()).await.unwrap();
    reader.join().unwrap();
    report
}

async fn export(app: &Arc<App>) -> String {
    let mut out = Vec::new();
    let report = app.export_facts(&mut out, |_| {}).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(report.facts as usize, text.lines().count() - 1);
    assert_eq!(text.lines().next(), Some(format!("{EXPORTED_FROM}{}", app.store().id()).as_str()));
    text
}

/// Division and content of each line.
fn contents(text: &str) -> Vec<(String, Fact)> {
    let (facts, _) = ndjson::read_facts(text.as_bytes()).unwrap();
    let lines = text.lines().skip(1).map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["division"].as_str().unwrap().to_owned()
    });
    lines.zip(facts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_and_imported_elsewhere_has_equal_content() {
    for place in places().await {
        let city = City::build(CityOptions::new(400, 14, 21)).unwrap();
        let mut facts: Vec<Fact> = city.facts().collect();
        facts.sort_by_key(|fact| (fact.recorded_at, fact.id));
        let now = Instant::from_micros(facts[facts.len() - 1].recorded_at.as_micros() + 60_000_000);
        let mut text = Vec::new();
        ndjson::write_facts(&mut text, &facts).unwrap();

        let first = node(&place, now).await;
        let report = import(&first, "city", String::from_utf8(text).unwrap()).await;
        assert_eq!((report.stored as usize, report.rejected), (facts.len(), 0));
        let exported = export(&first).await;

        let elsewhere = sqlite();
        let second = node(&elsewhere, now).await;
        let report = import(&second, "first", exported.clone()).await;
        assert_eq!((report.stored as usize, report.rejected), (facts.len(), 0));

        // The same facts in the same order, but for the ids that each store gave: one new id for one old.
        let (there, here) = (contents(&export(&second).await), contents(&exported));
        assert_eq!(there.len(), here.len());
        let mut people: HashMap<PersonId, PersonId> = HashMap::new();
        let mut ids: HashMap<FactId, FactId> = HashMap::new();
        for ((_, old), (_, new)) in here.iter().zip(&there) {
            assert!(ids.insert(old.id, new.id).is_none());
            if let (Some(old), Some(new)) = (old.person, new.person) {
                assert_eq!(*people.entry(old).or_insert(new), new);
            }
        }
        let mut back: Vec<PersonId> = people.values().copied().collect();
        back.sort_unstable();
        back.dedup();
        assert_eq!(back.len(), people.len(), "two people became one");
        for ((division, old), (division_there, new)) in here.into_iter().zip(there) {
            let mut body = old.body;
            let Ok(()) = body.try_map_facts(|id| Ok::<_, std::convert::Infallible>(ids[&id]));
            // Who is only named in a body has no facts to learn the new id from; the new body tells it.
            let mut named = Vec::new();
            let Ok(()) = new.body.clone().try_map_people(|id| {
                named.push(id);
                Ok::<_, std::convert::Infallible>(id)
            });
            let mut named = named.into_iter();
            let Ok(()) = body.try_map_people(|id| {
                let new = named.next().expect("as many people as before");
                assert_eq!(*people.entry(id).or_insert(new), new);
                Ok::<_, std::convert::Infallible>(new)
            });
            assert_eq!((division, old.happened, old.recorded_at), (division_there, new.happened, new.recorded_at));
            assert_eq!(body, new.body);
        }

        // Sent again under the same name, nothing changes.
        let report = import(&second, "first", exported).await;
        assert!(report.was_finished && report.stored == 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_counted_and_not_written() {
    let place = sqlite();
    let line = |id: &str, day: &str| {
        format!(
            r#"{{"id":"{id}","kind":"exposure","person":"p","happened":{{"day":"2022-03-09"}},"recorded_at":"{day}T15:00:00+08:00","body":{{"case":"c","class":"close_contact","evidence":"interview"}}}}"#
        )
    };
    let app = node(&place, Instant::parse("2022-03-20T12:00:00+08:00").unwrap()).await;
    import(&app, "city", [line("a", "2022-03-10"), line("b", "2022-03-11")].join("\n")).await;
    let day = Instant::parse("2022-03-10T15:00:00+08:00").unwrap().day();
    app.erase(RetentionClass::Exposure, day, "end of term").await.unwrap();
    let mut out = Vec::new();
    let report = app.export_facts(&mut out, |_| {}).await.unwrap();
    assert_eq!((report.facts, report.erased, report.about_this_log, report.refused), (1, 1, 1, 0));
}
