//! What really happened, for those who check: never an input of the platform.

use std::fmt::Write;

use super::{
    City, Owner,
    event::{Area, FactRef},
    places::PlaceKind,
    trips::ORIGINS,
    write::rfc3339,
};

/// Who was infected by whom, when, where.
#[derive(Clone, Debug, PartialEq)]
pub struct TrueInfection {
    /// The infected person.
    pub person: u32,
    /// By whom; nobody: came in infected.
    pub by: Option<u32>,
    /// When; seconds since 1970. For those who came in: on arrival at the latest.
    pub at: u32,
    /// Place number, if in the city.
    pub place: Option<u32>,
    /// First symptom, if any.
    pub onset_at: Option<u32>,
    /// Infects others from then on.
    pub infectious_from: u32,
    /// And until then, were there no isolation.
    pub infectious_until: u32,
    /// The fact of the diagnosis, if it was found in the time of the city.
    pub diagnosis: Option<FactRef>,
}

/// One line of the truth.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// An infection.
    Infection(TrueInfection),
    /// An arrival with the facts that speak of it; none: nobody noticed.
    Arrival {
        /// Who.
        person: u32,
        /// From where, by place in the list of origins.
        origin: u8,
        /// When.
        at: u32,
        /// Passing through.
        is_transit: bool,
        /// The facts, of one and the same arrival.
        facts: Vec<FactRef>,
    },
    /// Two records of one human being.
    SecondRecord {
        /// Who.
        person: u32,
    },
    /// A wrong cell in the register.
    Fault {
        /// Whose line.
        owner: Owner,
        /// Which field.
        field: &'static str,
        /// What would be right.
        right: String,
    },
    /// A fact that was recorded for the wrong person.
    WrongPerson {
        /// Which.
        fact: FactRef,
        /// Whom it is about.
        right: u32,
        /// The correction, if it came.
        correction: Option<FactRef>,
    },
    /// A fact with a wrong time.
    WrongTime {
        /// Which.
        fact: FactRef,
        /// When it was.
        right: u32,
        /// The correction.
        correction: FactRef,
    },
    /// A fact about something that never was: a retracted double entry, a contact or a stay that a hostile officer made
    /// up, a companion by cell who met nobody.
    False {
        /// Which.
        fact: FactRef,
        /// Why: `double_entry`, `officer_a`, `officer_b`, `cell`.
        reason: &'static str,
    },
    /// A scan of a venue code from afar: the person was elsewhere.
    RemoteScan {
        /// Who.
        person: u32,
        /// Place number.
        place: u32,
        /// When.
        at: u32,
    },
}

impl Truth {
    /// One line of JSON.
    pub fn json(&self, city: &City) -> String {
        let label = |of: &FactRef| format!("\"{}\"", of.label());
        let optional = |of: &Option<FactRef>| of.as_ref().map_or("null".to_owned(), label);
        match self {
            Self::Infection(infection) => infection.json(city),
            Self::Arrival { person, origin, at, is_transit, facts } => format!(
                r#"{{"truth":"arrival","person":"{}","from":"{}","into":"{}","at":"{}","transit":{is_transit},"facts":[{}]}}"#,
                Owner::person(*person).code(),
                ORIGINS[usize::from(*origin)].code,
                city.area_code(Area::Block(city.block_of(Owner::person(*person)))),
                rfc3339(*at),
                facts.iter().map(label).collect::<Vec<_>>().join(","),
            ),
            Self::SecondRecord { person } => format!(
                r#"{{"truth":"second_record","record":"{}","person":"{}"}}"#,
                Owner::second(*person).code(),
                Owner::person(*person).code()
            ),
            Self::Fault { owner, field, right } => {
                format!(r#"{{"truth":"fault","record":"{}","field":"{field}","right":"{right}"}}"#, owner.code())
            }
            Self::WrongPerson { fact, right, correction } => format!(
                r#"{{"truth":"wrong_person","fact":{},"right":"{}","correction":{}}}"#,
                label(fact),
                Owner::person(*right).code(),
                optional(correction)
            ),
            Self::WrongTime { fact, right, correction } => format!(
                r#"{{"truth":"wrong_time","fact":{},"right":"{}","correction":{}}}"#,
                label(fact),
                rfc3339(*right),
                label(correction)
            ),
            Self::False { fact, reason } => {
                format!(r#"{{"truth":"false","fact":{},"reason":"{reason}"}}"#, label(fact))
            }
            Self::RemoteScan { person, place, at } => format!(
                r#"{{"truth":"remote_scan","person":"{}","place":{place},"at":"{}"}}"#,
                Owner::person(*person).code(),
                rfc3339(*at)
            ),
        }
    }
}

impl TrueInfection {
    /// Where it happened: `household`, `work`, `class`, `venue`, or `outside`.
    pub fn setting(&self, city: &City) -> &'static str {
        match self.place.map(|place| city.places().kind(place)) {
            None => "outside",
            Some(PlaceKind::Home) => "household",
            Some(PlaceKind::Workplace) => "work",
            Some(PlaceKind::Class) => "class",
            Some(_) => "venue",
        }
    }

    fn json(&self, city: &City) -> String {
        let mut line = format!(
            r#"{{"truth":"infection","person":"{}","at":"{}","setting":"{}""#,
            Owner::person(self.person).code(),
            rfc3339(self.at),
            self.setting(city)
        );
        let mut field = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                write!(line, r#","{name}":"{value}""#).expect("a string takes everything");
            }
        };
        field("by", self.by.map(|by| Owner::person(by).code()));
        field("place", self.place.map(|place| place.to_string()));
        field("onset_at", self.onset_at.map(rfc3339));
        field("infectious_from", Some(rfc3339(self.infectious_from)));
        field("infectious_until", Some(rfc3339(self.infectious_until)));
        field("diagnosis", self.diagnosis.map(FactRef::label));
        line.push('}');
        line
    }
}
