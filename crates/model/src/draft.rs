//! Drafts: what a row of a file or a form says, before the store has given it an id, a recorder and a time of recording.
//!
//! Files name people by documents or by codes of their own. A draft names them by *provisional* ids, computed from
//! those words and always the same ([`PersonName::provisional`]); `app` resolves them against the vault and puts the
//! real ids in. The same holds for facts that a row refers to, such as the sample of a result.

use std::fmt;

use crate::{
    division::DivisionCode,
    fact::FactBody,
    happened::Happened,
    id::{FactId, PersonId},
    identity::{Document, Phone},
    time::Instant,
};

/// How a file names a person.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PersonName {
    /// By an identity document.
    Document(Document),
    /// By a code that means something only to whoever gave it, such as a line list's case number.
    Code {
        /// Who gave it: a list, a laboratory, a region.
        scope: Box<str>,
        /// The code.
        code: Box<str>,
    },
}

impl PersonName {
    /// The id that stands for this name in drafts, until the vault is asked.
    pub fn provisional(&self) -> PersonId {
        PersonId::from_label(&match self {
            Self::Document(document) => format!("{}\u{1f}{}", document.kind().name(), document.reveal()),
            Self::Code { scope, code } => format!("code\u{1f}{scope}\u{1f}{code}"),
        })
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(document) => document.fmt(f),
            Self::Code { scope, .. } => write!(f, "{scope}:***"),
        }
    }
}

/// What a file says about who a person is: for the vault, never for a fact.
#[derive(Clone)]
pub struct PersonDraft {
    /// The names of one and the same person; at least one.
    pub names: Vec<PersonName>,
    /// Family and given name as written; `Debug` never shows it.
    pub full_name: Option<Box<str>>,
    /// Telephones.
    pub phones: Vec<Phone>,
    /// Where the person is looked after.
    pub division: DivisionCode,
}

impl fmt::Debug for PersonDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonDraft")
            .field("names", &self.names)
            .field("division", &self.division)
            .finish_non_exhaustive()
    }
}

/// One fact that a row of a file makes.
#[derive(Clone, Debug)]
pub struct FactDraft {
    /// Where it came from.
    pub origin: Origin,
    /// The sender's own name for this fact, unique with that sender; other rows may refer to it.
    pub key: Option<Box<str>>,
    /// Provisional id of the person it is about.
    pub person: Option<PersonId>,
    /// Division in which it was seen.
    pub division: DivisionCode,
    /// When it happened.
    pub happened: Happened,
    /// When it was recorded, for stores with a simulated clock (demo, drill); a real store's clock decides otherwise.
    pub recorded_at: Option<Instant>,
    /// What was seen, with provisional ids of people and facts.
    pub body: FactBody,
}

/// Which line of which file a draft came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Row number as a spreadsheet shows it: the header is row 1.
    pub row: u64,
    /// Which fact of the row; a row may make several.
    pub part: u16,
    /// First 16 bytes of SHA-256 over the row's cells.
    pub line_digest: [u8; 16],
}

/// The provisional id of the fact that a sender calls `key`.
pub fn provisional_fact(scope: &str, key: &str) -> FactId {
    FactId::from_label(&format!("key\u{1f}{scope}\u{1f}{key}"))
}

impl FactBody {
    /// Puts other ids of people in place of those in the body.
    ///
    /// # Errors
    /// The first error of `real`.
    pub fn try_map_people<E>(&mut self, mut real: impl FnMut(PersonId) -> Result<PersonId, E>) -> Result<(), E> {
        for id in self.people_mut() {
            *id = real(*id)?;
        }
        Ok(())
    }

    /// Puts other ids of facts in place of those in the body.
    ///
    /// # Errors
    /// The first error of `real`.
    pub fn try_map_facts<E>(&mut self, mut real: impl FnMut(FactId) -> Result<FactId, E>) -> Result<(), E> {
        for id in self.facts_mut() {
            *id = real(*id)?;
        }
        Ok(())
    }

    /// The facts that the body refers to.
    pub fn facts_named(&self) -> Vec<FactId> {
        match self {
            Self::IdentityUnlink(body) => vec![body.link],
            Self::NoShow(body) => vec![body.of],
            Self::HoldEnded(body) => vec![body.of],
            Self::Disinfection(body) => body.closes.into_iter().chain(body.case).collect(),
            Self::TestResult(body) => body.sample.into_iter().collect(),
            Self::Confirmation(body) => vec![body.of],
            Self::Correction(body) => vec![body.of],
            Self::AreaDeclared(body) => body.evidence.clone(),
            Self::SiteReset(body) => body.evidence.clone(),
            Self::Extension(body) => body.evidence.clone(),
            Self::LoopStep(body) => vec![body.opened_by],
            Self::CareGiven(body) => vec![body.of],
            Self::Appeal(body) => body.against.into_iter().chain([body.opened_by]).collect(),
            Self::AppealDecision(body) => vec![body.of],
            Self::WatchFreeze(body) => body.proposed.clone(),
            Self::WatchDecision(body) => vec![body.of],
            _ => Vec::new(),
        }
    }

    fn people_mut(&mut self) -> Vec<&mut PersonId> {
        match self {
            Self::Person(body) => body.parents.iter_mut().collect(),
            Self::IdentityLink(body) => vec![&mut body.other],
            Self::Exposure(body) => body.case.iter_mut().chain(body.via.iter_mut()).collect(),
            Self::Correction(body) => body.person.iter_mut().collect(),
            _ => Vec::new(),
        }
    }

    fn facts_mut(&mut self) -> Vec<&mut FactId> {
        match self {
            Self::IdentityUnlink(body) => vec![&mut body.link],
            Self::NoShow(body) => vec![&mut body.of],
            Self::HoldEnded(body) => vec![&mut body.of],
            Self::Disinfection(body) => body.closes.iter_mut().chain(body.case.iter_mut()).collect(),
            Self::TestResult(body) => body.sample.iter_mut().collect(),
            Self::Confirmation(body) => vec![&mut body.of],
            Self::Correction(body) => vec![&mut body.of],
            Self::AreaDeclared(body) => body.evidence.iter_mut().collect(),
            Self::SiteReset(body) => body.evidence.iter_mut().collect(),
            Self::Extension(body) => body.evidence.iter_mut().collect(),
            Self::LoopStep(body) => vec![&mut body.opened_by],
            Self::CareGiven(body) => vec![&mut body.of],
            Self::Appeal(body) => body.against.iter_mut().chain([&mut body.opened_by]).collect(),
            Self::AppealDecision(body) => vec![&mut body.of],
            Self::WatchFreeze(body) => body.proposed.iter_mut().collect(),
            Self::WatchDecision(body) => vec![&mut body.of],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fact::TestResult, identity::DocumentKind};

    #[test]
    fn spellings_of_one_document_have_one_provisional_id() {
        let id = |number| PersonName::Document(Document::new(DocumentKind::ResidentId, number).unwrap()).provisional();
        assert_eq!(id("11010519491231002X"), id("110105491231002"));
    }

    #[test]
    fn referred_facts_get_their_real_ids() {
        let (before, after) = (provisional_fact("lab", "tube 7"), FactId::from_label("real"));
        let mut body: FactBody =
            TestResult { sample: Some(before), pool: None, outcome: crate::fact::Outcome::Negative }.into();
        assert_eq!(body.facts_named(), [before]);
        body.try_map_facts(|id| if id == before { Ok(after) } else { Err(()) }).unwrap();
        assert!(matches!(body, FactBody::TestResult(TestResult { sample: Some(id), .. }) if id == after));
    }
}
