//! Days and times of day as files write them: patterns such as `YYYY/MM/DD hh:mm` or `YYYY年M月D日`.

use jiff::{civil, tz::TimeZone};
use sizao_model::{CivilDay, Edge, Instant, Zone};

/// How a column writes days or times.
///
/// `YYYY`, `MM` or `M`, `DD` or `D`, `hh`, `mm`, `ss` stand for numbers, everything else for itself. One digit is enough
/// wherever something other than a digit follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    tokens: Box<[Token]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Field { field: Field, digits: u8, fixed: bool },
    Literal(char),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// What a cell of a date column said, before a zone is put to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    year: i16,
    month: i8,
    day: i8,
    second_of_day: Option<i32>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let same = rest.chars().take_while(|&c| c == first).count();
            let field = match (first, same) {
                ('Y', 4) => Some(Field::Year),
                ('M', 1 | 2) => Some(Field::Month),
                ('D', 1 | 2) => Some(Field::Day),
                ('h', 1 | 2) => Some(Field::Hour),
                ('m', 1 | 2) => Some(Field::Minute),
                ('s', 1 | 2) => Some(Field::Second),
                ('Y' | 'M' | 'D' | 'h' | 'm' | 's', _) => {
                    return Err(format!("'{text}' is not a date pattern: write YYYY, MM, DD, hh, mm, ss"));
                }
                _ => None,
            };
            match field {
                Some(field) => {
                    tokens.push(Token::Field { field, digits: if field == Field::Year { 4 } else { 2 }, fixed: false });
                    rest = &rest[same..];
                }
                None => {
                    tokens.push(Token::Literal(first));
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        // Numbers that touch one another have all their digits.
        for i in 0..tokens.len() {
            let touches = |at: Option<usize>| matches!(at.and_then(|at| tokens.get(at)), Some(Token::Field { .. }));
            let touching = touches(i.checked_sub(1)) || touches(Some(i + 1));
            if let Token::Field { field, fixed, .. } = &mut tokens[i] {
                *fixed = touching || *field == Field::Year;
            }
        }
        let has = |wanted| tokens.iter().any(|t| matches!(t, Token::Field { field, .. } if *field == wanted));
        if !(has(Field::Year) && has(Field::Month) && has(Field::Day)) {
            return Err(format!("'{text}' is not a date pattern: it needs YYYY, MM and DD"));
        }
        if has(Field::Minute) != has(Field::Hour) || (has(Field::Second) && !has(Field::Minute)) {
            return Err(format!("'{text}' is not a date pattern: a time of day needs hh and mm"));
        }
        Ok(Self { text: text.into(), tokens: tokens.into() })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Takes a cell apart; nothing when it does not have this shape. Whether the calendar has the day is not looked at.
    pub fn read(&self, cell: &str) -> Option<Written> {
        let bytes = cell.as_bytes();
        let (mut at, mut numbers) = (0, [0i32; 6]);
        let mut timed = false;
        for token in &self.tokens {
            match *token {
                Token::Literal(c) => {
                    let mut buffer = [0; 4];
                    let literal = c.encode_utf8(&mut buffer).as_bytes();
                    if !bytes[at..].starts_with(literal) {
                        return None;
                    }
                    at += literal.len();
                }
                Token::Field { field, digits, fixed } => {
                    let (mut value, mut seen) = (0, 0);
                    while seen < digits && at < bytes.len() && bytes[at].is_ascii_digit() {
                        value = value * 10 + i32::from(bytes[at] - b'0');
                        at += 1;
                        seen += 1;
                    }
                    if seen == 0 || (fixed && seen < digits) {
                        return None;
                    }
                    numbers[field as usize] = value;
                    timed |= field == Field::Hour;
                }
            }
        }
        if at != bytes.len() {
            return None;
        }
        let [year, month, day, hour, minute, second] = numbers;
        Some(Written {
            year: year as i16,
            month: month as i8,
            day: day as i8,
            second_of_day: timed.then_some(if hour < 24 && minute < 60 && second < 60 {
                hour * 3600 + minute * 60 + second
            } else {
                i32::MAX
            }),
        })
    }
}

/// Reads a cell by the first pattern that has its shape; ISO days and instants with an offset are always understood.
///
/// # Errors
/// The rule that is broken, as the end of a sentence: `March has 31 days`.
pub fn read_date(cell: &str, patterns: &[Pattern], zone: &Zone) -> Result<Edge, String> {
    let mut complaint = None;
    for pattern in patterns {
        match pattern.read(cell).map(|written| written.place(zone)) {
            Some(Ok(edge)) => return Ok(edge),
            Some(Err(rule)) => complaint = Some(rule),
            None => {}
        }
    }
    if let Some(rule) = complaint {
        return Err(rule);
    }
    match iso(cell, zone) {
        Some(result) => result,
        None if patterns.is_empty() => Err("a day is written YYYY-MM-DD".to_owned()),
        None => {
            let known: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
            Err(format!("a date here is written {}", known.join(" or ")))
        }
    }
}

/// `hh:mm` or `hh:mm:ss`, as seconds since midnight.
pub fn read_time_of_day(cell: &str) -> Option<i32> {
    let mut parts = cell.split([':', '：']).map(|part| {
        ((1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<i32>().ok())?
    });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    (parts.next().is_none() && hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// The moment of a day at so many seconds after midnight by the clocks of the zone.
///
/// # Errors
/// When the clocks of the zone jump over that moment or show it twice.
pub fn at_time_of_day(day: CivilDay, second_of_day: i32, zone: &Zone) -> Result<Instant, String> {
    let micros = i64::from(second_of_day) * 1_000_000;
    // Whole days between two midnights: no clock was changed, so seconds can be added.
    let midnight = zone.start_of(day);
    if zone.start_of(day.plus_days(1)).as_micros() - midnight.as_micros() == 86_400_000_000 {
        return Ok(Instant::from_micros(midnight.as_micros() + micros));
    }
    let (year, month, date) = day.ymd();
    let time = civil::Time::midnight() + jiff::SignedDuration::from_secs(i64::from(second_of_day));
    let local = civil::Date::new(year, month, date).map_err(|error| error.to_string())?.to_datetime(time);
    let place = TimeZone::get(zone.name()).map_err(|error| error.to_string())?;
    place
        .to_ambiguous_timestamp(local)
        .unambiguous()
        .map(|timestamp| Instant::from_micros(timestamp.as_microsecond()))
        .map_err(|_| format!("the clocks of {} were changed over this moment; write it with its offset", zone.name()))
}

impl Written {
    fn place(self, zone: &Zone) -> Result<Edge, String> {
        let day = civil_day(self.year, self.month, self.day)?;
        match self.second_of_day {
            None => Ok(Edge::Day(day)),
            Some(i32::MAX) => Err("a time of day lies between 00:00:00 and 23:59:59".to_owned()),
            Some(second) => at_time_of_day(day, second, zone).map(Edge::At),
        }
    }
}

fn civil_day(year: i16, month: i8, day: i8) -> Result<CivilDay, String> {
    const MONTHS: [(&str, i8); 12] = [
        ("January", 31),
        ("February", 29),
        ("March", 31),
        ("April", 30),
        ("May", 31),
        ("June", 30),
        ("July", 31),
        ("August", 31),
        ("September", 30),
        ("October", 31),
        ("November", 30),
        ("December", 31),
    ];
    if !(1900..=2200).contains(&year) {
        return Err("the year lies between 1900 and 2200".to_owned());
    }
    let Some(&(name, longest)) = usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)) else {
        return Err("a year has 12 months".to_owned());
    };
    CivilDay::from_ymd(year, month, day).ok_or_else(|| match (month, day) {
        (_, 0) => "days are counted from 1".to_owned(),
        (2, _) => format!("February {year} has {} days", if civil_leap(year) { 29 } else { 28 }),
        _ => format!("{name} has {longest} days"),
    })
}

fn civil_leap(year: i16) -> bool {
    CivilDay::from_ymd(year, 2, 29).is_some()
}

/// `YYYY-MM-DD`, `YYYY-MM-DDThh:mm[:ss[.fraction]]` and the same with an offset; nothing when the shape is another.
fn iso(cell: &str, zone: &Zone) -> Option<Result<Edge, String>> {
    let bytes = cell.as_bytes();
    let number = |from: usize, to: usize| -> Option<i16> {
        bytes.get(from..to)?.iter().try_fold(0i16, |n, b| b.is_ascii_digit().then(|| n * 10 + i16::from(b - b'0')))
    };
    if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let day = civil_day(number(0, 4)?, number(5, 7)? as i8, number(8, 10)? as i8);
    if bytes.len() == 10 {
        return Some(day.map(Edge::Day));
    }
    let day = match day {
        Ok(day) => day,
        Err(rule) => return Some(Err(rule)),
    };
    if !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    if let Ok(instant) = Instant::parse(cell) {
        return Some(Ok(Edge::At(instant)));
    }
    let clock = cell.get(11..)?;
    let second = read_time_of_day(clock.split_once('.').map_or(clock, |(whole, _)| whole))?;
    Some(at_time_of_day(day, second, zone).map(Edge::At))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &[&str], cell: &str) -> String {
        let patterns: Vec<_> = patterns.iter().map(|p| Pattern::parse(p).unwrap()).collect();
        match read_date(cell, &patterns, &Zone::SHANGHAI) {
            Ok(Edge::Day(day)) => day.to_string(),
            Ok(Edge::At(instant)) => instant.to_string(),
            Err(rule) => rule,
        }
    }

    #[test]
    fn dates_are_read_by_the_first_pattern_that_fits() {
        assert_eq!(check(&["YYYY/MM/DD"], "2020/01/19"), "2020-01-19");
        assert_eq!(check(&["YYYY/MM/DD"], "2020/1/9"), "2020-01-09");
        assert_eq!(check(&["YYYYMMDD"], "20220317"), "2022-03-17");
        assert_eq!(check(&["YYYY年M月D日"], "2022年3月17日"), "2022-03-17");
        assert_eq!(check(&["YYYY/M/D hh:mm"], "2022/3/17 9:05"), "2022-03-17T09:05:00+08:00");
        assert_eq!(check(&["DD.MM.YYYY", "MM/DD/YYYY"], "03/17/2022"), "2022-03-17");
    }

    #[test]
    fn iso_is_always_understood() {
        assert_eq!(check(&[], "2022-03-17"), "2022-03-17");
        assert_eq!(check(&["YYYY/MM/DD"], "2022-03-17T01:00:00Z"), "2022-03-17T09:00:00+08:00");
        assert_eq!(check(&[], "2022-03-17 09:30"), "2022-03-17T09:30:00+08:00");
    }

    #[test]
    fn impossible_days_name_the_rule_they_break() {
        assert_eq!(check(&[], "2022-03-32"), "March has 31 days");
        assert_eq!(check(&["YYYY/MM/DD"], "2022/02/30"), "February 2022 has 28 days");
        assert_eq!(check(&["YYYY/MM/DD"], "2020/02/30"), "February 2020 has 29 days");
        assert_eq!(check(&["YYYY/MM/DD"], "2022/13/01"), "a year has 12 months");
        assert_eq!(check(&["YYYY/MM/DD"], "2022/00/01"), "a year has 12 months");
        assert_eq!(check(&["YYYY/MM/DD"], "0022/01/01"), "the year lies between 1900 and 2200");
        assert_eq!(check(&["YYYY/MM/DD"], "yesterday"), "a date here is written YYYY/MM/DD");
        assert_eq!(check(&["YYYYMMDD"], "2022317"), "a date here is written YYYYMMDD");
        assert!(check(&["YYYY/MM/DD hh:mm"], "2022/03/17 24:00").contains("23:59:59"));
    }

    #[test]
    fn patterns_without_a_whole_date_are_refused() {
        for text in ["", "YY/MM/DD", "YYYY-MM", "YYYY-MM-DD hh", "hh:mm"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_that_the_clocks_jump_over_is_refused() {
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let day = CivilDay::parse("2022-03-27").unwrap();
        assert!(at_time_of_day(day, 2 * 3600 + 1800, &berlin).is_err());
        assert_eq!(at_time_of_day(day, 12 * 3600, &berlin).unwrap(), Instant::parse("2022-03-27T10:00:00Z").unwrap());
    }
}
