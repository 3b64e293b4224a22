//! Screening as it is read back: tubes, swabs, antigen tests, key people, rounds. All of it is derived from the log.

mod messages;
mod people;
mod tubes;

use sizao_model::{DivisionCode, FactId, Instant, PersonId};
use uuid::Uuid;

pub use self::{
    messages::LabMessageRecord,
    people::{KeyMemberRecord, KeyPauseRecord, RoundRecord, SampledOn},
    tubes::{LabTime, TubeCount, TubeQuery},
};
use crate::{
    bulk::{self, Column},
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::division_key,
};

/// How far screening has read the log.
const PROJECTION: &str = "laboratory";

/// A tube.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TubeRecord {
    /// Made of its barcode.
    pub id: Uuid,
    /// Its barcode.
    pub barcode: String,
    /// Where it was opened.
    pub division: DivisionCode,
    /// 0 one person's, 1 a pool, 2 a household.
    pub holds: i64,
    /// How many swabs it may hold.
    pub capacity: i64,
    /// The round.
    pub round: Option<Uuid>,
    /// Site and desk.
    pub site: String,
    /// When it was opened; for a tube that was only told of, when it was first told of.
    pub opened_at: Instant,
    /// How many swabs are in it.
    pub swabs: i64,
    /// When the first swab was taken.
    pub first_at: Option<Instant>,
    /// When the last one was.
    pub last_at: Option<Instant>,
    /// When it was closed.
    pub sealed_at: Option<Instant>,
    /// When it went on its way.
    pub sent_at: Option<Instant>,
    /// In which box.
    pub container: String,
    /// When the laboratory had it.
    pub received_at: Option<Instant>,
    /// Which laboratory: its unit.
    pub lab: Option<Uuid>,
    /// 0 negative, 1 positive, 2 grey zone, 3 invalid.
    pub outcome: Option<i64>,
    /// When the laboratory found it.
    pub said_at: Option<Instant>,
    /// When it was on record: the signal.
    pub told_at: Option<Instant>,
    /// The fact of the result.
    pub result: Option<FactId>,
    /// How often the result was corrected.
    pub corrected: i64,
}

/// A nucleic sample of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwabRecord {
    /// The fact of the sample.
    pub fact: FactId,
    /// The tube.
    pub tube: Option<Uuid>,
    /// The round.
    pub round: Option<Uuid>,
    /// Whose.
    pub person: PersonId,
    /// When it was taken.
    pub taken_at: Instant,
    /// When it was on record.
    pub recorded_at: Instant,
    /// The result of this sample itself; that of a pool is the tube's.
    pub outcome: Option<i64>,
    /// When it was on record.
    pub told_at: Option<Instant>,
}

/// An antigen test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTestRecord {
    /// The fact of the sample.
    pub fact: FactId,
    /// Whose.
    pub person: PersonId,
    /// Where the person is looked after.
    pub division: DivisionCode,
    /// When it was taken.
    pub taken_at: Instant,
    /// When it was on record.
    pub recorded_at: Instant,
    /// What it said, as in [`TubeRecord`].
    pub outcome: Option<i64>,
    /// When that was on record.
    pub told_at: Option<Instant>,
}

/// What a stretch of the log brought.
#[derive(Clone, Debug, Default)]
pub struct ScreeningChanges {
    /// Tubes as they are now.
    pub tubes: Vec<TubeRecord>,
    /// Swabs as they are now.
    pub swabs: Vec<SwabRecord>,
    /// Antigen tests as they are now.
    pub self_tests: Vec<SelfTestRecord>,
    /// Members of key groups, oldest first: the last word about a group and first day counts.
    pub members: Vec<KeyMemberRecord>,
    /// Pauses.
    pub pauses: Vec<KeyPauseRecord>,
    /// Rounds.
    pub rounds: Vec<RoundRecord>,
}

struct TubeRow {
    id: Uuid,
    barcode: String,
    division: i64,
    holds: i64,
    capacity: i64,
    round: Option<Uuid>,
    site: String,
    opened_at: i64,
    swabs: i64,
    first_at: Option<i64>,
    last_at: Option<i64>,
    sealed_at: Option<i64>,
    sent_at: Option<i64>,
    container: String,
    received_at: Option<i64>,
    lab: Option<Uuid>,
    outcome: Option<i64>,
    said_at: Option<i64>,
    told_at: Option<i64>,
    result: Option<Uuid>,
    corrected: i64,
}
positional!(TubeRow {
    id: 0,
    barcode: 1,
    division: 2,
    holds: 3,
    capacity: 4,
    round: 5,
    site: 6,
    opened_at: 7,
    swabs: 8,
    first_at: 9,
    last_at: 10,
    sealed_at: 11,
    sent_at: 12,
    container: 13,
    received_at: 14,
    lab: 15,
    outcome: 16,
    said_at: 17,
    told_at: 18,
    result: 19,
    corrected: 20,
});

struct SwabRow {
    fact: Uuid,
    tube: Option<Uuid>,
    round: Option<Uuid>,
    person: Uuid,
    taken_at: i64,
    recorded_at: i64,
    outcome: Option<i64>,
    told_at: Option<i64>,
}
positional!(SwabRow { fact: 0, tube: 1, round: 2, person: 3, taken_at: 4, recorded_at: 5, outcome: 6, told_at: 7 });

struct SelfTestRow {
    fact: Uuid,
    person: Uuid,
    division: i64,
    taken_at: i64,
    recorded_at: i64,
    outcome: Option<i64>,
    told_at: Option<i64>,
}
positional!(SelfTestRow { fact: 0, person: 1, division: 2, taken_at: 3, recorded_at: 4, outcome: 5, told_at: 6 });

/// Columns of a tube, in the order of [`TubeRow`].
macro_rules! tube_columns {
    () => {
        "id, barcode, division, holds, capacity, round, site, opened_at, swabs, first_at, last_at, sealed_at, sent_at, \
         container, received_at, lab, outcome, said_at, told_at, result, corrected"
    };
}
pub(crate) use tube_columns;

const SWABS: &str = "SELECT fact, tube, round, person, taken_at, recorded_at, outcome, told_at FROM swab WHERE ";
const SELF_TESTS: &str = "SELECT fact, person, division, taken_at, recorded_at, outcome, told_at FROM self_test WHERE ";

impl Store {
    /// How far screening has read the log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn screening_watermark(&self) -> Result<u64, StoreError> {
        self.watermark(PROJECTION).await
    }

    /// Tubes by the ids made of their barcodes; missing where none was opened.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_tubes(&self, ids: Vec<Uuid>) -> Result<Vec<TubeRecord>, StoreError> {
        let select = concat!("SELECT ", tube_columns!(), " FROM tube WHERE id");
        let rows: Vec<TubeRow> = bulk::find(self.db.lookup(), select, &sorted(ids), "").await?;
        Ok(rows.into_iter().map(TubeRow::into_record).collect())
    }

    /// Swabs by the facts of their samples.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_swabs(&self, facts: &[FactId]) -> Result<Vec<SwabRecord>, StoreError> {
        self.swabs_by("fact", facts.iter().map(|fact| fact.uuid()).collect()).await
    }

    /// The swabs in tubes, in the order in which they were taken.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn swabs_in(&self, tubes: Vec<Uuid>) -> Result<Vec<SwabRecord>, StoreError> {
        let mut swabs = self.swabs_by("tube", tubes).await?;
        swabs.sort_unstable_by_key(|swab| (swab.taken_at, swab.fact));
        Ok(swabs)
    }

    /// All nucleic samples of people.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn swabs_of(&self, people: &[PersonId]) -> Result<Vec<SwabRecord>, StoreError> {
        let mut swabs = self.swabs_by("person", people.iter().map(|person| person.uuid()).collect()).await?;
        swabs.sort_unstable_by_key(|swab| (swab.taken_at, swab.fact));
        Ok(swabs)
    }

    /// Antigen tests by the facts of their samples.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_self_tests(&self, facts: &[FactId]) -> Result<Vec<SelfTestRecord>, StoreError> {
        let keys = sorted(facts.iter().map(|fact| fact.uuid()).collect());
        let rows: Vec<SelfTestRow> = bulk::find(self.db.lookup(), &format!("{SELF_TESTS}fact"), &keys, "").await?;
        Ok(rows.into_iter().map(SelfTestRow::into_record).collect())
    }

    async fn swabs_by(&self, column: &'static str, keys: Vec<Uuid>) -> Result<Vec<SwabRecord>, StoreError> {
        let rows: Vec<SwabRow> = bulk::find(self.db.lookup(), &format!("{SWABS}{column}"), &sorted(keys), "").await?;
        Ok(rows.into_iter().map(SwabRow::into_record).collect())
    }

    /// Saves what the log brought up to a leaf, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_screening(&self, changes: ScreeningChanges, upto: u64) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        bulk::insert(
            &mut tx,
            "tube",
            "ON CONFLICT (id) DO UPDATE SET division = excluded.division, holds = excluded.holds, \
             capacity = excluded.capacity, round = excluded.round, site = excluded.site, \
             opened_at = excluded.opened_at, swabs = excluded.swabs, first_at = excluded.first_at, \
             last_at = excluded.last_at, sealed_at = excluded.sealed_at, sent_at = excluded.sent_at, \
             container = excluded.container, received_at = excluded.received_at, lab = excluded.lab, \
             outcome = excluded.outcome, said_at = excluded.said_at, told_at = excluded.told_at, \
             result = excluded.result, corrected = excluded.corrected",
            &tube_values(&changes.tubes),
        )
        .await?;
        bulk::insert(
            &mut tx,
            "swab",
            "ON CONFLICT (fact) DO UPDATE SET tube = excluded.tube, round = excluded.round, \
             outcome = excluded.outcome, told_at = excluded.told_at",
            &swab_values(&changes.swabs),
        )
        .await?;
        bulk::insert(
            &mut tx,
            "self_test",
            "ON CONFLICT (fact) DO UPDATE SET outcome = excluded.outcome, told_at = excluded.told_at",
            &self_test_values(&changes.self_tests),
        )
        .await?;
        people::save(&mut tx, &changes).await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO watermark (projection, leaf) VALUES ($1, $2) ON CONFLICT (projection) DO UPDATE \
                 SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
            )
            .bind(PROJECTION).bind(upto as i64).execute(&mut **tx).await?;
        });
        commit(tx).await
    }
}

fn sorted(mut ids: Vec<Uuid>) -> Column {
    ids.sort_unstable();
    ids.dedup();
    Column::Id(ids)
}

fn micros(at: Option<Instant>) -> Option<i64> {
    at.map(Instant::as_micros)
}

fn tube_values(tubes: &[TubeRecord]) -> [(&'static str, Column); 21] {
    let ints = |value: fn(&TubeRecord) -> i64| Column::Int(tubes.iter().map(value).collect());
    let times = |value: fn(&TubeRecord) -> Option<Instant>| {
        Column::OptInt(tubes.iter().map(|tube| micros(value(tube))).collect())
    };
    [
        ("id", Column::Id(tubes.iter().map(|tube| tube.id).collect())),
        ("barcode", Column::Text(tubes.iter().map(|tube| tube.barcode.clone()).collect())),
        ("division", ints(|tube| division_key(tube.division))),
        ("holds", ints(|tube| tube.holds)),
        ("capacity", ints(|tube| tube.capacity)),
        ("round", Column::OptId(tubes.iter().map(|tube| tube.round).collect())),
        ("site", Column::Text(tubes.iter().map(|tube| tube.site.clone()).collect())),
        ("opened_at", ints(|tube| tube.opened_at.as_micros())),
        ("swabs", ints(|tube| tube.swabs)),
        ("first_at", times(|tube| tube.first_at)),
        ("last_at", times(|tube| tube.last_at)),
        ("sealed_at", times(|tube| tube.sealed_at)),
        ("sent_at", times(|tube| tube.sent_at)),
        ("container", Column::Text(tubes.iter().map(|tube| tube.container.clone()).collect())),
        ("received_at", times(|tube| tube.received_at)),
        ("lab", Column::OptId(tubes.iter().map(|tube| tube.lab).collect())),
        ("outcome", Column::OptInt(tubes.iter().map(|tube| tube.outcome).collect())),
        ("said_at", times(|tube| tube.said_at)),
        ("told_at", times(|tube| tube.told_at)),
        ("result", Column::OptId(tubes.iter().map(|tube| tube.result.map(FactId::uuid)).collect())),
        ("corrected", ints(|tube| tube.corrected)),
    ]
}

fn swab_values(swabs: &[SwabRecord]) -> [(&'static str, Column); 8] {
    [
        ("fact", Column::Id(swabs.iter().map(|swab| swab.fact.uuid()).collect())),
        ("tube", Column::OptId(swabs.iter().map(|swab| swab.tube).collect())),
        ("round", Column::OptId(swabs.iter().map(|swab| swab.round).collect())),
        ("person", Column::Id(swabs.iter().map(|swab| swab.person.uuid()).collect())),
        ("taken_at", Column::Int(swabs.iter().map(|swab| swab.taken_at.as_micros()).collect())),
        ("recorded_at", Column::Int(swabs.iter().map(|swab| swab.recorded_at.as_micros()).collect())),
        ("outcome", Column::OptInt(swabs.iter().map(|swab| swab.outcome).collect())),
        ("told_at", Column::OptInt(swabs.iter().map(|swab| micros(swab.told_at)).collect())),
    ]
}

fn self_test_values(tests: &[SelfTestRecord]) -> [(&'static str, Column); 7] {
    [
        ("fact", Column::Id(tests.iter().map(|test| test.fact.uuid()).collect())),
        ("person", Column::Id(tests.iter().map(|test| test.person.uuid()).collect())),
        ("division", Column::Int(tests.iter().map(|test| division_key(test.division)).collect())),
        ("taken_at", Column::Int(tests.iter().map(|test| test.taken_at.as_micros()).collect())),
        ("recorded_at", Column::Int(tests.iter().map(|test| test.recorded_at.as_micros()).collect())),
        ("outcome", Column::OptInt(tests.iter().map(|test| test.outcome).collect())),
        ("told_at", Column::OptInt(tests.iter().map(|test| micros(test.told_at)).collect())),
    ]
}

impl TubeRow {
    fn into_record(self) -> TubeRecord {
        let at = |micros: Option<i64>| micros.map(Instant::from_micros);
        TubeRecord {
            id: self.id,
            barcode: self.barcode,
            division: division_of(self.division),
            holds: self.holds,
            capacity: self.capacity,
            round: self.round,
            site: self.site,
            opened_at: Instant::from_micros(self.opened_at),
            swabs: self.swabs,
            first_at: at(self.first_at),
            last_at: at(self.last_at),
            sealed_at: at(self.sealed_at),
            sent_at: at(self.sent_at),
            container: self.container,
            received_at: at(self.received_at),
            lab: self.lab,
            outcome: self.outcome,
            said_at: at(self.said_at),
            told_at: at(self.told_at),
            result: self.result.map(FactId::new),
            corrected: self.corrected,
        }
    }
}

impl SwabRow {
    fn into_record(self) -> SwabRecord {
        SwabRecord {
            fact: FactId::new(self.fact),
            tube: self.tube,
            round: self.round,
            person: PersonId::new(self.person),
            taken_at: Instant::from_micros(self.taken_at),
            recorded_at: Instant::from_micros(self.recorded_at),
            outcome: self.outcome,
            told_at: self.told_at.map(Instant::from_micros),
        }
    }
}

impl SelfTestRow {
    fn into_record(self) -> SelfTestRecord {
        SelfTestRecord {
            fact: FactId::new(self.fact),
            person: PersonId::new(self.person),
            division: division_of(self.division),
            taken_at: Instant::from_micros(self.taken_at),
            recorded_at: Instant::from_micros(self.recorded_at),
            outcome: self.outcome,
            told_at: self.told_at.map(Instant::from_micros),
        }
    }
}
