//! What is done at a checkpoint: checks, the lane of lorries, disinfection (查验点).

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{id::FactId, time::Instant};

words! {
    /// What a check came to.
    CheckVerdict {
        /// Goes on.
        Go,
        /// Sampled on the spot, then goes on.
        SampleAndGo,
        /// Held at the holding point, and reported.
        Hold,
        /// Needs care: goes on at once, whatever the code says.
        Care,
    }
}

words! {
    /// Why somebody is held, or looked at more closely.
    CheckReason {
        /// A red code.
        Red,
        /// Fever or symptoms.
        Fever,
        /// No proof, or one that cannot be checked.
        NoProof,
        /// A yellow code.
        Yellow,
        /// Without a sample in the time that the rule asks for.
        SampleDue,
    }
}

words! {
    /// What was shown.
    ShownProof {
        /// A pass.
        Pass,
        /// The slip of another checkpoint, valid for 24 hours.
        Slip,
        /// A document, without a pass.
        Document,
    }
}

words! {
    /// A step of a lorry through a checkpoint and on its way (货车通行).
    LaneStage {
        /// Arrived at the lane.
        Arrived,
        /// The driver's sample was taken.
        Sampled,
        /// The cab was sealed.
        Sealed,
        /// On its way: sample, go, follow (即采即走即追).
        Went,
        /// Stopped on the way.
        Stopped,
        /// Goods handed over; the seal is whole and taken off.
        Unsealed,
        /// Left the province.
        Left,
    }
}

bodies! {
    /// A check of somebody at a checkpoint. Who it was is not part of it: an arrival is a fact of its own.
    Inspection {
        /// The unit of the checkpoint.
        unit: Box<str>,
        /// What was shown.
        shown: ShownProof,
        /// What came of it.
        verdict: CheckVerdict,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<CheckReason>,
        /// Number of the slip that was given or shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slip: Option<Box<str>>,
        /// When it began, by the clock of the device.
        device_at: Instant,
        /// By how much that clock was ahead of the server's when it was compared last; seconds, negative when slow.
        device_offset_s: i64,
        /// From the first look to the verdict; seconds.
        desk_s: u32,
        /// Whether the check was made without a network.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        offline: bool,
    }

    /// What became of somebody who was held: the check it belongs to, and the outcome (处置结果).
    HoldEnded {
        /// The check.
        of: FactId,
        /// What became of it: `hospital`, `isolation`, `released`.
        outcome: Box<str>,
        /// The account that says so.
        by: Box<str>,
    }

    /// A lorry's step; about its driver.
    LaneStep {
        /// Which.
        stage: LaneStage,
        /// The unit where it was seen.
        unit: Box<str>,
        /// Number of the seal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seal: Option<Box<str>>,
        /// Number of the journey: the same from the first step to the last.
        journey: Box<str>,
    }

    /// A disinfection (消毒记录): begun, or done. What is done says everything.
    #[serde(try_from = "DisinfectionWire")]
    Disinfection {
        /// Where.
        place: Box<str>,
        /// The record that was begun and that this closes; none: it begins.
        #[serde(skip_serializing_if = "Option::is_none")]
        closes: Option<FactId>,
        /// The case on whose account it is done.
        #[serde(skip_serializing_if = "Option::is_none")]
        case: Option<FactId>,
        /// Agent, such as chlorine.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent: Option<Box<str>>,
        /// Concentration; mg/L.
        #[serde(skip_serializing_if = "Option::is_none")]
        mg_per_litre: Option<u32>,
        /// How long it acted; minutes.
        #[serde(skip_serializing_if = "Option::is_none")]
        contact_minutes: Option<u32>,
        /// Who did it.
        #[serde(skip_serializing_if = "Option::is_none")]
        operator: Option<Box<str>>,
        /// Who watched over it; somebody else.
        #[serde(skip_serializing_if = "Option::is_none")]
        supervisor: Option<Box<str>>,
        /// What the evaluation said.
        #[serde(skip_serializing_if = "Option::is_none")]
        evaluation: Option<Box<str>>,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisinfectionWire {
    place: Box<str>,
    closes: Option<FactId>,
    case: Option<FactId>,
    agent: Option<Box<str>>,
    mg_per_litre: Option<u32>,
    contact_minutes: Option<u32>,
    operator: Option<Box<str>>,
    supervisor: Option<Box<str>>,
    evaluation: Option<Box<str>>,
}

impl Disinfection {
    /// The first field that a record lacks which is to be closed; none for one that may stand as it is.
    pub fn lacks(&self) -> Option<&'static str> {
        self.closes?;
        let text = |value: &Option<Box<str>>| value.as_ref().is_none_or(|text| text.trim().is_empty());
        let number = |value: Option<u32>| value.is_none_or(|number| number == 0);
        match () {
            () if text(&self.agent) => Some("agent"),
            () if number(self.mg_per_litre) => Some("mg_per_litre"),
            () if number(self.contact_minutes) => Some("contact_minutes"),
            () if text(&self.operator) => Some("operator"),
            () if text(&self.supervisor) || self.supervisor == self.operator => Some("supervisor"),
            () if text(&self.evaluation) => Some("evaluation"),
            () => None,
        }
    }
}

impl TryFrom<DisinfectionWire> for Disinfection {
    type Error = String;

    fn try_from(wire: DisinfectionWire) -> Result<Self, Self::Error> {
        let DisinfectionWire { place, closes, case, agent, .. } = wire;
        let DisinfectionWire { mg_per_litre, contact_minutes, operator, supervisor, evaluation, .. } = wire;
        let record =
            Self { place, closes, case, agent, mg_per_litre, contact_minutes, operator, supervisor, evaluation };
        match record.lacks() {
            None => Ok(record),
            Some("supervisor") => {
                Err("a record that is closed needs 'supervisor', somebody other than 'operator'".into())
            }
            Some(field) => Err(format!("a record that is closed needs '{field}'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"place":"Yard 3","closes":"f1","agent":"chlorine","mg_per_litre":1000,"contact_minutes":30,"operator":"Li","supervisor":"Wang","evaluation":"clean"}"#;

    #[test]
    fn a_disinfection_cannot_be_closed_while_anything_is_missing() {
        let whole: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
        assert!(serde_json::from_value::<Disinfection>(whole.clone()).is_ok());
        for field in ["agent", "mg_per_litre", "contact_minutes", "operator", "supervisor", "evaluation"] {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(field);
            let told = serde_json::from_value::<Disinfection>(less).unwrap_err().to_string();
            assert!(told.contains(field), "{field}: {told}");
        }
        let mut alone = whole;
        alone["supervisor"] = "Li".into();
        assert!(serde_json::from_value::<Disinfection>(alone).is_err(), "nobody watches over themself");
        assert!(serde_json::from_str::<Disinfection>(r#"{"place":"Yard 3"}"#).is_ok(), "one that begins");
    }
}
