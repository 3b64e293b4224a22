//! Who acts: roles, kinds of units, and the actor of a request.

use sizao_model::DivisionCode;
use uuid::Uuid;

use crate::authorization::Action;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every one, in their order.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant),*];

            /// The word in tables, addresses and locales.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The one of this word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.name() == name)
            }
        }
    };
}
pub(crate) use named;

named! {
    /// What an account may be there for. An account has one role; what the role may do is the table of
    /// [`authorization`](crate::authorization).
    Role {
        /// Officer of a headquarters (指挥部), at the level of the unit's division.
        Headquarters = "headquarters",
        /// Epidemiologist of a centre for disease control (流行病学专家).
        Epidemiologist = "epidemiologist",
        /// Contact tracer (流调员).
        Tracer = "tracer",
        /// Laboratory (检测机构).
        Lab = "lab",
        /// Reporter of a sentinel site (哨点): clinic, hospital, pharmacy.
        Sentinel = "sentinel",
        /// Checkpoint (查验点).
        Checkpoint = "checkpoint",
        /// Keeper of a venue (场所).
        VenueKeeper = "venue-keeper",
        /// Community worker (社区工作者).
        CommunityWorker = "community-worker",
        /// Keeper of an institution: school, care home (机构).
        InstitutionKeeper = "institution-keeper",
        /// Resident (居民).
        Resident = "resident",
        /// Who acts for a resident (代办人).
        Proxy = "proxy",
        /// Officer who decides on appeals (申诉专员).
        AppealOfficer = "appeal-officer",
        /// Auditor (审计员).
        Auditor = "auditor",
        /// Statistician (统计员): sums alone, small ones hidden.
        Statistician = "statistician",
        /// Administrator of units and accounts (机构管理员); sees no people.
        UnitAdmin = "unit-admin",
        /// Operator of the machine (运维); sees no people.
        Operator = "operator",
    }
}

named! {
    /// What kind of organisation a unit is.
    UnitKind {
        /// Headquarters (指挥部).
        Headquarters = "headquarters",
        /// Centre for disease control (疾控中心).
        Cdc = "cdc",
        /// Hospital (医院).
        Hospital = "hospital",
        /// Laboratory (检测机构).
        Laboratory = "laboratory",
        /// Clinic (诊所).
        Clinic = "clinic",
        /// Pharmacy (药店).
        Pharmacy = "pharmacy",
        /// School (学校).
        School = "school",
        /// Venue (场所).
        Venue = "venue",
        /// Checkpoint (查验点).
        Checkpoint = "checkpoint",
        /// Community office (社区).
        Community = "community",
        /// Auditing body (审计机关).
        Audit = "audit",
    }
}

/// Who asks: an account that is signed in, with its unit. There is no other way into a use case that touches people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub account: Uuid,
    /// Its holder's name.
    pub name: String,
    /// What it is there for.
    pub role: Role,
    /// Its unit.
    pub unit: Uuid,
    /// The unit's name.
    pub unit_name: String,
    /// Where the unit is responsible.
    pub division: DivisionCode,
    /// Made by the demonstration.
    pub demo: bool,
    /// The session, or the token of a program.
    pub session: Uuid,
    /// Of a program: the actions for which its token may be used. Of a person who is signed in: none, the role decides.
    pub scopes: Option<Vec<Action>>,
    /// The request, for the record of who looked.
    pub request: String,
}
