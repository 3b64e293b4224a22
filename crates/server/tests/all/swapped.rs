//! Three cities, and every field of a body or a question that names something: the name of something of another city is
//! put in. Nothing of that city is shown, and nothing of it is changed.

use sizao_app::{identity::Role, people::number, sentinels::NewInstitution};
use sizao_model::{DivisionCode, FactBody, PersonId};
use sizao_store::UnitRecord;
use uuid::Uuid;

use crate::support::*;

/// What a city has that a field can name.
struct City {
    division: &'static str,
    unit: UnitRecord,
    person: PersonId,
    /// The fact that opened the person's measure, and its rule.
    opened_by: Uuid,
    rule: String,
    site: String,
    need: Uuid,
    link: String,
}

/// Cities of the world: division, unit among the levels, person.
const CITIES: [(&str, usize, usize); 3] = [("4101", 1, 0), ("4103", 3, 2), ("4102", 4, 3)];

async fn city(world: &World, (division, unit, person): (&'static str, usize, usize)) -> City {
    let (unit, person) = (world.units[unit].clone(), world.people[person]);
    let overseer = world.actor_in(&unit, Role::Epidemiologist).await;
    let worker = world.actor_in(&unit, Role::CommunityWorker).await;
    let form = NewInstitution {
        unit: unit.id.to_string(),
        name: "Fever clinic".to_owned(),
        kind: "clinic".to_owned(),
        division: division.to_owned(),
        code: format!("clinic-{}", fresh().simple()),
        capabilities: ["registers-fever", "sells-drugs", "reports-daily"].map(str::to_owned).into(),
    };
    let site = form.code.clone();
    world.app.add_institution(&overseer, &form, now()).await.unwrap();
    let assessed = world.app.assess(person, now(), now()).await.unwrap().assessment;
    let (rule, opened_by) = (assessed.measures[0].rule().to_owned(), assessed.measures[0].because()[0].uuid());
    let fields = sizao_app::loops::Fields { step: "need".into(), need: "food".into(), ..Default::default() };
    let need = world.app.enter_step(&worker, person, &fields, "need", now(), now()).await.unwrap().fact.uuid();
    let link = world.app.give_link(&worker, person, now()).await.unwrap();
    City { division, unit, person, opened_by, rule, site, need, link }
}

/// A request with one field of `there` in the place of one of `here`.
struct Swap {
    role: Role,
    path: String,
    /// None: a question, not a form.
    fields: Option<String>,
    /// It also names something of the own city when nothing is swapped, and is then done.
    works_at_home: bool,
}

fn swaps(here: &City, there: &City) -> Vec<Swap> {
    let post = |role, path: String, fields: String| Swap { role, path, fields: Some(fields), works_at_home: true };
    let get = |role, path: String| Swap { role, path, fields: None, works_at_home: true };
    let own = here.person.uuid();
    let (division, unit, person) = (there.division, there.unit.id, there.person.uuid());
    let mandate = "collection=cases&days=3&legal_basis=a&authority=b&purpose=c&impact_assessment=d";
    let site = "name=Clinic&kind=clinic&capabilities=registers-fever";
    let login = fresh().simple();
    let looped = |of: &City| format!("{}|{}|{}", of.person.uuid(), of.opened_by, of.rule);
    vec![
        post(Role::UnitAdmin, "/accounts".into(), format!("unit={unit}&role=lab&name=New&login=n{login}")),
        post(Role::UnitAdmin, "/units".into(), format!("unit_name=New&unit_kind=cdc&division={division}")),
        post(Role::Headquarters, "/mandates".into(), format!("{mandate}&area={division}")),
        post(Role::Tracer, "/people/views".into(), format!("view_name=Mine&group=new-7d&division={division}")),
        post(Role::Headquarters, "/loops/assign".into(), format!("unit={}&loop={}", here.unit.id, looped(there))),
        post(Role::Headquarters, "/loops/assign".into(), format!("unit={unit}&loop={}", looped(here))),
        // The person is the own one; what the step speaks of is another's.
        post(Role::CommunityWorker, format!("/people/{own}/steps"), format!("step=given&of={}", there.need)),
        post(
            Role::CommunityWorker,
            format!("/people/{own}/steps"),
            format!("step=notified&rule={}&of={}", there.rule, there.opened_by),
        ),
        post(Role::CommunityWorker, format!("/people/{person}/steps"), "step=check&temperature=36.6".into()),
        post(
            Role::Sentinel,
            "/sentinel".into(),
            format!("institution={}&kind=zero&day=2022-03-17&client_key={}", there.site, fresh()),
        ),
        post(
            Role::Epidemiologist,
            "/sentinels".into(),
            format!("{site}&code=c{}&unit={unit}&division={}", fresh().simple(), here.division),
        ),
        post(
            Role::Epidemiologist,
            "/sentinels".into(),
            format!("{site}&code=c{}&unit={}&division={division}", fresh().simple(), here.unit.id),
        ),
        Swap {
            role: Role::Epidemiologist,
            // The form is refused, and the page that would be shown again is that of another.
            path: format!("/facts/{}/correct?of={person}", here.opened_by),
            fields: Some("what=retract&reason=".into()),
            works_at_home: false,
        },
        post(
            Role::Resident,
            format!("/my/{}/appeal", here.link),
            format!("rule={}&of={}&words=I was never there", there.rule, there.opened_by),
        ),
        get(Role::Epidemiologist, format!("/board?division={division}")),
        get(Role::Statistician, format!("/board?division={division}")),
        get(Role::Epidemiologist, format!("/report?division={division}")),
        get(Role::Statistician, format!("/report.xlsx?division={division}")),
        get(Role::Tracer, format!("/people?group=new-7d&division={division}")),
        get(Role::CommunityWorker, format!("/people/{person}/history")),
    ]
}

/// Whether the address itself has the person's id.
fn asks_for(path: &str, there: &City) -> bool {
    path.contains(&there.person.uuid().to_string())
}

/// All that a city could lose or get: facts, units, accounts, mandates, sites, loops.
async fn state(world: &World) -> String {
    let store = world.app.store();
    let everywhere = DivisionCode::HENAN;
    let mut told = format!("{}", store.size().await.unwrap());
    told += &format!("{:?}", store.list_units(everywhere, 500).await.unwrap().iter().map(|u| u.id).collect::<Vec<_>>());
    told += &format!("{:?}", store.list_mandates(everywhere, 500).await.unwrap());
    told += &format!("{:?}", store.list_institutions(Some(everywhere), 500).await.unwrap());
    for (_, unit, _) in CITIES {
        let admin = world.actor_in(&world.units[unit], Role::UnitAdmin).await;
        let accounts = world.app.list_accounts(&admin).await.unwrap();
        told += &format!("{}", accounts.iter().filter(|line| line.account.name == "New").count());
    }
    told
}

async fn ask(world: &World, unit: &UnitRecord, swap: &Swap) -> Answer {
    let token = world.session_in(unit, swap.role).await;
    match &swap.fields {
        Some(fields) => world.post(&swap.path, Some(&token), fields).await,
        None => world.get(&swap.path, Some(&token)).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_field_names_in_another_city_is_neither_shown_nor_changed() {
    for place in places().await {
        let world = World::full(place).await;
        world.app.follow_loops().await.unwrap();
        let mut cities = Vec::new();
        for at in CITIES {
            cities.push(city(&world, at).await);
        }
        let before = state(&world).await;
        let mut asked = 0;
        for here in &cities {
            for there in cities.iter().filter(|there| there.division != here.division) {
                for swap in swaps(here, there) {
                    let answer = ask(&world, &here.unit, &swap).await;
                    let told = format!("{} {:?} by {} of {}", swap.path, swap.fields, swap.role.name(), here.division);
                    let status = answer.status.as_u16();
                    assert!(matches!(status, 404 | 409 | 422), "{told}: {status}\n{}", answer.body);
                    let body = answer.body.replace(&swap.path, "");
                    for (shown, what) in [
                        // The links of a page repeat what was asked, in other letters.
                        (!asks_for(&swap.path, there) && body.contains(&there.person.uuid().to_string()), "id"),
                        (body.contains(&number(there.person)), "number"),
                        (body.contains(&there.need.to_string()) || body.contains(&there.opened_by.to_string()), "fact"),
                        (body.contains(&there.unit.id.to_string()), "unit"),
                    ] {
                        assert!(!shown, "{told} shows a {what} of {}", there.division);
                    }
                    asked += 1;
                }
            }
        }
        assert_eq!(asked, 3 * 2 * 20, "three cities, two others each");
        assert_eq!(state(&world).await, before, "something of another city was changed");
        // The same requests with what is the own city's are done: each could have been.
        for here in &cities {
            for swap in swaps(here, here).into_iter().filter(|swap| swap.works_at_home) {
                let answer = ask(&world, &here.unit, &swap).await;
                let status = answer.status.as_u16();
                assert!(matches!(status, 200 | 303), "{} {:?}: {status}\n{}", swap.path, swap.fields, answer.body);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_is_a_new_fact_under_the_name_of_its_account() {
    for place in places().await {
        let world = World::full(place).await;
        let here = city(&world, CITIES[0]).await;
        let token = world.session_in(&here.unit, Role::Epidemiologist).await;
        let page = format!("/people/{}/history", here.person.uuid());
        let told = world.get(&page, Some(&token)).await;
        assert!(told.body.contains(&format!("/facts/{}/correct", here.opened_by)), "{}", told.body);
        let size = world.app.store().size().await.unwrap();
        let address = format!("/facts/{}/correct?of={}", here.opened_by, here.person.uuid());
        for wrong in [
            "what=retract&reason=x",
            "what=day&day=2022-03-32&reason=entered twice",
            "what=day&day=2022-03-18&reason=entered twice",
            "what=delete&reason=entered twice",
        ] {
            let answer = world.post(&address, Some(&token), wrong).await;
            assert_eq!(answer.status.as_u16(), 422, "{wrong}");
        }
        assert_eq!(world.app.store().size().await.unwrap(), size, "nothing that is wrong is stored");
        let assessed = |world: &World| {
            let (app, person) = (world.app.clone(), here.person);
            async move { app.assess(person, now(), now()).await.unwrap().assessment.measures.len() }
        };
        assert!(assessed(&world).await > 0);
        for _ in 0..2 {
            let answer = world.post(&address, Some(&token), "what=retract&reason=entered twice").await;
            assert_eq!(answer.status.as_u16(), 303, "{}", answer.body);
        }
        assert_eq!(assessed(&world).await, 0, "what the diagnosis opened has ended");
        let facts = world.app.explain(here.person, now(), now()).await.unwrap().facts;
        let corrections: Vec<_> =
            facts.iter().filter(|fact| matches!(fact.body, FactBody::Correction(_))).map(|fact| fact.id).collect();
        assert_eq!(corrections.len(), 1, "sent twice, it is one fact");
        assert!(facts.iter().any(|fact| fact.id.uuid() == here.opened_by), "what was wrong stays on record");
        let recorded = world.app.store().recorded(&corrections).await.unwrap();
        let account = recorded[&corrections[0]].account.clone();
        assert_eq!(account, Some(("Somebody".to_owned(), here.unit.name.clone())), "signed for the account");
        let told = world.get(&page, Some(&token)).await.body;
        assert!(told.contains("entered twice") && told.contains(&here.unit.name), "{told}");
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Epidemiologist) {
            let token = world.session_in(&here.unit, role).await;
            let answer = world.post(&address, Some(&token), "what=retract&reason=entered twice").await;
            assert_eq!(answer.status.as_u16(), 403, "{}", role.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_found_by_the_number_by_which_people_speak_of_it_in_its_own_division() {
    for place in places().await {
        let world = World::full(place).await;
        let person = world.people[0];
        for (unit, finds) in [(0, true), (1, true), (2, false), (3, false), (4, false)] {
            let token = world.session_in(&world.units[unit], Role::Tracer).await;
            for written in [
                number(person),
                number(person).to_lowercase(),
                number(person).replacen('-', "", 2).replacen('P', "P-", 1),
            ] {
                let page = world.get(&format!("/people?q={written}"), Some(&token)).await;
                assert_eq!(page.status.as_u16(), 200);
                let shown = page.body.contains(&format!("/people/{}", person.uuid()));
                assert_eq!(shown, finds, "{written} from {}", world.units[unit].division);
            }
        }
    }
}
