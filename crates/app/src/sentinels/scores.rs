//! Scores of sites, their objections, and rewards and penalties that another person decides.

use std::collections::HashMap;

use sizao_epi::site_score::{SiteMonth, SiteScore, score_site};
use sizao_model::{CivilDay, DivisionCode, Instant, fact::SentinelKind};
use sizao_store::{InstitutionRecord, ReportRecord, ReviewRecord};
use uuid::Uuid;

use super::{
    Capability, kind_code,
    reports::{clocks_of, daily_clocks, site_day},
};
use crate::{
    App, AppError,
    access::Reason,
    accounts::NowV7,
    authorization::{Action, Purpose, Scope, can},
    identity::{Actor, named},
    refusal::Refusal,
};

named! {
    /// What a review is about.
    ReviewKind {
        /// A site objects to its score (申诉).
        Objection = "objection",
        /// A reward is proposed (奖励).
        Reward = "reward",
        /// A penalty is proposed (处罚).
        Penalty = "penalty",
    }
}

named! {
    /// How a review ends.
    Decision {
        /// Accepted (采纳).
        Upheld = "upheld",
        /// Refused (不采纳).
        Refused = "refused",
    }
}

/// Reports read for a month at most.
const REPORTS_MAX: u32 = 200_000;
/// Longest text of a review, in characters.
const TOLD_MAX: usize = 500;

/// A site's score for a month.
#[derive(Clone, Debug)]
pub struct MonthScore {
    /// The site.
    pub institution: InstitutionRecord,
    /// First day of the month.
    pub month: CivilDay,
    /// The score with its parts.
    pub score: SiteScore,
    /// An objection to this month that was upheld: the score does not count.
    pub is_set_aside: bool,
}

/// A review with names of places and people for a page.
#[derive(Clone, Debug)]
pub struct ReviewLine {
    /// The review.
    pub review: ReviewRecord,
    /// Name of the site.
    pub institution: String,
    /// Who wrote it.
    pub who: String,
}

/// A form for a review.
#[derive(Clone, Debug, Default)]
pub struct NewReview {
    /// A word of [`ReviewKind`].
    pub kind: String,
    /// First day of the month.
    pub month: String,
    /// What is said.
    pub told: String,
}

impl App {
    /// Scores of the sites of a division for the month of today, the lowest first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_scores(&self, actor: &Actor, of: Option<DivisionCode>) -> Result<Vec<MonthScore>, AppError> {
        let scope = Scope::of(actor, Action::ViewSentinels, Purpose::Control)?;
        let scope = of.map_or(Ok(scope), |division| scope.narrowed(division))?;
        let institutions = self.store().list_institutions(Some(scope.division()), 10_000).await?;
        let month = month_of(self.now().day());
        let reports = self.store().reports_in(scope.division(), month, REPORTS_MAX).await?;
        let mut by_site: HashMap<Uuid, Vec<ReportRecord>> = HashMap::new();
        for report in reports {
            by_site.entry(report.institution).or_default().push(report);
        }
        let mut scores = Vec::new();
        for institution in institutions {
            let reports = by_site.remove(&institution.id).unwrap_or_default();
            let score = score_of(&institution, &reports, month, self.now());
            scores.push(MonthScore { institution, month, score, is_set_aside: false });
        }
        scores.sort_by(|a, b| a.score.total.unwrap_or(101.0).total_cmp(&b.score.total.unwrap_or(101.0)));
        Ok(scores)
    }

    /// The score of the actor's own site for this month and the one before, with its reviews.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn own_scores(
        &self,
        actor: &Actor,
        institution: Uuid,
    ) -> Result<(Vec<MonthScore>, Vec<ReviewRecord>), AppError> {
        let institution = self.institution_own(actor, institution).await?;
        self.scores_of(institution).await
    }

    /// The same of a site that the actor oversees.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn site_scores(
        &self,
        actor: &Actor,
        institution: Uuid,
    ) -> Result<(Vec<MonthScore>, Vec<ReviewRecord>), AppError> {
        let institution = self.institution_seen(actor, institution).await?;
        self.scores_of(institution).await
    }

    /// A site objects to its score of a month; one objection a month waits at a time.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn object_to_score(
        &self,
        actor: &Actor,
        institution: Uuid,
        form: &NewReview,
        wall: Instant,
    ) -> Result<Uuid, AppError> {
        let institution = self.institution_own(actor, institution).await?;
        self.add_site_review(actor, &institution, ReviewKind::Objection, form, wall).await
    }

    /// Proposes a reward or a penalty; nothing happens until somebody else has reviewed it.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn propose_review(
        &self,
        actor: &Actor,
        institution: Uuid,
        form: &NewReview,
        wall: Instant,
    ) -> Result<Uuid, AppError> {
        let institution = self.institution_to_manage(actor, institution).await?;
        let kind = ReviewKind::from_name(&form.kind).filter(|kind| *kind != ReviewKind::Objection);
        let kind = kind.ok_or(Refusal::field("kind", "choose"))?;
        self.add_site_review(actor, &institution, kind, form, wall).await
    }

    /// Reviews that wait for a decision in the actor's division.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_reviews(&self, actor: &Actor) -> Result<Vec<ReviewLine>, AppError> {
        let scope = Scope::of(actor, Action::ViewSentinels, Purpose::Control)?;
        let mut lines = Vec::new();
        for review in self.store().reviews_waiting(scope.division()).await? {
            let institution = self.store().load_institution(review.institution).await?;
            let who = self.store().load_account(review.account).await?;
            lines.push(ReviewLine {
                institution: institution.map_or(String::new(), |one| one.name),
                who: who.map_or(String::new(), |one| one.name),
                review,
            });
        }
        Ok(lines)
    }

    /// Decides a review. Whoever wrote it does not decide it.
    ///
    /// # Errors
    /// [`Refusal::SameUnit`], [`Refusal::Changed`], [`Refusal`], [`AppError::Store`].
    pub async fn decide_review(
        &self,
        actor: &Actor,
        id: Uuid,
        decision: &str,
        reply: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        can(actor, Action::ManageSentinels, actor.division, Purpose::Administration)?;
        let review = self.store().load_review(id).await?.ok_or(Refusal::NotFound)?;
        can(actor, Action::ManageSentinels, review.division, Purpose::Administration)?;
        if review.account == actor.account {
            return Err(Refusal::SameUnit.into());
        }
        let decision = Decision::from_name(decision).ok_or(Refusal::field("decision", "choose"))?;
        let reply = told("reply", reply)?;
        if !self.store().decide_review(id, actor.account, self.now(), decision.name(), &reply).await? {
            return Err(Refusal::Changed.into());
        }
        let told = Reason::of(&format!("{} {} {}", review.kind, review.institution, decision.name()));
        self.log_deed(actor, Action::ManageSentinels, Purpose::Administration, None, told, wall).await
    }

    async fn add_site_review(
        &self,
        actor: &Actor,
        institution: &InstitutionRecord,
        kind: ReviewKind,
        form: &NewReview,
        wall: Instant,
    ) -> Result<Uuid, AppError> {
        let month = match form.month.trim() {
            "" => month_of(self.now().day()),
            text => month_of(CivilDay::parse(text).map_err(|_| Refusal::field("month", "day"))?),
        };
        let waiting = self.store().reviews_of(institution.id).await?;
        let is_waiting =
            |review: &ReviewRecord| review.kind == kind.name() && review.month == month && review.decided.is_none();
        if waiting.iter().any(is_waiting) {
            return Err(Refusal::field("told", "waits-already").into());
        }
        let review = ReviewRecord {
            id: Uuid::now_v7_at(wall),
            institution: institution.id,
            division: institution.division,
            kind: kind.name().to_owned(),
            month,
            account: actor.account,
            at: self.now(),
            told: told("told", &form.told)?,
            decided: None,
        };
        self.store().add_review(&review).await?;
        Ok(review.id)
    }

    async fn scores_of(
        &self,
        institution: InstitutionRecord,
    ) -> Result<(Vec<MonthScore>, Vec<ReviewRecord>), AppError> {
        let this = month_of(self.now().day());
        let before = month_of(this.plus_days(-1));
        let reviews = self.store().reviews_of(institution.id).await?;
        let reports = self.store().reports_of(institution.id, before, REPORTS_MAX).await?;
        let mut scores = Vec::new();
        for month in [this, before] {
            let of_month: Vec<ReportRecord> =
                reports.iter().filter(|report| month_of(report.on_day) == month).cloned().collect();
            let is_set_aside = reviews.iter().any(|review| {
                let upheld = review.decided.as_ref().is_some_and(|(_, _, decision, _)| decision == "upheld");
                review.month == month && review.kind == "objection" && upheld
            });
            let score = score_of(&institution, &of_month, month, self.now());
            scores.push(MonthScore { institution: institution.clone(), month, score, is_set_aside });
        }
        Ok((scores, reviews))
    }
}

/// What a site did in a month, from its reports of that month.
fn score_of(institution: &InstitutionRecord, reports: &[ReportRecord], month: CivilDay, now: Instant) -> SiteScore {
    let end = month_of(month.plus_days(31)).min(now.day());
    let from = month.max(institution.made_at.day()).min(end);
    let days: Vec<CivilDay> = (0..).map(|n| from.plus_days(n)).take_while(|day| *day < end).collect();
    let mut clocks = clocks_of(reports).remove(&institution.id).unwrap_or_default();
    let (mut days_due, mut days_reported, mut checked, mut contradicted) = (0, 0, 0, 0);
    if Capability::ReportsDaily.is_in(institution.capabilities) {
        clocks.extend(daily_clocks(reports.iter(), from, end));
        days_due = days.len() as u32;
        days_reported = days.iter().filter(|day| reports.iter().any(|report| report.on_day == **day)).count() as u32;
    }
    for day in days {
        let is_zero = |report: &ReportRecord| report.on_day == day && report.kind == kind_code(SentinelKind::Zero);
        if reports.iter().any(is_zero) {
            checked += 1;
            contradicted += u32::from(site_day(reports, day).contradicted);
        }
    }
    score_site(&SiteMonth { clocks, days_due, days_reported, checked, contradicted }, now)
}

/// First day of a day's month.
fn month_of(day: CivilDay) -> CivilDay {
    let (year, month, _) = day.ymd();
    CivilDay::from_ymd(year, month, 1).unwrap_or(day)
}

fn told(field: &'static str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    match text.chars().count() {
        0..4 => Err(Refusal::field(field, "reason-short")),
        count if count > TOLD_MAX => Err(Refusal::field(field, "too-long")),
        _ => Ok(text.to_owned()),
    }
}
