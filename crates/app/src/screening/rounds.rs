//! Rounds: opened with their sites and desks, followed by site until they end.

use std::collections::HashMap;

use serde::Deserialize;
use sizao_model::{
    DivisionCode, FactId, Happened, Instant,
    fact::{RoundSite, ScreeningRound},
};
use sizao_store::{Channel, RoundRecord, TubeCount};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    accounts::{checked_division, checked_name},
    authorization::{Action, Purpose, Scope},
    identity::Actor,
    laboratory,
    loops::Addition,
    mandates::Collection,
    refusal::Refusal,
};

/// Rounds on a page.
const ROUNDS_MAX: u32 = 50;
/// Sites of a round.
const SITES_MAX: usize = 10_000;
/// Longest round, in hours.
const HOURS_MAX: i64 = 24 * 7;

/// A form to open a round.
#[derive(Clone, Debug, Default)]
pub struct NewRound {
    /// Its name.
    pub name: String,
    /// Where.
    pub area: String,
    /// Hours from now until it ends.
    pub hours: String,
    /// Swabs of a tube.
    pub capacity: String,
    /// Sites, one a line: name, then how many desks.
    pub sites: String,
}

/// A round with how far it has come.
#[derive(Clone, Debug)]
pub struct RoundView {
    /// The round.
    pub round: RoundRecord,
    /// Its sites with their desks.
    pub sites: Vec<(String, u32)>,
    /// How far each site has come; sites without a tube are missing.
    pub counts: Vec<TubeCount>,
    /// Whether it runs now.
    pub is_open: bool,
}

impl RoundView {
    /// The sum of a number over the sites.
    pub fn sum(&self, number: fn(&TubeCount) -> i64) -> u64 {
        self.counts.iter().map(number).sum::<i64>().max(0) as u64
    }

    /// Every desk by its name, for the people at it.
    pub fn desks(&self) -> Vec<String> {
        let of_site =
            |(name, desks): &(String, u32)| (1..=*desks).map(|desk| format!("{name}-{desk}")).collect::<Vec<_>>();
        self.sites.iter().flat_map(of_site).take(SITES_MAX).collect()
    }
}

#[derive(Deserialize)]
struct SiteJson {
    name: String,
    desks: u32,
}

impl App {
    /// Opens a round: from now until its end, with its sites.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn open_round(&self, actor: &Actor, form: &NewRound, wall: Instant) -> Result<FactId, AppError> {
        let scope = Scope::of(actor, Action::PlanRounds, Purpose::Control)?;
        let name = checked_name("name", &form.name)?;
        let area = checked_division("area", &form.area)?;
        scope.narrowed(area).map_err(|_| Refusal::field("area", "division-outside"))?;
        let hours = form.hours.trim().parse().ok().filter(|hours| (1..=HOURS_MAX).contains(hours));
        let hours: i64 = hours.ok_or(Refusal::field("hours", "round-hours"))?;
        let capacity = form.capacity.trim().parse().ok();
        let capacity: u32 = capacity
            .filter(|capacity| *capacity == 1 || laboratory::POOL_SIZES.contains(capacity))
            .ok_or(Refusal::field("capacity", "tube-capacity"))?;
        let sites = sites(&form.sites)?;
        self.require_mandate(Collection::Tests, area).await?;
        let told = Reason::of(&format!("round in {area}, {} sites", sites.len()));
        self.log_deed(actor, Action::PlanRounds, Purpose::Control, None, told, wall).await?;
        let now = self.now();
        let key = format!("round/{area}/{name}/{}", now.day());
        let body = ScreeningRound { name: name.into(), area, from: now, until: now.plus_hours(hours), capacity, sites };
        let addition = Addition {
            person: None,
            division: area,
            happened: Happened::at(now),
            body: body.into(),
            key,
            channel: Channel::Page,
        };
        let receipts = self.append_all("rounds", vec![addition]).await?;
        self.follow_screening().await?;
        match receipts.first() {
            Some(sizao_store::Receipt::Conflict { .. }) => Err(Refusal::field("name", "round-name").into()),
            Some(receipt) => Ok(receipt.id()),
            None => Err(AppError::Stopped("no receipt for a round")),
        }
    }

    /// Rounds of the actor's division and of those that hold it, the latest first, with how far they have come.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_rounds(&self, actor: &Actor) -> Result<Vec<RoundView>, AppError> {
        let scope = Scope::of(actor, Action::PlanRounds, Purpose::Control)?;
        let mut views = self.rounds_around(scope.division()).await?;
        for view in &mut views {
            view.counts = self.store().count_tubes(view.round.fact.uuid()).await?;
        }
        Ok(views)
    }

    /// The rounds that run now where the actor samples.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn running_rounds(&self, actor: &Actor) -> Result<Vec<RoundView>, AppError> {
        let scope = Scope::of(actor, Action::TakeSamples, Purpose::Reporting)?;
        let mut views = self.rounds_around(scope.division()).await?;
        views.retain(|view| view.is_open);
        Ok(views)
    }

    async fn rounds_around(&self, division: DivisionCode) -> Result<Vec<RoundView>, AppError> {
        self.follow_screening().await?;
        let now = self.now();
        let rounds = self.store().list_rounds(ROUNDS_MAX).await?.into_iter();
        let near = rounds.filter(|round| round.division.is_under(division) || division.is_under(round.division));
        Ok(near
            .map(|round| {
                let sites: Vec<SiteJson> = serde_json::from_str(&round.sites).unwrap_or_default();
                RoundView {
                    sites: sites.into_iter().map(|site| (site.name, site.desks)).collect(),
                    counts: Vec::new(),
                    is_open: round.from_at <= now && now < round.until_at,
                    round,
                }
            })
            .collect())
    }

    /// From when to when the rounds ran for which tubes may be opened in a division.
    pub(crate) async fn round_times(
        &self,
        division: DivisionCode,
    ) -> Result<HashMap<Uuid, (Instant, Instant)>, AppError> {
        let views = self.rounds_around(division).await?;
        Ok(views.into_iter().map(|view| (view.round.fact.uuid(), (view.round.from_at, view.round.until_at))).collect())
    }
}

fn sites(text: &str) -> Result<Vec<RoundSite>, Refusal> {
    let mut sites = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, desks) =
            line.rsplit_once(|c: char| c.is_whitespace() || matches!(c, ',' | '，')).unwrap_or((line, "1"));
        let desks = desks.trim().parse().ok().filter(|desks| (1..=100).contains(desks));
        let desks: u32 = desks.ok_or(Refusal::field("sites", "round-sites"))?;
        let name = checked_name("sites", name.trim().trim_end_matches([',', '，']))?;
        if sites.iter().any(|site: &RoundSite| *site.name == *name) {
            return Err(Refusal::field("sites", "round-sites"));
        }
        sites.push(RoundSite { name: name.into(), desks });
    }
    if sites.is_empty() || sites.len() > SITES_MAX {
        return Err(Refusal::field("sites", "round-sites"));
    }
    Ok(sites)
}
