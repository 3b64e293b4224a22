//! The envelope of a fact: what the log shows of it. No person, no place, no content.

use sizao_model::{CivilDay, Edge, FactId, Happened, Instant, When, Zone, fact::FactKind};
use uuid::Uuid;

use crate::{
    db::positional,
    error::StoreError,
    merkle::{Hash, leaf_hash},
};

/// How a fact came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A form of a page.
    Page,
    /// A file.
    Import,
    /// The API, a device or another system.
    Api,
    /// The node itself.
    System,
}

impl Channel {
    /// The number in envelopes and tables.
    pub const fn code(self) -> u8 {
        match self {
            Self::Page => 1,
            Self::Import => 2,
            Self::Api => 3,
            Self::System => 4,
        }
    }

    /// The channel with this number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Page,
            2 => Self::Import,
            3 => Self::Api,
            4 => Self::System,
            _ => return None,
        })
    }
}

/// What the log shows of a fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Id of the fact.
    pub id: FactId,
    /// What kind of thing was seen.
    pub kind: FactKind,
    /// When it happened.
    pub happened: Happened,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// Key of whoever recorded it: the first 16 bytes of SHA-256 over the public key.
    pub recorder: Uuid,
    /// How it came in.
    pub channel: Channel,
}

/// The time of an envelope as three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HappenedColumns {
    pub(crate) form: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

const FORM_AT: i64 = 1;
const FORM_ON: i64 = 2;
const FORM_DURING: i64 = 16;

impl HappenedColumns {
    pub(crate) fn of(happened: &Happened) -> Self {
        let edge = |edge: Edge| match edge {
            Edge::At(instant) => (1, instant.as_micros()),
            Edge::Day(day) => (2, i64::from(day.number())),
        };
        match happened.when {
            When::At(instant) => Self { form: FORM_AT, from: instant.as_micros(), to: 0 },
            When::On(day) => Self { form: FORM_ON, from: day.number().into(), to: 0 },
            When::During(from, to) => {
                let (from_form, from) = edge(from);
                let (to_form, to) = to.map_or((0, 0), edge);
                Self { form: FORM_DURING + from_form * 4 + to_form, from, to }
            }
        }
    }

    pub(crate) fn happened(self, zone: Option<&str>) -> Option<Happened> {
        let day = |number: i64| i32::try_from(number).ok().map(CivilDay::from_number);
        let edge = |form: i64, value: i64| match form {
            1 => Some(Edge::At(Instant::from_micros(value))),
            2 => day(value).map(Edge::Day),
            _ => None,
        };
        let when = match self.form {
            FORM_AT => When::At(Instant::from_micros(self.from)),
            FORM_ON => When::On(day(self.from)?),
            form => {
                let during = form.checked_sub(FORM_DURING)?;
                let to = if during % 4 == 0 { None } else { Some(edge(during % 4, self.to)?) };
                When::During(edge(during / 4, self.from)?, to)
            }
        };
        let zone = zone.map_or(Ok(Zone::SHANGHAI), Zone::parse).ok()?;
        Some(Happened { when, zone })
    }
}

impl Envelope {
    /// The bytes that the leaf hash covers; `docs/verify.py` makes the same.
    ///
    /// Big-endian: `"sizao fact 1"`, id (16), kind (2), form of the time (1), from (8), to (8), length of the zone (1),
    /// zone, recorded (8), recorder (16), channel (1).
    pub fn bytes(&self) -> Vec<u8> {
        let time = HappenedColumns::of(&self.happened);
        let zone = if self.happened.zone.is_shanghai() { "" } else { self.happened.zone.name() };
        let mut bytes = Vec::with_capacity(80 + zone.len());
        bytes.extend_from_slice(b"sizao fact 1");
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&self.kind.code().to_be_bytes());
        bytes.push(time.form as u8);
        bytes.extend_from_slice(&time.from.to_be_bytes());
        bytes.extend_from_slice(&time.to.to_be_bytes());
        bytes.push(zone.len() as u8);
        bytes.extend_from_slice(zone.as_bytes());
        bytes.extend_from_slice(&self.recorded_at.as_micros().to_be_bytes());
        bytes.extend_from_slice(self.recorder.as_bytes());
        bytes.push(self.channel.code());
        bytes
    }

    /// Leaf of the log: H(envelope ‖ commitment).
    pub fn leaf_hash(&self, commitment: &Hash) -> Hash {
        leaf_hash(&[&self.bytes(), commitment])
    }
}

/// A row of the table `fact`.
#[derive(Clone, Debug)]
pub(crate) struct FactRow {
    pub(crate) leaf: i64,
    pub(crate) id: Uuid,
    pub(crate) kind: i64,
    pub(crate) happened_form: i64,
    pub(crate) happened_from: i64,
    pub(crate) happened_to: i64,
    pub(crate) zone: Option<String>,
    pub(crate) recorded_at: i64,
    pub(crate) recorder: Uuid,
    pub(crate) channel: i64,
    pub(crate) data_key: i64,
    pub(crate) commitment: Vec<u8>,
    pub(crate) leaf_hash: Vec<u8>,
    pub(crate) mac: Vec<u8>,
    pub(crate) source: i64,
    pub(crate) intake_key: Vec<u8>,
    /// Whom it is about: for look-ups, no part of the envelope.
    pub(crate) subject: Option<Uuid>,
    pub(crate) sealed: Option<Vec<u8>>,
}

/// The columns of a [`FactRow`], for `FROM fact f LEFT JOIN body b ON b.leaf = f.leaf`.
macro_rules! fact_columns {
    () => {
        "f.leaf, f.id, f.kind, f.happened_form, f.happened_from, f.happened_to, f.zone, f.recorded_at, f.recorder, \
         f.channel, f.data_key, f.commitment, f.leaf_hash, f.mac, f.source, f.intake_key, f.subject, b.sealed"
    };
}
pub(crate) use fact_columns;

/// Reads [`FactRow`]s; a condition follows.
macro_rules! select_facts {
    () => {
        concat!("SELECT ", crate::envelope::fact_columns!(), " FROM fact f LEFT JOIN body b ON b.leaf = f.leaf ")
    };
}
pub(crate) use select_facts;

positional!(FactRow {
    leaf: 0,
    id: 1,
    kind: 2,
    happened_form: 3,
    happened_from: 4,
    happened_to: 5,
    zone: 6,
    recorded_at: 7,
    recorder: 8,
    channel: 9,
    data_key: 10,
    commitment: 11,
    leaf_hash: 12,
    mac: 13,
    source: 14,
    intake_key: 15,
    subject: 16,
    sealed: 17,
});

impl FactRow {
    pub(crate) fn envelope(&self) -> Result<Envelope, StoreError> {
        let tampered = |what| StoreError::Tampered { leaf: self.leaf as u64, what };
        let time = HappenedColumns { form: self.happened_form, from: self.happened_from, to: self.happened_to };
        Ok(Envelope {
            id: FactId::new(self.id),
            kind: u16::try_from(self.kind).ok().and_then(FactKind::from_code).ok_or_else(|| tampered("kind"))?,
            happened: time.happened(self.zone.as_deref()).ok_or_else(|| tampered("time"))?,
            recorded_at: Instant::from_micros(self.recorded_at),
            recorder: self.recorder,
            channel: u8::try_from(self.channel).ok().and_then(Channel::from_code).ok_or_else(|| tampered("channel"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_time_reads_back_from_its_columns() {
        for json in [
            r#"{"at":"2022-03-02T20:00:00+08:00"}"#,
            r#"{"day":"1999-03-02"}"#,
            r#"{"from":"2022-03-02T10:00:00+08:00","to":"2022-03-02T11:30:00+08:00"}"#,
            r#"{"from":"2022-03-02","to":null}"#,
            r#"{"from":"2022-03-02","to":"2022-03-02"}"#,
            r#"{"from":"2022-03-02T10:00:00+08:00","to":"2022-03-05","zone":"Europe/London"}"#,
        ] {
            let happened: Happened = serde_json::from_str(json).unwrap();
            let zone = (!happened.zone.is_shanghai()).then(|| happened.zone.name().to_owned());
            assert_eq!(HappenedColumns::of(&happened).happened(zone.as_deref()).unwrap(), happened);
        }
    }
}
