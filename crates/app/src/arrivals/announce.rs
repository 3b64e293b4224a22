//! Announcing an arrival: by the person, a guardian, a relative, or staff; and the word "I have arrived".
//!
//! An announcement opens nothing. Whoever made it keeps a receipt, which says nothing about anybody's health and opens no page of
//! the person: somebody else's document can be typed in.

use std::{fmt, sync::Arc};

use sizao_model::{
    CivilDay, DivisionCode, FactBody, FactId, Happened, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    fact::{Announcer, Arrival, ArrivalExpected, EvidenceKind, Person},
    identity::{Document, DocumentKind, Phone, PhoneRole, mask_name},
};
use sizao_store::{Channel, Receipt, Restricting, VaultPerson, sha256};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    accounts::{checked_division, checked_name},
    authorization::{Action, can, usual_purpose},
    identity::Actor,
    limits::limits_of,
    loops::Addition,
    mandates::Collection,
    names,
    refusal::Refusal,
};

/// So many days ahead somebody may be announced.
pub const AHEAD_DAYS: i64 = 30;
/// Arrivals that one telephone may tell of in 24 hours.
const OF_A_PHONE_MAX: u64 = 10;

/// What a form says. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct Announcement {
    /// Who announces: `own`, `guardian`, `relative`, `staff`.
    pub by: String,
    /// Name of who comes.
    pub name: String,
    /// Kind of document; empty: a child or somebody old without one at hand, named by who announces.
    pub document_kind: String,
    /// Its number.
    pub document: String,
    /// Birthday; needed without a resident ID.
    pub birth_on: String,
    /// Telephone.
    pub phone: String,
    /// Resident ID or passport of the guardian or relative, where `document` is empty.
    pub proxy_document: String,
    /// Division code of four or six digits, or `abroad`.
    pub from: String,
    /// Division code where the person will live: county or narrower.
    pub into: String,
    /// When, as a browser writes it: `2022-03-22T10:30`, by Chinese time.
    pub arrives_at: String,
    /// When the person leaves again; may be empty.
    pub leaves_at: String,
    /// Passing through: `yes`.
    pub transit: String,
    /// Already here: `yes`.
    pub here: String,
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Announcement(***)")
    }
}

/// What was put on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The fact.
    pub fact: FactId,
    /// Who comes.
    pub person: PersonId,
}

/// What a receipt shows.
#[derive(Clone, Debug)]
pub struct ReceiptView {
    /// Family name and stars.
    pub name: Option<String>,
    /// Division code or `abroad`.
    pub from: String,
    /// Where to.
    pub into: DivisionCode,
    /// When.
    pub arrives_at: Instant,
    /// The word of the state.
    pub state: &'static str,
    /// Passing through.
    pub transit: bool,
    /// The community that is responsible, once the person is here.
    pub owner: Option<String>,
    /// When it was read.
    pub at: Instant,
}

/// A form that was checked.
struct Checked {
    by: Announcer,
    draft: PersonDraft,
    birth_on: Option<CivilDay>,
    from: Box<str>,
    into: DivisionCode,
    arrives_at: Instant,
    leaves_at: Option<Instant>,
    transit: bool,
    here: bool,
}

impl App {
    /// Takes an announcement from somebody without an account.
    ///
    /// - `key`: the form's own, so that one that is sent again is one announcement.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`] before anything is stored; [`Refusal::Field`]; [`AppError::Store`].
    pub async fn announce(self: &Arc<Self>, form: &Announcement, key: &str) -> Result<Announced, AppError> {
        let checked = self.check(form)?;
        if checked.by == Announcer::Staff {
            return Err(Refusal::field("by", "choose").into());
        }
        self.keep_announcement(checked, &format!("public/{key}"), None).await
    }

    /// Takes an announcement, or that somebody is here, told to staff.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn announce_by_staff(
        self: &Arc<Self>,
        actor: &Actor,
        form: &Announcement,
        key: &str,
        wall: Instant,
    ) -> Result<Announced, AppError> {
        let purpose = usual_purpose(actor, Action::EnterArrivals)?;
        can(actor, Action::EnterArrivals, actor.division, purpose)?;
        let mut checked = self.check(form)?;
        checked.by = Announcer::Staff;
        if !checked.into.is_under(actor.division) && !actor.division.is_under(checked.into) {
            return Err(Refusal::field("into", "division-outside").into());
        }
        if checked.here {
            let counts = std::collections::BTreeMap::from([("arrival", 1)]);
            self.count_restricting(actor, &counts, wall).await?;
        }
        self.log_deed(actor, Action::EnterArrivals, purpose, None, Reason::of("arrival"), wall).await?;
        self.keep_announcement(checked, &format!("{}/{key}", actor.account), Some(actor)).await
    }

    /// The word of a receipt: whoever has it may say that the person arrived.
    pub fn receipt_of(&self, fact: FactId) -> String {
        let secret = self.signer.to_bytes();
        let mac = sha256(&[b"sizao receipt of an announcement", &secret, fact.as_bytes()]);
        format!("{}{}", fact.uuid().simple(), sizao_store::hex(&mac[..12]))
    }

    /// What a receipt shows.
    ///
    /// # Errors
    /// [`Refusal::LinkOver`], [`AppError::Store`].
    pub async fn view_receipt(&self, word: &str) -> Result<ReceiptView, AppError> {
        let (person, _, expected) = self.announcement_of(word).await?;
        let details = self.store().reveal_details(&[person]).await?;
        let row = self.row_of_announcement(person, word).await?;
        let owner = match row.as_ref().filter(|row| row.known_at.is_some()).and_then(|row| row.unit) {
            Some(unit) => self.store().load_unit(unit).await?.map(|unit| unit.name),
            None => None,
        };
        let state = row.as_ref().map_or(0, |row| row.state);
        Ok(ReceiptView {
            name: details.get(&person).and_then(|details| details.full_name.as_deref()).map(mask_name),
            from: expected.from.to_string(),
            into: DivisionCode::parse(&expected.into).unwrap_or(DivisionCode::HENAN),
            arrives_at: expected.arrives_at,
            state: super::STATES.get(state as usize).copied().unwrap_or("expected"),
            transit: expected.transit,
            owner,
            at: self.now(),
        })
    }

    /// The person's own word: here. Evidence, counted against the limit of the telephone that announced it.
    ///
    /// # Errors
    /// [`Refusal`]: no such receipt, too early, too late, no mandate; [`AppError::Store`].
    pub async fn say_arrived(&self, word: &str) -> Result<FactId, AppError> {
        let (person, fact, expected) = self.announcement_of(word).await?;
        let now = self.now();
        let into = DivisionCode::parse(&expected.into).unwrap_or(DivisionCode::HENAN);
        self.require_mandate(Collection::Movement, into).await?;
        let early = expected.arrives_at.plus_hours(-72);
        if now < early || now > expected.arrives_at.plus_hours(72) {
            return Err(Refusal::field("arrives_at", "arrival-window").into());
        }
        let body = Arrival {
            from: expected.from,
            into: expected.into,
            evidence: EvidenceKind::Declared,
            transit: expected.transit,
            leaves_at: expected.leaves_at,
        };
        if let Some(fact) = self.seen_before("arrivals", &format!("arrived/{fact}"), &body.clone().into()).await? {
            return Ok(fact);
        }
        self.count_of_phone(person, into).await?;
        let fact = self.add_arrival(person, into, now, body.into(), format!("arrived/{fact}"), Channel::Page).await?;
        self.follow_arrivals().await?;
        Ok(fact)
    }

    pub(super) async fn add_arrival(
        &self,
        person: PersonId,
        division: DivisionCode,
        at: Instant,
        body: FactBody,
        key: String,
        channel: Channel,
    ) -> Result<FactId, AppError> {
        let addition = Addition { person: Some(person), division, happened: Happened::at(at), body, key, channel };
        match self.append_all("arrivals", vec![addition]).await?.first() {
            Some(Receipt::Stored { id, .. } | Receipt::Repeat { id }) => Ok(*id),
            Some(Receipt::Conflict { .. }) => Err(Refusal::Changed.into()),
            None => Err(AppError::Stopped("no receipt for an arrival")),
        }
    }

    async fn announcement_of(&self, word: &str) -> Result<(PersonId, FactId, ArrivalExpected), AppError> {
        let over = || AppError::from(Refusal::LinkOver);
        let id = word.get(..32).and_then(|text| Uuid::try_parse(text).ok()).map(FactId::new).ok_or_else(over)?;
        let wanted = self.receipt_of(id);
        let differs = word.len() ^ wanted.len();
        if word.bytes().zip(wanted.bytes()).fold(differs, |d, (a, b)| d | usize::from(a ^ b)) != 0 {
            return Err(over());
        }
        let stored = self.store().load_fact(id).await?.ok_or_else(over)?;
        match (stored.fact.person, stored.fact.body) {
            (Some(person), FactBody::ArrivalExpected(expected)) => Ok((person, id, expected)),
            _ => Err(over()),
        }
    }

    async fn row_of_announcement(
        &self,
        person: PersonId,
        word: &str,
    ) -> Result<Option<super::ArrivalRecord>, AppError> {
        let id = word.get(..32).and_then(|text| Uuid::try_parse(text).ok()).map(FactId::new);
        let clusters = self.clusters(&[person]).await?;
        let people: Vec<PersonId> = clusters.iter().flat_map(|cluster| cluster.people.iter().copied()).collect();
        let rows = self.store().arrivals_of(&people).await?;
        // The row that the announcement named, else the latest of the person.
        let named = rows.iter().find(|row| Some(row.id) == id).cloned();
        Ok(named.or_else(|| rows.into_iter().max_by_key(|row| row.arrived_at)))
    }

    async fn keep_announcement(
        self: &Arc<Self>,
        checked: Checked,
        key: &str,
        actor: Option<&Actor>,
    ) -> Result<Announced, AppError> {
        for collection in [Collection::Movement, Collection::Registers] {
            self.require_mandate(collection, checked.into).await?;
        }
        let now = self.now();
        let draft = VaultPerson { search_terms: names::search_terms(&checked.draft), draft: checked.draft };
        let person = self.store().resolve_people(&[draft], now).await?[0];
        let mut additions = Vec::new();
        let mut add = |happened, body, key| {
            let (division, channel) = (checked.into, Channel::Page);
            additions.push(Addition { person: Some(person), division, happened, body, key, channel });
        };
        let expected = ArrivalExpected {
            from: checked.from.clone(),
            into: checked.into.to_string().into(),
            arrives_at: checked.arrives_at,
            by: checked.by,
            transit: checked.transit,
            leaves_at: checked.leaves_at,
        };
        if let Some(fact) = self.seen_before("arrivals", &format!("announced/{key}"), &expected.clone().into()).await? {
            return Ok(Announced { fact, person });
        }
        add(Happened::at(now), expected.into(), format!("announced/{key}"));
        if checked.here {
            let body = Arrival {
                from: checked.from,
                into: checked.into.to_string().into(),
                evidence: EvidenceKind::Declared,
                transit: checked.transit,
                leaves_at: checked.leaves_at,
            };
            add(Happened::at(checked.arrives_at.min(now)), body.into(), format!("here/{key}"));
        }
        if let Some(day) = checked.birth_on {
            let body = Person { birth_day: Some(day), parents: Vec::new(), traits: Vec::new() };
            add(Happened::on(day), body.into(), format!("born/{person}/{day}"));
        }
        if actor.is_none() && checked.here {
            self.count_of_phone(person, checked.into).await?;
        }
        let receipts = self.append_all("arrivals", additions).await?;
        if matches!(receipts.first(), Some(Receipt::Conflict { .. })) {
            return Err(Refusal::Changed.into());
        }
        let fact =
            receipts.first().map(|receipt| receipt.id()).ok_or(AppError::Stopped("no receipt for an announcement"))?;
        self.follow_arrivals().await?;
        Ok(Announced { fact, person })
    }

    /// Counts what the holder of a telephone says without an account.
    async fn count_of_phone(&self, person: PersonId, place: DivisionCode) -> Result<(), AppError> {
        let details = self.store().match_details(&[person]).await?;
        let phone = details.get(&person).and_then(|details| details.phones.first()).map(|(_, number)| number.clone());
        let digest = sha256(&[b"phone", phone.unwrap_or_default().as_bytes(), &self.signer.to_bytes()]);
        let proposer = Uuid::from_slice(&digest[..16]).expect("16 bytes are an id");
        let entry = Restricting {
            at: self.now(),
            proposer,
            source: format!("public/{proposer}"),
            place,
            class: "arrival-declared".to_owned(),
            people: 1,
            seconded: false,
        };
        let place_max = limits_of("arrival-declared").place;
        match self.store().count_restricting(&entry, [OF_A_PHONE_MAX, OF_A_PHONE_MAX, place_max]).await? {
            Ok(()) => Ok(()),
            Err(_) => Err(Refusal::field("phone", "limit-24h").into()),
        }
    }

    fn check(&self, form: &Announcement) -> Result<Checked, Refusal> {
        let now = self.now();
        let by = match form.by.as_str() {
            "own" => Announcer::Own,
            "guardian" => Announcer::Guardian,
            "relative" => Announcer::Relative,
            "staff" => Announcer::Staff,
            _ => return Err(Refusal::field("by", "choose")),
        };
        let name = checked_name("name", &form.name)?;
        let birth_on = match form.birth_on.trim() {
            "" => None,
            text => Some(CivilDay::parse(text).map_err(|_| Refusal::field("birth_on", "birth-day"))?),
        };
        if birth_on.is_some_and(|day| day > now.day()) {
            return Err(Refusal::field("birth_on", "birth-day"));
        }
        let role = if by == Announcer::Own || by == Announcer::Staff { PhoneRole::Own } else { PhoneRole::Guardian };
        let phone = Phone::new(&form.phone, role).map_err(|_| Refusal::field("phone", "phone"))?;
        let into = checked_division("into", &form.into)?;
        if into.to_string().len() < 6 {
            return Err(Refusal::field("into", "county"));
        }
        let (own, birth_on) = self.name_of(form, by, &name, birth_on)?;
        let from = form.from.trim();
        let from: Box<str> = match from {
            "abroad" => from.into(),
            code => {
                let division = DivisionCode::parse(code).map_err(|_| Refusal::field("from", "division-code"))?;
                division.to_string().into()
            }
        };
        let here = form.here == "yes";
        let arrives_at = local("arrives_at", &form.arrives_at)?;
        let (earliest, latest) = if here {
            (now.plus_hours(-24 * 14), now.plus_minutes(5))
        } else {
            (now.plus_hours(-3), now.plus_hours(24 * AHEAD_DAYS))
        };
        if arrives_at < earliest || arrives_at > latest {
            return Err(Refusal::field("arrives_at", if here { "arrived-before" } else { "arrives-within" }));
        }
        let leaves_at = match form.leaves_at.trim() {
            "" => None,
            text => Some(local("leaves_at", text)?),
        };
        if leaves_at.is_some_and(|leaves| leaves <= arrives_at) {
            return Err(Refusal::field("leaves_at", "leaves-after"));
        }
        let draft = PersonDraft { names: vec![own], full_name: Some(name.into()), phones: vec![phone], division: into };
        let transit = form.transit == "yes";
        Ok(Checked { by, draft, birth_on, from, into, arrives_at, leaves_at, transit, here })
    }

    /// The paper of who comes; of a child or an old person without one, name and birthday beside the paper of who announces.
    fn name_of(
        &self,
        form: &Announcement,
        by: Announcer,
        name: &str,
        birth_on: Option<CivilDay>,
    ) -> Result<(PersonName, Option<CivilDay>), Refusal> {
        if !form.document.trim().is_empty() {
            let kind = DocumentKind::from_name(&form.document_kind).ok_or(Refusal::field("document_kind", "choose"))?;
            let document = Document::new(kind, &form.document).map_err(|_| Refusal::field("document", "document"))?;
            let of_paper = document.birth_day();
            if birth_on.is_some() && of_paper.is_some() && of_paper != birth_on {
                return Err(Refusal::field("birth_on", "birth-differs"));
            }
            let birth_on = birth_on.or(of_paper).ok_or(Refusal::field("birth_on", "birth-day"))?;
            return Ok((PersonName::Document(document), Some(birth_on)));
        }
        if by == Announcer::Own {
            return Err(Refusal::field("document", "empty"));
        }
        let birth_on = birth_on.ok_or(Refusal::field("birth_on", "birth-day"))?;
        let kinds = [DocumentKind::ResidentId, DocumentKind::Passport];
        let proxy = kinds.iter().find_map(|kind| Document::new(*kind, &form.proxy_document).ok());
        let proxy = proxy.ok_or(Refusal::field("proxy_document", "document"))?;
        let code = crate::digest(&[proxy.reveal().as_bytes(), name.as_bytes(), birth_on.to_string().as_bytes()]);
        Ok((PersonName::Code { scope: "proxy".into(), code: code[..24].into() }, Some(birth_on)))
    }
}

/// A moment as a browser's field gives it, by Chinese time.
fn local(field: &'static str, text: &str) -> Result<Instant, Refusal> {
    let text = text.trim();
    let seconds = if text.len() == 16 { ":00" } else { "" };
    Instant::parse(&format!("{text}{seconds}+08:00")).map_err(|_| Refusal::field(field, "moment"))
}
