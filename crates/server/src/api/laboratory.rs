//! Laboratories and desks by program: messages in, scans in.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::StatusCode,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sizao_app::{
    Refusal,
    authorization::Action,
    laboratory::{AckCode, MessageForm, ScanForm},
};

use super::{
    Operation, Told, op,
    read::{Body, Raw},
    wire::{Key, Moment},
};
use crate::{context::Ctx, failure::Failure, lang::Lang, routes::Who::May, state::Shared, view::refusal_text};

/// Largest message, in bytes, and a little more, so that one that is too long is answered with a reason.
const MESSAGE_BYTES_MAX: usize = (16 << 20) + (64 << 10);
/// Largest batch of scans, in bytes.
const SCANS_BYTES_MAX: usize = 4 << 20;

const EXAMPLE_FHIR: &str = r#"{"resourceType":"Bundle","type":"collection"}"#;
const EXAMPLE_HL7: &str = "MSH|^~\\&|LIS|LAB||CDC|20220317110000+0800||ORU^R01^ORU_R01|m1|P|2.5.1\r";
const EXAMPLE_SCANS: &str = r#"{"scans":[{"step":"open","barcode":"ZZ-000001","holds":"pool","capacity":10}]}"#;

pub(super) const OPERATIONS: &[Operation] = &[
    op!(post "/lab/messages" May(Action::RunLab) => message)
        .says("sendLabMessage", "Send a laboratory's message")
        .more(
            "HL7 v2 ORU^R01 as application/hl7-v2 or text/plain, or FHIR R4 as application/json or application/fhir+json. It is taken whole or not at all, and answered after the commit: `AA` taken in, `AE` wrong in something, `AR` not of a kind that is read here. What is not taken in waits in the queue of the page, with the reason. The same result in another message is the same fact; another result of the same tube is refused unless the laboratory says that it corrects.",
        )
        .takes::<FhirResource>(EXAMPLE_FHIR)
        .or_takes::<Hl7Text>("application/hl7-v2", EXAMPLE_HL7)
        .up_to(MESSAGE_BYTES_MAX)
        .gives::<Acknowledged>(200),
    op!(post "/sampling/scans" May(Action::TakeSamples) => scans)
        .says("sendTubeScans", "Send scans of a desk")
        .more(
            "Scans in their order, each answered by itself: a tube is opened, people are scanned into it, it is closed and sent. The same scan sent again is the same fact. A barcode is used once for ever, a tube holds what it was opened for, and one person has one swab in a round unless `again` says otherwise.",
        )
        .takes::<Scans>(EXAMPLE_SCANS)
        .up_to(SCANS_BYTES_MAX)
        .gives::<ScanAnswers>(200),
];

/// A FHIR R4 resource: a Bundle with DiagnosticReport, Observation, Specimen, Patient.
#[derive(JsonSchema)]
struct FhirResource {}

/// An HL7 v2 message; segments end with CR.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct Hl7Text(String);

/// What became of a message.
#[derive(Serialize, JsonSchema)]
struct Acknowledged {
    /// `AA`, `AE` or `AR`.
    code: &'static str,
    /// The acknowledgement in HL7 v2; empty for FHIR.
    ack: String,
    /// Facts stored now.
    stored: u64,
    /// Facts that were there before.
    repeated: u64,
    /// What is wrong, or was noticed.
    problems: Vec<String>,
    /// Under which number it waits to be mended.
    queued: Option<Key>,
}

/// Scans in their order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Scans {
    /// 1 to 5,000.
    #[schemars(length(min = 1, max = 5_000))]
    scans: Vec<ScanWire>,
}

/// One scan.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScanWire {
    /// What is done.
    step: Step,
    /// The tube.
    #[schemars(length(min = 1, max = 60))]
    barcode: String,
    /// Of an opening: for whom.
    #[serde(default)]
    holds: Option<Holds>,
    /// Of an opening: how many swabs.
    #[serde(default)]
    #[schemars(range(min = 1, max = 20))]
    capacity: Option<u32>,
    /// Of an opening: the round.
    #[serde(default)]
    round: Option<Key>,
    /// Site and desk.
    #[serde(default)]
    #[schemars(length(max = 100))]
    site: Option<String>,
    /// Of a swab: the number of a document.
    #[serde(default)]
    #[schemars(length(max = 40))]
    who: Option<String>,
    /// Of a swab without a document.
    #[serde(default)]
    #[schemars(length(max = 80))]
    name: Option<String>,
    /// Of a swab without a document.
    #[serde(default)]
    #[schemars(length(max = 30))]
    phone: Option<String>,
    /// A second swab in the round, on purpose.
    #[serde(default)]
    again: bool,
    /// Of a sending: the box.
    #[serde(default)]
    #[schemars(length(max = 60))]
    container: Option<String>,
    /// When; now if absent.
    #[serde(default)]
    at: Option<Moment>,
}

/// What is done at a scan.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Step {
    Open,
    Swab,
    Seal,
    Send,
}

/// For whom a tube is.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Holds {
    Single,
    Pool,
    Household,
}

/// One answer a scan.
#[derive(Serialize, JsonSchema)]
struct ScanAnswers {
    /// In the order of the scans.
    answers: Vec<ScanAnswer>,
}

/// What became of a scan.
#[derive(Serialize, JsonSchema)]
struct ScanAnswer {
    /// The fact; none: it was refused.
    fact: Option<Key>,
    /// It was there before.
    repeated: bool,
    /// Swabs in the tube now.
    swabs: Option<u32>,
    /// The rule that is broken.
    rule: Option<String>,
    /// What to do.
    told: Option<String>,
}

async fn message(ctx: Ctx, State(shared): State<Arc<Shared>>, request: Request) -> Told<Acknowledged> {
    let Raw(media, bytes) = Raw::from_request(request, &shared).await?;
    let form = match media.as_str() {
        "application/hl7-v2" | "x-application/hl7-v2+er7" | "text/plain" => MessageForm::Hl7v2,
        "application/json" | "application/fhir+json" => MessageForm::FhirR4,
        _ => {
            let told = "Send application/hl7-v2 or application/fhir+json.";
            return Err(Failure::told(StatusCode::UNSUPPORTED_MEDIA_TYPE, told));
        }
    };
    let answer = ctx.app().take_message(&ctx.actor, form, &bytes, ctx.wall()).await?;
    let code = match answer.code {
        AckCode::Accept => "AA",
        AckCode::Error => "AE",
        AckCode::Reject => "AR",
    };
    let told = Acknowledged {
        code,
        ack: answer.ack,
        stored: answer.stored,
        repeated: answer.repeated,
        problems: answer.problems,
        queued: answer.queued.map(Key),
    };
    Ok((StatusCode::OK, Json(told)))
}

async fn scans(ctx: Ctx, Body(sent): Body<Scans>) -> Told<ScanAnswers> {
    let forms: Vec<ScanForm> = sent.scans.into_iter().map(form_of).collect();
    let answers = ctx.app().scan(&ctx.actor, &forms, false).await?;
    let answer = |one: Result<sizao_app::laboratory::Scanned, Refusal>| match one {
        Ok(scanned) => ScanAnswer {
            fact: Some(Key(scanned.fact.uuid())),
            repeated: scanned.repeated,
            swabs: Some(scanned.tube.swabs),
            rule: None,
            told: None,
        },
        Err(refusal) => ScanAnswer {
            fact: None,
            repeated: false,
            swabs: None,
            rule: Some(match &refusal {
                Refusal::Field { rule, .. } => (*rule).to_owned(),
                other => other.code().to_owned(),
            }),
            told: Some(refusal_text(Lang::En, &refusal)),
        },
    };
    Ok((StatusCode::OK, Json(ScanAnswers { answers: answers.into_iter().map(answer).collect() })))
}

fn form_of(wire: ScanWire) -> ScanForm {
    let step = match wire.step {
        Step::Open => "open",
        Step::Swab => "swab",
        Step::Seal => "seal",
        Step::Send => "send",
    };
    let holds = match wire.holds {
        None => "",
        Some(Holds::Single) => "single",
        Some(Holds::Pool) => "pool",
        Some(Holds::Household) => "household",
    };
    let text = Option::unwrap_or_default;
    ScanForm {
        step: step.to_owned(),
        barcode: wire.barcode,
        holds: holds.to_owned(),
        capacity: wire.capacity.map_or_else(String::new, |capacity| capacity.to_string()),
        round: wire.round.map_or_else(String::new, |round| round.0.to_string()),
        site: text(wire.site),
        who: text(wire.who),
        name: text(wire.name),
        phone: text(wire.phone),
        again: if wire.again { "yes".to_owned() } else { String::new() },
        container: text(wire.container),
        temperature: String::new(),
        at: wire.at.map(|at| at.0),
    }
}
