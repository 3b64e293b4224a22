//! Passes read by a COSE library that is not ours: pycose from PyPI, in an environment of its own under `target/`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ed25519_dalek::SigningKey;
use sizao_interop::pass::{Form, Pass, sign};
use sizao_model::{Colour, Instant};

/// What the script says that it needs.
const PACKAGES: [&str; 3] = ["pycose==1.1.0", "base45", "cbor2<6"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A Python with the packages; none where it cannot be had, which in CI is a failure.
fn python() -> Option<PathBuf> {
    let folder = root().join("target/cose");
    let python = folder.join("bin/python");
    let has = || runs(Command::new(&python).args(["-c", "import pycose, base45, cbor2"]));
    if has() {
        return Some(python);
    }
    let made = runs(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    if made && runs(Command::new(&python).args(pip).args(PACKAGES)) && has() {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "CI reads passes with pycose from PyPI, and it could not be installed");
    println!("not run: pycose could not be installed from PyPI (python3-venv and a network are needed)");
    None
}

/// What the script says of each pass, in order.
fn told(python: &Path, key: &SigningKey, passes: &[String]) -> Vec<String> {
    let digits: String = key.verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut child = Command::new(python)
        .arg(root().join("scripts/check_pass.py"))
        .arg(digits)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all((passes.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn an_independent_library_reads_our_passes_and_refuses_forged_ones() {
    let Some(python) = python() else { return };
    let (key, other) = (SigningKey::from_bytes(&[5; 32]), SigningKey::from_bytes(&[6; 32]));
    let issued_at = Instant::parse("2022-03-17T09:00:00+08:00").unwrap();
    let pass = |number: u8, form: Form| Pass {
        issuer: "410102".into(),
        id: [number; 16],
        issued_at,
        expires_at: issued_at.plus_minutes(form.minutes_max()),
        colour: [None, Some(Colour::Green), Some(Colour::Yellow), Some(Colour::Red)][usize::from(number) % 4],
        form,
    };
    let mut passes: Vec<String> = (0..40).map(|number| sign(&pass(number, Form::Phone), &key)).collect();
    passes.push(sign(&pass(7, Form::Paper), &key));
    // The same statement with the signature of another key.
    passes.push(sign(&pass(1, Form::Phone), &other));
    let lines = told(&python, &key, &passes);
    assert_eq!(lines.len(), passes.len(), "{lines:?}");
    for (number, line) in lines[..40].iter().enumerate() {
        // 1 is the colour: 1 green, 2 yellow, 3 red; 2 is the form. Times in seconds since 1970.
        let says = match number % 4 {
            0 => "{2: 1}".to_owned(),
            colour => format!("{{1: {colour}, 2: 1}}"),
        };
        assert!(line.starts_with("fits") && line.contains("from 1647478800 to 1647479400"), "{line}");
        assert!(line.ends_with(&says), "{line}");
    }
    assert!(lines[40].starts_with("fits") && lines[40].ends_with("{2: 2}"), "paper has no colour: {}", lines[40]);
    assert!(lines[41].starts_with("does not fit"), "{}", lines[41]);
}
