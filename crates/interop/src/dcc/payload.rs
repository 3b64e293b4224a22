//! What a statement must look like: strictly when it is issued, with patience when it is received.
//!
//! The schema of the eHealth Network has grown stricter from 1.0.0 to 1.3.3, and certificates of every version stay in
//! use. Whoever reads them is asked to accept what can be understood; whoever writes them, to keep to the last version.

use std::fmt;

use jiff::civil::Date;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};
use sizao_model::Instant;

/// Texts of version 1.3 have at most 80 characters.
const ISSUED_CHARS_MAX: usize = 80;
/// Longest text that is read at all; a QR code holds no more.
const RECEIVED_CHARS_MAX: usize = 2_000;

/// What is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statement {
    /// A dose was given.
    Vaccination,
    /// A test was made.
    Test,
    /// The person has recovered.
    Recovery,
}

impl Statement {
    const ALL: [Self; 3] = [Self::Vaccination, Self::Test, Self::Recovery];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vaccination => "vaccination",
            Self::Test => "test",
            Self::Recovery => "recovery",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Vaccination => "v",
            Self::Test => "t",
            Self::Recovery => "r",
        }
    }

    /// The kinds that a payload has; a group that is null or empty counts as absent.
    pub fn all_in(payload: &Value) -> Vec<Self> {
        let stated =
            |kind: &Self| payload.get(kind.key()).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        Self::ALL.into_iter().filter(stated).collect()
    }
}

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// What we would issue: schema 1.3.3 to the letter.
    Issued,
    /// What we accept: every version from 1.0.0 on. Nobody is born after `at`, when the certificate was issued.
    Received {
        /// When it was issued, or read.
        at: Instant,
    },
}

/// Codes that are known. A list that is empty is not looked at.
#[derive(Clone, Debug, Default)]
pub struct ValueSets {
    /// Countries (ISO 3166-1, two letters).
    pub countries: FxHashSet<String>,
    /// Antigen tests of the Joint Research Centre's list, by number.
    pub antigen_tests: FxHashSet<String>,
    /// Holders of marketing authorisations.
    pub holders: FxHashSet<String>,
}

/// One rule that a statement breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadProblem {
    /// Where, such as `t[0].sc`.
    pub field: String,
    /// The rule, as a sentence without its stop.
    pub rule: &'static str,
}

impl fmt::Display for PayloadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.rule)
    }
}

/// Everything that is wrong with a statement; empty when nothing is.
pub fn check_payload(payload: &Value, rules: Rules, values: &ValueSets) -> Vec<PayloadProblem> {
    let mut checker = Checker { rules, values, one_entry: true, problems: Vec::new() };
    match payload.as_object() {
        Some(root) => checker.check_root(root),
        None => checker.refuse("$", "a statement is an object"),
    }
    checker.problems
}

struct Checker<'a> {
    rules: Rules,
    values: &'a ValueSets,
    /// Version 1.3 and later hold one entry; earlier ones held several.
    one_entry: bool,
    problems: Vec<PayloadProblem>,
}

impl Checker<'_> {
    fn refuse(&mut self, field: impl Into<String>, rule: &'static str) {
        self.problems.push(PayloadProblem { field: field.into(), rule });
    }

    fn is_strict(&self) -> bool {
        self.rules == Rules::Issued
    }

    fn check_root(&mut self, root: &Map<String, Value>) {
        match root.get("ver").and_then(Value::as_str).and_then(version) {
            Some(version) => self.one_entry = self.is_strict() || version >= (1, 3),
            None => self.refuse("ver", "a version such as 1.3.0 is needed"),
        }
        self.check_birth(root.get("dob"));
        match root.get("nam").and_then(Value::as_object) {
            Some(name) => self.check_name(name),
            None => self.refuse("nam", "a name is needed"),
        }
        let mut groups = 0;
        for kind in Statement::ALL {
            match root.get(kind.key()) {
                None => {}
                Some(Value::Null) if !self.is_strict() => {}
                Some(Value::Array(entries)) if entries.is_empty() && !self.is_strict() => {}
                Some(Value::Array(entries)) => {
                    groups += 1;
                    self.check_group(kind, entries);
                }
                Some(_) => self.refuse(kind.key(), "a group is a list"),
            }
        }
        if groups != 1 {
            self.refuse("$", "exactly one of v, t and r is stated");
        }
    }

    fn check_birth(&mut self, birth: Option<&Value>) {
        let Some(text) = birth.and_then(Value::as_str) else {
            return self.refuse("dob", "a day of birth is needed, though it may be empty");
        };
        if text.is_empty() {
            return;
        }
        let day = if self.is_strict() { text } else { text.split_once('T').map_or(text, |(day, _)| day) };
        let parts: Vec<&str> = day.split('-').collect();
        let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        let shaped = parts.len() <= 3 && digits(parts[0], 4) && parts[1..].iter().all(|part| digits(part, 2));
        if !shaped {
            return self.refuse("dob", "a day of birth is written YYYY, YYYY-MM or YYYY-MM-DD");
        }
        if !matches!(&parts[0][..2], "19" | "20") {
            return self.refuse("dob", "a year of birth lies between 1900 and 2099");
        }
        // An unknown month or day may be 00; whatever is a date must exist and be past.
        if let Rules::Received { at } = self.rules
            && after(&parts, at)
        {
            self.refuse("dob", "nobody is born after the certificate was issued");
        }
    }

    fn check_name(&mut self, name: &Map<String, Value>) {
        let strict = self.is_strict();
        let text = |key: &str| name.get(key).and_then(Value::as_str);
        if (text("fnt").is_none(), text("gnt").is_none()) == (true, true) {
            self.refuse("nam", "a family name or a given name in Latin letters is needed (fnt, gnt)");
        }
        for (native, latin) in [("fn", "fnt"), ("gn", "gnt")] {
            self.check_text(name, native, &format!("nam.{native}"), false);
            self.check_text(name, latin, &format!("nam.{latin}"), false);
            let written = text(latin).unwrap_or_default();
            let allowed = |byte: u8| match strict {
                true => byte.is_ascii_uppercase() || byte == b'<',
                false => byte.is_ascii_graphic() || byte == b' ',
            };
            if !written.bytes().all(allowed) {
                self.refuse(format!("nam.{latin}"), "the letters A to Z and < are allowed");
            }
            // That it is left out, the schema allows for one of the two; that nothing came of it, no rule does.
            if !strict && text(latin) == Some("") && text(native).is_some_and(|native| !native.is_empty()) {
                self.refuse(format!("nam.{latin}"), "a name that is given is also written in Latin letters");
            }
        }
    }

    fn check_group(&mut self, kind: Statement, entries: &[Value]) {
        if entries.is_empty() || (self.one_entry && entries.len() > 1) {
            self.refuse(kind.key(), "exactly one entry is stated");
        }
        for (index, entry) in entries.iter().enumerate() {
            let at = format!("{}[{index}]", kind.key());
            match entry.as_object() {
                None => self.refuse(at, "an entry is an object"),
                Some(entry) => self.check_entry(kind, entry, &at),
            }
        }
    }

    fn check_entry(&mut self, kind: Statement, entry: &Map<String, Value>, at: &str) {
        for key in ["tg", "is", "ci"] {
            self.check_text(entry, key, &format!("{at}.{key}"), true);
        }
        self.check_country(entry, at);
        match kind {
            Statement::Vaccination => {
                for key in ["vp", "mp", "ma"] {
                    self.check_text(entry, key, &format!("{at}.{key}"), true);
                }
                self.check_holder(entry, at);
                self.check_doses(entry, at);
                self.check_day(entry, "dt", at);
            }
            Statement::Test => {
                for (key, needed) in [("tt", true), ("tr", true), ("nm", false), ("ma", false), ("tc", false)] {
                    self.check_text(entry, key, &format!("{at}.{key}"), needed);
                }
                self.check_antigen_test(entry, at);
                self.check_moment(entry, at);
            }
            Statement::Recovery => {
                for key in ["fr", "df", "du"] {
                    self.check_day(entry, key, at);
                }
            }
        }
    }

    fn check_text(&mut self, object: &Map<String, Value>, key: &str, field: &str, needed: bool) {
        match object.get(key) {
            None if needed => self.refuse(field, "this field is needed"),
            None => {}
            Some(Value::Null) if !needed && !self.is_strict() => {}
            Some(Value::String(text)) => {
                // The schema bounds names, issuer, identifier, test name and centre; codes have no bound of their own.
                let bounded = matches!(key, "fn" | "fnt" | "gn" | "gnt" | "is" | "ci" | "nm" | "tc");
                let limit = if self.is_strict() && bounded { ISSUED_CHARS_MAX } else { RECEIVED_CHARS_MAX };
                if text.chars().count() > limit {
                    self.refuse(field, "the text is too long");
                }
            }
            Some(_) => self.refuse(field, "this field is a text"),
        }
    }

    fn check_country(&mut self, entry: &Map<String, Value>, at: &str) {
        let field = format!("{at}.co");
        let Some(code) = entry.get("co").and_then(Value::as_str) else {
            return self.refuse(field, "this field is needed");
        };
        if self.is_strict() {
            if !code.bytes().any(|byte| byte.is_ascii_uppercase()) {
                self.refuse(field, "a country is a code in capital letters");
            }
            return;
        }
        // Organisations such as UNHCR issue too, with longer codes; two letters are those of ISO 3166-1, and what the
        // Union writes in their place.
        let is_of_union = matches!(code, "EL" | "UK" | "EU" | "XK");
        if code.len() == 2 && !is_of_union && (is_user_assigned(code) || is_unknown(&self.values.countries, code)) {
            self.refuse(field, "no country has this code (ISO 3166-1)");
        }
    }

    /// Numbers of antigen tests are those of a register that counts upwards. Lists of it are older than the tests, so a
    /// number is refused only far beyond the largest one; texts are names, which nobody can look up.
    fn check_antigen_test(&mut self, entry: &Map<String, Value>, at: &str) {
        let test = entry.get("ma").and_then(Value::as_str).unwrap_or_default();
        let known = self.values.antigen_tests.iter().filter_map(|number| number.parse::<u64>().ok()).max();
        if !self.is_strict() && test.parse::<u64>().is_ok_and(|number| known.is_some_and(|known| number > 2 * known)) {
            self.refuse(format!("{at}.ma"), "no antigen test has this number");
        }
    }

    /// Identifiers of the EMA's register of organisations begin with ORG-1000.
    fn check_holder(&mut self, entry: &Map<String, Value>, at: &str) {
        let holder = entry.get("ma").and_then(Value::as_str).unwrap_or_default();
        let foreign = holder.starts_with("ORG-") && !holder.starts_with("ORG-1000");
        if !self.is_strict() && foreign && is_unknown(&self.values.holders, holder) {
            self.refuse(format!("{at}.ma"), "no organisation has this number");
        }
    }

    fn check_doses(&mut self, entry: &Map<String, Value>, at: &str) {
        // A series of 0 doses is how some issuers say that they do not know; a dose of number 0 was never given.
        let series_min = if self.is_strict() { 1 } else { 0 };
        for (key, min) in [("dn", 1), ("sd", series_min)] {
            let whole = entry.get(key).and_then(|value| {
                value.as_u64().or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0).map(|n| n as u64))
            });
            if whole.is_none_or(|number| number < min) {
                self.refuse(format!("{at}.{key}"), "this field is a whole number from 1 on");
            }
        }
    }

    fn check_day(&mut self, entry: &Map<String, Value>, key: &str, at: &str) {
        let Some(text) = entry.get(key).and_then(Value::as_str) else {
            return self.refuse(format!("{at}.{key}"), "this day is needed");
        };
        let day = if self.is_strict() { text } else { text.split_once('T').map_or(text, |(day, _)| day) };
        if !is_day(day) {
            self.refuse(format!("{at}.{key}"), "a day is written YYYY-MM-DD");
        }
    }

    fn check_moment(&mut self, entry: &Map<String, Value>, at: &str) {
        let field = format!("{at}.sc");
        let Some(text) = entry.get("sc").and_then(Value::as_str) else {
            return self.refuse(field, "the moment of sampling is needed");
        };
        let good = if self.is_strict() {
            text.parse::<jiff::Timestamp>().is_ok() && text.contains(['T', 't'])
        } else {
            text.split_once(['T', ' ']).is_some_and(|(day, clock)| is_day(day) && clock.len() >= 5)
        };
        if !good {
            self.refuse(field, "a moment is written such as 2021-02-20T12:34:56Z");
        }
    }
}

/// Major and minor number.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Some(major)), Some(Some(minor)), Some(Some(_)), None) => Some((major, minor)),
        _ => None,
    }
}

/// Whether a year, month or day of birth begins after an instant; compared as texts, so that 1963-00 is no obstacle.
fn after(parts: &[&str], at: Instant) -> bool {
    let (year, month, day) = at.day().ymd();
    let known = [format!("{year:04}"), format!("{month:02}"), format!("{day:02}")];
    parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>().as_slice() > &known[..parts.len()]
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

fn is_unknown(list: &FxHashSet<String>, code: &str) -> bool {
    !list.is_empty() && !list.contains(code)
}

/// Codes that ISO 3166-1 leaves to users: AA, QM to QZ, XA to XZ, ZZ.
fn is_user_assigned(code: &str) -> bool {
    matches!(code, "AA" | "ZZ") || code.starts_with('X') || (code.starts_with('Q') && code.as_bytes()[1] >= b'M')
}
