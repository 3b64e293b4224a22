//! The loops of people, laid out from the facts around them.

use rayon::prelude::*;
use sizao_model::{DivisionCode, PersonId};
use sizao_policy::{
    FactIndex,
    loops::{ClosedLoop, follow},
};

use super::{NOWHERE, Neighbourhood, Opened};
use crate::{App, AppError};

impl App {
    /// The loops of these people, each with where the person is looked after.
    pub(crate) async fn lay_out(&self, people: &[PersonId]) -> Result<Vec<(ClosedLoop, DivisionCode)>, AppError> {
        let mut opened = Opened::default();
        let mut around = Neighbourhood::new(&self.store, &mut opened, None);
        around.gather(people).await?;
        let around = around.finish();
        let (now, divisions, clocks) = (self.now(), around.divisions(), self.clocks());
        let rules = self.rules();
        Ok(tokio::task::block_in_place(|| {
            let index = FactIndex::of_store(around.facts());
            let each = people.par_iter().flat_map_iter(|person| {
                let place = divisions.get(person).copied().unwrap_or(NOWHERE);
                let loops = follow(&index.dossier(*person), &rules.timeline, clocks, now);
                loops.into_iter().map(move |closed_loop| (closed_loop, place))
            });
            each.collect()
        }))
    }
}
