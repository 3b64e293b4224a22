//! The rules, one condition a file. Each takes what was known and the rules in force, and returns measures with the
//! facts that opened them; the numbers stay in the pack.

pub(crate) mod area;
pub(crate) mod arrival;
pub(crate) mod case;
pub(crate) mod contact;
pub(crate) mod evidence;
pub(crate) mod exit_test;
pub(crate) mod exposure;
pub(crate) mod extension;
pub(crate) mod hold;
pub(crate) mod immunity;
pub(crate) mod inbound_traveller;
pub(crate) mod infection;
pub(crate) mod isolation;
pub(crate) mod offers;
pub(crate) mod seats;
pub(crate) mod site_reset;
pub(crate) mod special;
pub(crate) mod two_tests;
pub(crate) mod window;

use std::sync::Arc;

use sizao_model::{FactId, Instant, PersonId};

use crate::{known::Seen, people::Group, plan::Laid};

/// What every rule looks at: what was known about whom, and for which moment.
pub(crate) struct View<'a> {
    pub facts: &'a [Seen<'a>],
    pub me: &'a Group,
    pub at: Instant,
}

/// A measure that a rule opened.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub rule: Arc<str>,
    pub laid: Laid,
    pub because: Vec<FactId>,
}

impl View<'_> {
    /// The records linked to another person.
    pub fn group(&self, person: PersonId) -> Group {
        Group::of(person, self.facts)
    }

    /// Whether a fact with this id is known and was not retracted.
    pub fn knows(&self, id: FactId) -> bool {
        self.facts.iter().any(|seen| seen.id == id)
    }
}

/// Whether a fact that may leave its disease out is about this one.
pub(crate) fn is_about(stated: Option<&str>, disease: &str) -> bool {
    stated.unwrap_or("covid") == disease
}

/// Adds ids that are not there yet.
pub(crate) fn add(because: &mut Vec<FactId>, ids: impl IntoIterator<Item = FactId>) {
    for id in ids {
        if !because.contains(&id) {
            because.push(id);
        }
    }
}

/// The fact itself, the corrections through which it counts and the links over which it flows.
pub(crate) fn add_seen(because: &mut Vec<FactId>, seen: &Seen<'_>, links: &[FactId]) {
    add(because, std::iter::once(seen.id).chain(seen.corrections.iter().copied()).chain(links.iter().copied()));
}
