//! Place codes (场所码): what a place shows changes every minute, and nobody but the node can make one.
//!
//! A code says which place and which minute, under a MAC. A picture of it that is sent on still says the minute in which it was taken, so
//! that a scan from afar shows; a code that was made up is none.

use sizao_model::Instant;
use sizao_store::{from_hex, hex};

use crate::{App, ledger::seconds};

/// A code is shown for so long; seconds.
pub const CODE_SECONDS: u64 = 60;
/// A code may be scanned so many periods after the one in which it was shown: people stand in a queue.
const PERIODS_MAX: u64 = 2;
/// First letters of every code.
const PREFIX: &str = "SZ1";
/// Bytes of the MAC in a code: 2^80 tries for one that fits.
const MAC_BYTES: usize = 10;

/// What a code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceCode {
    /// Number of the place.
    pub place: u32,
    /// Which period since 1970.
    pub period: u64,
}

/// Why a text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFault {
    /// This node did not make it.
    Forged,
}

impl PlaceCode {
    /// Whether the place showed it at a moment, give or take the time that people need.
    pub fn shown_at(self, at: Instant) -> bool {
        let period = u64::from(seconds(at)) / CODE_SECONDS;
        self.period <= period + 1 && period <= self.period + PERIODS_MAX
    }
}

impl App {
    /// What a place shows at a moment.
    pub fn code_of(&self, place: u32, at: Instant) -> String {
        let period = u64::from(seconds(at)) / CODE_SECONDS;
        let mac = hex(&self.store().place_code_mac(place, period)[..MAC_BYTES]);
        format!("{PREFIX}.{place:x}.{period:x}.{mac}")
    }

    /// Reads a code, also within an address that ends with it.
    ///
    /// # Errors
    /// [`CodeFault::Forged`].
    pub fn read_code(&self, text: &str) -> Result<PlaceCode, CodeFault> {
        let text = text.trim().rsplit('/').next().unwrap_or_default();
        let mut parts = text.split('.');
        let (Some(PREFIX), Some(place), Some(period), Some(mac), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CodeFault::Forged);
        };
        let place = u32::from_str_radix(place, 16).map_err(|_| CodeFault::Forged)?;
        let period = u64::from_str_radix(period, 16).map_err(|_| CodeFault::Forged)?;
        let sent = from_hex(mac).filter(|mac| mac.len() == MAC_BYTES).ok_or(CodeFault::Forged)?;
        let own = self.store().place_code_mac(place, period);
        let differs = sent.iter().zip(&own).fold(0, |differs, (a, b)| differs | (a ^ b));
        if differs == 0 { Ok(PlaceCode { place, period }) } else { Err(CodeFault::Forged) }
    }
}
