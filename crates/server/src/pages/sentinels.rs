//! Oversight of sentinel sites: red list, breaches, scores, reviews, register; and one site.

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::{
    authorization::{Action, purposes},
    identity::UnitKind,
    sentinels::{
        Breach, Capability, InstitutionView, MonthScore, NewInstitution, NewResponsible, NewReview, ReviewLine,
        ReviewRecord, SiteView, UnitRecord,
    },
};

use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page, page_with, wrong};
use crate::{context::Ctx, form::Sent, view::Chrome};

/// Breaches on the page.
const BREACHES_SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "sentinels.html")]
struct ListPage {
    c: Chrome,
    sites: Vec<InstitutionView>,
    breaches: Vec<Breach>,
    breaches_all: usize,
    scores: Vec<MonthScore>,
    reviews: Vec<ReviewLine>,
    own: Uuid,
    may_manage: bool,
    units: Vec<UnitRecord>,
    form: NewInstitution,
    wrong: Option<Wrong>,
}

impl ListPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn red(&self) -> usize {
        self.sites.iter().filter(|site| site.is_red()).count()
    }
}

#[derive(Template)]
#[template(path = "sentinels_site.html")]
struct SitePage {
    c: Chrome,
    view: SiteView,
    scores: Vec<MonthScore>,
    reviews: Vec<ReviewRecord>,
    may_manage: bool,
}

/// Everything to oversee.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    shown(&ctx, StatusCode::OK, NewInstitution::default(), None).await
}

/// Enters a site.
pub(crate) async fn add(Sent(ctx, fields): Sent) -> Answer {
    let form = NewInstitution {
        unit: fields.text("unit"),
        name: fields.text("name"),
        kind: fields.text("kind"),
        division: fields.text("division"),
        code: fields.text("code"),
        capabilities: fields.all("capabilities").map(str::to_owned).collect(),
    };
    match ctx.app().add_institution(&ctx.actor, &form, ctx.wall()).await {
        Ok(id) => on_to(&format!("/sentinels/{id}")),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, form, Some(wrong)).await
        }
    }
}

/// One site.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let view = ctx.app().view_site(&ctx.actor, id).await?;
    let (scores, reviews) = ctx.app().site_scores(&ctx.actor, id).await?;
    let may_manage = !purposes(ctx.actor.role, Action::ManageSentinels).is_empty();
    page(&SitePage { c: Chrome::of(&ctx), view, scores, reviews, may_manage })
}

/// Names who is responsible.
pub(crate) async fn responsible(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let form = NewResponsible {
        name: fields.text("name"),
        from_on: fields.text("from_on"),
        until_on: fields.text("until_on"),
    };
    ctx.app().name_responsible(&ctx.actor, id, &form, ctx.wall()).await?;
    on_to(&format!("/sentinels/{id}"))
}

/// Sets the duties.
pub(crate) async fn capabilities(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let duties: Vec<String> = fields.all("capabilities").map(str::to_owned).collect();
    ctx.app().set_capabilities(&ctx.actor, id, &duties, ctx.wall()).await?;
    on_to(&format!("/sentinels/{id}"))
}

/// Closes a site.
pub(crate) async fn close(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().close_institution(&ctx.actor, id, ctx.wall()).await?;
    on_to("/sentinels")
}

/// Proposes a reward or a penalty.
pub(crate) async fn propose(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let form = NewReview { kind: fields.text("kind"), month: String::new(), told: fields.text("told") };
    ctx.app().propose_review(&ctx.actor, id, &form, ctx.wall()).await?;
    on_to(&format!("/sentinels/{id}"))
}

/// Decides a review.
pub(crate) async fn decide(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let (decision, reply) = (fields.get("decision"), fields.get("reply"));
    ctx.app().decide_review(&ctx.actor, id, decision, reply, ctx.wall()).await?;
    on_to("/sentinels#reviews")
}

async fn shown(ctx: &Ctx, status: StatusCode, form: NewInstitution, wrong: Option<Wrong>) -> Answer {
    let may_manage = !purposes(ctx.actor.role, Action::ManageSentinels).is_empty();
    let sites = ctx.app().list_institutions(&ctx.actor, None).await?;
    let mut breaches = ctx.app().list_breaches(&ctx.actor, None).await?;
    let breaches_all = breaches.len();
    breaches.truncate(BREACHES_SHOWN);
    let scores = ctx.app().list_scores(&ctx.actor, None).await?;
    let reviews = ctx.app().list_reviews(&ctx.actor).await?;
    let units = if may_manage { ctx.app().units_for_sites(&ctx.actor).await? } else { Vec::new() };
    let (c, own) = (Chrome::of(ctx), ctx.actor.account);
    page_with(
        status,
        &ListPage { c, sites, breaches, breaches_all, scores, reviews, own, may_manage, units, form, wrong },
    )
}
