//! Lists of people that an account comes back to, under names of its own.

use sizao_model::{DivisionCode, Instant};
pub use sizao_store::SavedView;
use uuid::Uuid;

use crate::{
    App, AppError,
    authorization::{Action, Scope, usual_purpose},
    board::Group,
    identity::Actor,
    refusal::Refusal,
};

/// Lists of an account.
pub const VIEWS_MAX: u32 = 20;
/// Longest name of a list, in characters.
const NAME_MAX: usize = 30;

impl App {
    /// The actor's own lists.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn saved_views(&self, actor: &Actor) -> Result<Vec<SavedView>, AppError> {
        usual_purpose(actor, Action::ListPeople)?;
        Ok(self.store().saved_views(actor.account).await?)
    }

    /// Saves a list under a name; one of the same name is replaced.
    ///
    /// # Errors
    /// [`Refusal`]: a name that is empty or too long, a division outside, too many lists; [`AppError::Store`].
    pub async fn save_view(
        &self,
        actor: &Actor,
        name: &str,
        group: &str,
        division: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::ListPeople)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(Refusal::field("view_name", "empty").into());
        }
        if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(Refusal::field("view_name", "too-long").into());
        }
        let group = Group::from_name(group).ok_or(Refusal::field("view_name", "choose"))?;
        let division = DivisionCode::parse(division).map_err(|_| Refusal::NotFound)?;
        let division = Scope::of(actor, Action::ListPeople, purpose)?.narrowed(division)?.division();
        let view = SavedView {
            id: crate::new_id(wall),
            account: actor.account,
            name: name.to_owned(),
            group: group.name().to_owned(),
            division,
            made_at: wall,
        };
        let fits = self.store().save_view(&view, VIEWS_MAX).await?;
        if fits { Ok(()) } else { Err(Refusal::field("view_name", "views-full").into()) }
    }

    /// Forgets one of the actor's own lists.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn drop_view(&self, actor: &Actor, id: Uuid) -> Result<(), AppError> {
        usual_purpose(actor, Action::ListPeople)?;
        let gone = self.store().drop_view(actor.account, id).await?;
        if gone { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }
}
