//! Packs checked together: what no pack shows alone, such as overlays that rest on one another in a circle.

use std::{ops::Range, sync::Arc};

use serde::Deserialize;
use toml::Spanned;

use super::{Pack, PackError, PackFault, fault::place_of};
use crate::timeline::{PackTimeline, TimelineError};

/// The text of a pack and where it was read.
#[derive(Clone, Debug)]
pub struct PackText {
    /// Name of its folder, which the id has to be; nothing for a file that lies in no folder of its own.
    pub folder: Option<String>,
    /// The file, as errors name it.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// Packs that are valid alone and together.
#[derive(Debug)]
pub struct CheckedPacks {
    /// The packs, in the order given.
    pub packs: Vec<Pack>,
    /// When which of them is in force.
    pub timeline: PackTimeline,
}

/// Checks packs alone and together.
///
/// # Errors
/// Every fault of every pack with file, line, column, rule and cure. Only when each is valid alone, they are checked
/// together, and the first fault of those is returned.
pub fn check_together(texts: &[PackText]) -> Result<CheckedPacks, Vec<PackError>> {
    let mut packs = Vec::with_capacity(texts.len());
    let mut faults = Vec::new();
    for text in texts {
        match Pack::read(text) {
            Ok(pack) => packs.push(pack),
            Err(found) => faults.extend(found),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    match PackTimeline::new(packs.clone()) {
        Ok(timeline) => Ok(CheckedPacks { packs, timeline }),
        Err(error) => Err(vec![placed(error, texts, &packs)]),
    }
}

/// Where packs say what they are.
#[derive(Deserialize)]
struct Head {
    id: Spanned<String>,
    valid_from: Spanned<toml::Value>,
    overlay_of: Option<Spanned<String>>,
}

fn placed(error: TimelineError, texts: &[PackText], packs: &[Pack]) -> PackError {
    let last = |id: &Arc<str>| packs.iter().rposition(|pack| pack.id == *id).unwrap_or(0);
    let at = |index: usize, span: fn(&Head) -> Option<Range<usize>>, fault| {
        let text = &texts[index].text;
        let span = toml::from_str::<Head>(text).ok().and_then(|head| span(&head)).unwrap_or(0..0);
        let (line, column) = place_of(text, span.start);
        PackError { file: texts[index].file.clone(), line, column, fault }
    };
    let overlay = |head: &Head| head.overlay_of.as_ref().map(Spanned::span);
    match error {
        TimelineError::Twice(id) => at(last(&id), |head| Some(head.id.span()), PackFault::Twice(id.to_string())),
        TimelineError::SameInstant { first, second, .. } => {
            at(last(&second), |head| Some(head.valid_from.span()), PackFault::SameInstant(first.to_string()))
        }
        TimelineError::Circular(path) => {
            let names: Vec<&str> = path.iter().map(|id| &**id).collect();
            at(last(&path[0]), overlay, PackFault::Circular(names.join(" -> ")))
        }
        TimelineError::OtherDisease { overlay: id, base, found, expected } => {
            let (base, found, expected) = (base.to_string(), found.to_string(), expected.to_string());
            at(last(&id), overlay, PackFault::OtherDisease { base, found, expected })
        }
    }
}
