//! Who a person is, and which records are the same human being.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{
    id::{FactId, PersonId},
    time::CivilDay,
};

words! {
    /// What makes a person need another way of being cared for.
    Trait {
        /// Pregnant.
        Pregnant,
        /// On dialysis.
        Dialysis,
        /// On chemotherapy.
        Chemotherapy,
        /// Mental illness.
        MentalIllness,
        /// Needs a carer.
        CannotSelfCare,
        /// Weak immune defence.
        Immunocompromised,
        /// Lives alone.
        LivesAlone,
    }
}

words! {
    /// On what a link between two records rests.
    LinkBasis {
        /// A document was seen.
        Document,
        /// The person said so.
        Person,
        /// A program's guess: serves search, never a restriction.
        Automatic,
    }
}

bodies! {
    /// Who a person is, as far as policy needs to know.
    Person {
        /// Birthday.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        birth_day: Option<CivilDay>,
        /// Parents or guardians.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parents: Vec<PersonId>,
        /// What makes the person need other care.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        traits: Vec<Trait>,
    }

    /// Two records are the same human being.
    IdentityLink {
        /// The other record.
        other: PersonId,
        /// On what it rests.
        basis: LinkBasis,
        /// What is the same in both, by name: `same_name`, `same_birth_day`. For whoever checks a program's guess.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<Box<str>>,
    }

    /// A link was wrong.
    IdentityUnlink {
        /// The link.
        link: FactId,
    }
}
