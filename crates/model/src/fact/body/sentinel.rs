//! What sentinel sites see.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{
    id::SiteId,
    time::{CivilDay, Instant},
};

words! {
    /// What a sentinel site saw.
    SentinelKind {
        /// A patient with fever (发热病人).
        Fever,
        /// A sale of one of the four kinds of drugs (四类药品).
        DrugSale,
        /// Nothing was seen on that day (零报告).
        Zero,
        /// A positive antigen test (抗原阳性).
        AntigenPositive,
        /// Pupils absent for illness (因病缺课).
        Absence,
    }
}

words! {
    /// The four kinds of drugs (四类药品).
    DrugKind {
        /// Against fever (退热).
        Fever,
        /// Against cough (止咳).
        Cough,
        /// Against viruses (抗病毒).
        Antiviral,
        /// Antibiotics (抗生素).
        Antibiotic,
    }
}

bodies! {
    /// What a sentinel site reports, without anybody's name. It happened when the patient was seen, the drug sold, the day over.
    SentinelReport {
        /// The institution, by its id in the register.
        institution: SiteId,
        /// What was seen.
        report: SentinelKind,
        /// The day to which it counts.
        day: CivilDay,
        /// How many persons (sales: sales); 0 for a zero report.
        count: u32,
        /// Kinds of drugs sold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        drugs: Vec<DrugKind>,
        /// When it was entered, by the device: earlier than the recording where there was no network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entered_at: Option<Instant>,
    }
}
