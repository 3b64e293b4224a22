//! Declared areas: from the first declaration to the order or date that ends them. A declaration without evidence or
//! without two different signers is void.

use sizao_model::{FactBody, FactId, Instant, fact::AreaDeclared, fact::AreaLevel, id::AreaCode};

use crate::{known::Seen, rules::add_seen};

/// A declaration holds for so many days at most, whatever it says: who goes on needs another, with a case.
const DAYS_MAX: i64 = 90;

/// An area from its first declaration on; later declarations before its end regrade it.
#[derive(Clone, Debug)]
pub(crate) struct Episode<'f> {
    pub area: &'f AreaCode,
    declared: Vec<Declared>,
    ended_at: Option<(Instant, FactId)>,
}

#[derive(Clone, Debug)]
struct Declared {
    effective_at: Instant,
    recorded_at: Instant,
    level: AreaLevel,
    until: Instant,
    because: Vec<FactId>,
}

impl Episode<'_> {
    /// When its first declaration takes effect.
    pub fn begins_at(&self) -> Instant {
        self.declared[0].effective_at
    }

    /// When its first declaration was on record.
    pub fn known_at(&self) -> Instant {
        self.declared[0].recorded_at
    }

    /// When it is over, as declared at a moment.
    pub fn ends_at(&self, at: Instant) -> Instant {
        let until = self.standing(at).until;
        self.ended_at.map_or(until, |(ended_at, _)| ended_at.min(until))
    }

    /// Its level: that of the latest declaration in effect. Sealed counts as high, controlled as medium.
    pub fn level(&self, at: Instant) -> AreaLevel {
        self.standing(at).level
    }

    /// The declarations that count at a moment.
    pub fn because(&self, at: Instant) -> impl Iterator<Item = FactId> {
        self.declared
            .iter()
            .enumerate()
            .filter(move |(index, declared)| *index == 0 || declared.effective_at <= at)
            .flat_map(|(_, declared)| declared.because.iter().copied())
    }

    /// When announced declarations take effect.
    pub fn announced(&self, at: Instant) -> impl Iterator<Item = Instant> {
        self.declared.iter().map(|declared| declared.effective_at).filter(move |effective_at| *effective_at > at)
    }

    fn standing(&self, at: Instant) -> &Declared {
        self.declared.iter().rev().find(|declared| declared.effective_at <= at).unwrap_or(&self.declared[0])
    }
}

/// The areas that were declared, each from declaration to end; only those wanted.
pub(crate) fn episodes<'f>(facts: &'f [Seen<'_>], wanted: impl Fn(&AreaCode) -> bool) -> Vec<Episode<'f>> {
    let mut declared: Vec<(&AreaCode, Declared)> = facts
        .iter()
        .filter(|seen| matches!(&*seen.body, FactBody::AreaDeclared(declared) if wanted(&declared.area)))
        .filter_map(declaration)
        .collect();
    declared.sort_by(|(area, one), (other_area, other)| {
        (area, one.effective_at, one.recorded_at).cmp(&(other_area, other.effective_at, other.recorded_at))
    });
    let mut episodes: Vec<Episode<'f>> = Vec::new();
    for (area, declared) in declared {
        match episodes.last_mut() {
            Some(episode) if episode.area == area && episode.ends_at(declared.effective_at) > declared.effective_at => {
                episode.declared.push(declared);
            }
            _ => {
                let ended_at = ending(area, declared.effective_at, facts);
                episodes.push(Episode { area, declared: vec![declared], ended_at });
            }
        }
    }
    episodes
}

fn declaration<'f>(seen: &'f Seen<'_>) -> Option<(&'f AreaCode, Declared)> {
    let FactBody::AreaDeclared(declared) = &*seen.body else { return None };
    is_valid(declared).then(|| {
        let mut because = Vec::new();
        add_seen(&mut because, seen, &[]);
        let AreaDeclared { area, level, until, .. } = declared;
        (
            area,
            Declared {
                effective_at: seen.starts_at(),
                recorded_at: seen.recorded_at,
                level: *level,
                until: (*until).min(seen.starts_at().plus_hours(24 * DAYS_MAX)),
                because,
            },
        )
    })
}

fn is_valid(declared: &AreaDeclared) -> bool {
    !declared.evidence.is_empty() && declared.signers.iter().any(|signer| *signer != declared.signers[0])
}

fn ending(area: &AreaCode, from: Instant, facts: &[Seen<'_>]) -> Option<(Instant, FactId)> {
    facts
        .iter()
        .filter(|seen| matches!(&*seen.body, FactBody::AreaEnded(ended) if ended.area == *area))
        .map(|seen| (seen.starts_at(), seen.id))
        .filter(|(ended_at, _)| *ended_at >= from)
        .min()
}
