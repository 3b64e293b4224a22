//! Reads messages over and over, for measuring: `/usr/bin/time -v target/release/examples/hl7_speed FILE TIMES [STEP]`.
//!
//! STEP is `parse` (segments and fields), `lab` (what the laboratory says, with what is wrong with it) or `drafts`
//! (everything that an import does before the store). Without it, `lab`.

use sizao_interop::{
    Imported,
    hl7v2::{ChunkKind, Message, MessageImport, decode, read_lab, split},
};
use sizao_model::{DivisionCode, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, times, rest @ ..] = &arguments[..] else { panic!("give a file, and how often to read it") };
    let bytes = std::fs::read(file).expect("the file can be read");
    let times: u64 = times.parse().expect("a number of times");
    let step = rest.first().map_or("lab", String::as_str);
    let mut messages = 0u64;
    let mut fields = 0usize;
    for _ in 0..times {
        if step == "drafts" {
            let now = Instant::parse("2026-01-01T00:00:00Z").expect("an instant");
            let import = MessageImport::new(&bytes[..], "lab", DivisionCode::HENAN, now).expect("there are messages");
            for taken in import {
                messages += 1;
                if let Ok(Imported::Accepted(row)) = taken {
                    fields += row.facts.len();
                }
            }
            continue;
        }
        for chunk in split(&bytes).into_iter().filter(|chunk| chunk.kind == ChunkKind::Message) {
            let text = decode(chunk.bytes).expect("the message has the character set that it names");
            let message = Message::parse(&text).expect("a message");
            messages += 1;
            fields += match step {
                "parse" => message.segments().iter().map(|segment| segment.field_count()).sum(),
                _ => read_lab(&message).0.reports.iter().map(|report| report.results.len()).sum::<usize>(),
            };
        }
    }
    println!("{messages} messages, {fields} {}", if step == "parse" { "fields" } else { "results" });
}
