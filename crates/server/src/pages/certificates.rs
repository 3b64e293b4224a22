//! EU certificates at a gate: the text of the QR code is believed, or it is said why not. Nothing is stored.

use askama::Template;
use sizao_app::{
    authorization::{Action, Purpose, can},
    certificates::BelievedCertificate,
};

use super::{Answer, page};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "certificates.html")]
struct CertificatesPage {
    c: Chrome,
    trusted: u64,
    answer: Option<Result<BelievedCertificate, String>>,
}

impl CertificatesPage {
    fn ends(&self, certificate: &BelievedCertificate) -> String {
        certificate.expires_at.map_or_else(|| "–".to_owned(), |at| self.c.at(&at))
    }
}

/// The form.
pub(crate) async fn form(ctx: Ctx) -> Answer {
    can(&ctx.actor, Action::CheckPasses, ctx.actor.division, Purpose::Control)?;
    shown(&ctx, None)
}

/// Checks a text.
pub(crate) async fn check(Sent(ctx, fields): Sent) -> Answer {
    let trust = &ctx.shared.settings.trust;
    let answer = ctx.app().check_certificate(&ctx.actor, fields.get("text"), trust)?;
    shown(&ctx, Some(answer.map_err(|error| error.to_string())))
}

fn shown(ctx: &Ctx, answer: Option<Result<BelievedCertificate, String>>) -> Answer {
    let trusted = ctx.shared.settings.trust.len() as u64;
    page(&CertificatesPage { c: Chrome::of(ctx), trusted, answer })
}
