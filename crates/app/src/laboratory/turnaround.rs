//! How long laboratories take, which tubes are late, and where each of them is stuck.

use std::collections::BTreeMap;

use sizao_model::{DivisionCode, Instant};
use sizao_store::{LabMessageRecord, TubeQuery, TubeRecord};
use uuid::Uuid;

use crate::{
    App, AppError,
    authorization::{Action, Purpose, Scope},
    identity::Actor,
    loops::unit_names,
};

/// From the first swab to the result: a round's tube.
const ROUND_HOURS: i64 = 24;
/// The same for one person's own tube: fever clinic, emergency, recall.
const SINGLE_HOURS: i64 = 6;
/// Days looked back.
const DAYS: i32 = 7;
/// Results that are counted.
const COUNTED_MAX: u32 = 200_000;
/// Tubes on the late list.
const LATE_MAX: u32 = 200;
/// Scans shown.
const SCANS_SHOWN: u32 = 5;
/// Tubes at desks that are shown.
const DESK_TUBES: u32 = 30;

/// How long a laboratory takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turnaround {
    /// Its name; none: tubes that were never received by scan.
    pub lab: Option<String>,
    /// Results counted.
    pub tubes: u64,
    /// Half were done within so many minutes of the first swab.
    pub p50: i64,
    /// Nine in ten were.
    pub p90: i64,
    /// Half were done within so many minutes of their arrival; none: arrivals were not scanned.
    pub inside_p50: Option<i64>,
}

/// Where a tube is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TubePlace {
    /// At the desk, open.
    Desk,
    /// At the desk, closed.
    Closed,
    /// On its way.
    OnTheWay,
    /// In the laboratory.
    Lab,
}

impl TubePlace {
    /// The place, and since when it is there.
    pub fn of(tube: &TubeRecord) -> (Self, Instant) {
        match (tube.received_at, tube.sent_at, tube.sealed_at) {
            (Some(at), ..) => (Self::Lab, at),
            (None, Some(at), _) => (Self::OnTheWay, at),
            (None, None, Some(at)) => (Self::Closed, at),
            (None, None, None) => (Self::Desk, tube.first_at.unwrap_or(tube.opened_at)),
        }
    }

    /// The word in locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Closed => "closed",
            Self::OnTheWay => "on-the-way",
            Self::Lab => "lab",
        }
    }
}

/// A tube without a result, with the time that is left.
#[derive(Clone, Debug)]
pub struct LateTube {
    /// The tube.
    pub tube: TubeRecord,
    /// Where it is.
    pub place: TubePlace,
    /// Minutes for which it has been there.
    pub minutes_there: i64,
    /// Minutes left until its result is due; negative: late.
    pub minutes_left: i64,
}

/// The page of a laboratory.
#[derive(Clone, Debug)]
pub struct LabBoard {
    /// The last scans of this laboratory, latest first.
    pub scans: Vec<TubeRecord>,
    /// Tubes without a result, the least time left first.
    pub late: Vec<LateTube>,
    /// How many there are in all.
    pub owed: u64,
    /// How long laboratories take.
    pub turnaround: Vec<Turnaround>,
    /// Messages that wait to be mended.
    pub messages: Vec<LabMessageRecord>,
    /// Which division.
    pub within: DivisionCode,
    /// When it was computed.
    pub at: Instant,
}

impl App {
    /// The page of the actor's laboratory.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal), [`AppError::Store`].
    pub async fn lab_board(&self, actor: &Actor) -> Result<LabBoard, AppError> {
        let within = Scope::of(actor, Action::RunLab, Purpose::Reporting)?.division();
        self.follow_screening().await?;
        let now = self.now();
        let scans = self.store().tubes_received_by(actor.unit, now.plus_hours(-24), SCANS_SHOWN).await?;
        Ok(LabBoard {
            scans,
            late: self.late_tubes(within, now).await?,
            owed: self.store().count_owed_tubes(within).await?,
            turnaround: self.turnaround(within, now).await?,
            messages: self.waiting_messages(actor).await?,
            within,
            at: now,
        })
    }

    /// Tubes at the desks of the actor's unit's division: open, or closed and not yet on their way.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal), [`AppError::Store`].
    pub async fn desk_tubes(&self, actor: &Actor) -> Result<Vec<TubeRecord>, AppError> {
        let within = Scope::of(actor, Action::TakeSamples, Purpose::Reporting)?.division();
        self.follow_screening().await?;
        Ok(self.store().tubes_at_desks(within, DESK_TUBES).await?)
    }

    async fn late_tubes(&self, within: DivisionCode, now: Instant) -> Result<Vec<LateTube>, AppError> {
        let tubes = self.store().list_tubes(within, TubeQuery::Owed, LATE_MAX).await?;
        let minutes = |from: Instant, to: Instant| (to.as_micros() - from.as_micros()).div_euclid(60_000_000);
        let late = |tube: TubeRecord| {
            let (place, since) = TubePlace::of(&tube);
            let hours = if tube.holds == 0 { SINGLE_HOURS } else { ROUND_HOURS };
            let due = tube.first_at.unwrap_or(tube.opened_at).plus_hours(hours);
            LateTube { place, minutes_there: minutes(since, now), minutes_left: minutes(now, due), tube }
        };
        let mut late: Vec<LateTube> = tubes.into_iter().map(late).collect();
        late.sort_by_key(|tube| tube.minutes_left);
        Ok(late)
    }

    async fn turnaround(&self, within: DivisionCode, now: Instant) -> Result<Vec<Turnaround>, AppError> {
        let times = self.store().lab_times(within, now.day().plus_days(-DAYS), COUNTED_MAX).await?;
        let mut by_lab: BTreeMap<Option<Uuid>, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
        for time in times {
            let (whole, inside) = by_lab.entry(time.lab).or_default();
            whole.push(time.whole / 60_000_000);
            inside.extend(time.inside.map(|inside| inside / 60_000_000));
        }
        let names = unit_names(self.store().list_units(DivisionCode::HENAN, 20_000).await?);
        let mut found: Vec<Turnaround> = by_lab
            .into_iter()
            .map(|(lab, (mut whole, mut inside))| Turnaround {
                lab: lab.map(|lab| names.get(&lab).cloned().unwrap_or_else(|| lab.to_string())),
                tubes: whole.len() as u64,
                p50: percentile(&mut whole, 50).unwrap_or(0),
                p90: percentile(&mut whole, 90).unwrap_or(0),
                inside_p50: percentile(&mut inside, 50),
            })
            .collect();
        found.sort_by_key(|one| (one.lab.is_none(), std::cmp::Reverse(one.p90)));
        Ok(found)
    }
}

/// Nearest rank: the least value that is not exceeded by so many in a hundred.
fn percentile(values: &mut [i64], percent: usize) -> Option<i64> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        // The worked example of the nearest-rank method: 15, 20, 35, 40, 50.
        let mut values = [50, 15, 40, 20, 35];
        assert_eq!(
            [5, 30, 40, 50, 100].map(|percent| percentile(&mut values, percent)),
            [15, 20, 20, 35, 50].map(Some)
        );
        assert_eq!(percentile(&mut [], 50), None);
    }
}
