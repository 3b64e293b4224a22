//! What people may ask about the data on them: a copy, a correction, an erasure (个人信息查阅、复制、更正、删除).
//!
//! A request changes nothing by itself. It has a clock, an officer answers it with reasons that the person reads, and
//! what is to be corrected is corrected by a new fact like everything else.

use serde_json::{Value, json};
use sizao_model::{FactBody, Instant, PersonId};
pub use sizao_store::OwnDataRequest;
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    people::number,
    refusal::Refusal,
    residents::ResidentView,
};

/// Days in which a request has to be answered: GB/T 35273-2020, 8.7.
pub const ANSWER_DAYS: i64 = 30;
/// Open requests of a person.
const OPEN_MAX: u32 = 5;
/// Requests on a page.
const LISTED_MAX: u32 = 200;
/// Shortest answer, in characters: so that it says something.
const ANSWER_MIN: usize = 10;

/// The words of the kinds, by their number.
pub const KINDS: [&str; 2] = ["correct", "erase"];
/// The words of the outcomes, by their number.
pub const OUTCOMES: [&str; 3] = ["open", "done", "refused"];

/// A request with what the officer has to see.
#[derive(Clone, Debug)]
pub struct RequestLine {
    /// The request.
    pub request: OwnDataRequest,
    /// Number to speak of the person by.
    pub number: String,
}

impl App {
    /// Keeps a request of a person to correct or erase something.
    ///
    /// # Errors
    /// [`Refusal`]: an unknown kind, no words, too many open ones, nothing known of the person; [`AppError::Store`].
    pub async fn ask_about_own_data(
        &self,
        person: PersonId,
        kind: &str,
        words: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let kind = KINDS.iter().position(|word| *word == kind).ok_or(Refusal::field("kind", "choose"))?;
        let words = crate::loops::text("words", words)?.ok_or(Refusal::field("words", "empty"))?;
        let division = self.store().divisions_of(person).await?.pop().ok_or(Refusal::NotFound)?;
        let request = OwnDataRequest {
            id: self.store().random_id(),
            person,
            division,
            kind: kind as i64,
            words: words.to_string(),
            filed_at: wall,
            deadline_at: wall.plus_hours(24 * ANSWER_DAYS),
            outcome: 0,
            answer: None,
            answered_at: None,
        };
        let fits = self.store().add_own_data_request(&request, OPEN_MAX).await?;
        if fits { Ok(()) } else { Err(Refusal::field("words", "requests-full").into()) }
    }

    /// The requests of a person, latest first.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn own_data_requests_of(&self, person: PersonId) -> Result<Vec<OwnDataRequest>, AppError> {
        Ok(self.store().own_data_requests_of(person).await?)
    }

    /// Requests of the people of the actor's division, open ones first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_own_data_requests(&self, actor: &Actor) -> Result<Vec<RequestLine>, AppError> {
        let purpose = usual_purpose(actor, Action::DecideAppeals)?;
        let within = Scope::of(actor, Action::DecideAppeals, purpose)?.division();
        let found = self.store().list_own_data_requests(within, LISTED_MAX).await?;
        Ok(found.into_iter().map(|request| RequestLine { number: number(request.person), request }).collect())
    }

    /// Answers a request, with words that the person reads.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where no such request is open in the actor's division; [`Refusal`], [`AppError::Store`].
    pub async fn answer_own_data_request(
        &self,
        actor: &Actor,
        id: Uuid,
        outcome: &str,
        answer: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::DecideAppeals)?;
        let within = Scope::of(actor, Action::DecideAppeals, purpose)?.division();
        let listed = self.store().list_own_data_requests(within, LISTED_MAX).await?;
        let request = listed.iter().find(|one| one.id == id && one.outcome == 0).ok_or(Refusal::NotFound)?;
        let outcome = OUTCOMES.iter().skip(1).position(|word| *word == outcome);
        let outcome = outcome.ok_or(Refusal::field("outcome", "choose"))? as i64 + 1;
        let answer = crate::loops::text("reason", answer)?.filter(|text| text.chars().count() >= ANSWER_MIN);
        let answer = answer.ok_or(Refusal::field("reason", "reason-long"))?;
        self.log_deed(actor, Action::DecideAppeals, purpose, Some(request.person), Reason::of(&answer), wall).await?;
        let done = self.store().answer_own_data_request((id, within), (outcome, &answer), actor.account, wall).await?;
        if done { Ok(()) } else { Err(Refusal::Changed.into()) }
    }
}

/// Everything that the node has on a person's own page, for programs: facts with their evidence, what holds and until
/// when, appeals, who looked. Other people's ids are left out of the facts.
pub fn copy_of(view: &ResidentView, requests: &[OwnDataRequest]) -> Value {
    let mut own: Vec<String> = view.explained.facts.iter().map(|fact| fact.id.uuid().to_string()).collect();
    own.push(view.person.uuid().to_string());
    let facts = view.explained.facts.iter().map(|fact| {
        let mut whole: Value = serde_json::from_str(&fact.to_json()).unwrap_or_default();
        // Where a contact was would tell who the case is.
        if let (FactBody::Exposure(_), Some(body)) = (&fact.body, whole["body"].as_object_mut()) {
            body.remove("place");
        }
        without_others(whole, &own)
    });
    let measures = view.explained.assessment.measures.iter().map(|measure| {
        json!({
            "kind": measure.kind().name(),
            "rule": measure.rule(),
            "ends_at": measure.ends_at().to_string(),
            "because": measure.because().iter().map(|fact| fact.uuid()).collect::<Vec<_>>(),
        })
    });
    let looks = view.looks.iter().map(|look| {
        json!({
            "at": look.record.at.to_string(),
            "unit": look.unit_name,
            "action": look.record.action,
            "purpose": look.record.purpose,
        })
    });
    let appeals = view.appeals.iter().map(|line| {
        json!({
            "rule": line.record.rule,
            "filed_at": line.record.filed_at.to_string(),
            "words": line.words,
            "answer": line.reason,
        })
    });
    let requests = requests.iter().map(|request| {
        json!({
            "kind": KINDS.get(request.kind as usize),
            "filed_at": request.filed_at.to_string(),
            "words": request.words,
            "outcome": OUTCOMES.get(request.outcome as usize),
            "answer": request.answer,
        })
    });
    json!({
        "number": view.number,
        "name": view.name,
        "at": view.at.to_string(),
        "facts": facts.collect::<Vec<_>>(),
        "measures": measures.collect::<Vec<_>>(),
        "appeals": appeals.collect::<Vec<_>>(),
        "requests": requests.collect::<Vec<_>>(),
        "looks": looks.collect::<Vec<_>>(),
    })
}

/// The same without ids of anybody and anything else.
fn without_others(value: Value, own: &[String]) -> Value {
    let is_other = |value: &Value| {
        value.as_str().is_some_and(|text| Uuid::try_parse(text).is_ok() && !own.iter().any(|id| id == text))
    };
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !is_other(value));
            Value::Object(kept.map(|(name, value)| (name, without_others(value, own))).collect())
        }
        Value::Array(items) => {
            items.into_iter().filter(|item| !is_other(item)).map(|item| without_others(item, own)).collect()
        }
        other => other,
    }
}
