//! The desk of a round on a phone: a tube is opened, people are scanned into it, it is closed and sent. Works without a
//! network: each scan is kept by the outbox and answered by itself.

use askama::Template;
use axum::response::Response;
use sizao_app::{
    AppError,
    laboratory::{HOUSEHOLD_MAX, POOL_SIZES, ScanForm, TubeRecord},
    screening::RoundView,
};

use super::{Answer, page};
use crate::{
    context::Ctx,
    failure::Failure,
    form::{Fields, Sent},
    outbox,
    view::Chrome,
};

#[derive(Template)]
#[template(path = "sampling.html")]
struct SamplingPage {
    c: Chrome,
    rounds: Vec<RoundView>,
    tubes: Vec<TubeRecord>,
}

impl SamplingPage {
    fn sizes(&self) -> [u32; 3] {
        POOL_SIZES
    }

    fn household(&self) -> u32 {
        HOUSEHOLD_MAX
    }
}

/// The forms of a desk, with the tubes that are there.
pub(crate) async fn form(ctx: Ctx) -> Answer {
    let rounds = ctx.app().running_rounds(&ctx.actor).await?;
    let tubes = ctx.app().desk_tubes(&ctx.actor).await?;
    page(&SamplingPage { c: Chrome::keeping(&ctx), rounds, tubes }).map(outbox::kept)
}

/// Takes one scan: from a form, or from the outbox of a phone.
pub(crate) async fn scan(Sent(ctx, fields): Sent) -> Result<Response, Failure> {
    let form = scan_of(&ctx, &fields);
    let answers = ctx.app().scan(&ctx.actor, &[form], true).await?;
    let scanned = answers.into_iter().next().ok_or(Failure::status(axum::http::StatusCode::BAD_REQUEST))?;
    let scanned = scanned.map_err(AppError::Refused)?;
    Ok(outbox::received(&ctx.asked, scanned.fact, "/sampling"))
}

/// The fields as a scan. A phone's clock and the node's need not agree: what counts is how long ago it was.
pub(super) fn scan_of(ctx: &Ctx, fields: &Fields) -> ScanForm {
    let now = ctx.app().now();
    let entered = sizao_model::Instant::parse(fields.get("entered_at")).ok().map(|at| {
        let age = (ctx.wall().as_micros() - at.as_micros()).max(0);
        sizao_model::Instant::from_micros(now.as_micros() - age)
    });
    let text = |name: &str| fields.text(name);
    // One choice on the page: `single`, `pool-10`, `household-4`.
    let (holds, capacity) = match fields.get("kind").split_once('-') {
        Some((holds, capacity)) => (holds.to_owned(), capacity.to_owned()),
        None => (text("kind"), text("capacity")),
    };
    ScanForm {
        step: text("step"),
        barcode: text("barcode"),
        holds,
        capacity,
        round: text("round"),
        site: text("site"),
        who: text("who"),
        name: text("name"),
        phone: text("phone"),
        again: text("again"),
        container: text("container"),
        temperature: text("temperature"),
        at: entered,
    }
}
