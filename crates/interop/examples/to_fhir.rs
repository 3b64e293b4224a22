//! Writes each message of HL7 v2 files as a FHIR bundle, one on each line: what validators of FHIR are run on.

use sizao_interop::{
    fhir::write_lab,
    hl7v2::{ChunkKind, Message, decode, read_lab, split},
};

fn main() {
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).expect("the file can be read");
        for chunk in split(&bytes).into_iter().filter(|chunk| chunk.kind == ChunkKind::Message) {
            let text = decode(chunk.bytes).expect("the message has the character set that it names");
            let message = Message::parse(&text).expect("a message");
            println!("{}", write_lab(&read_lab(&message).0).write());
        }
    }
}
