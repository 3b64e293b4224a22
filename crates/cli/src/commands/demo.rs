//! `sizao demo …`: published pairs and the invented city.

mod city;
pub(crate) mod pages;
mod report;
pub(crate) mod two_cities;

use std::{fs, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use sizao_app::{
    App,
    imports::{ImportOrder, ImportReport, pump},
    transmission::TransmissionQuestion,
};
use sizao_interop::{CsvImport, Mapping};
use sizao_model::{Clock, DivisionCode, Instant};
use sizao_store::{StoreKind, hex, sha256};
use tokio::{runtime::Runtime, sync::mpsc};

use crate::{
    args::{Demo, DemoPairs, NodeArgs},
    node::{self, SystemClock},
    output::say,
    packs::Packs,
};

const PAIRS: &[u8] = include_bytes!("../../demo/cn-transmission-pairs-2020/pairs.csv");
const MAPPING: &str = include_str!("../../../../mappings/cn-transmission-pairs-2020.toml");
const PACK: &str = include_str!("../../../../policies/demo-covid-2020/pack.toml");
const LIST: &str = "cn-transmission-pairs-2020";

/// The province's cities as the source spells them.
const HENAN_SPELLINGS: [&str; 18] = [
    "zhengzhou",
    "kaifeng",
    "luoyang",
    "pingdingshan",
    "anyang",
    "hebi",
    "xinxiang",
    "jiaozuo",
    "puyang",
    "xuchang",
    "luohe",
    "sanmenxia",
    "nanyang",
    "shangqiu",
    "xinyang",
    "zhoukou",
    "zhumadian",
    "jiyuan",
];

/// Runs a demonstration.
pub fn run(order: Demo, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    match order {
        Demo::Pairs(order) => pairs(&order, json, runtime),
        Demo::City(order) => city::run(&order, json),
        Demo::Pages(order) => pages::run(&order, json, runtime),
        Demo::TwoCities(order) => two_cities::run(&order, json, runtime),
    }
}

fn pairs(order: &DemoPairs, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    let store = order.out.join("sizao.db");
    if order.out.exists() {
        for name in ["sizao.db", "sizao.db-wal", "sizao.db-shm", "sizao.db.lock", "sizao.db.key"] {
            let _ = fs::remove_file(order.out.join(name));
        }
    }
    fs::create_dir_all(&order.out).with_context(|| format!("making the folder {}", order.out.display()))?;
    let node = NodeArgs { store: store.display().to_string(), key: None };
    // Everybody is assessed as of the end of that day.
    let end_of_day = Instant::from_micros(order.on.plus_days(1).start().as_micros() - 1);
    let app = runtime.block_on(async {
        let (store, keys, _) = node::create(&node, StoreKind::Demo).await?;
        let rules = Packs::one("demo-covid-2020", PACK)?.into_rules();
        node::assemble_as(store, &keys, Arc::new(end_of_day), rules, "demonstration investigator").await
    })?;
    let imported = take_pairs(&app, runtime)?;
    let assessed = imported.caught_up;
    let question = TransmissionQuestion {
        on_day: order.on,
        hours: order.hours,
        province: DivisionCode::HENAN,
        spellings: HENAN_SPELLINGS.map(str::to_owned).into(),
    };
    let report = runtime.block_on(app.report_transmission(&question))?;
    let seen = runtime.block_on(app.store().verify(|_| {}))?;
    if let Some(app) = Arc::into_inner(app) {
        runtime.block_on(app.close());
    }
    let told = report::Told { report, imported, assessed, log: seen, store: &store, on: order.on };
    say(json, || told.in_words(), || told.in_json());
    Ok(ExitCode::SUCCESS)
}

/// Imports the published pairs.
fn take_pairs(app: &Arc<App>, runtime: &Runtime) -> Result<ImportReport> {
    let mapping = Mapping::from_toml(MAPPING)?;
    let import_order = ImportOrder {
        list: LIST.to_owned(),
        sender: mapping.sender().to_owned(),
        file_digest: sha256(&[PAIRS]),
        mapping: hex(&sha256(&[MAPPING.as_bytes()])),
        file_bytes: PAIRS.len() as u64,
        by: None,
    };
    let (to_import, rows) = mpsc::channel(2);
    let now = SystemClock.now();
    let mapping = &mapping;
    std::thread::scope(|scope| -> Result<_> {
        let reader = scope.spawn(move || pump(CsvImport::new(PAIRS, mapping, now)?, CsvImport::bytes_read, &to_import));
        let imported = runtime.block_on(app.import(import_order, rows, ()))?;
        reader.join().map_err(|_| anyhow::anyhow!("the reader stopped"))??;
        Ok(imported)
    })
}
