//! The antigen test at home: how it is done, in pictures drawn by us, and how its result is entered. A result is a record
//! and a task for the community; it changes no status.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    extract::{Path, State},
};
use sizao_app::screening::{READ_MINUTES, SelfTestEntry};
use sizao_model::Instant;

use super::{Answer, page};
use crate::{context::Asked, failure::Failure, form::Open, state::Shared, view::Chrome};

#[derive(Template)]
#[template(path = "antigen.html")]
struct AntigenPage {
    c: Chrome,
    /// The link of whoever may enter a result; none: the guidance alone.
    token: Option<String>,
    /// What was entered a moment ago.
    entered: String,
    /// The device's key of the next entry.
    key: String,
}

impl AntigenPage {
    fn wait(&self) -> String {
        let [from, to] = READ_MINUTES.map(|minutes| minutes.to_string());
        self.c.t2("antigen-4", ("from", &from), ("to", &to))
    }
}

/// The guidance, for anybody.
pub(crate) async fn guide(Extension(asked): Extension<Asked>) -> Answer {
    page(&AntigenPage { c: Chrome::open(&asked), token: None, entered: String::new(), key: String::new() })
}

/// The same with a form, for whoever has a link to the own page.
pub(crate) async fn form(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(token): Path<String>,
) -> Answer {
    shared.app.resident(&token, shared.now()).await?;
    let key = sizao_app::new_id(shared.now()).to_string();
    page(&AntigenPage { c: Chrome::open(&asked), token: Some(token), entered: String::new(), key })
}

/// Takes a result.
pub(crate) async fn enter(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(token): Path<String>,
    Open(fields): Open,
) -> Answer {
    let person = shared.app.resident(&token, shared.now()).await?;
    let now = shared.app.now();
    // Minutes since the swab: nobody types a clock.
    let minutes: i64 = fields.get("minutes").trim().parse().unwrap_or(READ_MINUTES[0]);
    let taken_at = now.plus_minutes(-minutes.clamp(0, 48 * 60));
    let entry = SelfTestEntry {
        key: fields.text("key").chars().filter(char::is_ascii_graphic).take(60).collect(),
        outcome: fields.text("outcome"),
        taken_at: Some(taken_at),
        read_at: Some(read_at(taken_at, now)),
        lot: fields.text("lot"),
        symptoms: fields.text("symptoms"),
    };
    if entry.key.is_empty() {
        return Err(Failure::status(axum::http::StatusCode::BAD_REQUEST));
    }
    shared.app.enter_self_test(person, &entry).await?;
    let ill = !entry.symptoms.trim().is_empty();
    let entered = match entry.outcome.as_str() {
        "negative" if ill => "negative-ill".to_owned(),
        word => word.to_owned(),
    };
    let key = sizao_app::new_id(shared.now()).to_string();
    page(&AntigenPage { c: Chrome::open(&asked), token: Some(token), entered, key })
}

fn read_at(taken_at: Instant, now: Instant) -> Instant {
    taken_at.plus_minutes(READ_MINUTES[0]).min(now)
}
