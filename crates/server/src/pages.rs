//! The pages, one file each. A handler reads what came, asks `app`, and fills a template.

pub(crate) mod accounts;
pub(crate) mod announce;
pub(crate) mod antigen;
pub(crate) mod arrivals;
pub(crate) mod assists;
pub(crate) mod audit;
pub(crate) mod batches;
pub(crate) mod board;
pub(crate) mod break_glass;
pub(crate) mod case;
pub(crate) mod certificates;
pub(crate) mod checkpoint;
pub(crate) mod history;
pub(crate) mod imports;
pub(crate) mod lab;
pub(crate) mod loops;
pub(crate) mod mandates;
pub(crate) mod me;
pub(crate) mod my;
pub(crate) mod node;
pub(crate) mod orders;
pub(crate) mod packs;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod places;
pub(crate) mod pools;
pub(crate) mod report;
pub(crate) mod sampling;
pub(crate) mod screening;
pub(crate) mod sentinel;
pub(crate) mod sentinels;
pub(crate) mod sign_in;
pub(crate) mod signals;
pub(crate) mod transparency;
pub(crate) mod visits;
pub(crate) mod watch;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};

use crate::failure::Failure;

/// A page, or why there is none.
pub(crate) type Answer = Result<Response, Failure>;

/// A filled template.
pub(crate) fn page(template: &impl Template) -> Answer {
    page_with(StatusCode::OK, template)
}

/// A filled template with a status: a form that was refused is shown again with 422.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Answer {
    let text = template.render().map_err(|error| {
        tracing::error!(%error, "A template failed");
        Failure::status(StatusCode::INTERNAL_SERVER_ERROR)
    })?;
    Ok((status, Html(text)).into_response())
}

/// On to another page, after something was done.
pub(crate) fn on_to(address: &str) -> Answer {
    Ok(Redirect::to(address).into_response())
}

/// What is wrong with a form: the field and the sentence, for the summary and beside the field.
pub(crate) struct Wrong {
    pub(crate) field: &'static str,
    pub(crate) text: String,
}

/// A refusal that a form shows itself; others end the request.
pub(crate) fn wrong(error: sizao_app::AppError, lang: crate::Lang) -> Result<Wrong, Failure> {
    use sizao_app::{AppError::Refused, Refusal};
    match error {
        Refused(refusal @ Refusal::Field { field, .. }) => {
            Ok(Wrong { field, text: crate::view::refusal_text(lang, &refusal) })
        }
        other => Err(other.into()),
    }
}

/// The sentence beside a field, if it is the one that is wrong.
pub(crate) fn beside<'w>(wrong: &'w Option<Wrong>, field: &str) -> Option<&'w str> {
    wrong.as_ref().filter(|wrong| wrong.field == field).map(|wrong| wrong.text.as_str())
}
