//! A running node is replaced by another program on the same store, as `docs/upgrade.md` says: what is under way is
//! finished, nothing that was answered is lost, nobody has to sign in again.
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

struct Node {
    process: Child,
    address: String,
    set_up: Option<String>,
}

/// Starts the pages of a store and waits until it says where they are.
fn start(store: &Path) -> Node {
    let mut process = Command::new(env!("CARGO_BIN_EXE_sizao"))
        .args(["--json", "--store"])
        .arg(store)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = told["address"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let set_up = told["set_up"].as_str().map(|link| link[link.find("/setup/").unwrap()..].to_owned());
    Node { process, address, set_up }
}

impl Node {
    fn tell_to_stop(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap().success());
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn ask(&self, head: &str, cookie: &str, body: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(format!("{}{body}", self.request(head, cookie, body.len())).as_bytes()).unwrap();
        rest(stream)
    }

    fn request(&self, head: &str, cookie: &str, length: usize) -> String {
        format!(
            "{head} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n",
            self.address
        )
    }
}

fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let text = &text[text.find(from).unwrap_or_else(|| panic!("no {from} in {text}")) + from.len()..];
    &text[..text.find(to).unwrap()]
}

/// The code of an authenticator app, so many half minutes from now.
fn code(secret: &str, ahead: i64) -> String {
    let bits: String = secret
        .chars()
        .filter_map(|letter| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter))
        .map(|value| format!("{value:05b}"))
        .collect();
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    let seconds = Command::new("date").arg("+%s").output().unwrap().stdout;
    let seconds: i64 = String::from_utf8(seconds).unwrap().trim().parse().unwrap();
    sizao_app::totp::code_at(&bytes, seconds.div_euclid(30) + ahead)
}

#[test]
fn a_running_node_is_replaced_and_nothing_that_was_answered_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("node.db");
    let made = Command::new(env!("CARGO_BIN_EXE_sizao")).arg("--store").arg(&store).arg("init").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let mut old = start(&store);
    let link = old.set_up.clone().unwrap();
    let page = old.ask(&format!("GET {link}"), "", "");
    let secret = between(&page, "id=\"secret\">", "<").to_owned();
    let form = format!(
        "unit_name=HQ&unit_kind=headquarters&division=41&login=first&name=First&password=correct horse battery\
         &repeated=correct horse battery&code={}",
        code(&secret, 0)
    );
    assert!(old.ask(&format!("POST {link}"), "", &form.replace(' ', "+")).starts_with("HTTP/1.1 303"));
    // The code of this half minute was used: the next one counts already.
    let form = format!("login=first&password=correct+horse+battery&code={}", code(&secret, 1));
    let answer = old.ask("POST /sign-in", "", &form);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let cookie = format!("sizao_session={}", between(&answer, "sizao_session=", ";"));
    let page = old.ask("GET /accounts", &cookie, "");
    let word = between(&page, "name=\"csrf\" value=\"", "\"").to_owned();

    // A form is half sent when the old program is told to stop; the other half comes afterwards.
    let form = format!("csrf={word}&unit_name=Made+while+stopping&unit_kind=cdc&division=4101");
    let (begun, end) = form.split_at(form.len() / 2);
    let mut stream = old.connect();
    stream.write_all(format!("{}{begun}", old.request("POST /units", &cookie, form.len())).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    old.tell_to_stop();
    std::thread::sleep(Duration::from_millis(500));
    assert!(TcpStream::connect(&old.address).is_err(), "no new requests are taken");
    assert!(old.process.try_wait().unwrap().is_none(), "it waits for what is under way");
    stream.write_all(end.as_bytes()).unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert!(old.process.wait().unwrap().success(), "it ends by itself");

    let mut new = start(&store);
    assert_eq!(new.set_up, None, "the first administrator is still there");
    let page = new.ask("GET /accounts", &cookie, "");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Made while stopping"), "{page}");
    assert!(new.ask("GET /readyz", "", "").ends_with("ready\n"));
    new.tell_to_stop();
    assert!(new.process.wait().unwrap().success());
}
