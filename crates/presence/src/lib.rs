//! Room `presence`: who was where when, and what follows from it when somebody falls ill.
//!
//! Pure: values in, values out; no files, no clock, no randomness of its own. Times are whole seconds since 1970,
//! intervals half-open. The method, its layout in memory and what was measured: `docs/methods/tracing.md`.

mod arrivals;
mod chains;
mod contacts;
mod encounters;
mod error;
mod evidence;
mod exposure;
mod fence;
mod geometry;
mod index;
mod ledger;
mod point;
mod roster;
mod secondary;
mod setting;
mod sources;
mod stay;
mod tables;
mod tally;
mod view;
mod visitors;

pub use arrivals::{
    ArrivalRules, ArrivalSignal, ArrivalState, Known, Likeness, OneArrival, Reason, SignalKind, compare, fold_signals,
};
pub use chains::{
    ChainCase, ChainRules, Chains, Exposure, Inconsistency, IntervalSummary, Link, Offspring, SerialInterval,
    estimate_offspring, find_chains, summarise_intervals,
};
pub use contacts::{Contact, find_contacts};
pub use error::PresenceError;
pub use evidence::{Evidence, SettingRules, find_evidence};
pub use exposure::{CaseNo, Duration, ExposureRules, IndexCase};
pub use fence::{
    ColumnMissing, Detector, Faults, FenceEvidence, FenceRules, ID_MAX, Observation, Outcome, PlainTable, Question,
    RowFault, Sketch, SnapshotError, TOWERS_MAX, Tongue, Tower, TowerTable, person_key, read_priors,
};
pub use geometry::{Area, GeometryError, Level, Locator, Place, UnitNo};
pub use ledger::{DaySegment, Ledger};
pub use point::{Gcj02, Point, PointFault, Wgs84};
pub use secondary::{SecondaryContact, SecondaryRules, find_secondary_contacts};
pub use setting::{Closeness, Seat, Setting, Settings, Vehicle};
pub use sources::{CommonEvent, CommonPerson, CommonPlace, CommonSources, SourceRules, Weight, find_sources};
pub use stay::{PersonNo, PlaceNo, ReportedStay, STAY_MAX_S, Span, Stay, StayRules, merge_stays};
pub use tables::{
    CASE_COLUMNS, Cell, ChainAnswer, ChainSummary, ChainTables, Complaint, LEDGER_COLUMNS, PLACE_COLUMNS, Refusal,
    Rule, SourceAnswer, TraceAnswer, TraceParams, TraceQuestion, TraceReport, TraceTables, chain_tables,
    for_ledger_rows, trace_tables,
};
pub use view::View;
pub use visitors::{Visitor, find_visitors};
