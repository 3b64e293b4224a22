//! Samples, results, symptoms.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::id::{FactId, LabId, PoolId};

words! {
    /// How a sample is tested.
    TestMethod {
        /// Nucleic acid test (核酸检测).
        NucleicTest,
        /// Antigen test (抗原检测).
        AntigenTest,
        /// Antibody test.
        Igg,
    }
}

words! {
    /// What a test said.
    Outcome {
        /// Nothing found.
        Negative,
        /// Found.
        Positive,
        /// Between the two (灰区).
        GreyZone,
        /// No valid result: leak, no human gene.
        Invalid,
    }
}

bodies! {
    /// A sample taken from a person.
    Sample {
        /// How it is tested.
        method: TestMethod,
        /// Where it is tested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lab: Option<LabId>,
        /// The tube, when it holds the swabs of several people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolId>,
        /// For which disease; none: covid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
    }

    /// A laboratory's or kit's result.
    #[serde(try_from = "TestResultWire")]
    TestResult {
        /// The sample; exactly one of sample and pool is given.
        #[serde(skip_serializing_if = "Option::is_none")]
        sample: Option<FactId>,
        /// The tube.
        #[serde(skip_serializing_if = "Option::is_none")]
        pool: Option<PoolId>,
        /// What it said.
        outcome: Outcome,
    }

    /// Symptoms or a temperature.
    SymptomReport {
        /// What the person said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        symptoms: Vec<Box<str>>,
        /// Degrees Celsius.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        temperature: Option<f64>,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestResultWire {
    sample: Option<FactId>,
    pool: Option<PoolId>,
    outcome: Outcome,
}

impl TryFrom<TestResultWire> for TestResult {
    type Error = &'static str;

    fn try_from(wire: TestResultWire) -> Result<Self, Self::Error> {
        if wire.sample.is_some() == wire.pool.is_some() {
            return Err("give exactly one of 'sample' and 'pool'");
        }
        Ok(Self { sample: wire.sample, pool: wire.pool, outcome: wire.outcome })
    }
}
