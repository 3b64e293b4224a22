//! The answer to a message: MSA says whether it was taken in, ERR what is wrong and where.

use super::{Delimiters, Hl7Problem, Message, escape};

/// What became of a message (table 0008, original mode).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckCode {
    /// Taken in and durable.
    Accept,
    /// Not taken in: something in it is wrong.
    Error,
    /// Not taken in: it is of a kind that is not read here, or it could not be read at all.
    Reject,
}

impl AckCode {
    /// The code of a message with these problems.
    pub fn of(problems: &[Hl7Problem]) -> Self {
        let mut fatal = problems.iter().filter(|problem| problem.fatal);
        match fatal.next() {
            None => Self::Accept,
            Some(_) if is_other_kind(problems) => Self::Reject,
            Some(_) => Self::Error,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Accept => "AA",
            Self::Error => "AE",
            Self::Reject => "AR",
        }
    }
}

fn is_other_kind(problems: &[Hl7Problem]) -> bool {
    problems.iter().any(|problem| problem.fatal && problem.segment == "MSH" && problem.field == 9)
}

/// Writes an ACK in the form of the wire.
///
/// - `of`: the message, when it could be read so far.
/// - `id`: our own id of the answer.
/// - `sent_at`: our clock, such as `20220317093000+0800`.
pub fn acknowledge(
    of: Option<&Message<'_>>,
    code: AckCode,
    problems: &[Hl7Problem],
    id: &str,
    sent_at: &str,
) -> String {
    let d = Delimiters::default();
    // Fields of the other side may have been cut by other signs: they are read and escaped again.
    let part = |number: usize| -> String {
        let Some(message) = of else { return String::new() };
        let field = message.header(number);
        let parts: Vec<_> = (1..=3).map(|at| escape(&field.component(at).text(), d).into_owned()).collect();
        parts.join("^").trim_end_matches('^').to_owned()
    };
    let event = of.map(|message| message.header(9).component(2).text().into_owned()).filter(|event| !event.is_empty());
    let processing = Some(part(11)).filter(|text| !text.is_empty()).unwrap_or_else(|| "P".to_owned());
    let kind = event.map_or("ACK".to_owned(), |event| format!("ACK^{}^ACK", escape(&event, d)));
    let (to_app, to_facility, from_app, from_facility) = (part(3), part(4), part(5), part(6));
    let mut text = format!(
        "MSH|^~\\&|{from_app}|{from_facility}|{to_app}|{to_facility}|{sent_at}||{kind}|{}|{processing}|2.5.1||||||UNICODE UTF-8\r",
        escape(id, d)
    );
    text.push_str(&format!("MSA|{}|{}\r", code.code(), part(10)));
    for problem in problems {
        let location = match (problem.occurrence, problem.field) {
            (occurrence, 0) => format!("{}^{occurrence}", escape(&problem.segment, d)),
            (occurrence, field) => format!("{}^{occurrence}^{field}", escape(&problem.segment, d)),
        };
        let severity = if problem.fatal { 'E' } else { 'W' };
        text.push_str(&format!(
            "ERR||{location}|{}|{severity}||||{}\r",
            error_code(problem),
            escape(&problem.to_string(), d)
        ));
    }
    text
}

/// Table 0357.
fn error_code(problem: &Hl7Problem) -> &'static str {
    match problem {
        Hl7Problem { segment, field: 9, .. } if segment == "MSH" => "200^Unsupported message type^HL70357",
        Hl7Problem { segment, field: 12, .. } if segment == "MSH" => "203^Unsupported version id^HL70357",
        Hl7Problem { occurrence: 0, .. } | Hl7Problem { field: 0, .. } => "100^Segment sequence error^HL70357",
        Hl7Problem { value, .. } if value.is_empty() => "101^Required field missing^HL70357",
        Hl7Problem { field: 11 | 25, .. } => "103^Table value not found^HL70357",
        _ => "102^Data type error^HL70357",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hl7v2::read_lab;

    #[test]
    fn the_answer_goes_back_to_the_sender_and_names_what_is_wrong() {
        let text = "MSH|^~\\&|LIS^1.2^ISO|LAB|NODE|CDC|20220317||ORU^R01^ORU_R01|m7|P|2.5.1\r\
                    PID|1||9^^^LAB\rOBR|1||5|94500-6^RNA^LN\rOBX|1|NM|94500-6^RNA^LN||many||||||F\r";
        let message = Message::parse(text).unwrap();
        let (_, problems) = read_lab(&message);
        let code = AckCode::of(&problems);
        assert_eq!(code, AckCode::Error);
        let answer = acknowledge(Some(&message), code, &problems, "a1", "20220317093000+0800");
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.header(5).raw(), "LIS^1.2^ISO");
        assert_eq!(answer.header(9).raw(), "ACK^R01^ACK");
        let msa = answer.segment("MSA").unwrap();
        assert_eq!((msa.raw(1), msa.raw(2)), ("AE", "m7"));
        let err = answer.segment("ERR").unwrap();
        assert_eq!((err.raw(2), err.raw(3)), ("OBX^1^5", "102^Data type error^HL70357"));
    }

    #[test]
    fn what_is_not_a_result_is_rejected_and_what_is_no_message_is_answered_too() {
        let text = "MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5.1\rPID|1||9^^^B\r";
        let message = Message::parse(text).unwrap();
        assert_eq!(AckCode::of(&read_lab(&message).1), AckCode::Reject);
        let answer = acknowledge(None, AckCode::Reject, &[], "a2", "20220317");
        assert!(Message::parse(&answer).unwrap().segment("MSA").is_some());
    }
}
