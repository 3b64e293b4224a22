//! A round in Jinshui with its first tubes, and people of key groups, for the pages of screening and laboratory.

use anyhow::{Result, anyhow};
use sizao_app::{
    App,
    identity::Actor,
    laboratory::{ResultEntry, ScanForm, by_page},
    screening::NewRound,
};
use sizao_model::{
    CivilDay, DivisionCode, Happened,
    draft::{PersonDraft, PersonName},
    fact::{GroupMember, GroupPause, Outcome, PauseReason},
};
use sizao_store::{Channel, IntakeKey, NewFact, VaultPerson};

use super::{SystemClock, signed_in};
use sizao_model::Clock;

/// People of key groups: group, how many.
const KEY_PEOPLE: [(&str, usize); 8] = [
    ("cold_chain", 6),
    ("fever_clinic", 8),
    ("laboratory", 4),
    ("hospital_other", 10),
    ("courier", 12),
    ("taxi", 8),
    ("supermarket", 10),
    ("school", 20),
];
/// Tubes of the round: barcode, people, how far it has come.
const TUBES: [(&str, std::ops::Range<usize>, u8); 5] = [
    ("JS-DEMO-01", 0..10, 4),
    ("JS-DEMO-02", 10..20, 4),
    ("JS-DEMO-03", 20..30, 3),
    ("JS-DEMO-04", 30..38, 2),
    ("JS-DEMO-05", 38..43, 1),
];

pub(super) async fn take(app: &App, password: &str) -> Result<()> {
    let (cdc, desk, lab) = (
        signed_in(app, "cdc", password).await?,
        signed_in(app, "community", password).await?,
        signed_in(app, "lab", password).await?,
    );
    key_people(app).await?;
    let form = NewRound {
        name: "金水区第一轮".to_owned(),
        area: "410105".to_owned(),
        hours: "24".to_owned(),
        capacity: "10".to_owned(),
        sites: "东风路小学 2\n文化广场 2".to_owned(),
    };
    let round = app.open_round(&cdc, &form, SystemClock.now()).await?;
    for (barcode, people, stage) in TUBES {
        let mut forms = vec![ScanForm {
            step: "open".to_owned(),
            barcode: barcode.to_owned(),
            holds: "pool".to_owned(),
            capacity: "10".to_owned(),
            round: round.uuid().to_string(),
            site: "东风路小学-1".to_owned(),
            ..ScanForm::default()
        }];
        forms.extend(people.map(|who| ScanForm {
            step: "swab".to_owned(),
            barcode: barcode.to_owned(),
            who: document(who),
            ..ScanForm::default()
        }));
        forms.extend([("seal", 1), ("send", 2)].into_iter().filter(|(_, at)| stage > *at).map(|(step, _)| ScanForm {
            step: step.to_owned(),
            barcode: barcode.to_owned(),
            container: if step == "send" { "BOX-DEMO-1".to_owned() } else { String::new() },
            ..ScanForm::default()
        }));
        taken(app, &desk, &forms).await?;
        if stage > 3 {
            let receive = ScanForm { step: "receive".to_owned(), barcode: barcode.to_owned(), ..ScanForm::default() };
            taken(app, &lab, &[receive]).await?;
        }
    }
    let results = [("JS-DEMO-01", Outcome::Negative), ("JS-DEMO-02", Outcome::Positive)];
    let results = results.map(|(barcode, outcome)| ResultEntry {
        barcode: barcode.to_owned(),
        outcome,
        at: None,
        corrects: false,
        message: String::new(),
    });
    for answer in app.take_results(&lab, &results, true, by_page()).await? {
        answer?;
    }
    for actor in [cdc, desk, lab] {
        app.end_own_session(&actor, actor.session, SystemClock.now()).await?;
    }
    Ok(())
}

async fn taken(app: &App, actor: &Actor, forms: &[ScanForm]) -> Result<()> {
    for answer in app.scan(actor, forms, true).await? {
        answer?;
    }
    Ok(())
}

/// An invented resident's number with a right check digit.
pub(super) fn document(who: usize) -> String {
    const WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = format!("41010519880101{who:03}");
    let sum: usize = digits.bytes().zip(WEIGHTS).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    format!("{digits}{}", ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][sum % 11])
}

async fn key_people(app: &App) -> Result<()> {
    let (store, now) = (app.store(), app.now());
    let division = DivisionCode::parse("410105").map_err(|error| anyhow!("{error}"))?;
    let people: Vec<VaultPerson> = KEY_PEOPLE
        .iter()
        .flat_map(|(group, count)| (0..*count).map(move |number| format!("{group}-{number}")))
        .map(|code| VaultPerson {
            draft: PersonDraft {
                names: vec![PersonName::Code { scope: "demonstration of key groups".into(), code: code.into() }],
                full_name: None,
                phones: Vec::new(),
                division,
            },
            search_terms: Vec::new(),
        })
        .collect();
    let mut ids = store.resolve_people(&people, now).await?.into_iter();
    let source = store.source("demonstration of key groups").await?;
    let mut facts = Vec::new();
    let fact = |person, body, key: String| NewFact {
        id: store.new_fact_id(now),
        person: Some(person),
        division,
        happened: Happened::at(now),
        recorded_at: now,
        body,
        recorder: app.recorder(),
        channel: Channel::System,
        source,
        intake_key: IntakeKey::Sender(key.into()),
    };
    let day = |back: i32| -> CivilDay { now.day().plus_days(-back) };
    for (group, count) in KEY_PEOPLE {
        for (number, person) in ids.by_ref().take(count).enumerate() {
            let member =
                GroupMember { group: group.into(), from: day(number as i32 % 12), until: None, workplace: None };
            facts.push(fact(person, member.into(), format!("{group}/{number}")));
            if number % 7 == 3 {
                let pause = GroupPause { reason: PauseReason::Leave, from: day(2), until: Some(day(-1)) };
                facts.push(fact(person, pause.into(), format!("{group}/{number}/leave")));
            }
        }
    }
    app.append_facts(facts).await?;
    Ok(())
}
