//! Mandates: which hold, proposing one, ending one. The second signature is a person's, on the page.

use axum::{Json, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sizao_app::{
    authorization::Action,
    mandates::{MandateRecord, MandateState, NewMandate},
};

use super::{
    Operation, Told, op,
    read::{Body, Id},
    wire::{CollectionWord, Days, Division, Key, Moment, Name},
};
use crate::{context::Ctx, failure::Failure, routes::Who::May};

pub(super) const OPERATIONS: &[Operation] = &[
    op!(get "/mandates" May(Action::ViewMandates) => list)
        .says("listMandates", "Mandates of one's division, those under it and those above it")
        .gives::<Mandates>(200),
    op!(post "/mandates" May(Action::GiveMandates) => propose)
        .says("proposeMandate", "Propose a mandate")
        .more("It holds when a person of another unit has signed on the page of mandates, and ends by itself.")
        .takes::<Proposal>(r#"{"collection": "tests", "area": "4101", "legal_basis": "Law on infectious diseases, article 39", "authority": "Headquarters", "purpose": "Screening", "impact_assessment": "File 7", "days": 30}"#)
        .leads_to("/id", &["endMandate"])
        .gives::<Mandate>(201),
    op!(post "/mandates/{id}/end" May(Action::GiveMandates) => end)
        .says("endMandate", "End a mandate early")
        .gives_nothing(),
];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Proposal {
    collection: CollectionWord,
    area: Division,
    /// Law and article.
    legal_basis: Name,
    /// Who gives it.
    authority: Name,
    purpose: Name,
    /// Where the impact assessment is kept.
    impact_assessment: Name,
    days: Days,
}

#[derive(Serialize, JsonSchema)]
struct Mandates {
    mandates: Vec<Mandate>,
}

/// Leave to collect one kind of data in an area for a time.
#[derive(Serialize, JsonSchema)]
struct Mandate {
    id: Key,
    collection: String,
    area: Division,
    legal_basis: String,
    authority: String,
    purpose: String,
    impact_assessment: String,
    starts_at: Moment,
    ends_at: Moment,
    /// `proposed`, `planned`, `in-force`, `over`.
    state: &'static str,
    /// The fact in the log, once it is signed.
    fact: Option<Key>,
}

async fn list(ctx: Ctx) -> Told<Mandates> {
    let mandates = ctx.app().list_mandates(&ctx.actor).await?;
    let mandates = mandates.into_iter().map(|mandate| Mandate::of(mandate, &ctx)).collect();
    Ok((StatusCode::OK, Json(Mandates { mandates })))
}

async fn propose(ctx: Ctx, Body(sent): Body<Proposal>) -> Told<Mandate> {
    let form = NewMandate {
        collection: sent.collection.0.name().to_owned(),
        area: sent.area.0.to_string(),
        legal_basis: sent.legal_basis.0,
        authority: sent.authority.0,
        purpose: sent.purpose.0,
        impact_assessment: sent.impact_assessment.0,
        days: sent.days.0.to_string(),
    };
    let mandate = ctx.app().propose_mandate(&ctx.actor, &form, ctx.wall()).await?;
    Ok((StatusCode::CREATED, Json(Mandate::of(mandate, &ctx))))
}

async fn end(ctx: Ctx, Id(id): Id) -> Result<StatusCode, Failure> {
    ctx.app().end_mandate(&ctx.actor, id, ctx.wall()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Mandate {
    fn of(mandate: MandateRecord, ctx: &Ctx) -> Self {
        Self {
            id: Key(mandate.id),
            state: MandateState::of(&mandate, ctx.app().now()).name(),
            fact: mandate.signed.map(|(_, _, fact)| Key(fact.uuid())),
            collection: mandate.collection,
            area: Division(mandate.area),
            legal_basis: mandate.legal_basis,
            authority: mandate.authority,
            purpose: mandate.purpose,
            impact_assessment: mandate.impact_assessment,
            starts_at: Moment(mandate.starts_at),
            ends_at: Moment(mandate.ended.map_or(mandate.ends_at, |(at, _)| at)),
        }
    }
}
