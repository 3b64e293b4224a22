//! The sheet on which a tracer types contacts: checked row by row, the good rows go in, the others come back.

use std::collections::{BTreeMap, HashMap};

use sizao_model::{
    CivilDay, Edge, Happened, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    fact::{EvidenceKind, Exposure, IdentityLink, LinkBasis, Meeting},
    identity::{Document, DocumentKind, Phone, PhoneRole},
    measure::ContactClass,
};
use sizao_store::{Receipt, VaultPerson, sha256};

use super::{OwnFact, PURPOSE};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, can},
    identity::Actor,
    mandates::Collection,
    names,
    people::number,
    refusal::Refusal,
};

/// Rows of one sheet at most.
pub const SHEET_MAX: usize = 100;
/// Longest cell, in characters.
const CELL_MAX: usize = 60;
/// A last contact lies so many days back at most.
const DAYS_MAX: i32 = 60;
/// Words that the sheet offers for what two are to each other; any other word may be typed.
pub const RELATIONS: [&str; 8] =
    ["lives-with", "same-table", "same-office", "same-vehicle", "same-class", "cared-for", "played", "passed"];
/// Marks of households and vehicles: rows of one mark share what is left blank.
pub const GROUPS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// A row as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetRow {
    /// Name.
    pub name: String,
    /// Telephone.
    pub phone: String,
    /// Number of a document.
    pub document: String,
    /// What the two are to each other.
    pub relation: String,
    /// Where they met.
    pub place: String,
    /// When they met last: `3/13 21:00`, `2022-03-13`.
    pub last: String,
    /// Household or vehicle.
    pub group: String,
    /// Row of the contact through whom this one is a contact of a contact; counted from 1.
    pub via: String,
    /// A record that this is the same human being as, by `document:ID` or `person:ID`.
    pub same: String,
}

impl SheetRow {
    /// Whether nothing was typed.
    pub fn is_blank(&self) -> bool {
        [&self.name, &self.phone, &self.document, &self.relation, &self.place, &self.last]
            .iter()
            .all(|cell| cell.trim().is_empty())
    }

    /// All that was typed, each cell with its length.
    fn words(&self) -> String {
        [
            &self.name,
            &self.phone,
            &self.document,
            &self.relation,
            &self.place,
            &self.last,
            &self.group,
            &self.via,
            &self.same,
        ]
        .map(|cell| format!("{}:{cell}", cell.len()))
        .concat()
    }
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowWrong {
    /// Row, counted from 1.
    pub row: usize,
    /// Which cell.
    pub field: &'static str,
    /// Which rule, as a word.
    pub rule: &'static str,
    /// What was counted, where the rule counts.
    pub found: usize,
}

/// A contact that is in.
#[derive(Clone, Debug)]
pub struct EnteredContact {
    /// Row, counted from 1.
    pub row: usize,
    /// Who.
    pub person: PersonId,
    /// Number to speak of the person by.
    pub number: String,
    /// Close contact or contact of a contact.
    pub class: ContactClass,
    /// Whether it counts as evidence: somebody can be found by it. Otherwise it waits to be verified.
    pub counts: bool,
}

/// What became of a sheet.
#[derive(Clone, Debug, Default)]
pub struct SheetOutcome {
    /// Contacts that are in.
    pub entered: Vec<EnteredContact>,
    /// What is wrong with the other rows.
    pub wrong: Vec<RowWrong>,
}

/// A row that can go in.
struct Sound {
    row: usize,
    name: String,
    phone: Option<Phone>,
    document: Option<Document>,
    relation: String,
    place: String,
    happened: Happened,
    via: Option<usize>,
    same: Option<(LinkBasis, PersonId)>,
}

impl App {
    /// Takes a sheet of contacts of a case: the rows that are right go in, signed by the tracer; the others come back.
    ///
    /// - `sheet`: its id, made by the page: sent twice, it is one sheet.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn enter_contacts(
        &self,
        actor: &Actor,
        case: PersonId,
        sheet: &str,
        rows: &[SheetRow],
        wall: Instant,
    ) -> Result<SheetOutcome, AppError> {
        self.may_touch(actor, Action::TraceCases, case, PURPOSE, wall).await?;
        can(actor, Action::TraceCases, actor.division, PURPOSE)?;
        if rows.len() > SHEET_MAX || sheet.is_empty() || sheet.len() > CELL_MAX {
            return Err(Refusal::field("rows", "too-long").into());
        }
        self.require_mandate(Collection::Contacts, actor.division).await?;
        let now = self.now();
        let (sound, wrong) = check(rows, now);
        if sound.is_empty() {
            return Ok(SheetOutcome { entered: Vec::new(), wrong });
        }
        // Rows by which somebody can be found count at once; the others are leads.
        let restricting = sound.iter().filter(|row| row.phone.is_some() || row.document.is_some()).count() as u64;
        if restricting > 0 {
            let counts = BTreeMap::from([("exposure", restricting)]);
            if self.without_frozen(actor, &counts).await?.is_empty() {
                return Err(Refusal::field("rows", "frozen").into());
            }
            let name = format!("{restricting} contacts of a sheet");
            self.propose_restrictions(actor, content_of(case, rows), &name, &counts, wall).await?;
        }
        let told = Reason::of(&format!("{} contacts entered", sound.len()));
        self.log_deed(actor, Action::TraceCases, PURPOSE, Some(case), told, wall).await?;
        let people = self.people_of(&sound, sheet, actor, now).await?;
        let of_row: HashMap<usize, PersonId> = sound.iter().map(|row| row.row).zip(people.iter().copied()).collect();
        let mut facts = Vec::new();
        let mut entered = Vec::new();
        for (row, person) in sound.iter().zip(people) {
            let via = row.via.and_then(|via| of_row.get(&via).copied());
            let class = if via.is_some() { ContactClass::SecondaryContact } else { ContactClass::CloseContact };
            let counts = row.phone.is_some() || row.document.is_some();
            let key = format!("sheet/{sheet}/{}", row.row);
            facts.push(self.fact_of(actor, case, row, person, via, class, counts, &key, now));
            if let Some((basis, other)) = row.same.filter(|(_, other)| *other != person) {
                self.may_touch(actor, Action::TraceCases, other, PURPOSE, wall).await?;
                facts.push(OwnFact {
                    id: self.store().new_fact_id(now),
                    person: Some(person),
                    division: actor.division,
                    happened: Happened::at(now),
                    body: IdentityLink { other, basis, reasons: Vec::new() }.into(),
                    key: format!("{key}/same"),
                });
            }
            entered.push(EnteredContact { row: row.row, person, number: number(person), class, counts });
        }
        let receipts = self.record_as(actor, facts, wall).await?;
        if receipts.iter().any(|receipt| matches!(receipt, Receipt::Conflict { .. })) {
            return Err(Refusal::KeyUsed.into());
        }
        self.follow_log().await?;
        Ok(SheetOutcome { entered, wrong })
    }

    #[expect(clippy::too_many_arguments, reason = "each is one word of the fact")]
    fn fact_of(
        &self,
        actor: &Actor,
        case: PersonId,
        row: &Sound,
        person: PersonId,
        via: Option<PersonId>,
        class: ContactClass,
        counts: bool,
        key: &str,
        now: Instant,
    ) -> OwnFact {
        let some = |text: &str| (!text.is_empty()).then(|| text.into());
        let meeting = Meeting { place: some(&row.place), relation: some(&row.relation), ..Meeting::default() };
        let exposure = Exposure {
            case: via.is_none().then_some(case),
            via,
            // Whom nobody can find yet is a lead that waits.
            evidence: if counts { EvidenceKind::Interview } else { EvidenceKind::ListRow },
            disease: None,
            case_left_at: None,
            setting: None,
            class: Some(class),
            meeting: Some(Box::new(meeting)),
        };
        OwnFact {
            id: self.store().new_fact_id(now),
            person: Some(person),
            division: actor.division,
            happened: row.happened.clone(),
            body: exposure.into(),
            key: key.to_owned(),
        }
    }

    /// Ids of the people of the rows, in order.
    async fn people_of(
        &self,
        rows: &[Sound],
        sheet: &str,
        actor: &Actor,
        now: Instant,
    ) -> Result<Vec<PersonId>, AppError> {
        let people: Vec<VaultPerson> = rows
            .iter()
            .map(|row| {
                // Without a document the row itself is the name: two rows are never made one by themselves.
                let name = match &row.document {
                    Some(document) => PersonName::Document(document.clone()),
                    None => PersonName::Code { scope: "sheet".into(), code: format!("{sheet}/{}", row.row).into() },
                };
                let draft = PersonDraft {
                    names: vec![name],
                    full_name: Some(row.name.as_str().into()),
                    phones: row.phone.iter().cloned().collect(),
                    division: actor.division,
                };
                VaultPerson { search_terms: names::search_terms(&draft), draft }
            })
            .collect();
        Ok(self.store().resolve_people(&people, now).await?)
    }
}

/// SHA-256 of what a sheet says.
fn content_of(case: PersonId, rows: &[SheetRow]) -> [u8; 32] {
    let mut words = vec![case.to_string()];
    words.extend(rows.iter().map(SheetRow::words));
    sha256(&[words.join("\n").as_bytes()])
}

/// Rows that can go in, and what is wrong with the others. Blank rows are nothing.
fn check(rows: &[SheetRow], now: Instant) -> (Vec<Sound>, Vec<RowWrong>) {
    let rows = shared(rows);
    let (mut sound, mut wrong) = (Vec::new(), Vec::new());
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.is_blank()) {
        let number = at + 1;
        let before = wrong.len();
        let mut complain = |field, rule, found| wrong.push(RowWrong { row: number, field, rule, found });
        let cells = [("name", &row.name), ("relation", &row.relation), ("place", &row.place)];
        for (field, cell) in cells {
            match cell.trim().chars().count() {
                0 if field == "name" => complain(field, "sheet-name", 0),
                0 if field == "place" => complain(field, "sheet-place", 0),
                count if count > CELL_MAX || cell.chars().any(char::is_control) => complain(field, "too-long", count),
                _ => {}
            }
        }
        let phone = match row.phone.trim() {
            "" => None,
            text => match Phone::new(text, PhoneRole::Own) {
                Ok(phone) => Some(phone),
                Err(error) => {
                    complain("phone", "sheet-phone", error.digits);
                    None
                }
            },
        };
        let document = match row.document.trim() {
            "" => None,
            text => match document_of(text) {
                Ok(document) => Some(document),
                Err(rule) => {
                    complain("document", rule, text.chars().filter(|c| !c.is_whitespace()).count());
                    None
                }
            },
        };
        let happened = match last_contact(&row.last, now) {
            Ok(happened) => Some(happened),
            Err(rule) => {
                complain("last", rule, 0);
                None
            }
        };
        let via = match row.via.trim() {
            "" => None,
            text => match text.parse::<usize>().ok().filter(|via| *via != number && (1..=rows.len()).contains(via)) {
                Some(via) => Some(via),
                None => {
                    complain("via", "sheet-via", 0);
                    None
                }
            },
        };
        if let (true, Some(happened)) = (wrong.len() == before, happened) {
            sound.push(Sound {
                row: number,
                name: row.name.trim().to_owned(),
                phone,
                document,
                relation: row.relation.trim().to_owned(),
                place: row.place.trim().to_owned(),
                happened,
                via,
                same: same_of(&row.same),
            });
        }
    }
    // A contact of a contact whose row came back waits with it.
    let in_rows: Vec<usize> = sound.iter().map(|row| row.row).collect();
    sound.retain(|row| match row.via.filter(|via| !in_rows.contains(via)) {
        Some(_) => {
            wrong.push(RowWrong { row: row.row, field: "via", rule: "sheet-via", found: 0 });
            false
        }
        None => true,
    });
    wrong.sort_by_key(|one| one.row);
    (sound, wrong)
}

/// Rows of one household or vehicle share what was left blank with the first of them.
fn shared(rows: &[SheetRow]) -> Vec<SheetRow> {
    let mut rows = rows.to_vec();
    for at in 0..rows.len() {
        if rows[at].group.trim().is_empty() || rows[at].is_blank() {
            continue;
        }
        let Some(first) = rows[..at].iter().find(|row| row.group == rows[at].group && !row.is_blank()).cloned() else {
            continue;
        };
        let row = &mut rows[at];
        for (own, shared) in
            [(&mut row.relation, first.relation), (&mut row.place, first.place), (&mut row.last, first.last)]
        {
            if own.trim().is_empty() {
                *own = shared;
            }
        }
    }
    rows
}

fn document_of(text: &str) -> Result<Document, &'static str> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let looks_national = plain.len() >= 15 && plain.chars().all(|c| c.is_ascii_digit() || c == 'X' || c == 'x');
    if looks_national && plain.len() != 18 {
        return Err("sheet-document-length");
    }
    DocumentKind::ALL.into_iter().find_map(|kind| Document::new(kind, &plain).ok()).ok_or("sheet-document")
}

fn same_of(text: &str) -> Option<(LinkBasis, PersonId)> {
    let (basis, id) = text.split_once(':')?;
    let basis = match basis {
        "document" => LinkBasis::Document,
        "person" => LinkBasis::Person,
        _ => return None,
    };
    Some((basis, PersonId::new(uuid::Uuid::try_parse(id).ok()?)))
}

/// `3/13 21:00`, `3月13日 21:00`, `2022-03-13`, `2022/3/13 21:00`: a moment, or a day. Without a year: the latest such day.
fn last_contact(text: &str, now: Instant) -> Result<Happened, &'static str> {
    let numbers: Vec<i64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().map_err(|_| "sheet-last"))
        .collect::<Result<_, _>>()?;
    let (this_year, ..) = now.day().ymd();
    let (year, rest) = match numbers[..] {
        [year, ref rest @ ..] if year > 999 => (Some(year as i16), rest.to_vec()),
        ref all => (None, all.to_vec()),
    };
    let (month, day, time) = match rest[..] {
        [month, day] => (month, day, None),
        [month, day, hour, minute] if (0..24).contains(&hour) && (0..60).contains(&minute) => {
            (month, day, Some((hour, minute)))
        }
        _ => return Err("sheet-last"),
    };
    let on = |year: i16| CivilDay::from_ymd(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let civil = match year {
        Some(year) => on(year),
        None => on(this_year).filter(|day| *day <= now.day()).or_else(|| {
            // In January, December was last year; any other day to come is a slip.
            on(this_year - 1).filter(|day| now.day().days_since(*day) <= DAYS_MAX).or_else(|| on(this_year))
        }),
    };
    let civil = civil.ok_or("sheet-last")?;
    let moment = time.map(|(hour, minute)| civil.start().plus_minutes(hour * 60 + minute));
    if civil > now.day() || moment.is_some_and(|at| at > now) {
        return Err("sheet-last-ahead");
    }
    if now.day().days_since(civil) > DAYS_MAX {
        return Err("sheet-last-old");
    }
    Ok(match moment {
        Some(at) => Happened::at(at),
        None => Happened::during(Edge::Day(civil), Some(Edge::Day(civil))).map_err(|_| "sheet-last")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Instant {
        Instant::parse("2022-03-17T20:30:00+08:00").unwrap()
    }

    fn row(cells: [&str; 7]) -> SheetRow {
        let [name, phone, document, relation, place, last, group] = cells.map(str::to_owned);
        SheetRow { name, phone, document, relation, place, last, group, via: String::new(), same: String::new() }
    }

    #[test]
    fn a_last_contact_reads_as_people_write_it() {
        let at = |text| last_contact(text, now()).unwrap().starts_at();
        let want = Instant::parse("2022-03-13T21:00:00+08:00").unwrap();
        for text in ["3/13 21:00", "3月13日 21:00", "2022-03-13 21:00", "2022/3/13 21:00", "03-13 21：00"] {
            assert_eq!(at(text), want, "{text}");
        }
        assert_eq!(at("3/13"), Instant::parse("2022-03-13T00:00:00+08:00").unwrap());
        assert_eq!(last_contact("3/19 07:00", now()), Err("sheet-last-ahead"));
        assert_eq!(last_contact("2/30", now()), Err("sheet-last"));
        assert_eq!(last_contact("", now()), Err("sheet-last"));
        assert_eq!(last_contact("2021-12-01", now()), Err("sheet-last-old"));
    }

    #[test]
    fn bad_cells_come_back_by_row_and_rule_and_good_rows_are_kept() {
        let rows = [
            row(["王建国", "13900006602", "", "同住", "家中", "3/13 21:00", "A"]),
            row(["赵明", "15000007745", "41010519810322174", "同办公室", "未来路 69 号", "3/12 18:00", ""]),
            row(["钱玉芬", "", "", "同住", "龙亭区", "3/19 07:00", ""]),
            row(["", "123", "", "", "", "", ""]),
            SheetRow::default(),
            row(["王小妹", "", "", "", "", "", "A"]),
        ];
        let (sound, wrong) = check(&rows, now());
        assert_eq!(sound.iter().map(|row| row.row).collect::<Vec<_>>(), [1, 6]);
        assert_eq!((&*sound[1].place, &*sound[1].relation), ("家中", "同住"), "shared within the household");
        let told: Vec<_> = wrong.iter().map(|one| (one.row, one.field, one.rule)).collect();
        assert_eq!(
            told,
            [
                (2, "document", "sheet-document-length"),
                (3, "last", "sheet-last-ahead"),
                (4, "name", "sheet-name"),
                (4, "place", "sheet-place"),
                (4, "phone", "sheet-phone"),
                (4, "last", "sheet-last"),
            ]
        );
        assert_eq!(wrong[0].found, 17);
    }

    #[test]
    fn a_contact_of_a_contact_waits_with_the_row_that_came_back() {
        let mut second = row(["孙磊", "", "", "同住", "龙亭区", "3/13 07:00", ""]);
        second.via = "1".into();
        let (sound, wrong) = check(&[row(["孙丽娟", "1", "", "同桌", "店", "3/11 20:10", ""]), second], now());
        assert!(sound.is_empty());
        assert_eq!(wrong.iter().map(|one| (one.row, one.field)).collect::<Vec<_>>(), [(1, "phone"), (2, "via")]);
    }
}
