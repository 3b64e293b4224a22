//! What the watch over proposals reads: who brought in which leaves, proposals of the last weeks, freezes.

use std::collections::HashMap;

use sizao_model::{DivisionCode, FactId, Instant, PersonId};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    projections::set_watermark,
    store::Store,
    vault::{division_key, division_range},
};

/// Facts that came under one account: `facts` leaves from the first on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedBatch {
    /// The first of its leaves.
    pub first_leaf: u64,
    /// How many.
    pub facts: u64,
    /// Whose.
    pub account: Uuid,
    /// In which list.
    pub list: String,
}

/// A proposal as the watch sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedRow {
    /// The fact.
    pub fact: FactId,
    /// The lead that it confirms; else itself.
    pub lead: FactId,
    /// When it was put on record.
    pub at: Instant,
    /// As in the limits: `exposure`, `stay`, `arrival`, `confirmation`.
    pub class: String,
    /// `account:` and an id, or `source:` and who gives the keys.
    pub officer: String,
    /// In which list it came.
    pub list: String,
    /// About whom.
    pub person: PersonId,
    /// Where that person is at home.
    pub home: Option<DivisionCode>,
    /// The case, the contact, or the area.
    pub target: String,
    /// Where that is.
    pub target_home: Option<DivisionCode>,
    /// From when.
    pub from_at: Instant,
    /// Until when.
    pub to_at: Instant,
    /// Nothing on record ties the person to the target.
    pub untied: bool,
    /// Place and time are those of a person of another community.
    pub copied: bool,
}

/// A freeze with its decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreezeRecord {
    /// The fact.
    pub fact: FactId,
    /// Which class of new openings.
    pub class: String,
    /// Whose.
    pub officer: String,
    /// Where that unit is.
    pub division: DivisionCode,
    /// Since when.
    pub at: Instant,
    /// By when it has to be decided; undecided it lapses then.
    pub until_at: Instant,
    /// 0 open, 1 lifted, 2 upheld.
    pub outcome: i64,
    /// When it was decided.
    pub decided_at: Option<Instant>,
    /// Until when an upheld one holds.
    pub holds_till: Option<Instant>,
    /// The fact's body, as JSON.
    pub told: String,
    /// The decision's body, as JSON; empty: none.
    pub decision: String,
}

struct Row {
    fact: Uuid,
    lead: Uuid,
    at: i64,
    class: String,
    officer: String,
    list: String,
    person: Uuid,
    home: i64,
    target: String,
    target_home: i64,
    from_at: i64,
    to_at: i64,
    untied: i64,
    copied: i64,
}
positional!(Row {
    fact: 0,
    lead: 1,
    at: 2,
    class: 3,
    officer: 4,
    list: 5,
    person: 6,
    home: 7,
    target: 8,
    target_home: 9,
    from_at: 10,
    to_at: 11,
    untied: 12,
    copied: 13,
});

struct FreezeRow {
    fact: Uuid,
    class: String,
    officer: String,
    division: i64,
    at: i64,
    until_at: i64,
    outcome: i64,
    decided_at: Option<i64>,
    holds_till: Option<i64>,
    told: String,
    decision: String,
}
positional!(FreezeRow {
    fact: 0,
    class: 1,
    officer: 2,
    division: 3,
    at: 4,
    until_at: 5,
    outcome: 6,
    decided_at: 7,
    holds_till: 8,
    told: 9,
    decision: 10,
});

macro_rules! freezes {
    ($condition:literal) => {
        concat!(
            "SELECT fact, class, officer, division, at, until_at, outcome, decided_at, holds_till, told, decision \
             FROM watch_freeze WHERE ",
            $condition
        )
    };
}

/// Days within which two records of one person speak of the same journey.
const SAME_JOURNEY_MICROS: i64 = 3 * 86_400_000_000;

impl Store {
    /// Batches that came under an account and reach into these leaves.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn proposed_among(&self, from: u64, to: u64) -> Result<Vec<ProposedBatch>, StoreError> {
        let rows: Vec<(i64, i64, Uuid, String)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT first_leaf, facts, account, list FROM proposed \
                 WHERE first_leaf < $2 AND first_leaf + facts > $1 ORDER BY first_leaf",
            )
            .bind(from as i64).bind(to as i64).fetch_all(pool).await?
        });
        let batch = |(first, facts, account, list): (i64, i64, Uuid, String)| ProposedBatch {
            first_leaf: first as u64,
            facts: facts as u64,
            account,
            list,
        };
        Ok(rows.into_iter().map(batch).collect())
    }

    /// Who gives the keys of these leaves.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn scopes_of(&self, leaves: &[u64]) -> Result<HashMap<u64, String>, StoreError> {
        let leaves = Column::Int(leaves.iter().map(|leaf| *leaf as i64).collect());
        let select = "SELECT f.leaf, s.scope FROM fact f JOIN source s ON s.no = f.source WHERE f.leaf";
        let rows: Vec<(i64, String)> = bulk::find(self.db.lookup(), select, &leaves, "").await?;
        Ok(rows.into_iter().map(|(leaf, scope)| (leaf as u64, scope)).collect())
    }

    /// The registers in which these leaves stand, with how many people each register has.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn registers_of(&self, leaves: &[u64]) -> Result<HashMap<u64, (String, u64)>, StoreError> {
        let leaves = Column::Int(leaves.iter().map(|leaf| *leaf as i64).collect());
        let select = "SELECT f.leaf, s.scope, r.people FROM fact f JOIN source s ON s.no = f.source \
                      JOIN watched_register r ON r.source = f.source WHERE f.leaf";
        let rows: Vec<(i64, String, i64)> = bulk::find(self.db.lookup(), select, &leaves, "").await?;
        Ok(rows.into_iter().map(|(leaf, scope, people)| (leaf as u64, (scope, people as u64))).collect())
    }

    /// Where these people are at home, by the vault.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn homes_of(&self, people: &[PersonId]) -> Result<HashMap<PersonId, DivisionCode>, StoreError> {
        let ids = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let rows: Vec<(Uuid, i64)> =
            bulk::find(self.db.lookup(), "SELECT id, division FROM person WHERE id", &ids, "").await?;
        Ok(rows.into_iter().map(|(id, home)| (PersonId::new(id), division_of(home))).collect())
    }

    /// Adds proposals of the leaves `[from, upto)`, and what these leaves add to registers.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_watched(&self, rows: &[WatchedRow], from: u64, upto: u64) -> Result<(), StoreError> {
        let ints = |value: fn(&WatchedRow) -> i64| Column::Int(rows.iter().map(value).collect());
        let ids = |value: fn(&WatchedRow) -> Uuid| Column::Id(rows.iter().map(value).collect());
        let texts = |value: fn(&WatchedRow) -> &String| Column::Text(rows.iter().map(value).cloned().collect());
        let home = |home: Option<DivisionCode>| home.map_or(0, division_key);
        let columns = [
            ("fact", ids(|row| row.fact.uuid())),
            ("lead", ids(|row| row.lead.uuid())),
            ("at", ints(|row| row.at.as_micros())),
            ("class", texts(|row| &row.class)),
            ("officer", texts(|row| &row.officer)),
            ("list", texts(|row| &row.list)),
            ("person", ids(|row| row.person.uuid())),
            ("home", Column::Int(rows.iter().map(|row| home(row.home)).collect())),
            ("target", texts(|row| &row.target)),
            ("target_home", Column::Int(rows.iter().map(|row| home(row.target_home)).collect())),
            ("from_at", ints(|row| row.from_at.as_micros())),
            ("to_at", ints(|row| row.to_at.as_micros())),
            ("untied", ints(|row| row.untied.into())),
            ("copied", ints(|row| row.copied.into())),
        ];
        let mut tx = self.db.begin().await?;
        bulk::insert(&mut tx, "watched", "ON CONFLICT DO NOTHING", &columns).await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO watched_register (source, people) SELECT source, COUNT(*) FROM fact \
                 WHERE leaf >= $1 AND leaf < $2 AND kind = 1 GROUP BY source \
                 ON CONFLICT (source) DO UPDATE SET people = watched_register.people + excluded.people",
            )
            .bind(from as i64).bind(upto as i64).execute(&mut **tx).await?;
        });
        set_watermark(&mut tx, "watch", upto).await?;
        commit(tx).await
    }

    /// Marks what only other proposals tell: that somebody else has the person there too, or that place and time are
    /// those of a person of another community.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mark_watched(&self, since: Instant) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "UPDATE watched SET untied = 0 WHERE at > $1 AND untied = 1 AND EXISTS (SELECT 1 FROM watched o \
                 WHERE o.person = watched.person AND o.officer <> watched.officer AND o.lead <> watched.lead \
                 AND (o.target = watched.target OR (o.target_home = watched.target_home AND o.target_home <> 0 \
                 AND o.class <> 'exposure' AND watched.class <> 'exposure')) \
                 AND o.from_at <= watched.to_at + $2 AND o.to_at >= watched.from_at - $2)",
            )
            .bind(since.as_micros()).bind(SAME_JOURNEY_MICROS).execute(&mut **tx).await?;
            sqlx::query(
                // Whole days are told by everybody alike: midnight in China is no copy.
                "UPDATE watched SET copied = 1 WHERE at > $1 AND copied = 0 \
                 AND (from_at + 28800000000) % 86400000000 <> 0 AND EXISTS (SELECT 1 FROM watched o \
                 WHERE o.target = watched.target AND o.from_at = watched.from_at AND o.to_at = watched.to_at \
                 AND o.class = watched.class AND o.officer = watched.officer \
                 AND o.person <> watched.person AND o.home <> watched.home)",
            )
            .bind(since.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Proposals recorded since a moment, oldest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_watched(&self, since: Instant, limit: u32) -> Result<Vec<WatchedRow>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT fact, lead, at, class, officer, list, person, home, target, target_home, from_at, to_at, \
                 untied, copied FROM watched WHERE at > $1 ORDER BY at, fact LIMIT $2",
            )
            .bind(since.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_watched).collect())
    }

    /// Proposals since a moment by class and officer: all, untied, and untied that are copies.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tally_watched(&self, since: Instant) -> Result<Vec<(String, String, [u64; 3])>, StoreError> {
        let rows: Vec<(String, String, i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT class, officer, COUNT(*), CAST(SUM(untied) AS BIGINT), CAST(SUM(untied * copied) AS BIGINT) \
                 FROM watched WHERE at > $1 GROUP BY class, officer ORDER BY class, officer",
            )
            .bind(since.as_micros()).fetch_all(pool).await?
        });
        let counted = |(class, officer, all, untied, copied): (String, String, i64, i64, i64)| {
            (class, officer, [all, untied, copied].map(|count| count as u64))
        };
        Ok(rows.into_iter().map(counted).collect())
    }

    /// Forgets proposals recorded before a moment.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_watched(&self, before: Instant) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("DELETE FROM watched WHERE at < $1").bind(before.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Adds freezes and decisions that were read from the log up to a leaf. The first decision stands.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_freezes(
        &self,
        freezes: &[FreezeRecord],
        decided: &[(FactId, i64, Instant, Option<Instant>, String)],
        upto: u64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for freeze in freezes {
                sqlx::query(
                    "INSERT INTO watch_freeze (fact, class, officer, division, at, until_at, outcome, told, decision) \
                     VALUES ($1, $2, $3, $4, $5, $6, 0, $7, '') ON CONFLICT (fact) DO NOTHING",
                )
                .bind(freeze.fact.uuid()).bind(&freeze.class).bind(&freeze.officer).bind(division_key(freeze.division))
                .bind(freeze.at.as_micros()).bind(freeze.until_at.as_micros()).bind(&freeze.told)
                .execute(&mut **tx).await?;
            }
            for (of, outcome, at, holds, told) in decided {
                sqlx::query(
                    "UPDATE watch_freeze SET outcome = $2, decided_at = $3, holds_till = $4, decision = $5 \
                     WHERE fact = $1 AND outcome = 0",
                )
                .bind(of.uuid()).bind(outcome).bind(at.as_micros()).bind(holds.map(Instant::as_micros)).bind(told)
                .execute(&mut **tx).await?;
            }
        });
        set_watermark(&mut tx, "freeze", upto).await?;
        commit(tx).await
    }

    /// Freezes of a division, open ones first, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_freezes(&self, within: DivisionCode, limit: u32) -> Result<Vec<FreezeRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<FreezeRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(freezes!(
                "division >= $1 AND division < $2 ORDER BY CASE WHEN outcome = 0 THEN 0 ELSE 1 END, at DESC, fact LIMIT $3"
            ))
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(FreezeRow::into_record).collect())
    }

    /// A freeze.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_freeze(&self, fact: FactId) -> Result<Option<FreezeRecord>, StoreError> {
        let row: Option<FreezeRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(freezes!("fact = $1")).bind(fact.uuid()).fetch_optional(pool).await?
        });
        Ok(row.map(FreezeRow::into_record))
    }

    /// The freezes of an officer, latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn freezes_of(&self, officer: &str) -> Result<Vec<FreezeRecord>, StoreError> {
        let rows: Vec<FreezeRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(freezes!("officer = $1 ORDER BY at DESC, fact LIMIT 100"))
                .bind(officer).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(FreezeRow::into_record).collect())
    }
}

impl Row {
    fn into_watched(self) -> WatchedRow {
        let (at, home) = (Instant::from_micros, |key: i64| (key != 0).then(|| division_of(key)));
        WatchedRow {
            fact: FactId::new(self.fact),
            lead: FactId::new(self.lead),
            at: at(self.at),
            class: self.class,
            officer: self.officer,
            list: self.list,
            person: PersonId::new(self.person),
            home: home(self.home),
            target: self.target,
            target_home: home(self.target_home),
            from_at: at(self.from_at),
            to_at: at(self.to_at),
            untied: self.untied != 0,
            copied: self.copied != 0,
        }
    }
}

impl FreezeRow {
    fn into_record(self) -> FreezeRecord {
        let at = Instant::from_micros;
        FreezeRecord {
            fact: FactId::new(self.fact),
            class: self.class,
            officer: self.officer,
            division: division_of(self.division),
            at: at(self.at),
            until_at: at(self.until_at),
            outcome: self.outcome,
            decided_at: self.decided_at.map(at),
            holds_till: self.holds_till.map(at),
            told: self.told,
            decision: self.decision,
        }
    }
}
