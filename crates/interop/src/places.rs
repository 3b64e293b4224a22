//! Division codes and the names that files use for them. A name that fits several divisions is never guessed.

use std::{fmt::Write as _, sync::OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{CivilDay, DivisionCode};

/// Province, city and county codes with their Chinese names: China's division codes for statistics of 2023.
const NATIONAL: &str = include_str!("../data/divisions_cn.csv");

/// Codes that ended before that list was made, with the day and what stands for the place since.
const ENDED: &str = include_str!("../data/divisions_ended.csv");

/// A division whose code is no longer in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its Chinese name.
    pub name: &'static str,
    /// From this day on the code stands for nothing.
    pub on: CivilDay,
    /// The code of the place since then.
    pub successor: DivisionCode,
}

impl Ended {
    /// What is wrong with a record of that day under the old code, as a sentence.
    pub fn refusal(&self, code: DivisionCode) -> String {
        let Self { name, on, successor } = self;
        format!("the division {code} ({name}) ended on {on}; since then its place is {successor}")
    }
}

/// Divisions of the country, by code and by Chinese name.
pub struct National {
    codes: FxHashSet<DivisionCode>,
    ended: FxHashMap<DivisionCode, Ended>,
    names: FxHashMap<&'static str, Vec<DivisionCode>>,
}

/// Chinese name of a province, city or county, or of the county in which a township or village lies.
pub fn division_name(code: DivisionCode) -> Option<&'static str> {
    static NAMES: OnceLock<FxHashMap<DivisionCode, &'static str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let cells = NATIONAL.lines().skip(1).filter_map(|line| {
            let mut cells = line.split(',');
            Some((DivisionCode::parse(cells.next()?).ok()?, cells.nth(1)?))
        });
        cells.collect()
    });
    names.get(&code).or_else(|| names.get(&code.at(sizao_model::division::DivisionLevel::County)?)).copied()
}

/// Provinces, cities and counties of the country with their Chinese names, in the order of their codes.
pub fn divisions() -> &'static [(DivisionCode, &'static str)] {
    static LIST: OnceLock<Vec<(DivisionCode, &'static str)>> = OnceLock::new();
    LIST.get_or_init(|| {
        let cells = NATIONAL.lines().skip(1).filter_map(|line| {
            let mut cells = line.split(',');
            Some((DivisionCode::parse(cells.next()?).ok()?, cells.nth(1)?))
        });
        let mut list: Vec<_> = cells.collect();
        list.sort_unstable_by_key(|(code, _)| (code.sort_key(), code.to_string().len()));
        list
    })
}

/// The division codes of the country, read once.
pub fn national() -> &'static National {
    static TABLE: OnceLock<National> = OnceLock::new();
    TABLE.get_or_init(National::read)
}

impl National {
    fn read() -> Self {
        let ended = ENDED.lines().skip(1).filter_map(|line| {
            let mut cells = line.split(',');
            let code = DivisionCode::parse(cells.next()?).ok()?;
            let (name, on) = (cells.next()?, CivilDay::parse(cells.next()?).ok()?);
            Some((code, Ended { name, on, successor: DivisionCode::parse(cells.next()?).ok()? }))
        });
        let mut table = Self { codes: FxHashSet::default(), ended: ended.collect(), names: FxHashMap::default() };
        for line in NATIONAL.lines().skip(1) {
            let mut cells = line.split(',');
            let (Some(code), Some(level), Some(name)) = (cells.next(), cells.next(), cells.next()) else { continue };
            let Ok(code) = DivisionCode::parse(code) else { continue };
            table.codes.insert(code);
            table.names.entry(name).or_default().push(code);
            if level != "county"
                && let Some(short) = shortened(name)
            {
                table.names.entry(short).or_default().push(code);
            }
        }
        table
    }

    /// Whether the code, or for townships and villages its county, is or was one of the country.
    pub fn knows(&self, code: DivisionCode) -> bool {
        use sizao_model::division::DivisionLevel::{County, Township, Village};
        let known = |code| self.codes.contains(&code) || self.ended.contains_key(&code);
        match code.level() {
            Township | Village => code.at(County).is_some_and(known),
            _ => known(code),
        }
    }

    /// How the division, or for townships and villages its county, had ended by that day; nothing while it is in use.
    pub fn ended(&self, code: DivisionCode, day: CivilDay) -> Option<&Ended> {
        let county = code.at(sizao_model::division::DivisionLevel::County)?;
        self.ended.get(&county).filter(|ended| day >= ended.on)
    }

    /// Divisions of this name under `within`; county names repeat over the country. Where a city and a county in it
    /// share the name, the city is meant.
    pub fn named(&self, name: &str, within: Option<DivisionCode>) -> Vec<DivisionCode> {
        let found = self.names.get(name).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<_> =
            found.iter().copied().filter(|code| within.is_none_or(|within| code.is_under(within))).collect();
        if let Some(&whole) = found.iter().find(|whole| found.iter().all(|code| code.is_under(**whole))) {
            found = vec![whole];
        }
        found
    }
}

/// 郑州 for 郑州市, 河南 for 河南省.
fn shortened(name: &'static str) -> Option<&'static str> {
    ["特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "省", "市", "地区"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .filter(|short| short.chars().count() >= 2)
}

/// A mapping's own list of place names.
#[derive(Debug, Default)]
pub struct PlaceList {
    /// Name to code.
    pub names: FxHashMap<Box<str>, DivisionCode>,
    /// What depends on the beginning of another cell, in the order of the mapping.
    pub claims: Vec<Claim>,
    /// Codes that the country's list does not have, or that ended, and are taken whenever the record is of.
    pub also: Vec<DivisionCode>,
    /// Whether the country's Chinese names are understood too.
    pub national: bool,
    /// Only divisions under this one.
    pub within: Option<DivisionCode>,
}

/// A name that needs the beginning of another cell to be understood.
#[derive(Debug)]
pub struct Claim {
    /// The name as written.
    pub name: Box<str>,
    /// How the other cell begins.
    pub prefix: Box<str>,
    /// What it then means.
    pub code: DivisionCode,
    /// Why, for the list that is shown after the import.
    pub reason: Box<str>,
}

/// What a place name means.
pub enum Found<'a> {
    /// One division.
    Plain(DivisionCode),
    /// A division that rests on a claim, which is listed.
    Claimed(DivisionCode, &'a str),
}

impl PlaceList {
    /// Looks a name or code up; `hint` is the cell on whose beginning claims rest.
    ///
    /// # Errors
    /// The rule that is broken, as the end of a sentence.
    pub fn find(&self, text: &str, hint: Option<&str>) -> Result<Found<'_>, String> {
        if let Some(claim) = self
            .claims
            .iter()
            .find(|claim| *claim.name == *text && hint.is_some_and(|hint| hint.starts_with(&*claim.prefix)))
        {
            return Ok(Found::Claimed(claim.code, &claim.reason));
        }
        if let Some(&code) = self.names.get(text) {
            return Ok(Found::Plain(code));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.code(text).map(Found::Plain);
        }
        if self.claims.iter().any(|claim| *claim.name == *text) {
            return Err("this name fits several divisions; write the code".to_owned());
        }
        match if self.national { national().named(text, self.within) } else { Vec::new() }.as_slice() {
            [] => Err("this place is not in the list of the mapping; write its code or add the name".to_owned()),
            [one] => Ok(Found::Plain(*one)),
            many => {
                let mut codes = String::new();
                for code in many.iter().take(4) {
                    let _ = write!(codes, "{}{code}", if codes.is_empty() { "" } else { ", " });
                }
                let more = if many.len() > 4 { " and others" } else { "" };
                Err(format!("this name fits {codes}{more}; write the code"))
            }
        }
    }

    /// Reads a code and looks whether it exists.
    ///
    /// # Errors
    /// The rule that is broken, as the end of a sentence.
    pub fn code(&self, text: &str) -> Result<DivisionCode, String> {
        let code = DivisionCode::parse(text)
            .map_err(|_| "a division code has 2, 4, 6, 9 or 12 digits, such as 410102".to_owned())?;
        if !national().knows(code) && !self.also.iter().any(|also| code.is_under(*also)) {
            return Err("no division of the country has this code".to_owned());
        }
        match self.within {
            Some(within) if !code.is_under(within) => Err(format!("this division does not lie under {within}")),
            _ => Ok(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> PlaceList {
        let code = |text| DivisionCode::parse(text).unwrap();
        PlaceList {
            names: [("zhengzhou".into(), code("4101"))].into_iter().collect(),
            claims: vec![Claim {
                name: "fuzhou".into(),
                prefix: "jx_".into(),
                code: code("36"),
                reason: "Fuzhou in Fujian or in Jiangxi".into(),
            }],
            also: vec![code("410381")],
            national: true,
            within: None,
        }
    }

    fn check(text: &str, hint: &str) -> String {
        match list().find(text, Some(hint)) {
            Ok(Found::Plain(code)) => code.to_string(),
            Ok(Found::Claimed(code, reason)) => format!("{code}: {reason}"),
            Err(rule) => rule,
        }
    }

    #[test]
    fn codes_and_names_are_understood() {
        for (text, code) in [
            ("zhengzhou", "4101"),
            ("410102", "410102"),
            ("郑州市", "4101"),
            ("河南", "41"),
            ("济源市", "419001"),
            ("中山市", "4420"),
            ("嘉峪关", "6202"),
        ] {
            assert_eq!(check(text, ""), code, "{text}");
        }
    }

    #[test]
    fn a_name_of_several_places_is_never_guessed() {
        assert_eq!(check("fuzhou", "jx_fuzhou-3"), "36: Fuzhou in Fujian or in Jiangxi");
        assert_eq!(check("fuzhou", "fuzhou-3"), "this name fits several divisions; write the code");
        assert_eq!(check("鼓楼区", ""), "this name fits 320106, 320302, 350102, 410204; write the code");
        assert!(check("城关区", "").ends_with("write the code"));
    }

    #[test]
    fn codes_that_no_division_has_are_refused_and_old_ones_can_be_allowed() {
        assert!(check("410199", "").contains("no division of the country"));
        assert!(check("99", "").contains("no division of the country"));
        assert_eq!(check("410381001", ""), "410381001");
        assert_eq!(check("410171", ""), "410171", "functional zones have codes of their own");
        assert!(check("Gotham", "").contains("not in the list"));
    }

    #[test]
    fn a_code_is_in_use_until_the_day_on_which_its_division_ended() {
        let code = |text| DivisionCode::parse(text).unwrap();
        let day = |text| CivilDay::parse(text).unwrap();
        for (old, new) in [("410381", "410307"), ("410322", "410308"), ("410306", "410308"), ("410381001", "410307")] {
            assert!(national().knows(code(old)));
            assert_eq!(national().ended(code(old), day("2021-03-17")), None);
            let ended = national().ended(code(old), day("2021-03-18")).unwrap();
            assert_eq!(ended.successor, code(new));
            assert!(national().knows(ended.successor));
        }
        assert_eq!(national().ended(code("410307"), day("2022-03-17")), None);
        assert_eq!(national().ended(code("4103"), day("2022-03-17")), None);
    }
}
