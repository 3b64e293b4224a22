//! Packs (防控方案): which are in force, coming and past; bringing one in; adopting one with two signatures.

pub(crate) mod comparing;
pub(crate) mod reading;

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::{
    authorization::{Action, purposes},
    packs::{AdoptionLine, NewAdoption, PackError, PackLine, PackState, Text},
};
use sizao_model::Instant;
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page_with, wrong};
use crate::{
    context::Ctx,
    form::Sent,
    lang::Lang,
    view::{Chrome, clock},
};

#[derive(Template)]
#[template(path = "packs.html")]
struct PacksPage {
    c: Chrome,
    lines: Vec<Line>,
    adoptions: Vec<Adoption>,
    failing: Vec<String>,
    may_adopt: bool,
    /// What the comparison takes when nothing else is chosen: `2022-03-28T00:00`.
    at: String,
    now: String,
    form: NewAdoption,
    wrong: Option<Wrong>,
    faults: Vec<String>,
    text: String,
}

/// A pack of the list.
struct Line {
    id: String,
    digest: String,
    name: String,
    disease: String,
    overlay_of: Option<String>,
    state: PackState,
    from: String,
    until: Option<String>,
    unsourced: (usize, usize),
}

/// A proposal, or what became of it.
struct Adoption {
    id: Uuid,
    pack: String,
    digest: String,
    at: String,
    reason: String,
    first: String,
    first_at: String,
    second: Option<String>,
    second_at: String,
    state: &'static str,
    own_unit: bool,
}

impl PacksPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn chosen(&self, line: &Line) -> bool {
        self.form.digest == line.digest
    }
}

impl Line {
    fn of(line: PackLine, c: &Chrome) -> Self {
        let pack = &line.source.pack;
        Self {
            id: pack.id.to_string(),
            name: words(c.lang, &pack.name),
            disease: disease(c, &pack.disease),
            overlay_of: pack.overlay_of.as_deref().map(str::to_owned),
            state: line.state,
            from: line.stretch.map_or_else(|| "–".to_owned(), |(from, _)| long(c, from)),
            until: line.stretch.and_then(|(_, until)| until).map(|until| long(c, until)),
            unsourced: pack.unsourced(),
            digest: line.source.digest,
        }
    }
}

impl Adoption {
    fn of(line: AdoptionLine, ctx: &Ctx, c: &Chrome) -> Self {
        let AdoptionLine { record, proposed_by, signed_by, unit } = line;
        let now = ctx.app().now();
        let both = |(name, unit): &(String, String)| format!("{name} · {unit}");
        let state = match () {
            () if record.withdrawn.is_some() => "withdrawn",
            () if record.signed.is_some() && record.takes_effect_at <= now => "effective",
            () if record.signed.is_some() => "adopted",
            () if record.takes_effect_at < now => "lapsed",
            () => "proposed",
        };
        Self {
            id: record.id,
            digest: record.digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            at: long(c, record.takes_effect_at),
            reason: record.reason,
            first: both(&proposed_by),
            first_at: c.at(&record.proposed.1),
            second: signed_by.as_ref().map(both),
            second_at: record.signed.as_ref().map_or(String::new(), |signed| c.at(&signed.1)),
            state,
            own_unit: unit == ctx.actor.unit,
            pack: record.pack,
        }
    }
}

/// The list.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    shown(&ctx, StatusCode::OK, Given::default()).await
}

/// Brings in a pack; its faults are shown by line and column.
pub(crate) async fn bring_in(Sent(ctx, fields): Sent) -> Answer {
    let text = fields.text("text");
    match ctx.app().bring_in_pack(&ctx.actor, &text, ctx.wall()).await {
        Ok(Ok(source)) => on_to(&format!("/packs/{}", source.digest)),
        Ok(Err(faults)) => {
            let told =
                |fault: &PackError| format!("{}:{} {}. {}", fault.line, fault.column, fault.fault, fault.fault.cure());
            let faults = faults.0.iter().map(told).collect();
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, Given { faults, text, ..Given::default() }).await
        }
        Err(error) => {
            let wrong = Some(wrong(error, ctx.asked.lang)?);
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, Given { wrong, text, ..Given::default() }).await
        }
    }
}

/// Proposes to adopt a pack, with the first signature.
pub(crate) async fn propose(Sent(ctx, fields): Sent) -> Answer {
    let form = NewAdoption { digest: fields.text("pack"), at: fields.text("at"), reason: fields.text("reason") };
    match ctx.app().propose_adoption(&ctx.actor, &form, ctx.wall()).await {
        Ok(_) => on_to("/packs#adoptions"),
        Err(error) => {
            let wrong = Some(wrong(error, ctx.asked.lang)?);
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, Given { form, wrong, ..Given::default() }).await
        }
    }
}

/// Puts the second signature.
pub(crate) async fn sign(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    match ctx.app().sign_adoption(&ctx.actor, id, ctx.wall()).await {
        Ok(()) => on_to("/packs#adoptions"),
        Err(error) => {
            let wrong = Some(wrong(error, ctx.asked.lang)?);
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, Given { wrong, ..Given::default() }).await
        }
    }
}

/// Withdraws a proposal.
pub(crate) async fn withdraw(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().withdraw_adoption(&ctx.actor, id, ctx.wall()).await?;
    on_to("/packs#adoptions")
}

/// What was sent and is shown again.
#[derive(Default)]
struct Given {
    form: NewAdoption,
    wrong: Option<Wrong>,
    faults: Vec<String>,
    text: String,
}

async fn shown(ctx: &Ctx, status: StatusCode, given: Given) -> Answer {
    let c = Chrome::of(ctx);
    let now = ctx.app().now();
    let lines = ctx.app().list_packs(&ctx.actor).await?.into_iter().map(|line| Line::of(line, &c)).collect();
    let adoptions = ctx.app().list_adoptions(&ctx.actor).await?;
    let adoptions = adoptions.into_iter().map(|line| Adoption::of(line, ctx, &c)).collect();
    let may_adopt = !purposes(ctx.actor.role, Action::AdoptPacks).is_empty();
    let at = if given.form.at.is_empty() { format!("{}T00:00", now.day().plus_days(1)) } else { given.form.at.clone() };
    let failing = ctx.app().adoptions_that_fail();
    let now = c.at(&now);
    let Given { form, wrong, faults, text } = given;
    page_with(status, &PacksPage { c, lines, adoptions, failing, may_adopt, at, now, form, wrong, faults, text })
}

/// A disease in words, where we have them.
fn disease(c: &Chrome, name: &str) -> String {
    let known = c.word("disease", name);
    if known.starts_with("disease-") { name.to_owned() } else { known }
}

/// A text of a pack in the reader's language; the other one where there is none.
pub(super) fn words(lang: Lang, text: &Text) -> String {
    let (own, other) = if lang == Lang::Zh { (&text.zh, &text.en) } else { (&text.en, &text.zh) };
    if own.is_empty() { other.clone() } else { own.clone() }
}

/// A moment with its year: packs last longer than one.
pub(super) fn long(c: &Chrome, at: Instant) -> String {
    let (year, ..) = at.day().ymd();
    let day = c.on(&at.day());
    let (hour, minute) = clock(at);
    let day = if c.lang == Lang::Zh { format!("{year}年{day}") } else { format!("{day} {year}") };
    if (hour, minute) == (0, 0) { day } else { format!("{day} {hour:02}:{minute:02}") }
}
