//! Figures that everybody may read (公开数据): measures by rule, releases that came late, appeals, readings, freezes, refused
//! orders, erasures. Each can be counted again from the log; a test does.

use std::collections::BTreeMap;

use sizao_model::{FactBody, FactKind, Instant, fact::LoopStage};

use crate::{App, AppError};

/// A release that is put on record more than so many minutes after its end is late.
pub const LATE_MINUTES: i64 = 15;
/// Numbers of people from one to less than this are not published: they might lead to somebody.
pub const SMALL_CELL: u64 = 5;
const CHUNK: u64 = 20_000;

/// Measures of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFigures {
    /// `<pack>:<rule>`.
    pub rule: String,
    /// Ever opened.
    pub opened: u64,
    /// Open now.
    pub open: u64,
    /// Over.
    pub ended: u64,
    /// Median length of those that are over, in minutes.
    pub median_minutes: Option<i64>,
    /// Releases on record.
    pub released: u64,
    /// Of these: put on record late.
    pub late: u64,
}

/// All that is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// By rule.
    pub rules: Vec<RuleFigures>,
    /// Appeals: open, upheld, rejected, lapsed in favour of the person.
    pub appeals: [u64; 4],
    /// Freezes: all, open, lifted, upheld.
    pub freezes: [u64; 4],
    /// Orders refused because of a rule.
    pub orders_refused: u64,
    /// Ways without a code: all, after somebody had refused.
    pub passages: [u64; 2],
    /// People looked at, identities opened, glasses broken.
    pub readings: [u64; 3],
    /// Certificates of erasure.
    pub erasures: u64,
    /// Facts in the log.
    pub facts: u64,
    /// Root of the log at that size, hexadecimal.
    pub root: String,
    /// When this was counted.
    pub at: Option<Instant>,
}

impl App {
    /// The public figures, counted now.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn public_figures(&self) -> Result<Figures, AppError> {
        self.follow_appeals().await?;
        self.follow_freezes().await?;
        self.follow_figures().await?;
        let store = self.store();
        let counted = store.figures().await?;
        let count = |name: &str| counted.get(name).copied().unwrap_or(0);
        let rules = store.count_rules().await?.into_iter().map(|rule| RuleFigures {
            released: count(&format!("released/{}", rule.rule)),
            late: count(&format!("late/{}", rule.rule)),
            ended: rule.opened - rule.open,
            opened: rule.opened,
            open: rule.open,
            median_minutes: rule.median_minutes,
            rule: rule.rule,
        });
        let accesses = store.count_accesses().await?;
        let accesses = |action: &str| accesses.get(action).copied().unwrap_or(0);
        let (now, head) = (self.now(), store.head().await?);
        Ok(Figures {
            rules: rules.collect(),
            appeals: store.count_appeals().await?,
            freezes: store.count_freezes(now).await?,
            orders_refused: count("order-refused"),
            passages: [count("passage"), count("passage-refused")],
            readings: ["view-person", "open-identity", "break-glass"].map(accesses),
            erasures: store.count_erasures().await?,
            facts: head.size,
            root: sizao_store::hex(&head.root),
            at: Some(now),
        })
    }

    /// Counts what the log has that no other projection counts.
    async fn follow_figures(&self) -> Result<(), AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().watermark("figure").await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let kinds = [FactKind::LoopStep, FactKind::OrderRefused, FactKind::AlternativePath];
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            let mut add = |name: String| *counts.entry(name).or_default() += 1;
            for stored in self.store().load_kinds_among(from, to, &kinds).await? {
                match &stored.fact.body {
                    FactBody::LoopStep(step) if step.stage == LoopStage::Released => {
                        add(format!("released/{}", step.rule));
                        let ended = stored.fact.happened.starts_at();
                        if stored.fact.recorded_at > ended.plus_minutes(LATE_MINUTES) {
                            add(format!("late/{}", step.rule));
                        }
                    }
                    FactBody::OrderRefused(_) => add("order-refused".to_owned()),
                    FactBody::AlternativePath(path) => {
                        add("passage".to_owned());
                        if path.refused_before {
                            add("passage-refused".to_owned());
                        }
                    }
                    _ => {}
                }
            }
            self.store().add_figures(&counts, to).await?;
            from = to;
        }
        Ok(())
    }
}
