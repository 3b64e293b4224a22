//! Sentinel sites (哨点): the register, what they report, the clocks, the names behind sales, the scores.

mod entries;
mod register;
mod reports;
mod sales;
mod scores;

use sizao_model::fact::{DrugKind, SentinelKind};
use uuid::Uuid;

use crate::identity::named;
pub use entries::Entry;
pub use register::{InstitutionView, NewInstitution, NewResponsible};
pub use reports::{Breach, ReportLine, Reported, SiteDay, SiteView};
pub use sales::{NamedSale, SaleLine, TERM_DAYS};
pub use scores::{Decision, MonthScore, NewReview, ReviewKind, ReviewLine};
pub use sizao_epi::duties::{Duty, DutyClock, Standing};
pub use sizao_epi::site_score::{Part, SiteScore};
pub use sizao_store::{InstitutionRecord, ReviewRecord, UnitRecord};

named! {
    /// What an institution may do, and so has to report.
    Capability {
        /// May treat fever (可诊治发热).
        TreatsFever = "treats-fever",
        /// Registers patients with fever and guides them to a fever clinic (发热登记引导).
        RegistersFever = "registers-fever",
        /// Sells the four kinds of drugs (销售四类药品).
        SellsDrugs = "sells-drugs",
        /// Makes antigen tests (抗原检测).
        TestsAntigen = "tests-antigen",
        /// Counts pupils absent for illness (因病缺课登记).
        CountsAbsence = "counts-absence",
        /// Reports every day, also that there was nothing (每日零报告).
        ReportsDaily = "reports-daily",
    }
}

impl Capability {
    /// Its bit in the register.
    pub fn bit(self) -> i64 {
        1 << Self::ALL.iter().position(|one| *one == self).unwrap_or(0)
    }

    /// Whether a set of bits has it.
    pub fn is_in(self, bits: i64) -> bool {
        bits & self.bit() != 0
    }

    /// What an institution needs one of, to report a kind.
    pub const fn for_kind(kind: SentinelKind) -> &'static [Self] {
        match kind {
            SentinelKind::Fever => &[Self::TreatsFever, Self::RegistersFever],
            SentinelKind::DrugSale => &[Self::SellsDrugs],
            SentinelKind::Zero => &[Self::ReportsDaily],
            SentinelKind::AntigenPositive => &[Self::TestsAntigen],
            SentinelKind::Absence => &[Self::CountsAbsence],
        }
    }
}

/// Every kind of report.
pub const KINDS: [SentinelKind; 5] = [
    SentinelKind::Fever,
    SentinelKind::DrugSale,
    SentinelKind::AntigenPositive,
    SentinelKind::Absence,
    SentinelKind::Zero,
];

/// Every kind of drug.
pub const DRUGS: [DrugKind; 4] = [DrugKind::Fever, DrugKind::Cough, DrugKind::Antiviral, DrugKind::Antibiotic];

/// The word of a kind in forms and locales.
pub const fn kind_name(kind: SentinelKind) -> &'static str {
    match kind {
        SentinelKind::Fever => "fever",
        SentinelKind::DrugSale => "drug-sale",
        SentinelKind::Zero => "zero",
        SentinelKind::AntigenPositive => "antigen",
        SentinelKind::Absence => "absence",
    }
}

/// The kind of a word.
pub fn kind_of_name(word: &str) -> Option<SentinelKind> {
    KINDS.into_iter().find(|kind| kind_name(*kind) == word)
}

/// The word of a kind of drug.
pub const fn drug_name(drug: DrugKind) -> &'static str {
    match drug {
        DrugKind::Fever => "antipyretic",
        DrugKind::Cough => "cough",
        DrugKind::Antiviral => "antiviral",
        DrugKind::Antibiotic => "antibiotic",
    }
}

/// The number of a kind in tables.
pub(crate) const fn kind_code(kind: SentinelKind) -> i64 {
    match kind {
        SentinelKind::Fever => 1,
        SentinelKind::DrugSale => 2,
        SentinelKind::Zero => 3,
        SentinelKind::AntigenPositive => 4,
        SentinelKind::Absence => 5,
    }
}

/// The kind with a number.
pub(crate) fn kind_of_code(code: i64) -> Option<SentinelKind> {
    KINDS.into_iter().find(|kind| kind_code(*kind) == code)
}

/// One bit for each kind of drug.
pub(crate) fn drug_bits(drugs: &[DrugKind]) -> i64 {
    drugs.iter().fold(0, |bits, drug| bits | 1 << (*drug as i64))
}

/// The words of the kinds in a set of bits.
pub fn drug_words(bits: &i64) -> Vec<&'static str> {
    DRUGS.into_iter().filter(|drug| bits & (1 << (*drug as i64)) != 0).map(drug_name).collect()
}

/// The id of an institution that a list calls by a code; an id is taken as it is.
pub fn institution_id(code: &str) -> Uuid {
    sizao_model::FactId::from_label(code.trim()).uuid()
}
