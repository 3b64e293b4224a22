//! Sites in counties and their daily counts.

use jiff::civil::Date;

use crate::{EpiError, counts::COUNT_MAX};

/// An institution.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSite {
    /// What it is called.
    pub name: String,
    /// Its county, a place in [`Network::counties`].
    pub county: usize,
}

/// What one site reports from one source.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSeries {
    /// A place in [`Network::sites`].
    pub site: usize,
    /// A place in [`Network::sources`].
    pub source: usize,
    /// Persons (or packs) per day, one entry per day of the network; before a site reports for the first time 0.
    pub counts: Vec<f64>,
}

/// Daily counts of many sites over the same days.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Days, ascending, without gaps.
    pub dates: Vec<Date>,
    /// Names of the counties.
    pub counties: Vec<String>,
    /// Names of the sources.
    pub sources: Vec<String>,
    /// Sites.
    pub sites: Vec<NetworkSite>,
    /// Series; a site need not have every source.
    pub series: Vec<NetworkSeries>,
}

impl Network {
    /// Checks that every series has a count for every day and names a site, a source and a county that exist.
    ///
    /// # Errors
    /// [`EpiError::LengthsDiffer`], [`EpiError::PositionOutside`], [`EpiError::MissingCount`],
    /// [`EpiError::NegativeCount`], [`EpiError::CountTooLarge`].
    pub fn check(&self) -> Result<(), EpiError> {
        let days = self.dates.len();
        let inside = |place: usize, all: usize| {
            if place < all { Ok(()) } else { Err(EpiError::PositionOutside { position: place + 1, periods: all }) }
        };
        self.sites.iter().try_for_each(|site| inside(site.county, self.counties.len()))?;
        for series in &self.series {
            inside(series.site, self.sites.len())?;
            inside(series.source, self.sources.len())?;
            if series.counts.len() != days {
                let (left, right) = ("A series of the network", "the list of days");
                return Err(EpiError::LengthsDiffer { left, left_len: series.counts.len(), right, right_len: days });
            }
            for (day, &value) in series.counts.iter().enumerate() {
                let position = day + 1;
                if !value.is_finite() {
                    return Err(EpiError::MissingCount { position });
                } else if value < 0.0 {
                    return Err(EpiError::NegativeCount { position, value });
                } else if value > COUNT_MAX {
                    return Err(EpiError::CountTooLarge { position, value, max: COUNT_MAX });
                }
            }
        }
        Ok(())
    }

    /// Sums over the sites of each county, per source: `[county][source][day]`.
    pub(super) fn county_sums(&self) -> Vec<Vec<Vec<f64>>> {
        let mut sums = vec![vec![vec![0.0; self.dates.len()]; self.sources.len()]; self.counties.len()];
        for series in &self.series {
            let sum = &mut sums[self.sites[series.site].county][series.source];
            sum.iter_mut().zip(&series.counts).for_each(|(sum, count)| *sum += count);
        }
        sums
    }
}
