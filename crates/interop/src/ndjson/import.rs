//! Lines of facts as a source of drafts: their ids are the sender's keys, their people names in the sender's scope.

use std::{borrow::Cow, io::Read};

use serde::Deserialize;
use serde_json::value::RawValue;
use sizao_model::{
    DivisionCode, FactBody, Happened, Instant,
    draft::{FactDraft, Origin, PersonDraft, PersonName, provisional_fact},
};

use super::{Labels, LineError, Lines};
use crate::{
    csv::{Counts, Imported},
    places::{PlaceList, national},
    problem::{ImportError, Problem, RowError},
    row::{Row, RowSource, digest_of, is_ahead},
};

const CURE: &str = "Correct the line and send the file again";

/// The rows of a file of facts; see [`FactImport::new`].
pub struct FactImport<'s, R> {
    lines: Lines<R>,
    sender: &'s str,
    division: DivisionCode,
    now: Instant,
    counts: Counts,
}

impl<'s, R: Read> FactImport<'s, R> {
    /// Reads facts as another system or [`write_facts`](super::write_facts) wrote them.
    ///
    /// A line may also have `division`, and `id` and `recorded_at` may be absent. Lines that begin with `#` are passed
    /// over, so that a bad-rows file can be sent again.
    ///
    /// - `sender`: in whose scope the labels of people and facts have a meaning.
    /// - `division`: of lines that do not say theirs.
    /// - `now`: what happened more than five minutes later is refused.
    pub fn new(reader: R, sender: &'s str, division: DivisionCode, now: Instant) -> Self {
        Self { lines: Lines::new(reader), sender, division, now, counts: Counts::default() }
    }

    /// How many lines came so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many bytes were read so far, for a progress bar.
    pub const fn bytes_read(&self) -> u64 {
        self.lines.records.bytes_read()
    }
}

impl<R: Read> Iterator for FactImport<'_, R> {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (sender, division, now) = (self.sender, self.division, self.now);
        let step = match self.lines.next()? {
            Ok((line, text)) => row(line, text, sender, division, now).map_err(|rule| RowError {
                row: line,
                problems: vec![problem(rule)],
                cells: vec![text.into()],
            }),
            Err(LineError::Read { line, source }) => return Some(Err(ImportError::Read { row: line, source })),
            Err(error) => {
                let row = self.lines.line;
                Err(RowError { row, problems: vec![problem(error.to_string())], cells: Vec::new() })
            }
        };
        Some(Ok(match step {
            Ok(row) => {
                self.counts.accepted += 1;
                Imported::Accepted(row)
            }
            Err(error) => {
                self.counts.rejected += 1;
                Imported::Rejected(error)
            }
        }))
    }
}

fn problem(rule: String) -> Problem {
    Problem { column: None, value: "".into(), rule: rule.into(), cure: CURE.into() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftWire<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    person: Option<Cow<'a, str>>,
    #[serde(default)]
    division: Option<String>,
    happened: Happened,
    #[serde(default)]
    recorded_at: Option<Instant>,
    #[serde(borrow)]
    body: &'a RawValue,
}

fn row(line: u64, text: &str, sender: &str, division: DivisionCode, now: Instant) -> Result<Row, String> {
    let wire: DraftWire<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut body = FactBody::from_json(&wire.kind, wire.body.get()).map_err(|error| error.to_string())?;
    let kind = body.kind();
    if kind.is_about_a_person() != wire.person.is_some() {
        let rule = if wire.person.is_none() { "needs 'person': say whom it is about" } else { "has no 'person'" };
        return Err(format!("kind '{kind}' {rule}"));
    }
    for label in [&wire.id, &wire.person].into_iter().flatten() {
        if label.is_empty() || label.len() > 200 {
            return Err(format!("an id has 1 to 200 characters; this has {}", label.len()));
        }
    }
    if is_ahead(kind, &wire.happened, now) {
        return Err("'happened' lies in the future, and only arrivals and areas may be announced".to_owned());
    }
    let division = match &wire.division {
        Some(code) => PlaceList::default().code(code).map_err(|rule| format!("division '{code}': {rule}"))?,
        None => division,
    };
    if let Some(ended) = national().ended(division, wire.happened.first_day()) {
        return Err(ended.refusal(division));
    }
    let mut labels = Labels::default();
    labels.note_body_text(wire.body.get());
    let mut people = Vec::new();
    let mut named = |label: &str| {
        let name = PersonName::Code { scope: sender.into(), code: label.into() };
        let id = name.provisional();
        if people.iter().all(|known: &PersonDraft| known.names[0] != name) {
            people.push(PersonDraft { names: vec![name], full_name: None, phones: Vec::new(), division });
        }
        id
    };
    let person = wire.person.as_deref().map(&mut named);
    let Ok(()) = body.try_map_people(|id| Ok::<_, std::convert::Infallible>(named(&labels.person(id))));
    let Ok(()) = body.try_map_facts(|id| Ok::<_, std::convert::Infallible>(provisional_fact(sender, &labels.fact(id))));
    let origin = Origin { row: line, part: 0, line_digest: digest_of(std::iter::once(text)) };
    let fact = FactDraft {
        origin,
        key: wire.id.map(Into::into),
        person,
        division,
        happened: wire.happened,
        recorded_at: wire.recorded_at,
        body,
    };
    let source = RowSource::new(line, text, std::iter::once((0, text.len() as u32)));
    Ok(Row { origin, people, facts: vec![fact], notes: Vec::new(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<Imported> {
        let division = DivisionCode::parse("4101").unwrap();
        let now = Instant::parse("2022-03-17T12:00:00+08:00").unwrap();
        FactImport::new(text.as_bytes(), "city", division, now).map(Result::unwrap).collect()
    }

    #[test]
    fn references_in_a_body_become_provisional_ids_of_the_sender() {
        let lines = concat!(
            "# a remark\n",
            r#"{"id":"f9","kind":"exposure","person":"p1","happened":{"day":"2022-03-02"},"body":{"case":"c1","evidence":"interview","class":"close_contact"}}"#,
            "\n",
            r#"{"kind":"confirmation","division":"410102","happened":{"day":"2022-03-02"},"body":{"of":"f9","by":"epidemiologist"}}"#,
        );
        let steps = check(lines);
        let [Imported::Accepted(first), Imported::Accepted(second)] = steps.as_slice() else { panic!("{steps:?}") };
        let id = |code: &str| PersonName::Code { scope: "city".into(), code: code.into() }.provisional();
        assert_eq!(first.facts[0].person, Some(id("p1")));
        assert_eq!(first.people.len(), 2);
        let FactBody::Exposure(exposure) = &first.facts[0].body else { panic!() };
        assert_eq!(exposure.case, Some(id("c1")));
        let FactBody::Confirmation(confirmation) = &second.facts[0].body else { panic!() };
        assert_eq!(confirmation.of, provisional_fact("city", first.facts[0].key.as_deref().unwrap()));
        assert_eq!(second.facts[0].division.to_string(), "410102");
        assert_eq!((first.origin.row, second.origin.row), (2, 3));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let good = r#"{"id":"f1","kind":"death","person":"p1","happened":{"day":"2022-03-02"},"body":{}}"#;
        for (from, to, expect) in [
            ("death", "rumour", "Row 1: unknown kind 'rumour'"),
            ("2022-03-02", "2022-03-19", "Row 1: 'happened' lies in the future"),
            ("2022-03-02", "2022-02-30", "Row 1: '2022-02-30' is not a day"),
            (r#""person":"p1","#, "", "Row 1: kind 'death' needs 'person'"),
            ("\"body\"", r#""division":"999999","body""#, "Row 1: division '999999': no division"),
            (
                "\"body\"",
                r#""division":"410381","body""#,
                "Row 1: the division 410381 (偃师市) ended on 2021-03-18; since then its place is 410307",
            ),
        ] {
            let steps = check(&good.replace(from, to));
            let [Imported::Rejected(error)] = steps.as_slice() else { panic!("{to}: {steps:?}") };
            assert!(error.to_string().starts_with(expect), "{error}");
        }
    }
}
