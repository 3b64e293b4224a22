//! The resident's own page, opened by a link that a community worker hands over, on paper or as a code: no account, no
//! telephone needed. And the pass.

use sizao_interop::pass::{self, PassError};
pub use sizao_interop::pass::{Form, Pass};
use sizao_model::{Colour, Explanation, Finding, Instant, PersonId, identity::mask_name};
use sizao_policy::loops::ClosedLoop;
use sizao_store::{AccessLine, PassRecord, from_hex, hex};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    appeals::AppealLine,
    assessments::Explained,
    authorization::{Action, usual_purpose},
    identity::Actor,
    people::number,
    refusal::Refusal,
};

/// A link to the own page holds for so many days.
pub const LINK_DAYS: i64 = 30;
/// Lines of who looked.
const LOOKS_MAX: u32 = 100;
/// Passes that are checked at once.
pub const PASSES_MAX: usize = 1_000;

/// What a person sees of themself.
#[derive(Clone, Debug)]
pub struct ResidentView {
    /// Who.
    pub person: PersonId,
    /// Number to speak of the person by.
    pub number: String,
    /// Family name and stars.
    pub name: Option<String>,
    /// What holds, why, and the own facts.
    pub explained: Explained,
    /// The loops, open and closed.
    pub loops: Vec<ClosedLoop>,
    /// The appeals.
    pub appeals: Vec<AppealLine>,
    /// Who looked.
    pub looks: Vec<AccessLine>,
    /// When it was computed.
    pub at: Instant,
}

/// What a gate is told of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It holds; the colour, where there is one.
    Holds(Option<Colour>),
    /// What it says is not so any more: ask for a new one.
    Withdrawn,
    /// It was never issued here.
    Unknown,
    /// It is not taken.
    Refused(PassError),
}

impl Checked {
    /// The word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Holds(_) => "holds",
            Self::Withdrawn => "withdrawn",
            Self::Unknown => "unknown",
            Self::Refused(error) => error.code(),
        }
    }
}

/// SHA-256 over the words of an explanation in one language: officer and person read the same text when it is equal.
pub fn text_digest(explanation: &Explanation, chinese: bool) -> String {
    let words: Vec<&[u8]> = explanation
        .findings
        .iter()
        .flat_map(Finding::walk)
        .flat_map(|finding| [if chinese { finding.zh.as_bytes() } else { finding.en.as_bytes() }, b"\n".as_slice()])
        .collect();
    crate::digest(&words)
}

impl App {
    /// A link to a person's own page, for a worker to hand over. It is told once.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn give_link(&self, actor: &Actor, person: PersonId, wall: Instant) -> Result<String, AppError> {
        let purpose = usual_purpose(actor, Action::GiveLinks)?;
        self.may_serve(actor, Action::GiveLinks, person, purpose).await?;
        self.log_deed(actor, Action::GiveLinks, purpose, Some(person), Reason::NONE, wall).await?;
        let token =
            self.store().add_resident_link(person, actor.account, wall, wall.plus_hours(24 * LINK_DAYS)).await?;
        Ok(hex(&token))
    }

    /// Whose page a link opens.
    ///
    /// # Errors
    /// [`Refusal::LinkOver`], [`AppError::Store`].
    pub async fn resident(&self, token: &str, wall: Instant) -> Result<PersonId, AppError> {
        let bytes = from_hex(token).filter(|bytes| bytes.len() == 32).ok_or(Refusal::LinkOver)?;
        Ok(self.store().find_resident_link(&bytes, wall).await?.ok_or(Refusal::LinkOver)?)
    }

    /// What a person sees of themself, computed from the facts at this moment.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn view_resident(&self, person: PersonId) -> Result<ResidentView, AppError> {
        let at = self.now();
        let explained = self.explain(person, at, at).await?;
        let loops = self.loops_of(person).await?;
        let details = self.store().reveal_details(&[person]).await?;
        Ok(ResidentView {
            person,
            number: number(person),
            name: details.get(&person).and_then(|details| details.full_name.as_deref()).map(mask_name),
            explained,
            loops,
            appeals: self.appeals_of(person).await?,
            looks: self.store().accesses_of(person, LOOKS_MAX).await?,
            at,
        })
    }

    /// Issues a pass: what the facts say at this moment, signed by the node.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn issue_pass(&self, person: PersonId, form: Form) -> Result<(Pass, String), AppError> {
        let now = Instant::from_micros(self.now().as_micros().div_euclid(1_000_000) * 1_000_000);
        let explained = self.explain(person, now, now).await?;
        let id = self.store().random_id();
        // A pass never outlives what it says.
        let mut expires_at = now.plus_minutes(form.minutes_max());
        if let Some(next) = explained.assessment.next_change_at.filter(|next| *next < expires_at && *next > now) {
            expires_at =
                Instant::from_micros(next.as_micros().div_euclid(1_000_000) * 1_000_000).max(now.plus_minutes(1));
        }
        let colour = explained.assessment.colour;
        let pass = Pass {
            issuer: self.recorder.to_string(),
            id: id.into_bytes(),
            issued_at: now,
            expires_at,
            colour: colour.filter(|_| form == Form::Phone),
            form,
        };
        let record =
            PassRecord { id, person, issued_at: now, expires_at, colour: colour.map_or(0, |colour| colour as i64 + 1) };
        self.store().add_pass(&record).await?;
        let text = pass::sign(&pass, &self.signer);
        Ok((pass, text))
    }

    /// The key by which gates check this node's passes without a network.
    pub fn pass_key(&self) -> ed25519_dalek::VerifyingKey {
        self.signer.verifying_key()
    }

    /// Checks passes shown at a gate: signature and times on all cores, then whether what they say is still so.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn check_passes(&self, actor: &Actor, texts: &[String]) -> Result<Vec<Checked>, AppError> {
        usual_purpose(actor, Action::CheckPasses)?;
        if texts.is_empty() || texts.len() > PASSES_MAX {
            return Err(Refusal::field("passes", "passes-count").into());
        }
        self.check_passes_now(texts).await
    }

    /// The same for a command of the node itself.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn check_passes_now(&self, texts: &[String]) -> Result<Vec<Checked>, AppError> {
        use rayon::prelude::*;
        let (now, keys) = (self.now(), [self.pass_key()]);
        let read: Vec<Result<Pass, PassError>> =
            tokio::task::block_in_place(|| texts.par_iter().map(|text| pass::verify(text, &keys, now)).collect());
        let ids: Vec<Uuid> = read.iter().flatten().map(|pass| Uuid::from_bytes(pass.id)).collect();
        let states = self.store().pass_states(&ids).await?;
        let states: rustc_hash::FxHashMap<Uuid, _> = states.into_iter().map(|state| (state.id, state)).collect();
        let each = read.into_iter().map(|read| match read {
            Err(error) => Checked::Refused(error),
            Ok(pass) => match states.get(&Uuid::from_bytes(pass.id)) {
                None => Checked::Unknown,
                // Without a row nothing is known of the person: green, where there are colours.
                Some(state) if state.withdrawn || state.colour_now.unwrap_or(state.colour.min(1)) != state.colour => {
                    Checked::Withdrawn
                }
                Some(_) => Checked::Holds(pass.colour),
            },
        });
        Ok(each.collect())
    }

    /// Forgets passes that were over a day ago: who had one is nobody's business then.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn forget_passes(&self) -> Result<u64, AppError> {
        Ok(self.store().forget_passes(self.now().plus_hours(-24)).await?)
    }
}
