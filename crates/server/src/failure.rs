//! The one place where an error becomes a status and a body: a page for browsers, RFC 9457 for programs.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::json;
use sizao_app::{AppError, Refusal};

use crate::{context::Asked, lang::Lang, view};

/// Why a request was not answered as asked. The layer around every request gives it its form.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) refusal: Option<Refusal>,
    /// What a program may need beside the code; never anything about a person.
    pub(crate) detail: Option<Arc<str>>,
}

impl Failure {
    /// A request that cannot be read.
    pub(crate) const fn status(status: StatusCode) -> Self {
        Self { status, refusal: None, detail: None }
    }

    /// The same, with a sentence that says what to do.
    pub(crate) fn told(status: StatusCode, detail: &str) -> Self {
        Self { status, refusal: None, detail: Some(detail.into()) }
    }

    /// The word by which programs tell failures apart.
    pub(crate) fn code(&self) -> &'static str {
        match &self.refusal {
            Some(refusal) => refusal.code(),
            None => match self.status {
                StatusCode::NOT_FOUND => "not-found",
                StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
                StatusCode::PAYLOAD_TOO_LARGE => "too-large",
                StatusCode::REQUEST_TIMEOUT => "too-slow",
                StatusCode::UNSUPPORTED_MEDIA_TYPE => "media-type",
                StatusCode::SERVICE_UNAVAILABLE => "busy",
                StatusCode::FORBIDDEN => "foreign-form",
                status if status.is_client_error() => "malformed",
                _ => "internal",
            },
        }
    }

    /// The answer to a request, in the form and the language that it asked for.
    pub(crate) fn answer(&self, asked: &Asked) -> Response {
        let mut response = if asked.json { self.problem(asked) } else { self.page(asked) };
        if !response.status().is_redirection() {
            *response.status_mut() = if asked.json { self.status_for_programs() } else { self.status };
        }
        response
    }

    fn problem(&self, asked: &Asked) -> Response {
        let code = self.code();
        let mut body = json!({
            "type": format!("urn:sizao:problem:{code}"), "title": view::failure_title(Lang::En, code),
            "status": self.status_for_programs().as_u16(), "code": code, "instance": format!("urn:uuid:{}", asked.request),
        });
        // Programs read English; a script of a page shows the sentence in the page's language.
        let lang = if asked.address.starts_with("/api/") { Lang::En } else { asked.lang };
        if let Some(detail) = self.sentence(lang) {
            body["detail"] = detail.into();
        }
        if let Some(Refusal::Field { field, rule }) = &self.refusal {
            body["fields"] = json!([{"name": field, "rule": rule}]);
        }
        let mut response = axum::Json(body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }

    fn page(&self, asked: &Asked) -> Response {
        if self.refusal == Some(Refusal::SignedOut) && asked.is_page_read {
            return axum::response::Redirect::to(&view::sign_in_address(&asked.address)).into_response();
        }
        let page = view::failure_page(asked, self.code(), self.sentence(asked.lang));
        Html(page).into_response()
    }

    /// What was well formed but does not fit what is on record is a conflict: sent later it may do.
    fn status_for_programs(&self) -> StatusCode {
        let of_record = [
            "choose",
            "division-outside",
            "division-unknown",
            "login-taken",
            "nobody-found",
            "own-account",
            "tokens-many",
        ];
        match &self.refusal {
            Some(Refusal::Field { rule, .. }) if of_record.contains(rule) => StatusCode::CONFLICT,
            _ => self.status,
        }
    }

    fn sentence(&self, lang: Lang) -> Option<String> {
        match &self.refusal {
            Some(refusal) => Some(view::refusal_text(lang, refusal)),
            None => self.detail.as_deref().map(str::to_owned),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::SignedOut | Refusal::Credentials => StatusCode::UNAUTHORIZED,
            Refusal::NotAllowed { .. }
            | Refusal::OutOfScope { .. }
            | Refusal::Protected
            | Refusal::NoMandate { .. }
            | Refusal::SameUnit => StatusCode::FORBIDDEN,
            Refusal::NotFound | Refusal::LinkOver => StatusCode::NOT_FOUND,
            Refusal::Locked { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Field { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Changed | Refusal::KeyUsed | Refusal::SecondPerson => StatusCode::CONFLICT,
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, refusal: Some(refusal), detail: None }
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Refused(refusal) => refusal.into(),
            AppError::Store(sizao_app::StoreError::DiskFull | sizao_app::StoreError::Busy) => Refusal::Busy.into(),
            other => {
                tracing::error!(error = %other, source = ?std::error::Error::source(&other), "A request failed");
                Self::status(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
