//! `sizao demo pages`: a store with the pairs of 2020 and an invented city, an account for every role, and the pages.

mod city;
mod gate;
mod laboratory;
mod sentinels;
mod stays;

use std::{fs, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use sizao_app::{
    App,
    accounts::{Credentials, NewUnit},
    identity::{Actor, Role, UnitKind},
    mandates::{Collection, NewMandate},
};
use sizao_model::{Clock, Instant};
use sizao_store::{StoreKind, hex};
use tokio::runtime::Runtime;

use super::{PACK, take_pairs};
use crate::{
    args::NodeArgs,
    commands::serve,
    node::{self, SystemClock, entropy},
    packs::Packs,
};

#[derive(ClapArgs, Debug)]
pub struct DemoPages {
    /// Folder for the store; one that is there is made anew.
    #[arg(long, default_value = "demo/pages")]
    pub out: PathBuf,
    /// An empty PostgreSQL database in place of a file in that folder.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8765")]
    pub listen: SocketAddr,
    /// People of the invented city.
    #[arg(long, default_value_t = 3_000)]
    pub people: u32,
    /// The same seed gives the same city.
    #[arg(long, default_value_t = 4)]
    pub seed: u64,
}

/// Role, login, name, unit: everybody who works in the demonstration.
const PEOPLE: [(Role, &str, &str, usize); 19] = [
    (Role::Headquarters, "province", "李薇", 0),
    (Role::Statistician, "stat", "何敏", 0),
    (Role::Auditor, "audit", "郑直", 1),
    (Role::UnitAdmin, "admin", "孙立", 0),
    (Role::Operator, "ops", "马力", 0),
    (Role::Headquarters, "zhengzhou", "许鹏", 2),
    (Role::Epidemiologist, "cdc", "周宁", 3),
    (Role::Tracer, "tracer", "王琳", 3),
    (Role::AppealOfficer, "appeal", "钱正", 2),
    (Role::Lab, "lab", "方圆", 4),
    (Role::Sentinel, "clinic", "陈立", 5),
    (Role::CommunityWorker, "community", "陈淑英", 6),
    (Role::Epidemiologist, "luoyang", "洛平", 7),
    (Role::Sentinel, "pharmacy", "药小青", 8),
    (Role::InstitutionKeeper, "school", "沈校医", 9),
    (Role::Epidemiologist, "review", "高复", 2),
    (Role::Checkpoint, "gate", "刘洋", 10),
    (Role::Checkpoint, "gate2", "曹岩", 11),
    (Role::VenueKeeper, "venue", "罗店长", 12),
];

/// Name, kind, division of the units.
const UNITS: [(&str, UnitKind, &str); 13] = [
    ("河南省疫情防控指挥部", UnitKind::Headquarters, "41"),
    ("河南省审计组", UnitKind::Audit, "41"),
    ("郑州市疫情防控指挥部", UnitKind::Headquarters, "4101"),
    ("郑州市疾控中心", UnitKind::Cdc, "4101"),
    ("郑州市第一检测中心", UnitKind::Laboratory, "4101"),
    ("金水区发热门诊", UnitKind::Clinic, "410105"),
    ("金水区东风路社区", UnitKind::Community, "410105"),
    ("洛阳市疾控中心", UnitKind::Cdc, "4103"),
    ("中原区康宁大药房", UnitKind::Pharmacy, "410102"),
    ("管城区第三小学", UnitKind::School, "410104"),
    ("圃田站查验点", UnitKind::Checkpoint, "4101"),
    ("郑州南站查验点", UnitKind::Checkpoint, "4101"),
    ("金水区丹尼斯商场", UnitKind::Venue, "410105"),
];

pub fn run(order: &DemoPages, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    if order.out.exists() {
        for name in ["sizao.db", "sizao.db-wal", "sizao.db-shm", "sizao.db.lock", "sizao.db.key"] {
            let _ = fs::remove_file(order.out.join(name));
        }
        let _ = fs::remove_dir_all(order.out.join("sizao.db.segments"));
    }
    fs::create_dir_all(&order.out).with_context(|| format!("making the folder {}", order.out.display()))?;
    let file = order.out.join("sizao.db").display().to_string();
    let key = order.database.is_some().then(|| order.out.join("sizao.db.key"));
    let node = NodeArgs { store: order.database.clone().unwrap_or(file), key };
    let rules = Packs::with_built_in("demo-covid-2020", PACK)?.into_rules();
    eprintln!("Making a store with the pairs of 2020 and an invented city of {} people …", order.people);
    let app = runtime.block_on(async {
        let (store, keys, _) = node::create(&node, StoreKind::Demo).await?;
        let clock = serve::clock_from(city::present());
        node::assemble_as(store, &keys, clock, rules, "demonstration").await
    })?;
    take_pairs(&app, runtime)?;
    let city = city::take(&app, order.people, order.seed, runtime)?;
    stays::take(&app, &city, runtime)?;
    drop(city);
    runtime.block_on(async {
        let now = SystemClock.now();
        let password = word();
        people(&app, &password, now).await?;
        mandates(&app, &password).await?;
        sentinels::take(&app, &password).await?;
        laboratory::take(&app, &password).await?;
        gate::take(&app, &password).await?;
        app.follow_log().await?;
        eprintln!("\nDemo accounts, made for this store alone. Password of all, shown this once: {password}");
        for (role, login, name, unit) in PEOPLE {
            eprintln!("  {login:<10} {:<18} {name}  {}", role.name(), UNITS[unit].0);
        }
        eprintln!("The code is left empty. Nobody in the city is real.\n");
        serve::pages(app, order.listen, serve::Https::default(), json).await
    })
}

/// A password: sixteen letters of the system's randomness.
pub(super) fn word() -> String {
    let mut bytes = [0; 8];
    entropy()(&mut bytes);
    format!("demo-{}", hex(&bytes))
}

async fn people(app: &App, password: &str, now: Instant) -> Result<()> {
    let mut units = Vec::new();
    for (name, kind, division) in UNITS {
        units.push(app.add_demo_unit(&NewUnit { name, kind: kind.name(), division }, now).await?);
    }
    for (role, login, name, unit) in PEOPLE {
        app.add_demo_account(&units[unit], role, login, name, password, now).await?;
    }
    Ok(())
}

async fn signed_in(app: &App, login: &str, password: &str) -> Result<Actor> {
    let sent = Credentials { login: login.to_owned(), password: password.to_owned(), code: String::new() };
    let now = SystemClock.now();
    let token = app.sign_in(sent, "demonstration", now).await?;
    Ok(app.actor(&token, "demonstration", now).await?)
}

/// What Zhengzhou may collect; for records of cell towers a second signature is missing.
async fn mandates(app: &App, password: &str) -> Result<()> {
    let (proposer, signer) = (signed_in(app, "cdc", password).await?, signed_in(app, "zhengzhou", password).await?);
    for collection in [
        Collection::Cases,
        Collection::Contacts,
        Collection::Movement,
        Collection::Tests,
        Collection::Sentinels,
        Collection::DrugSales,
        Collection::Registers,
        Collection::Fence,
    ] {
        let form = NewMandate {
            collection: collection.name().to_owned(),
            area: "4101".to_owned(),
            legal_basis: "传染病防治法 第三十九条".to_owned(),
            authority: "郑州市疫情防控指挥部".to_owned(),
            purpose: "演示：疫情处置".to_owned(),
            impact_assessment: "演示：评估 2022-03".to_owned(),
            days: "30".to_owned(),
        };
        let mandate = app.propose_mandate(&proposer, &form, SystemClock.now()).await?;
        if collection != Collection::Fence {
            app.sign_mandate(&signer, mandate.id, SystemClock.now()).await?;
        }
    }
    for actor in [proposer, signer] {
        app.end_own_session(&actor, actor.session, SystemClock.now()).await?;
    }
    Ok(())
}
