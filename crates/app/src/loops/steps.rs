//! Steps that people enter: told, found, under control, a check, a need.

use sizao_model::{
    DivisionCode, FactBody, FactId, Happened, Instant, PersonId,
    fact::{AlternativePath, CareGiven, CareNeed, LinkBasis, LoopStage, Need, Passage, SymptomReport},
};
use sizao_store::{Channel, Receipt};

use super::{Addition, find, step_of};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, usual_purpose},
    identity::Actor,
    refusal::Refusal,
};

/// Longest text of a step, in characters.
const WORDS_MAX: usize = 400;

/// What somebody enters about one person.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// What: `notified`, `located`, `under_control`, `identified`, `moved_on`, `not_found`, `wrong_data`, `refuted`,
    /// `check`, `need`, `given`.
    pub step: String,
    /// `<pack>:<rule>`; for steps.
    pub rule: String,
    /// The fact that opened the measure; for steps. The need; for `given`.
    pub of: String,
    /// `document` or `person`: how it is known who it is.
    pub basis: String,
    /// Where the person is.
    pub site: String,
    /// In words.
    pub words: String,
    /// Degrees Celsius.
    pub temperature: String,
    /// What the person said.
    pub symptoms: String,
    /// What is needed.
    pub need: String,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnteredStep {
    /// The fact: the receipt.
    pub fact: FactId,
    /// It was there before, by the same key.
    pub repeated: bool,
}

impl App {
    /// Puts what somebody saw about one person on record; the same key is the same fact.
    ///
    /// - `key`: the device's, so that an entry that is sent again is not a second one.
    /// - `entered_at`: when it was entered, by the device's clock, not after now.
    ///
    /// # Errors
    /// [`Refusal`], among them [`Refusal::Changed`] for the same key with other content; [`AppError::Store`].
    pub async fn enter_step(
        &self,
        actor: &Actor,
        person: PersonId,
        fields: &Fields,
        key: &str,
        entered_at: Instant,
        wall: Instant,
    ) -> Result<EnteredStep, AppError> {
        let purpose = usual_purpose(actor, Action::EnterSteps)?;
        self.may_serve(actor, Action::EnterSteps, person, purpose).await?;
        let body = self.body_of(person, fields).await?;
        let place = self.store().divisions_of(person).await?.into_iter().find(|place| place.is_under(actor.division));
        let kind = body.kind().name();
        self.log_deed(actor, Action::EnterSteps, purpose, Some(person), Reason::of(kind), wall).await?;
        let at = entered_at.min(self.now());
        self.append_entry(person, place.unwrap_or(actor.division), body, &format!("{}/{key}", actor.account), at).await
    }

    /// Whether the actor may enter anything about a person.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn may_enter(&self, actor: &Actor, person: PersonId) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::EnterSteps)?;
        self.may_serve(actor, Action::EnterSteps, person, purpose).await
    }

    pub(crate) async fn append_entry(
        &self,
        person: PersonId,
        division: DivisionCode,
        body: FactBody,
        key: &str,
        at: Instant,
    ) -> Result<EnteredStep, AppError> {
        let addition = Addition {
            person: Some(person),
            division,
            happened: Happened::at(at),
            body,
            key: key.to_owned(),
            channel: Channel::Page,
        };
        match self.append_all("entries", vec![addition]).await?.first() {
            Some(Receipt::Stored { id, .. }) => Ok(EnteredStep { fact: *id, repeated: false }),
            Some(Receipt::Repeat { id }) => Ok(EnteredStep { fact: *id, repeated: true }),
            Some(Receipt::Conflict { .. }) => Err(Refusal::Changed.into()),
            None => Err(AppError::Stopped("no receipt for an entry")),
        }
    }

    async fn body_of(&self, person: PersonId, fields: &Fields) -> Result<FactBody, AppError> {
        let words = text("words", &fields.words)?;
        Ok(match fields.step.as_str() {
            "check" => check(fields)?.into(),
            "need" => CareNeed { need: need(&fields.need)?, words }.into(),
            "passage" | "passage-refused" => {
                let refused_before = fields.step == "passage-refused";
                AlternativePath { passage: passage(&fields.need)?, refused_before, words }.into()
            }
            "given" => CareGiven { of: fact("of", &fields.of)? }.into(),
            step => {
                let stage = stage(step)?;
                let loops = self.loops_of(person).await?;
                let opened_by = fact("of", &fields.of)?;
                let closed_loop = find(&loops, &fields.rule, opened_by).ok_or(Refusal::NotFound)?;
                let basis = match fields.basis.as_str() {
                    "" => None,
                    "document" => Some(LinkBasis::Document),
                    "person" => Some(LinkBasis::Person),
                    _ => return Err(Refusal::field("basis", "choose").into()),
                };
                let site = text("site", &fields.site)?.map(|site| (&*site).into());
                if stage == LoopStage::Identified && basis.is_none() {
                    return Err(Refusal::field("basis", "choose").into());
                }
                if stage == LoopStage::Located && site.is_none() {
                    return Err(Refusal::field("site", "empty").into());
                }
                let mut step = step_of(closed_loop, stage);
                (step.basis, step.site, step.reason) = (basis, site, words);
                step.into()
            }
        })
    }
}

/// The steps that people may enter; assigning, releasing and escalating are not among them.
fn stage(step: &str) -> Result<LoopStage, Refusal> {
    Ok(match step {
        "notified" => LoopStage::Notified,
        "located" => LoopStage::Located,
        "under_control" => LoopStage::UnderControl,
        "identified" => LoopStage::Identified,
        "moved_on" => LoopStage::MovedOn,
        "not_found" => LoopStage::NotFound,
        "wrong_data" => LoopStage::WrongData,
        "refuted" => LoopStage::Refuted,
        _ => return Err(Refusal::field("step", "choose")),
    })
}

fn check(fields: &Fields) -> Result<SymptomReport, Refusal> {
    let temperature = match fields.temperature.trim() {
        "" => None,
        text => {
            let degrees: f64 =
                text.replace(',', ".").parse().map_err(|_| Refusal::field("temperature", "temperature"))?;
            if !(30.0..=45.0).contains(&degrees) {
                return Err(Refusal::field("temperature", "temperature"));
            }
            Some((degrees * 10.0).round() / 10.0)
        }
    };
    let words = text("symptoms", &fields.symptoms)?;
    let symptoms: Vec<Box<str>> = words
        .iter()
        .flat_map(|words| words.split([',', ',', '、', ';']))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(Into::into)
        .collect();
    if temperature.is_none() && symptoms.is_empty() {
        return Err(Refusal::field("temperature", "empty"));
    }
    Ok(SymptomReport { symptoms, temperature })
}

fn passage(word: &str) -> Result<Passage, Refusal> {
    Ok(match word {
        "care" => Passage::Care,
        "pharmacy" => Passage::Pharmacy,
        "food" => Passage::Food,
        "vote" => Passage::Vote,
        "court" => Passage::Court,
        _ => return Err(Refusal::field("need", "choose")),
    })
}

fn need(word: &str) -> Result<Need, Refusal> {
    Ok(match word {
        "medicine" => Need::Medicine,
        "dialysis" => Need::Dialysis,
        "food" => Need::Food,
        "doctor" => Need::Doctor,
        "other" => Need::Other,
        _ => return Err(Refusal::field("need", "choose")),
    })
}

fn fact(field: &'static str, text: &str) -> Result<FactId, Refusal> {
    uuid::Uuid::try_parse(text).map(FactId::new).map_err(|_| Refusal::field(field, "choose"))
}

pub(crate) fn text(field: &'static str, text: &str) -> Result<Option<Box<str>>, Refusal> {
    let text = text.trim();
    if text.chars().count() > WORDS_MAX || text.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
        return Err(Refusal::field(field, "too-long"));
    }
    Ok((!text.is_empty()).then(|| text.into()))
}
