//! OBX-5 by the type that OBX-2 names.

use super::{Dtm, Field, Message, Segment};
use crate::lab::{Code, Coded, ResultValue};

/// What an OBX says, or why that cannot be read.
///
/// # Errors
/// The rule that OBX-5 breaks.
pub fn read_value(message: &Message<'_>, obx: &Segment<'_>) -> Result<ResultValue, &'static str> {
    let (kind, value) = (message.field(obx, 2).text(), message.field(obx, 5));
    if value.is_empty() || value.is_null() {
        return Ok(ResultValue::Absent);
    }
    match &*kind {
        "NM" => number(value, read_coded(message.field(obx, 6))),
        "SN" => structured_number(value, read_coded(message.field(obx, 6))),
        "NR" => range(value, read_coded(message.field(obx, 6))),
        "CE" | "CWE" | "CNE" | "CF" => Ok(ResultValue::Coded(value.repetitions().map(read_coded).collect())),
        "IS" | "ID" => Ok(ResultValue::Coded(value.repetitions().map(bare_code).collect())),
        "ST" | "TX" | "FT" | "CX" | "XCN" | "XPN" | "XAD" | "XTN" | "XON" | "EI" | "HD" | "CP" | "MO" | "CQ" | "VR" => {
            Ok(ResultValue::Text(words(value, &kind)))
        }
        "DT" | "DTM" | "TS" => match Dtm::parse(&value.component(1).text()) {
            Some(when) => Ok(ResultValue::When(when)),
            None => Err("OBX-5 is no date such as 20220317, or no such day exists"),
        },
        "DR" => {
            let end = |number| Dtm::parse(&value.component(number).subcomponent(1).text());
            Ok(ResultValue::Period(end(1), end(2)))
        }
        "TM" => Ok(ResultValue::Clock(value.text().into_owned())),
        "ED" | "RP" => Ok(ResultValue::Data {
            kind: value.component(if kind == "ED" { 2 } else { 3 }).text().into_owned(),
            length: value.component(if kind == "ED" { 5 } else { 1 }).raw().len(),
        }),
        "" => Err("OBX-2 has to say of what type OBX-5 is"),
        _ => Err("OBX-2 names no type of values (table 0125)"),
    }
}

/// A concept (CE, CWE): up to three codes with their words and systems, and words of its own.
pub(super) fn read_coded(field: Field<'_>) -> Coded {
    let part = |number| field.component(number).text().into_owned();
    let codes = [1, 4, 10].into_iter().filter_map(|at| {
        let code = Code { code: part(at), display: part(at + 1), system: part(at + 2) };
        (!code.code.is_empty() || !code.display.is_empty()).then_some(code)
    });
    Coded { codes: codes.collect(), text: part(9) }
}

fn bare_code(field: Field<'_>) -> Coded {
    let code = Code { code: field.component(1).text().into_owned(), ..Code::default() };
    Coded { codes: vec![code], text: String::new() }
}

/// Words of a value; of a type with components, those that are filled.
fn words(value: Field<'_>, kind: &str) -> String {
    let one = |field: Field<'_>| match kind {
        "ST" | "TX" | "FT" => field.text().into_owned(),
        "VR" => [field.component(1).text(), field.component(2).text()].join("-"),
        _ => field.text().into_owned(),
    };
    let lines: Vec<String> = value.repetitions().map(one).collect();
    lines.join("\n")
}

fn number(value: Field<'_>, unit: Coded) -> Result<ResultValue, &'static str> {
    let text = value.component(1).text().trim().to_owned();
    if !is_number(&text) {
        return Err("OBX-2 says NM, and OBX-5 is no number");
    }
    Ok(ResultValue::Quantity { comparator: String::new(), number: text, unit })
}

/// `>^100`, `^1^-^10`, `^1^:^128`, `^2^+`: comparator, number, separator or suffix, number.
fn structured_number(value: Field<'_>, unit: Coded) -> Result<ResultValue, &'static str> {
    let part = |number| value.component(number).text().trim().to_owned();
    let (comparator, first, separator, second) = (part(1), part(2), part(3), part(4));
    let numbers = [&first, &second].into_iter().all(|text| text.is_empty() || is_number(text));
    if !numbers || (first.is_empty() && second.is_empty()) {
        return Err("OBX-2 says SN, and OBX-5 has no number where one belongs");
    }
    Ok(match &*separator {
        "-" => ResultValue::Range { low: first, high: second, unit },
        ":" | "/" => ResultValue::Ratio { numerator: first, denominator: second, unit },
        _ => {
            let comparator = if matches!(&*comparator, "<" | "<=" | ">" | ">=") { comparator } else { String::new() };
            ResultValue::Quantity { comparator, number: first, unit }
        }
    })
}

fn range(value: Field<'_>, unit: Coded) -> Result<ResultValue, &'static str> {
    let (low, high) = (value.component(1).text().into_owned(), value.component(2).text().into_owned());
    if ![&low, &high].into_iter().all(|text| text.is_empty() || is_number(text)) {
        return Err("OBX-2 says NR, and OBX-5 has no number where one belongs");
    }
    Ok(ResultValue::Range { low, high, unit })
}

/// `-`, digits, a point: chapter 2A.3.46.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().filter(|&byte| byte == b'.').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(obx: &str, expect: Result<ResultValue, &'static str>) {
        let text = format!("MSH|^~\\&|A\rOBX|1|{obx}");
        let message = Message::parse(&text).unwrap();
        assert_eq!(read_value(&message, &message.segments()[1]), expect, "{obx}");
    }

    fn unit(code: &str) -> Coded {
        let codes = vec![Code { code: code.to_owned(), ..Code::default() }];
        Coded { codes, text: String::new() }
    }

    #[test]
    fn numbers_keep_their_digits() {
        let quantity = |comparator: &str, number: &str| ResultValue::Quantity {
            comparator: comparator.to_owned(),
            number: number.to_owned(),
            unit: unit("mL"),
        };
        check("NM|x||1.50|mL", Ok(quantity("", "1.50")));
        check("SN|x||>=^100|mL", Ok(quantity(">=", "100")));
        check("NM|x||1,5|mL", Err("OBX-2 says NM, and OBX-5 is no number"));
        check("NM|x|||mL", Ok(ResultValue::Absent));
    }

    #[test]
    fn titres_are_ratios_and_spans_are_ranges() {
        let (one, many) = ("1".to_owned(), "128".to_owned());
        check(
            "SN|x||^1^:^128",
            Ok(ResultValue::Ratio { numerator: one.clone(), denominator: many.clone(), unit: Coded::default() }),
        );
        check(
            "SN|x||^1^-^128",
            Ok(ResultValue::Range { low: one.clone(), high: many.clone(), unit: Coded::default() }),
        );
        check("NR|x||1^128", Ok(ResultValue::Range { low: one, high: many, unit: Coded::default() }));
    }

    #[test]
    fn codes_come_with_their_alternatives() {
        let code = |code: &str, display: &str, system: &str| Code {
            code: code.to_owned(),
            display: display.to_owned(),
            system: system.to_owned(),
        };
        let codes = vec![code("260373001", "Detected", "SCT"), code("POS", "pos", "L")];
        check(
            "CWE|x||260373001^Detected^SCT^POS^pos^L",
            Ok(ResultValue::Coded(vec![Coded { codes, text: String::new() }])),
        );
    }

    #[test]
    fn a_value_of_no_type_is_refused() {
        check("|x||1", Err("OBX-2 has to say of what type OBX-5 is"));
        check("QQ|x||1", Err("OBX-2 names no type of values (table 0125)"));
        check("DT|x||20220230", Err("OBX-5 is no date such as 20220317, or no such day exists"));
    }
}
