//! From the TOML of a mapping to what the import runs on: names become indices, and every name is looked up.

mod body;

use std::{collections::BTreeMap, ops::Range};

pub(crate) use body::field_error;
use body::json_of;

use rustc_hash::FxHashMap;
use sizao_model::{
    DivisionCode, FactKind, Zone,
    identity::{DocumentKind, PhoneRole},
};
use toml::Spanned;

use super::{
    CodeList, Column, ColumnSpec, Condition, DateSource, DateSpec, DivisionSpec, DocumentKindSpec, Encoding, FactSpec,
    HappenedSpec, Mapping, MappingError, NameSpec, PersonSpec, Test, Unusable, ValueSpec,
    wire::{
        ColumnWire, ConditionWire, DateWire, DivisionWire, DocumentWire, FactWire, HappenedWire, MappingWire,
        PersonWire, PlacesWire, TextOr,
    },
};
use crate::{
    date::{Pattern, read_date, read_time_of_day},
    nearest::nearest,
    places::{Claim, PlaceList},
};

pub(super) fn compile(text: &str) -> Result<Mapping, MappingError> {
    let wire: MappingWire = toml::from_str(text)
        .map_err(|error| located(text, error.span().unwrap_or(0..0), error.message().to_owned()))?;
    Compiler::default().mapping(wire).map_err(|complaint| located(text, complaint.span, complaint.message))
}

fn located(text: &str, span: Range<usize>, message: String) -> MappingError {
    let before = text.get(..span.start.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    MappingError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message: message.trim().replace('\n', " "),
    }
}

struct Complaint {
    span: Range<usize>,
    message: String,
}

type Result1<T> = Result<T, Complaint>;

/// A field of a body, with its value and where it stands in the mapping.
type Field = (Box<str>, ValueSpec, Range<usize>);

fn complain<T>(span: &Range<usize>, message: impl Into<String>) -> Result1<T> {
    Err(Complaint { span: span.clone(), message: message.into() })
}

#[derive(Default)]
struct Compiler {
    zone: Zone,
    dates: Vec<Pattern>,
    blanks: Vec<Box<str>>,
    settings: BTreeMap<String, Spanned<ColumnWire>>,
    columns: Vec<ColumnSpec>,
    column_index: FxHashMap<String, Column>,
    code_lists: Vec<CodeList>,
    /// The list of places used when none is named comes first.
    place_lists: Vec<PlaceList>,
    place_index: FxHashMap<String, usize>,
    people: Vec<PersonSpec>,
    division: Option<DivisionSpec>,
}

impl Compiler {
    fn mapping(mut self, wire: MappingWire) -> Result1<Mapping> {
        if wire.sender.as_ref().trim().is_empty() {
            return complain(&wire.sender.span(), "'sender' is empty: say whose table this is");
        }
        if let Some(zone) = &wire.zone {
            self.zone = Zone::parse(zone.as_ref()).or_else(|error| complain(&zone.span(), error.to_string()))?;
        }
        self.dates = patterns(&wire.dates)?;
        self.blanks = wire.blanks.iter().map(|blank| blank.trim().into()).collect();
        self.settings = wire.columns;
        for (name, list) in wire.codes {
            self.code_lists.push(code_list(name, list)?);
        }
        self.place_lists.push(PlaceList { national: true, ..PlaceList::default() });
        for (name, places) in wire.places {
            let list = place_list(places)?;
            self.place_index.insert(name, self.place_lists.len());
            self.place_lists.push(list);
        }
        self.division = wire.division.map(|division| self.division(division)).transpose()?;
        for person in wire.person {
            let person = self.person(person)?;
            self.people.push(person);
        }
        if wire.fact.is_empty() {
            return complain(&(0..0), "there is no [[fact]]: say which facts a row makes");
        }
        let facts = wire.fact.into_iter().map(|fact| self.fact(fact)).collect::<Result1<Vec<_>>>()?;
        Ok(Mapping {
            title: wire.title.unwrap_or_else(|| wire.sender.as_ref().clone()).into(),
            sender: wire.sender.into_inner().into(),
            encoding: encoding(wire.encoding)?,
            delimiter: delimiter(wire.delimiter)?,
            sheet: wire.sheet.map(Into::into),
            header_row: match wire.header_row {
                Some(row) if *row.as_ref() == 0 => return complain(&row.span(), "rows are counted from 1"),
                row => row.map(Spanned::into_inner),
            },
            zone: self.zone,
            columns: self.columns,
            code_lists: self.code_lists,
            place_lists: self.place_lists,
            people: self.people,
            facts,
        })
    }

    fn column(&mut self, name: &str) -> Result1<Column> {
        if let Some(&column) = self.column_index.get(name) {
            return Ok(column);
        }
        let mut spec = ColumnSpec {
            name: name.into(),
            also: Vec::new(),
            optional: false,
            sensitive: false,
            holds_document: false,
            holds_date: false,
            blanks: self.blanks.clone(),
            dates: self.dates.clone(),
        };
        if let Some(setting) = self.settings.get(name) {
            let setting = setting.as_ref();
            spec.also = setting.also.iter().map(|also| also.trim().into()).collect();
            spec.optional = setting.optional;
            spec.sensitive = setting.sensitive;
            if let Some(blanks) = &setting.blanks {
                spec.blanks = blanks.iter().map(|blank| Box::from(blank.trim())).collect();
            }
            if !setting.dates.is_empty() {
                spec.dates = patterns(&setting.dates)?;
            }
        }
        self.columns.push(spec);
        self.column_index.insert(name.to_owned(), self.columns.len() - 1);
        Ok(self.columns.len() - 1)
    }

    fn sensitive_column(&mut self, name: &str) -> Result1<Column> {
        let column = self.column(name)?;
        self.columns[column].sensitive = true;
        Ok(column)
    }

    fn codes(&self, name: &str, span: &Range<usize>) -> Result1<usize> {
        let names = || self.code_lists.iter().map(|list| &*list.name);
        names().position(|known| known == name).map_or_else(
            || complain(span, format!("there is no code list [codes.{name}]{}", did_you_mean(name, names()))),
            Ok,
        )
    }

    fn person_named(&self, id: &str, span: &Range<usize>) -> Result1<usize> {
        let ids = || self.people.iter().map(|person| &*person.id);
        ids().position(|known| known == id).map_or_else(
            || complain(span, format!("there is no [[person]] with id = '{id}'{}", did_you_mean(id, ids()))),
            Ok,
        )
    }

    fn division(&mut self, wire: Spanned<TextOr<DivisionWire>>) -> Result1<DivisionSpec> {
        let span = wire.span();
        let wire = match wire.into_inner() {
            TextOr::Text(code) => return code_at(&code, &span).map(DivisionSpec::Always),
            TextOr::Table(wire) => wire,
        };
        let Some(column) = wire.column else {
            return complain(&span, "a division is a code, or a table with 'column'");
        };
        let places = match &wire.places {
            None => 0,
            Some(name) => match self.place_index.get(name) {
                Some(&index) => index,
                None => {
                    let known = self.place_index.keys().map(String::as_str);
                    return complain(&span, format!("there is no [places.{name}]{}", did_you_mean(name, known)));
                }
            },
        };
        Ok(DivisionSpec::Column {
            column: self.column(&column)?,
            places,
            hint: wire.hint.map(|hint| self.column(&hint)).transpose()?,
            otherwise: wire.otherwise.map(|code| code_at(&code, &span)).transpose()?,
        })
    }

    fn person(&mut self, wire: Spanned<PersonWire>) -> Result1<PersonSpec> {
        let span = wire.span();
        let wire = wire.into_inner();
        if self.people.iter().any(|person| *person.id == *wire.id) {
            return complain(&span, format!("there are two [[person]] with id = '{}'", wire.id));
        }
        let mut names = Vec::new();
        for document in wire.document {
            names.push(self.document(document, &span)?);
        }
        for code in wire.code {
            names.push(NameSpec::Code { scope: code.scope.into(), column: self.sensitive_column(&code.column)? });
        }
        if names.is_empty() {
            return complain(&span, format!("person '{}' needs a 'document' or a 'code': how is it named?", wire.id));
        }
        let mut phones = Vec::new();
        for phone in wire.phone {
            let role = phone.role.as_deref().unwrap_or("own");
            let Some(role) = PhoneRole::from_name(role) else {
                return complain(&span, format!("'{role}' is not a telephone's role: own, guardian, shared, employer"));
            };
            phones.push((self.sensitive_column(&phone.column)?, role));
        }
        let division = match wire.division.map(|division| self.division(division)).transpose()? {
            Some(division) => division,
            None => match &self.division {
                Some(division) => division.clone(),
                None => {
                    return complain(&span, format!("person '{}' needs a 'division': where looked after?", wire.id));
                }
            },
        };
        Ok(PersonSpec {
            optional: wire.optional,
            names,
            full_name: wire.full_name.map(|column| self.sensitive_column(&column)).transpose()?,
            phones,
            division,
            id: wire.id.into(),
        })
    }

    fn document(&mut self, wire: DocumentWire, span: &Range<usize>) -> Result1<NameSpec> {
        let kind_named = |name: &str| {
            DocumentKind::from_name(name).map_or_else(
                || {
                    let known = DocumentKind::ALL.map(DocumentKind::name);
                    complain(span, format!("'{name}' is not a kind of document: {}", known.join(", ")))
                },
                Ok,
            )
        };
        let kind = match (&wire.kind, &wire.kind_column) {
            (Some(kind), None) => DocumentKindSpec::Always(kind_named(kind)?),
            (None, Some(column)) => {
                let kinds = wire.kinds.iter().map(|(cell, kind)| Ok((cell.trim().into(), kind_named(kind)?)));
                let kinds = kinds.collect::<Result1<FxHashMap<_, _>>>()?;
                if kinds.is_empty() {
                    return complain(span, "'kind_column' needs 'kinds': which word means which kind of document?");
                }
                DocumentKindSpec::Column(self.column(column)?, kinds)
            }
            _ => return complain(span, "a document needs either 'kind' or 'kind_column'"),
        };
        let column = self.sensitive_column(&wire.column)?;
        self.columns[column].holds_document = true;
        Ok(NameSpec::Document { column, kind })
    }

    fn fact(&mut self, wire: Spanned<FactWire>) -> Result1<FactSpec> {
        let span = wire.span();
        let wire = wire.into_inner();
        let Some(kind) = FactKind::from_name(wire.kind.as_ref()) else {
            let known = FactKind::ALL.map(FactKind::name);
            let hint = did_you_mean(wire.kind.as_ref(), known.into_iter());
            let message = format!(
                "unknown kind '{}'{} Known kinds: {}",
                wire.kind.as_ref(),
                if hint.is_empty() { "." } else { &hint },
                known.join(", ")
            );
            return complain(&wire.kind.span(), message);
        };
        let person = match (&wire.person, kind.is_about_a_person()) {
            (Some(id), true) => Some(self.person_named(id.as_ref(), &id.span())?),
            (None, false) => None,
            (None, true) => return complain(&span, format!("kind '{kind}' needs 'person': say whom it is about")),
            (Some(id), false) => {
                return complain(&id.span(), format!("kind '{kind}' has no 'person': leave the field out"));
            }
        };
        let key = match &wire.key {
            Some(key) => Some(self.template(key.as_ref(), &key.span())?),
            None if wire.once => return complain(&span, "'once' needs a 'key', by which the repetition is known"),
            None => None,
        };
        let unusable = match wire.unusable.as_ref().map(|word| (word.as_ref().as_str(), word.span())) {
            None | Some(("refuse", _)) => Unusable::Refuse,
            Some(("list", _)) => Unusable::List,
            Some(("shorten", _)) => Unusable::Shorten,
            Some((_, at)) => {
                let message = "'unusable' is refuse (costs the row), list (the fact is left out and noted) or shorten (an \
                               interval that ends before it begins shrinks to its end, and that is noted)";
                return complain(&at, message);
            }
        };
        let division = match wire.division.map(|division| self.division(division)).transpose()? {
            Some(division) => division,
            None if person.is_some() => DivisionSpec::OfPerson,
            None => match &self.division {
                Some(division) => division.clone(),
                None => return complain(&span, format!("a fact of kind '{kind}' needs a 'division'")),
            },
        };
        let body = self.body(wire.body)?;
        self.check_body(kind, &body, &span)?;
        Ok(FactSpec {
            kind,
            person,
            when: wire.when.map(|when| self.conditions(when)).transpose()?.unwrap_or_default(),
            key,
            once: wire.once,
            unusable,
            happened: self.happened(wire.happened)?,
            recorded: wire
                .recorded
                .map(|date| {
                    let at = date.span();
                    self.date(date.into_inner(), &at)
                })
                .transpose()?,
            division,
            body: body.into_iter().map(|(name, value, _)| (name, value)).collect(),
        })
    }

    fn conditions(&mut self, wire: Spanned<super::wire::OneOrMany<TextOr<ConditionWire>>>) -> Result1<Vec<Condition>> {
        let span = wire.span();
        let list = wire.into_inner().0.into_iter();
        list.map(|condition| {
            let wire = match condition {
                TextOr::Text(column) => {
                    return Ok(Condition { column: self.column(&column)?, test: Test::Present });
                }
                TextOr::Table(wire) => wire,
            };
            let words = |list: &[String]| list.iter().map(|word| Box::from(word.trim())).collect::<Vec<Box<str>>>();
            let test = match (wire.is.is_empty(), wire.is_not.is_empty(), wire.blank) {
                (true, true, false) => Test::Present,
                (true, true, true) => Test::Blank,
                (false, true, false) => Test::Is(words(&wire.is)),
                (true, false, false) => Test::IsNot(words(&wire.is_not)),
                _ => return complain(&span, "a condition has one of 'is', 'is_not' and 'blank'"),
            };
            Ok(Condition { column: self.column(&wire.column)?, test })
        })
        .collect()
    }

    fn happened(&mut self, wire: Spanned<TextOr<HappenedWire>>) -> Result1<HappenedSpec> {
        let span = wire.span();
        let wire = match wire.into_inner() {
            TextOr::Text(column) => return self.date(TextOr::Text(column), &span).map(HappenedSpec::Once),
            TextOr::Table(wire) => wire,
        };
        match (wire.from.is_some(), wire.to.is_some(), wire.ongoing) {
            (false, false, false) => self.date(TextOr::Table(wire.single()), &span).map(HappenedSpec::Once),
            (true, to, ongoing) if to != ongoing => {
                let HappenedWire { from, to, .. } = wire;
                let from = from.expect("'from' is there in this arm");
                let from = self.date(from, &span)?;
                let to = to.map(|to| self.date(to, &span)).transpose()?;
                Ok(HappenedSpec::During(from, to))
            }
            _ => complain(&span, "an interval has 'from' with 'to', or 'from' with ongoing = true"),
        }
    }

    fn date(&mut self, wire: TextOr<DateWire>, span: &Range<usize>) -> Result1<DateSpec> {
        let wire = match wire {
            TextOr::Text(column) => DateWire { column: Some(column), ..DateWire::default() },
            TextOr::Table(wire) => wire,
        };
        let at = match &wire.at {
            None => None,
            Some(at) => match read_time_of_day(at) {
                Some(second) => Some(second),
                None => return complain(span, format!("'{at}' is not a time of day: write hh:mm")),
            },
        };
        if !wire.stand_in.is_empty() && wire.first_of.is_none() {
            return complain(span, "'stand_in' belongs to 'first_of'");
        }
        let source = match (wire.column, wire.constant, wire.first_of, wire.earliest_of, wire.latest_of) {
            (Some(column), None, None, None, None) => {
                let time = wire.time.map(|time| self.column(&time)).transpose()?;
                let column = self.column(&column)?;
                self.columns[column].holds_date = true;
                DateSource::Column { column, time }
            }
            (None, Some(text), None, None, None) => match read_date(&text, &self.dates, &self.zone) {
                Ok(edge) => DateSource::Constant(edge),
                Err(rule) => return complain(span, format!("'{text}' is not a date: {rule}")),
            },
            (None, None, Some(usual), None, None) => {
                DateSource::FirstOf { usual: self.dates(usual, span)?, stand_in: self.dates(wire.stand_in, span)? }
            }
            (None, None, None, Some(list), None) => DateSource::EarliestOf(self.dates(list, span)?),
            (None, None, None, None, Some(list)) => DateSource::LatestOf(self.dates(list, span)?),
            _ => {
                let message = "a date has exactly one of 'column', 'constant', 'first_of', 'earliest_of', 'latest_of'";
                return complain(span, message);
            }
        };
        Ok(DateSpec { source, plus_days: wire.plus_days, at })
    }

    fn dates(&mut self, list: Vec<TextOr<DateWire>>, span: &Range<usize>) -> Result1<Vec<DateSpec>> {
        list.into_iter().map(|date| self.date(date, span)).collect()
    }
}

fn patterns(list: &[Spanned<String>]) -> Result1<Vec<Pattern>> {
    list.iter().map(|text| Pattern::parse(text.as_ref()).or_else(|message| complain(&text.span(), message))).collect()
}

fn code_list(name: String, list: Spanned<BTreeMap<String, toml::Value>>) -> Result1<CodeList> {
    let span = list.span();
    let values = list.into_inner().into_iter().map(|(cell, value)| Ok((cell.trim().into(), json_of(&value, &span)?)));
    Ok(CodeList { name: name.into(), values: values.collect::<Result1<_>>()? })
}

fn place_list(wire: Spanned<PlacesWire>) -> Result1<PlaceList> {
    let wire = wire.into_inner();
    let mut list = PlaceList { national: wire.national, ..PlaceList::default() };
    for also in &wire.also {
        list.also.push(code_at_format(also.as_ref(), &also.span())?);
    }
    for (name, code) in wire.names {
        let at = code.span();
        list.names.insert(name.trim().into(), list.code(code.as_ref()).or_else(|rule| complain(&at, rule))?);
    }
    for claim in wire.claim {
        let at = claim.span();
        let claim = claim.into_inner();
        list.claims.push(Claim {
            code: list.code(&claim.code).or_else(|rule| complain(&at, rule))?,
            name: claim.name.into(),
            prefix: claim.prefix.into(),
            reason: claim.reason.into(),
        });
    }
    list.within = wire.within.map(|code| code_at_format(code.as_ref(), &code.span())).transpose()?;
    Ok(list)
}

fn code_at(code: &str, span: &Range<usize>) -> Result1<DivisionCode> {
    PlaceList::default().code(code).or_else(|rule| complain(span, format!("division '{code}': {rule}")))
}

fn code_at_format(code: &str, span: &Range<usize>) -> Result1<DivisionCode> {
    DivisionCode::parse(code).or_else(|error| complain(span, error.to_string()))
}

fn encoding(wire: Option<Spanned<String>>) -> Result1<Encoding> {
    let Some(wire) = wire else { return Ok(Encoding::Detect) };
    match wire.as_ref().to_ascii_lowercase().as_str() {
        "detect" => Ok(Encoding::Detect),
        "utf-8" | "utf8" => Ok(Encoding::Utf8),
        "gb18030" | "gbk" | "gb2312" => Ok(Encoding::Gb18030),
        other => complain(&wire.span(), format!("'{other}' is not an encoding: detect, utf-8 or gb18030")),
    }
}

fn delimiter(wire: Option<Spanned<String>>) -> Result1<u8> {
    let Some(wire) = wire else { return Ok(b',') };
    match wire.as_ref().as_bytes() {
        // These never occur inside a character of GB18030, so records can be cut before they are decoded.
        [byte @ (b',' | b';' | b'\t')] => Ok(*byte),
        _ => complain(&wire.span(), "a delimiter is a comma, a semicolon or a tab"),
    }
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean '{near}'?"))
}
