//! EU certificates at a gate: believed when somebody on the trust list signed them. Nothing of them is stored.

pub use sizao_interop::dcc::TrustList;
use sizao_interop::dcc::{self, DccError, Rules, Statement, ValueSets, check_payload};
use sizao_model::Instant;

use crate::{
    App, AppError,
    authorization::{Action, Purpose, can},
    identity::Actor,
};

/// What a believed certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BelievedCertificate {
    /// Country that issued it.
    pub issuer: String,
    /// `vaccination`, `test` or `recovery`.
    pub kind: &'static str,
    /// Name in Latin letters, as in the passport that has to be shown with it.
    pub name: String,
    /// Day of birth, as written.
    pub born: String,
    /// Of a test: `negative`, `positive`, or as the code stands.
    pub result: String,
    /// Day of the dose, moment of the sample, or first positive test; as written.
    pub on: String,
    /// When it ends.
    pub expires_at: Option<Instant>,
}

impl App {
    /// Reads the text of a certificate's QR code and believes it, or says why not.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal): who may not. What is wrong with the certificate is the inner answer.
    pub fn check_certificate(
        &self,
        actor: &Actor,
        text: &str,
        trust: &TrustList,
    ) -> Result<Result<BelievedCertificate, DccError>, AppError> {
        can(actor, Action::CheckPasses, actor.division, Purpose::Control)?;
        Ok(believed(text.trim(), trust, self.now()))
    }
}

fn believed(text: &str, trust: &TrustList, now: Instant) -> Result<BelievedCertificate, DccError> {
    let opened = dcc::open(text)?;
    let claims = opened.verify(trust)?;
    claims.check_term(now)?;
    let problems = check_payload(&claims.payload, Rules::Received { at: now }, &ValueSets::default());
    if !problems.is_empty() {
        return Err(DccError::Payload(problems));
    }
    let payload = &claims.payload;
    let said = |pointer: &str| payload.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let kind = Statement::all_in(payload).first().map_or("", |kind| kind.name());
    let on = match kind {
        "vaccination" => said("/v/0/dt"),
        "test" => said("/t/0/sc"),
        _ => said("/r/0/fr"),
    };
    let result = match said("/t/0/tr").as_str() {
        "260415000" => "negative".to_owned(),
        "260373001" => "positive".to_owned(),
        other => other.to_owned(),
    };
    Ok(BelievedCertificate {
        issuer: claims.issuer.clone().unwrap_or_else(|| said(&format!("/{}/0/co", &kind[..kind.len().min(1)]))),
        kind,
        name: [said("/nam/fnt"), said("/nam/gnt")].join(" ").replace('<', " ").trim().to_owned(),
        born: said("/dob"),
        result,
        on,
        expires_at: claims.expires_at,
    })
}
