//! One chain of evidence through the versions of a pack.
//!
//! A chain is planned under the pack in force when it opened. When a pack is adopted while it is open, it is planned
//! under the old and the new pack; the plan whose restricting phases end first is taken; if equal, the less strict
//! kind, then the newer pack. A pack without the rule ends the measure, and a stricter pack never lengthens it.

use std::sync::Arc;

use sizao_model::Instant;

use crate::{
    plan::{Adoption, Plan},
    timeline::{Era, Rules},
};

/// A plan and the rule that supplied it.
#[derive(Clone, Debug)]
pub(crate) struct Ruled {
    pub rule: Arc<str>,
    pub plan: Plan,
}

/// A chain, as it looks under the rules of one era.
pub(crate) trait Chain {
    /// The id of the rule that an era's pack has for the chain, if any.
    fn rule<'r>(&self, rules: &'r Rules) -> Option<&'r Arc<str>>;

    /// The plan under an era's rules as it looks at a moment, or nothing if under them the evidence does not count.
    ///
    /// - `era`: number of the era.
    /// - `adoption`: how the chain came to these rules, if they are not those under which it opened.
    fn plan(&self, era: usize, rules: &Rules, adoption: Option<Adoption>, at: Instant) -> Option<Plan>;
}

/// Follows a chain from its opening to `at`.
pub(crate) fn follow(eras: &[Era], opened_at: Instant, at: Instant, chain: &impl Chain) -> Option<Ruled> {
    let last = eras.iter().rposition(|era| era.from <= at)?;
    // What became known after the moment in question is judged by the rules of that moment.
    let first = eras.iter().rposition(|era| era.from <= opened_at).unwrap_or(0).min(last);
    let opening = eras[first].rules.as_ref()?;
    // What opened before any pack was in force starts with the first one, and only what is left of it.
    let begins_at = eras[0].from;
    let adoption = (opened_at < begins_at).then_some(Adoption { at: begins_at, running: None });
    let mut standing = Standing { era: first, rules: opening, rule: chain.rule(opening)?.clone(), adoption };
    let mut offered = standing.rule.clone();
    for (index, era) in eras.iter().enumerate().take(last + 1).skip(first + 1) {
        let rules = era.rules.as_ref()?;
        let rule = chain.rule(rules)?;
        if *rule == offered {
            // An overlay changed another rule, or the window: the same rule goes on.
            if *rule == standing.rule {
                standing = Standing { era: index, rules, ..standing };
            }
            continue;
        }
        offered = rule.clone();
        let old = standing.plan(chain, era.from)?;
        if !old.is_open(era.from) {
            break;
        }
        let adoption = Some(Adoption { at: era.from, running: old.running(era.from) });
        let new = chain.plan(index, rules, adoption, era.from)?;
        if takes_over(&old, &new, era.from) {
            standing = Standing { era: index, rules, rule: rule.clone(), adoption };
        }
    }
    Some(Ruled { plan: standing.plan(chain, at)?, rule: standing.rule })
}

/// Where a chain stands: the rules that it follows, and how it came to them.
struct Standing<'r> {
    era: usize,
    rules: &'r Rules,
    rule: Arc<str>,
    adoption: Option<Adoption>,
}

impl Standing<'_> {
    fn plan(&self, chain: &impl Chain, at: Instant) -> Option<Plan> {
        chain.plan(self.era, self.rules, self.adoption, at)
    }
}

fn takes_over(old: &Plan, new: &Plan, adopted_at: Instant) -> bool {
    let rank = |plan: &Plan| {
        let ahead = || plan.laid.iter().filter(|laid| laid.ends_at > adopted_at);
        let whole_end = ahead().map(|laid| laid.ends_at).max().unwrap_or(Instant::MIN);
        let strictest = ahead().map(|laid| laid.kind.strictness()).max().unwrap_or(0);
        (
            plan.restricts_until.unwrap_or(Instant::MIN),
            if plan.restricts_until.is_none() { whole_end } else { Instant::MIN },
            strictest,
        )
    };
    rank(new) <= rank(old)
}
