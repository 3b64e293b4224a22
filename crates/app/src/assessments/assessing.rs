//! What a process keeps from one catch-up to the next: facts that were opened, and people whose assessment is owed.

use sizao_model::PersonId;

use super::opened::Opened;

/// Kept between catch-ups; held by whoever brings projections up to date.
#[derive(Default)]
pub(crate) struct Assessing {
    /// Facts around people.
    pub(super) opened: Opened,
    /// Whom facts concern that were read and not yet followed by an assessment.
    pub(super) owed: Owed,
}

impl Assessing {
    /// Forgets facts: some were erased.
    pub(crate) fn forget_facts(&mut self) {
        self.opened.forget();
    }
}

/// People to assess, gathered over several portions of the log: whom a hundred facts concern is assessed once.
///
/// Only in memory. The watermark of assessments stays before these portions until everybody was assessed, so that
/// another process, or this one started again, reads them anew.
#[derive(Default)]
pub(super) struct Owed {
    people: Vec<PersonId>,
    since: u64,
    upto: u64,
}

/// People owed at most before they are assessed.
const PEOPLE_MAX: usize = 1 << 17;
/// Facts by which stored assessments may lag behind while many facts come in.
const FACTS_MAX: u64 = 1 << 20;

impl Owed {
    /// The leaf to read on from when stored assessments rest on the log up to `assessed`.
    pub(super) fn resume(&mut self, assessed: u64) -> u64 {
        if self.upto == 0 || self.since != assessed {
            *self = Self { people: Vec::new(), since: assessed, upto: assessed };
        }
        self.upto
    }

    /// Adds those whom facts up to leaf `upto` concern.
    pub(super) fn add(&mut self, people: &[PersonId], upto: u64) {
        self.people.extend_from_slice(people);
        self.people.sort_unstable();
        self.people.dedup();
        self.upto = upto;
    }

    /// Whether it is time to assess.
    pub(super) fn is_due(&self) -> bool {
        self.people.len() >= PEOPLE_MAX || self.upto - self.since >= FACTS_MAX
    }

    /// Whether the watermark lies behind.
    pub(super) const fn is_behind(&self) -> bool {
        self.upto > self.since
    }

    /// Everybody owed, in order, and the leaf up to which that is so.
    pub(super) fn all(&self) -> (Vec<PersonId>, u64) {
        (self.people.clone(), self.upto)
    }

    /// Notes that everybody was assessed and the watermark moved.
    pub(super) fn settled(&mut self) {
        self.people.clear();
        self.since = self.upto;
    }

    /// Forgets everybody: the log is read anew from the watermark.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u128) -> PersonId {
        PersonId::new(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_person_whom_two_portions_concern_is_owed_one_assessment() {
        let mut owed = Owed::default();
        assert_eq!(owed.resume(5), 5);
        owed.add(&[person(2), person(3)], 10);
        owed.add(&[person(1), person(2)], 20);
        assert!(owed.is_behind());
        assert_eq!(owed.resume(5), 20);
        assert_eq!(owed.all(), (vec![person(1), person(2), person(3)], 20));
        owed.settled();
        assert!(!owed.is_behind());
        assert_eq!(owed.resume(20), 20);
    }

    #[test]
    fn what_is_owed_is_read_anew_when_the_watermark_was_moved_by_another_process() {
        let mut owed = Owed::default();
        owed.resume(0);
        owed.add(&[person(1)], 10);
        assert_eq!(owed.resume(7), 7);
        assert!(!owed.is_behind());
        assert!(owed.all().0.is_empty());
    }
}
