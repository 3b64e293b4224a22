//! Room `store`: facts that are never lost, on SQLite or PostgreSQL, with a tree that shows every change.
//!
//! The log is the truth: envelopes (`fact`), sealed bodies (`body`), a Merkle tree over all leaves. Names and documents
//! live in the vault. Everything else (`mention`, `assessment`) is derived and can be rebuilt. This is the only room
//! that knows SQL.

// Unit tests use the support of the tests beside them.
#[cfg(test)]
extern crate self as sizao_store;
#[cfg(test)]
#[path = "../tests/all/support.rs"]
mod support;

mod access_log;
mod api_tokens;
mod arrivals;
mod assists;
mod batches;
mod break_glass;
mod bulk;
mod checkpoints;
mod courses;
mod db;
mod envelope;
mod error;
mod facts;
mod fence;
mod figures;
mod identity;
mod imports;
mod keys;
mod laboratory;
mod lease;
mod log;
mod loops;
mod mandates;
pub mod merkle;
mod migrate;
mod orders;
mod own_data;
mod packs;
mod presence;
mod projections;
mod recorded;
mod recovery;
mod residents;
mod retention;
mod saved_views;
mod seal;
mod sentinels;
mod sessions;
mod signals;
mod sqlite;
mod store;
mod tiered;
mod vault;
mod wal;
mod watch;

pub use access_log::{AccessLine, AccessRecord};
pub use api_tokens::{ApiAnswer, ApiTokenRecord};
pub use arrivals::{ArrivalFigures, ArrivalFilter, ArrivalQuery, ArrivalRecord, ChannelOutcome, MatchDetails};
pub use assists::{
    AssistCount, AssistLineRecord, AssistLogLine, AssistRecord, AssistTx, AssistWhich, LinkState, PeerRecord,
    RefusedEnvelope, SentEnvelope, WaitingEnvelope,
};
pub use batches::BatchRecord;
pub use break_glass::{BreakGlassRecord, PastVerification};
pub use checkpoints::{CheckRecord, DisinfectionRecord, JourneyRecord};
pub use courses::{CourseFilter, CourseRecord, DayCount, Earlies, ListedPerson, PeopleFilter, PlaceCount};
pub use envelope::{Channel, Envelope};
pub use error::StoreError;
pub use facts::{Appended, Receipt, Submission};
pub use figures::RuleCount;
pub use identity::{AccountRecord, OneTimeLink, UnitRecord};
pub use imports::ImportState;
pub use keys::{Entropy, MasterKey, Secret, from_hex, hex, sha256};
pub use laboratory::{
    KeyMemberRecord, KeyPauseRecord, LabMessageRecord, LabTime, RoundRecord, SampledOn, ScreeningChanges,
    SelfTestRecord, SwabRecord, TubeCount, TubeQuery, TubeRecord,
};
pub use lease::{AssessingLease, JobsLease, ListLease, ScanningLease};
pub use log::{
    checkpoint::Checkpoint,
    erase::Certificate,
    export::{ExportOptions, Exported, Restored},
    prove::{ConsistencyProof, InclusionProof},
    verify::{Finding, Verification},
};
pub use loops::{LoopFilter, LoopQuery, LoopRecord};
pub use mandates::MandateRecord;
pub use orders::RefusedOrder;
pub use own_data::OwnDataRequest;
pub use packs::{AdoptionRecord, PackTextRecord};
pub use presence::{
    PlaceRecord, PresenceEntry, PresenceKey, PresenceReceipt, PresenceRow,
    segments::{Closing, SegmentRecord},
};
pub use projections::{MentionEntry, MentionKey, Owed, SAMPLED_BLOCK, SampledBlock, StoredAssessment};
pub use recorded::Recorded;
pub use recovery::{RECOVERY_NEED, RECOVERY_SHARES, recover_master_key, split_master_key};
pub use residents::{AppealRecord, PassRecord, PassState, Restricting};
pub use saved_views::SavedView;
pub use seal::{IntakeKey, NewFact, SealedFact, StoredFact};
pub use sentinels::{DailyCount, InstitutionChange, InstitutionRecord, ReportRecord, ResponsibleRecord, SaleRecord};
pub use sessions::SessionRecord;
pub use signals::{ReviewRecord, SignalRecord, SignalStep};
pub use store::{Place, Store, StoreKind};
pub use vault::{VaultPerson, reveal::PersonDetails};
pub use watch::{FreezeRecord, ProposedBatch, WatchedRow};
