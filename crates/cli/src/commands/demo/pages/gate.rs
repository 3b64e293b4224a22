//! A morning at the checkpoint of Putian station, for the pages of checkpoints and arrivals.

use std::sync::Arc;

use anyhow::Result;
use sizao_app::{
    App,
    checkpoints::{CheckForm, DisinfectionForm, LaneForm},
};
use sizao_model::Clock;

use super::{SystemClock, laboratory::document, signed_in};

/// Somebody at the desk.
struct Guest {
    name: &'static str,
    /// Last three digits of the order in the invented number.
    number: usize,
    from: &'static str,
    temperature: &'static str,
    verdict: &'static str,
    reason: &'static str,
    desk_s: &'static str,
}

const GUESTS: [Guest; 6] = [
    guest("贺宁", 701, "110105", "36.4", "go", "", "22"),
    guest("罗小敏", 702, "310115", "36.6", "sample-and-go", "sample-due", "64"),
    guest("丁海", 703, "440305", "36.5", "go", "", "31"),
    guest("姚静", 704, "220102", "36.7", "sample-and-go", "sample-due", "58"),
    guest("陶建国", 705, "310115", "38.1", "hold", "fever", "95"),
    guest("苏兰", 706, "610103", "36.3", "go", "", "27"),
];

const fn guest(
    name: &'static str,
    number: usize,
    from: &'static str,
    temperature: &'static str,
    verdict: &'static str,
    reason: &'static str,
    desk_s: &'static str,
) -> Guest {
    Guest { name, number, from, temperature, verdict, reason, desk_s }
}

/// Steps of a lorry, and its seal where it is sealed.
const LORRY: [(&str, &str); 4] = [("arrived", ""), ("sampled", ""), ("sealed", "ZZ-0317-08"), ("went", "")];

pub(super) async fn take(app: &Arc<App>, password: &str) -> Result<()> {
    let gate = signed_in(app, "gate", password).await?;
    let now = || SystemClock.now();
    for guest in &GUESTS {
        let form = CheckForm {
            shown: "document".to_owned(),
            verdict: guest.verdict.to_owned(),
            reason: guest.reason.to_owned(),
            desk_s: guest.desk_s.to_owned(),
            name: guest.name.to_owned(),
            document_kind: "resident_id".to_owned(),
            document: document(guest.number),
            from: guest.from.to_owned(),
            temperature: guest.temperature.to_owned(),
            ..CheckForm::default()
        };
        app.record_check(&gate, &form, &format!("demo-{}", guest.number), now()).await?;
    }
    for (stage, seal) in LORRY {
        let form = LaneForm {
            stage: stage.to_owned(),
            journey: "豫A-L3158".to_owned(),
            seal: seal.to_owned(),
            name: "鲁强".to_owned(),
            document: document(707),
            ..LaneForm::default()
        };
        app.record_lane(&gate, &form, &format!("demo-{stage}"), now()).await?;
    }
    let begun = DisinfectionForm { place: "留置室".to_owned(), ..DisinfectionForm::default() };
    app.record_disinfection(&gate, None, &begun, "demo", now()).await?;
    app.end_own_session(&gate, gate.session, now()).await?;
    Ok(())
}
