//! The pages of a reporter: entries that work without a network, the own record with its clocks, the score, an objection.

use askama::Template;
use axum::{
    extract::{Path, Query},
    response::Response,
};
use serde::Deserialize;
use sizao_app::{
    mandates::Collection,
    sentinels::{
        Capability, DRUGS, Entry, InstitutionRecord, MonthScore, NewReview, ReviewRecord, SiteView, TERM_DAYS,
        drug_name,
    },
};
use sizao_model::{Instant, fact::DrugKind};

use uuid::Uuid;

use super::{Answer, on_to, page};
use crate::{
    context::Ctx,
    failure::Failure,
    form::{Fields, Sent},
    outbox,
    view::Chrome,
};

/// Symptoms that can be tapped.
const SYMPTOMS: [&str; 6] = ["cough", "sore-throat", "fatigue", "breath", "diarrhoea", "smell"];

#[derive(Deserialize)]
pub(crate) struct Of {
    of: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "sentinel.html")]
struct FormPage {
    c: Chrome,
    sites: Vec<InstitutionRecord>,
    site: Option<InstitutionRecord>,
    reported_today: u64,
    names_sales: bool,
}

impl FormPage {
    fn may(&self, words: &[&str]) -> bool {
        let bits = self.site.as_ref().map_or(0, |site| site.capabilities);
        words.iter().any(|word| Capability::from_name(word).is_some_and(|one| one.is_in(bits)))
    }

    fn drug(&self, drug: &DrugKind) -> &'static str {
        drug_name(*drug)
    }

    fn term(&self) -> i32 {
        TERM_DAYS
    }
}

#[derive(Template)]
#[template(path = "sentinel_record.html")]
struct RecordPage {
    c: Chrome,
    view: SiteView,
    scores: Vec<MonthScore>,
    reviews: Vec<ReviewRecord>,
}

/// The entries of one's own site.
pub(crate) async fn form(ctx: Ctx, Query(of): Query<Of>) -> Answer {
    let sites = ctx.app().own_institutions(&ctx.actor).await?;
    let site = of.of.and_then(|id| sites.iter().find(|site| site.id == id)).or(sites.first()).cloned();
    let (mut reported_today, mut names_sales) = (0, false);
    if let Some(site) = &site {
        let view = ctx.app().view_own_site(&ctx.actor, site.id).await?;
        reported_today = view.reports.iter().filter(|(report, ..)| report.on_day == view.at.day()).count() as u64;
        names_sales = ctx.app().require_mandate(Collection::DrugSales, site.division).await.is_ok();
    }
    let c = Chrome::keeping(&ctx);
    page(&FormPage { c, sites, site, reported_today, names_sales }).map(outbox::kept)
}

/// Takes an entry: from a form, or from the outbox of a phone.
pub(crate) async fn report(Sent(ctx, fields): Sent) -> Result<Response, Failure> {
    let entry = entry_of(&ctx, &fields);
    let reported = ctx.app().report_sentinel(&ctx.actor, &entry, true).await?;
    Ok(outbox::received(&ctx.asked, reported.fact, "/sentinel/record"))
}

/// The own record: reports with their clocks, days, score, objections.
pub(crate) async fn record(ctx: Ctx, Query(of): Query<Of>) -> Answer {
    let sites = ctx.app().own_institutions(&ctx.actor).await?;
    let Some(site) = of.of.and_then(|id| sites.iter().find(|site| site.id == id)).or(sites.first()) else {
        return on_to("/sentinel");
    };
    let view = ctx.app().view_own_site(&ctx.actor, site.id).await?;
    let (scores, reviews) = ctx.app().own_scores(&ctx.actor, site.id).await?;
    page(&RecordPage { c: Chrome::of(&ctx), view, scores, reviews })
}

/// Objects to a score.
pub(crate) async fn object(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let form = NewReview { kind: String::new(), month: fields.text("month"), told: fields.text("told") };
    ctx.app().object_to_score(&ctx.actor, id, &form, ctx.wall()).await?;
    on_to(&format!("/sentinel/record?of={id}"))
}

/// The fields as an entry. Times of the device are ages: its clock and the node's need not agree.
fn entry_of(ctx: &Ctx, fields: &Fields) -> Entry {
    let now = ctx.app().now();
    let entered = Instant::parse(fields.get("entered_at")).map_or(now, |at| {
        let age = (ctx.wall().as_micros() - at.as_micros()).max(0);
        Instant::from_micros(now.as_micros() - age)
    });
    let text = |name: &str| fields.text(name);
    let symptoms: Vec<String> = fields.all("symptom").map(str::to_owned).chain([text("symptoms")]).collect();
    Entry {
        key: if text("client_key").is_empty() { sizao_app::new_id(ctx.wall()).to_string() } else { text("client_key") },
        institution: text("institution"),
        kind: text("kind"),
        seen_at: seen_at(fields.get("seen"), entered).unwrap_or_else(|| text("seen")),
        entered_at: entered.to_rfc3339(),
        day: text("day"),
        count: text("count"),
        drugs: fields.all("drugs").map(str::to_owned).collect(),
        name: text("name"),
        document: text("document"),
        phone: text("phone"),
        temperature: text("temperature"),
        symptoms: symptoms.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(","),
        guided_to: text("guided_to"),
        buyer_name: text("buyer_name"),
        buyer_document: text("buyer_document"),
        buyer_phone: text("buyer_phone"),
        address: text("address"),
        travel: text("travel"),
        health_code: text("health_code"),
        product: text("product"),
        quantity: text("quantity"),
    }
}

/// The last moment with this hour and minute that is not after the entry; an empty text is the moment of the entry.
fn seen_at(text: &str, entered: Instant) -> Option<String> {
    if text.trim().is_empty() {
        return Some(entered.to_rfc3339());
    }
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) {
        return None;
    }
    let on = |start: Instant| start.plus_minutes(hour * 60 + minute);
    let today = on(entered.day().start());
    let seen = if today <= entered { today } else { on(entered.day().plus_days(-1).start()) };
    Some(seen.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_and_minute_is_the_last_one_before_the_entry() {
        let entered = Instant::parse("2022-03-17T00:20:00+08:00").unwrap();
        let at = |text| seen_at(text, entered).map(|text| Instant::parse(&text).unwrap());
        let moment = |text| Some(Instant::parse(text).unwrap());
        assert_eq!(at("00:10"), moment("2022-03-17T00:10:00+08:00"));
        assert_eq!(at("23:50"), moment("2022-03-16T23:50:00+08:00"));
        assert_eq!(at(""), Some(entered));
        assert_eq!(at("25:00"), None);
        assert_eq!(at("soon"), None);
    }
}
