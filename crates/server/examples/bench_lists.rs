//! Loads the lists, searches and boards of a demonstration node as every role, and prints times and pages a second.
//!
//! `bench_lists ADDRESS PASSWORD SECONDS`: signs in by page as each account, most restricted first, and asks for the pages
//! of that role: first one after the other (p50, p95), then in a mix with eight connections at once (pages/s).

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::Instant,
};

/// Login and the pages of its role; a search term is filled in for `{q}`.
const ROLES: [(&str, &[&str]); 7] = [
    (
        "community",
        &["/people?group=under-measures", "/people?group=changing-soon", "/people?group=new-7d", "/people?q={q}"],
    ),
    ("tracer", &["/people?group=contacts-7d", "/people?group=isolation-late", "/people?q={q}"]),
    ("appeal", &["/people?group=under-measures", "/people?q={q}"]),
    ("stat", &["/board"]),
    ("cdc", &["/board", "/people?group=new-24h", "/people?group=under-measures", "/people?q={q}", "/mandates"]),
    ("zhengzhou", &["/board", "/people?group=in-community-7d", "/people?group=due-not-released", "/people?q={q}"]),
    (
        "province",
        &[
            "/board",
            "/board?division=4101",
            "/people?group=under-measures",
            "/people?group=detection-late",
            "/people?q={q}",
        ],
    ),
];
/// Names in pinyin, initials and the last digits of telephones: searches that find some and searches that find many.
const SEARCHES: [&str; 6] = ["zhangwei", "zw", "1234", "wangfang", "lm", "0007"];
/// Each page is asked for so often, one after the other.
const TIMES: usize = 100;
/// Connections of the mix.
const CONNECTIONS: usize = 8;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(password)) = (arguments.next(), arguments.next()) else {
        return Err("give the address, the password and the seconds of the mix".into());
    };
    let seconds: u64 = arguments.next().map_or(Ok(30), |text| text.parse())?;
    println!("{:<12} {:<40} {:>6} {:>8} {:>8} {:>8}", "account", "page", "asked", "p50 ms", "p95 ms", "max ms");
    let mut sessions = Vec::new();
    let mut worst: f64 = 0.0;
    for (login, pages) in ROLES {
        let mut line = Line::open(&address).await?;
        let cookie = line.sign_in(login, &password).await?;
        for page in pages {
            let mut times = Vec::new();
            for turn in 0..TIMES {
                let path = page.replace("{q}", SEARCHES[turn % SEARCHES.len()]);
                let began = Instant::now();
                line.get(&path, &cookie).await?;
                times.push(began.elapsed());
            }
            worst = worst.max(print(login, page, &mut times));
        }
        sessions.push((cookie, pages));
    }
    let mixed = mix(&address, sessions, Duration::from_secs(seconds)).await?;
    println!("\nthe mix, {CONNECTIONS} connections, {seconds} s:");
    let mut count = 0;
    for (page, mut times) in mixed {
        count += times.len();
        worst = worst.max(print("", page, &mut times));
    }
    println!("\n{:.0} pages/s; worst p95 {worst:.1} ms", count as f64 / seconds as f64);
    Ok(ExitCode::SUCCESS)
}

/// Prints a line; the 95th percentile in milliseconds.
fn print(login: &str, page: &str, times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("{login:<12} {page:<40} {:>6} {:>8.1} {:>8.1} {:>8.1}", times.len(), at(0.5), at(0.95), at(1.0));
    at(0.95)
}

type Sessions = Vec<(String, &'static [&'static str])>;

/// Every account's pages in turn, each page equally often, over several connections.
async fn mix(
    address: &str,
    sessions: Sessions,
    lasts: Duration,
) -> Result<BTreeMap<&'static str, Vec<Duration>>, Failure> {
    let found: Arc<Mutex<BTreeMap<&'static str, Vec<Duration>>>> = Arc::default();
    let sessions = Arc::new(sessions);
    let end = Instant::now() + lasts;
    let workers = (0..CONNECTIONS).map(|worker| {
        let (address, sessions, found) = (address.to_owned(), sessions.clone(), found.clone());
        tokio::spawn(async move {
            let mut line = Line::open(&address).await?;
            let all: Vec<(&String, &'static str)> =
                sessions.iter().flat_map(|(cookie, pages)| pages.iter().map(move |page| (cookie, *page))).collect();
            let mut turn = worker * 7;
            while Instant::now() < end {
                let (cookie, page) = all[turn % all.len()];
                let path = page.replace("{q}", SEARCHES[turn % SEARCHES.len()]);
                let began = Instant::now();
                line.get(&path, cookie).await?;
                found.lock().expect("no worker panics").entry(page).or_default().push(began.elapsed());
                turn += 1;
            }
            Ok::<(), Failure>(())
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await??;
    }
    Ok(std::mem::take(&mut *found.lock().expect("no worker panics")))
}

/// One connection that is kept open.
struct Line {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Line {
    async fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), address: address.to_owned() })
    }

    async fn sign_in(&mut self, login: &str, password: &str) -> Result<String, Failure> {
        let body = format!("login={login}&password={password}&code=");
        let head = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let (status, cookie) = self.exchange(&head).await?;
        match cookie {
            Some(cookie) if status == 303 => Ok(cookie),
            _ => Err(format!("{login} was not let in: {status}").into()),
        }
    }

    async fn get(&mut self, path: &str, cookie: &str) -> Result<(), Failure> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n", self.address);
        match self.exchange(&head).await? {
            (200, _) => Ok(()),
            (status, _) => Err(format!("{path}: {status}").into()),
        }
    }

    /// Sends a request and reads the whole answer: its status and the session that it sets.
    async fn exchange(&mut self, request: &str) -> Result<(u16, Option<String>), Failure> {
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let (mut status, mut length, mut cookie) = (0, 0, None);
        loop {
            let mut text = String::new();
            if self.stream.read_line(&mut text).await? == 0 {
                return Err("the node closed the connection".into());
            }
            let line = text.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse()?;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length: ") {
                length = value.parse()?;
            }
            if lower.starts_with("set-cookie: sizao_session=") {
                cookie = line[12..].split(';').next().map(str::to_owned);
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok((status, cookie))
    }
}
