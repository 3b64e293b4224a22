//! Signs so many passes with a key for tests: the key on standard error, a pass a line on standard output.
//!
//! `cargo run -p sizao-interop --example pass -- 100 2>key | python3 scripts/check_pass.py $(cat key)`

use ed25519_dalek::SigningKey;
use sizao_interop::pass::{Form, PHONE_MINUTES, Pass, sign};
use sizao_model::{Colour, Instant};

fn main() {
    let count: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    let key = SigningKey::from_bytes(&[5; 32]);
    let digits: String = key.verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    eprintln!("{digits}");
    let issued_at = Instant::parse("2022-03-17T09:00:00+08:00").expect("a moment");
    for number in 0..count {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let colour = [None, Some(Colour::Green), Some(Colour::Yellow), Some(Colour::Red)][number as usize % 4];
        let expires_at = issued_at.plus_minutes(PHONE_MINUTES);
        println!(
            "{}",
            sign(&Pass { issuer: "example".to_owned(), id, issued_at, expires_at, colour, form: Form::Phone }, &key)
        );
    }
}
