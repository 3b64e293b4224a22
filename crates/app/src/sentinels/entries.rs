//! What a reporter enters, checked: values in, values out.

use serde::{Deserialize, Serialize};
use sizao_model::{
    CivilDay, DivisionCode, Instant,
    draft::{PersonDraft, PersonName},
    fact::{DrugKind, SentinelKind},
    identity::{Document, DocumentKind, Phone, PhoneRole},
};

use super::{DRUGS, drug_name, kind_of_name};
use crate::{accounts::checked_name, refusal::Refusal};

/// Persons, sales or pupils in one entry at most.
const COUNT_MAX: u32 = 100_000;
/// What was seen so long ago is a matter for a list, not for this form; hours.
const OLD_HOURS: i64 = 24 * 7;
/// A clock may be ahead by so many minutes.
const AHEAD_MINUTES: i64 = 5;
/// Longest free text, in characters.
const TEXT_MAX: usize = 120;

/// An entry as it comes from a form, a phone's outbox or a program. Empty means not given.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of the form; docs/methods/sentinels.md lists them")]
pub struct Entry {
    /// The sender's own key: the same entry sent twice is one.
    pub key: String,
    /// Institution.
    pub institution: String,
    /// Kind: `fever`, `drug-sale`, `antigen`, `absence`, `zero`.
    pub kind: String,
    /// When it was seen: RFC 3339, or a local time like `2022-03-17T09:30`; empty for the time of entry.
    pub seen_at: String,
    /// When it was entered, by the device.
    pub entered_at: String,
    /// The day to which an absence or a zero report counts; empty for today.
    pub day: String,
    pub count: String,
    pub drugs: Vec<String>,
    pub name: String,
    pub document: String,
    pub phone: String,
    pub temperature: String,
    pub symptoms: String,
    pub guided_to: String,
    pub buyer_name: String,
    pub buyer_document: String,
    pub buyer_phone: String,
    pub address: String,
    pub travel: String,
    pub health_code: String,
    pub product: String,
    pub quantity: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Somebody named in an entry.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) document: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) phone: String,
}

impl Named {
    fn read(name: &str, document: &str, phone: &str, fields: [&'static str; 3]) -> Result<Self, Refusal> {
        let name = checked_name(fields[0], name)?;
        let (document, phone) = (document.trim(), phone.trim());
        if document.is_empty() && phone.is_empty() {
            return Err(Refusal::field(fields[2], "document-or-phone"));
        }
        if !document.is_empty() {
            Document::new(DocumentKind::ResidentId, document)
                .or_else(|_| Document::new(DocumentKind::Passport, document))
                .map_err(|_| Refusal::field(fields[1], "document"))?;
        }
        if !phone.is_empty() {
            Phone::new(phone, PhoneRole::Own).map_err(|_| Refusal::field(fields[2], "phone"))?;
        }
        Ok(Self { name, document: document.to_owned(), phone: phone.to_owned() })
    }

    /// As the vault takes it; without papers the entry's own key is the name.
    pub(super) fn draft(&self, scope: &str, key: &str, division: DivisionCode) -> PersonDraft {
        let document = Document::new(DocumentKind::ResidentId, &self.document)
            .or_else(|_| Document::new(DocumentKind::Passport, &self.document));
        let name = match document {
            Ok(document) => PersonName::Document(document),
            Err(_) => PersonName::Code { scope: scope.into(), code: key.into() },
        };
        PersonDraft {
            names: vec![name],
            full_name: Some(self.name.as_str().into()),
            phones: Phone::new(&self.phone, PhoneRole::Own).into_iter().collect(),
            division,
        }
    }
}

/// The named part of a sale: the buyer, for whom, and what else the register asks.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SaleNames {
    pub(super) buyer: Named,
    /// None: for the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) patient: Option<Named>,
    #[serde(default)]
    pub(super) address: String,
    #[serde(default)]
    pub(super) travel: String,
    #[serde(default)]
    pub(super) health_code: String,
    #[serde(default)]
    pub(super) symptoms: String,
    #[serde(default)]
    pub(super) product: String,
    #[serde(default)]
    pub(super) quantity: String,
}

/// A checked entry.
pub(super) struct Checked {
    pub(super) key: String,
    pub(super) kind: SentinelKind,
    pub(super) seen_at: Instant,
    pub(super) entered_at: Option<Instant>,
    pub(super) day: CivilDay,
    pub(super) count: u32,
    pub(super) drugs: Vec<DrugKind>,
    /// Patient of a fever or a positive test.
    pub(super) patient: Option<Named>,
    pub(super) temperature: Option<f64>,
    pub(super) symptoms: Vec<Box<str>>,
    pub(super) sale: Option<SaleNames>,
}

impl Entry {
    /// Checks an entry.
    ///
    /// # Errors
    /// [`Refusal::Field`]: which field breaks which rule.
    pub(super) fn check(&self, now: Instant) -> Result<Checked, Refusal> {
        let kind = kind_of_name(self.kind.trim()).ok_or(Refusal::field("kind", "choose"))?;
        let key = self.key.trim();
        if !(8..=80).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b)) {
            return Err(Refusal::field("key", "key"));
        }
        let entered_at = match self.entered_at.trim() {
            "" => None,
            text => Some(moment(text).ok_or(Refusal::field("entered_at", "moment"))?),
        };
        // A device whose clock is ahead entered it now at the latest.
        let entered_at = entered_at.map(|at| at.min(now));
        let seen_at = match self.seen_at.trim() {
            "" => entered_at.unwrap_or(now),
            text => moment(text).ok_or(Refusal::field("seen_at", "moment"))?,
        };
        if seen_at > now.plus_minutes(AHEAD_MINUTES) {
            return Err(Refusal::field("seen_at", "in-the-future"));
        }
        if seen_at < now.plus_hours(-OLD_HOURS) {
            return Err(Refusal::field("seen_at", "too-old"));
        }
        let counts_day = matches!(kind, SentinelKind::Absence | SentinelKind::Zero);
        let day = match self.day.trim() {
            text if counts_day && !text.is_empty() => {
                CivilDay::parse(text).map_err(|_| Refusal::field("day", "day"))?
            }
            _ => seen_at.day(),
        };
        if day > now.day() || day < now.day().plus_days(-7) {
            return Err(Refusal::field("day", if day > now.day() { "in-the-future" } else { "too-old" }));
        }
        Ok(Checked {
            key: key.to_owned(),
            kind,
            seen_at,
            entered_at,
            day,
            count: self.counted(kind)?,
            drugs: self.drugs_sold(kind)?,
            patient: match kind {
                SentinelKind::Fever | SentinelKind::AntigenPositive => {
                    Some(Named::read(&self.name, &self.document, &self.phone, ["name", "document", "phone"])?)
                }
                _ => None,
            },
            temperature: self.degrees(kind)?,
            symptoms: words(&self.symptoms)?,
            sale: if kind == SentinelKind::DrugSale { self.sale()? } else { None },
        })
    }

    fn counted(&self, kind: SentinelKind) -> Result<u32, Refusal> {
        match (kind, self.count.trim()) {
            (SentinelKind::Zero, "" | "0") => Ok(0),
            (SentinelKind::Zero, _) => Err(Refusal::field("count", "zero-count")),
            (SentinelKind::Fever | SentinelKind::AntigenPositive | SentinelKind::DrugSale, "") => Ok(1),
            (SentinelKind::Fever | SentinelKind::AntigenPositive, text) if text != "1" => {
                Err(Refusal::field("count", "one-person"))
            }
            (_, text) => text.parse().ok().filter(|n| *n <= COUNT_MAX).ok_or(Refusal::field("count", "count")),
        }
    }

    fn drugs_sold(&self, kind: SentinelKind) -> Result<Vec<DrugKind>, Refusal> {
        if kind != SentinelKind::DrugSale {
            return Ok(Vec::new());
        }
        let mut sold = Vec::new();
        for word in &self.drugs {
            let drug = DRUGS.into_iter().find(|drug| drug_name(*drug) == word.trim());
            sold.push(drug.ok_or(Refusal::field("drugs", "choose"))?);
        }
        sold.sort_unstable();
        sold.dedup();
        if sold.is_empty() { Err(Refusal::field("drugs", "choose-drugs")) } else { Ok(sold) }
    }

    fn degrees(&self, kind: SentinelKind) -> Result<Option<f64>, Refusal> {
        let text = self.temperature.trim();
        if text.is_empty() {
            return if kind == SentinelKind::Fever {
                Err(Refusal::field("temperature", "temperature"))
            } else {
                Ok(None)
            };
        }
        let degrees: Option<f64> = text.parse().ok();
        let fits = degrees.filter(|degrees| (34.0..=43.0).contains(degrees));
        fits.map(Some).ok_or(Refusal::field("temperature", "temperature"))
    }

    /// The names of a sale; none where neither buyer nor patient is given: a sum.
    fn sale(&self) -> Result<Option<SaleNames>, Refusal> {
        if [&self.buyer_name, &self.buyer_document, &self.buyer_phone, &self.name]
            .iter()
            .all(|text| text.trim().is_empty())
        {
            return Ok(None);
        }
        let buyer = Named::read(
            &self.buyer_name,
            &self.buyer_document,
            &self.buyer_phone,
            ["buyer_name", "buyer_document", "buyer_phone"],
        )?;
        let for_other = [&self.name, &self.document, &self.phone].iter().any(|text| !text.trim().is_empty());
        let patient = if for_other {
            Some(Named {
                name: checked_name("name", &self.name)?,
                document: self.document.trim().to_owned(),
                phone: self.phone.trim().to_owned(),
            })
        } else {
            None
        };
        Ok(Some(SaleNames {
            buyer,
            patient,
            address: text("address", &self.address)?,
            travel: text("travel", &self.travel)?,
            health_code: text("health_code", &self.health_code)?,
            symptoms: text("symptoms", &self.symptoms)?,
            product: text("product", &self.product)?,
            quantity: text("quantity", &self.quantity)?,
        }))
    }
}

/// RFC 3339, or a local time of Asia/Shanghai without seconds.
fn moment(text: &str) -> Option<Instant> {
    let local = |seconds: &str| Instant::parse(&format!("{text}{seconds}+08:00")).ok();
    Instant::parse(text).ok().or_else(|| local("")).or_else(|| local(":00"))
}

fn words(list: &str) -> Result<Vec<Box<str>>, Refusal> {
    let words = text("symptoms", list)?;
    let words = words.split([',', '，', '、', ';']).map(str::trim).filter(|word| !word.is_empty());
    Ok(words.map(Into::into).collect())
}

fn text(field: &'static str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() > TEXT_MAX {
        return Err(Refusal::field(field, "too-long"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::field(field, "control-characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Instant::parse("2022-03-17T09:30:00+08:00").unwrap()
    }

    fn fever() -> Entry {
        Entry {
            key: "phone-1/0001".to_owned(),
            kind: "fever".to_owned(),
            seen_at: "2022-03-17T08:10".to_owned(),
            name: "欧阳郑州".to_owned(),
            phone: "13800000001".to_owned(),
            temperature: "38.4".to_owned(),
            symptoms: "咳嗽，乏力".to_owned(),
            ..Entry::default()
        }
    }

    fn check(change: impl Fn(&mut Entry), expect: Option<(&str, &str)>) {
        let mut entry = fever();
        change(&mut entry);
        match (entry.check(now()), expect) {
            (Ok(_), None) => {}
            (Err(Refusal::Field { field, rule }), Some(wanted)) => assert_eq!((field, rule), wanted),
            (other, wanted) => panic!("{wanted:?}: {:?}", other.err()),
        }
    }

    #[test]
    fn a_fever_needs_a_name_a_way_to_reach_the_patient_and_a_temperature() {
        check(|_| {}, None);
        check(|entry| entry.name.clear(), Some(("name", "empty")));
        check(|entry| entry.phone.clear(), Some(("phone", "document-or-phone")));
        check(|entry| entry.phone = "123".to_owned(), Some(("phone", "phone")));
        check(|entry| entry.document = "11010519491231002Y".to_owned(), Some(("document", "document")));
        check(|entry| entry.temperature = "384".to_owned(), Some(("temperature", "temperature")));
        check(|entry| entry.count = "3".to_owned(), Some(("count", "one-person")));
        check(|entry| entry.key = "short".to_owned(), Some(("key", "key")));
    }

    #[test]
    fn times_are_local_never_ahead_and_not_older_than_a_week() {
        let seen = fever().check(now()).unwrap();
        assert_eq!(seen.seen_at, Instant::parse("2022-03-17T08:10:00+08:00").unwrap());
        assert_eq!(seen.symptoms.len(), 2);
        check(|entry| entry.seen_at = "2022-03-17T09:36".to_owned(), Some(("seen_at", "in-the-future")));
        check(|entry| entry.seen_at = "2022-03-01T09:36".to_owned(), Some(("seen_at", "too-old")));
        check(|entry| entry.seen_at = "yesterday".to_owned(), Some(("seen_at", "moment")));
    }

    #[test]
    fn a_sale_keeps_buyer_and_patient_apart() {
        let entry = Entry {
            kind: "drug-sale".to_owned(),
            drugs: vec!["antipyretic".to_owned(), "cough".to_owned()],
            buyer_name: "买药人".to_owned(),
            buyer_phone: "13800000002".to_owned(),
            temperature: String::new(),
            ..fever()
        };
        let sale = entry.check(now()).unwrap().sale.unwrap();
        assert_eq!((sale.buyer.name.as_str(), sale.patient.unwrap().name.as_str()), ("买药人", "欧阳郑州"));
        let none = Entry { drugs: Vec::new(), ..entry.clone() };
        assert!(matches!(none.check(now()), Err(Refusal::Field { field: "drugs", .. })));
        let sum = Entry { buyer_name: String::new(), buyer_phone: String::new(), name: String::new(), ..entry };
        let sum = Entry { phone: String::new(), count: "12".to_owned(), ..sum };
        let sum = sum.check(now()).unwrap();
        assert!(sum.sale.is_none() && sum.count == 12);
    }

    #[test]
    fn a_zero_report_is_zero() {
        let zero = |count: &str| Entry { kind: "zero".to_owned(), count: count.to_owned(), ..fever() }.check(now());
        assert_eq!(zero("").unwrap().count, 0);
        assert!(zero("2").is_err());
    }
}
