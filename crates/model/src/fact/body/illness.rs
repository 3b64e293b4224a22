//! Illness, protection against it, its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::time::CivilDay;

words! {
    /// What a clinician decided.
    CaseStatus {
        /// Suspected case (疑似病例).
        SuspectedCase,
        /// Confirmed case (确诊病例).
        ConfirmedCase,
        /// Asymptomatic infection (无症状感染者).
        AsymptomaticInfection,
        /// Not this disease.
        Excluded,
    }
}

bodies! {
    /// A part of what an epidemiologist asked a case. A later one of the same part is the newer version.
    Investigation {
        /// Which part: core facts, course, movements, contacts, source.
        part: Box<str>,
        /// Questions and answers, by the names of the form.
        answers: BTreeMap<Box<str>, Box<str>>,
    }

    /// A clinician's diagnosis.
    Diagnosis {
        /// What was decided.
        status: CaseStatus,
        /// First day of symptoms; of the rash for measles.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        onset: Option<CivilDay>,
        /// Day of the first positive sample.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sampled: Option<CivilDay>,
        /// Which disease; none: covid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
        /// An infection of its own, however soon after an earlier one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        new_infection: bool,
    }

    /// A dose of a vaccine or immunoglobulin.
    VaccineDose {
        /// Against what.
        disease: Box<str>,
        /// Which product.
        product: Box<str>,
    }

    /// Discharge from hospital.
    Discharge {
        /// Which disease; none: covid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
    }

    /// Death.
    Death {
        /// Day of the safe burial.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        safe_burial: Option<CivilDay>,
    }
}
