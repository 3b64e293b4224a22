//! Sentinel sites of the demonstration: eight counties and eight months of invented reports, with a rise in two of them.

use anyhow::{Context, Result};
use jiff::civil::Date;
use sizao_app::{
    App,
    sentinels::{Capability, NewResponsible, institution_id},
};
use sizao_epi::invented::{InventionSettings, invent_network};
use sizao_model::{
    CivilDay, DivisionCode, Happened,
    fact::{DrugKind, SentinelKind, SentinelReport},
    id::SiteId,
};
use sizao_store::{Channel, InstitutionRecord, IntakeKey, NewFact};

use super::signed_in;
use crate::node::SystemClock;
use sizao_model::Clock;

/// Days of reports before the present.
const DAYS: i32 = 240;

/// Code, name, kind, division, duties, which unit reports (as in the list of units), who is responsible.
type Site = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str], usize, &'static str);

const CLINIC: &[&str] = &["registers-fever", "tests-antigen", "reports-daily"];
const PHARMACY: &[&str] = &["sells-drugs", "reports-daily"];
const SCHOOL: &[&str] = &["counts-absence", "reports-daily"];

/// The sites. The first three are those of the demonstration's reporters; one has nobody responsible.
const SITES: [Site; 12] = [
    ("jinshui-fever", "金水区发热门诊", "clinic", "410105", CLINIC, 5, "陈立"),
    ("zhongyuan-kangning", "中原区康宁大药房", "pharmacy", "410102", PHARMACY, 8, "药小青"),
    ("guancheng-school-3", "管城区第三小学", "school", "410104", SCHOOL, 9, "沈校医"),
    ("jinshui-wenhua", "文化路卫生服务站", "clinic", "410105", CLINIC, 2, "郭嘉慧"),
    ("zhongyuan-jianshe", "建设路卫生服务中心", "clinic", "410102", CLINIC, 2, "贺晓"),
    ("erqi-daxue", "大学路诊所", "clinic", "410103", CLINIC, 2, "卢敏"),
    ("erqi-yixin", "一心堂大药房", "pharmacy", "410103", PHARMACY, 2, ""),
    ("guancheng-ziran", "紫荆山卫生服务站", "clinic", "410104", CLINIC, 2, "宋杰"),
    ("huiji-xinghe", "新河药房", "pharmacy", "410108", PHARMACY, 2, "苗青"),
    ("shangjie-fever", "上街区人民医院", "clinic", "410106", CLINIC, 2, "尹航"),
    ("zhongmou-yaofang", "中牟县平安药房", "pharmacy", "410122", PHARMACY, 2, "范围"),
    ("xinzheng-clinic", "新郑龙湖诊所", "clinic", "410184", CLINIC, 2, "申远"),
];

/// Sites that did not report so many days ago.
const SILENT: [(&str, i32); 2] = [("erqi-yixin", 2), ("xinzheng-clinic", 9)];

/// Registers the sites and appends their history.
pub async fn take(app: &App, password: &str) -> Result<()> {
    let manager = signed_in(app, "zhengzhou", password).await?;
    let first = app.now().day().plus_days(-DAYS);
    let units = app.units_for_sites(&manager).await?;
    for (code, name, kind, division, duties, unit, responsible) in SITES {
        let unit = units.iter().find(|one| one.name == super::UNITS[unit].0);
        let duty = |word: &&str| Capability::from_name(word).map_or(0, Capability::bit);
        // They have been at work as long as they report, unlike what is entered by a page today.
        let site = InstitutionRecord {
            id: institution_id(code),
            unit: unit.context("a site has its unit")?.id,
            name: name.to_owned(),
            kind: kind.to_owned(),
            division: DivisionCode::parse(division)?,
            capabilities: duties.iter().map(duty).sum(),
            made_at: first.start(),
            closed_at: None,
        };
        app.store().add_institution(&site, manager.account).await?;
        if !responsible.is_empty() {
            let form =
                NewResponsible { name: responsible.to_owned(), from_on: first.to_string(), until_on: String::new() };
            app.name_responsible(&manager, site.id, &form, SystemClock.now()).await?;
        }
    }
    app.end_own_session(&manager, manager.session, SystemClock.now()).await?;
    history(app, first).await
}

/// Invented daily sums up to yesterday; in Jinshui fever doubles in the last four days.
async fn history(app: &App, first: CivilDay) -> Result<()> {
    let today = app.now().day();
    let (year, month, day) = first.ymd();
    let settings = InventionSettings {
        counties: 12,
        sites_per_county: 1,
        days: DAYS as usize,
        first_on: Date::new(year, month, day)?,
        outbreaks_per_county_year: 0.5,
        seed: 7,
    };
    let network = invent_network(&settings)?.twin;
    let source = app.store().source("demonstration of sentinel sites").await?;
    let mut facts = Vec::new();
    for (place, (code, _, _, division, duties, ..)) in SITES.into_iter().enumerate() {
        let own: Vec<_> = network.series.iter().filter(|series| series.site == place).collect();
        for n in 0..DAYS {
            let on = first.plus_days(n);
            let back = today.days_since(on);
            if SILENT.contains(&(code, back)) {
                continue;
            }
            let counts = own.iter().filter_map(|series| {
                let (kind, wanted) = kind_of(series.source);
                let count = series.counts[n as usize] + if series.source < 2 { rise(code, back) } else { 0.0 };
                (duties.contains(&wanted) && count >= 1.0).then_some((kind, count as u32))
            });
            let mut seen: Vec<(SentinelKind, u32)> = counts.collect();
            if seen.is_empty() {
                seen.push((SentinelKind::Zero, 0));
            }
            facts.extend(seen.into_iter().map(|(kind, count)| fact(app, source, (code, division), kind, on, count)));
        }
        append(app, std::mem::take(&mut facts)).await?;
    }
    app.follow_reports().await?;
    Ok(())
}

fn kind_of(source: usize) -> (SentinelKind, &'static str) {
    match source {
        0 => (SentinelKind::Fever, "registers-fever"),
        1 => (SentinelKind::DrugSale, "sells-drugs"),
        2 => (SentinelKind::AntigenPositive, "tests-antigen"),
        _ => (SentinelKind::Absence, "counts-absence"),
    }
}

/// What is planted so many days ago; persons.
fn rise(code: &str, back: i32) -> f64 {
    match (code, back) {
        ("jinshui-fever" | "jinshui-wenhua", 1..=4) => 8.0 + 3.0 * f64::from(5 - back),
        ("zhongyuan-kangning", 1..=3) => 25.0,
        _ => 0.0,
    }
}

fn fact(
    app: &App,
    source: i64,
    (code, division): (&str, &str),
    report: SentinelKind,
    on: CivilDay,
    count: u32,
) -> NewFact {
    // Seen at noon and on record in the afternoon of the same day.
    let seen = on.start().plus_hours(12);
    let body = SentinelReport {
        institution: SiteId::from(institution_id(code).to_string().as_str()),
        report,
        day: on,
        count,
        drugs: if report == SentinelKind::DrugSale { vec![DrugKind::Fever] } else { Vec::new() },
        entered_at: None,
    };
    let key = format!("{code}/{on}/{}", sizao_app::sentinels::kind_name(report));
    NewFact {
        id: app.store().new_fact_id(seen),
        person: None,
        division: DivisionCode::parse(division).unwrap_or(DivisionCode::HENAN),
        happened: Happened::at(seen),
        recorded_at: seen.plus_minutes(20),
        body: body.into(),
        recorder: app.recorder(),
        channel: Channel::System,
        source,
        intake_key: IntakeKey::Sender(key.into()),
    }
}

async fn append(app: &App, facts: Vec<NewFact>) -> Result<()> {
    if !facts.is_empty() {
        app.append_facts(facts).await?;
    }
    Ok(())
}
