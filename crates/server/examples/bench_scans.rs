//! Scans of a place code against a demonstration node: how many a second are acknowledged, and how long each waits.
//!
//! `bench_scans ADDRESS PASSWORD SECONDS BATCH`: 256 connections, each sending one request after the other with BATCH scans of
//! people of their own. The generator runs on the same cores.

use std::{process::ExitCode, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::RwLock,
    time::Instant,
};

const CONNECTIONS: usize = 256;
/// A code is fetched anew so often.
const RENEW: Duration = Duration::from_secs(20);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(password)) = (arguments.next(), arguments.next()) else {
        return Err("give the address, the password, the seconds and the scans of a request".into());
    };
    let seconds: u64 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let batch: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let mut line = Line::open(&address).await?;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let signed_in = line.post("/sign-in", form, &format!("login=venue&password={password}&code=")).await?;
    let cookie = format!("cookie: {}\r\n", signed_in.cookie.ok_or("venue was not let in")?);
    let csrf = between(&line.get("/me", &cookie).await?.body, "name=\"csrf\" value=\"", "\"")?;
    let fields = format!("csrf={csrf}&token_name=bench&scopes=send-scans&token_days=1");
    let made = line.post("/me/tokens", &format!("{form}{cookie}"), &fields).await?.body;
    let token = between(&made, "id=\"token\">", "<")?;
    let fields = format!("csrf={csrf}&name=Bench&kind=venue&division=410105");
    let place = line.post("/places", &format!("{form}{cookie}"), &fields).await?.location.ok_or("no place")?;
    let page = format!("{place}/code");
    let code = Arc::new(RwLock::new(code_of(&line.get(&page, &cookie).await?.body)?));
    let end = Instant::now() + Duration::from_secs(seconds);
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|worker| tokio::spawn(scan(address.clone(), token.clone(), code.clone(), worker, batch, end)))
        .collect();
    while Instant::now() < end {
        tokio::time::sleep(RENEW.min(end - Instant::now())).await;
        *code.write().await = code_of(&line.get(&page, &cookie).await?.body)?;
    }
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await??);
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)].as_secs_f64() * 1e3;
    let rate = (times.len() * batch) as f64 / seconds as f64;
    println!("batches of {batch}: {rate:.0} scans/s acknowledged; p50 {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99));
    Ok(ExitCode::SUCCESS)
}

async fn scan(
    address: String,
    token: String,
    code: Arc<RwLock<String>>,
    worker: usize,
    batch: usize,
    end: Instant,
) -> Result<Vec<Duration>, Failure> {
    let mut line = Line::open(&address).await?;
    let head = format!("content-type: application/json\r\nauthorization: Bearer {token}\r\n");
    let run = std::process::id();
    let mut times = Vec::new();
    while Instant::now() < end {
        let code = code.read().await.clone();
        let scans: Vec<String> = (0..batch)
            .map(|n| {
                let turn = times.len() * batch + n;
                format!(r#"{{"key":"{run}-{worker}-{turn}","person":"{worker}-{}","code":"{code}"}}"#, turn % 400)
            })
            .collect();
        let body = format!(r#"{{"scans":[{}]}}"#, scans.join(","));
        let began = Instant::now();
        let answer = line.post("/api/v1/scans", &head, &body).await?;
        if answer.body.matches("\"stored\"").count() != batch {
            return Err(format!("not acknowledged: {}", answer.body).into());
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

fn between(text: &str, before: &str, after: &str) -> Result<String, Failure> {
    let found = text.split(before).nth(1).and_then(|rest| rest.split(after).next());
    Ok(found.ok_or_else(|| format!("the page has no {before}"))?.to_owned())
}

fn code_of(page: &str) -> Result<String, Failure> {
    Ok(format!("SZ1.{}", between(page, ">SZ1.", "<")?))
}

struct Answer {
    body: String,
    cookie: Option<String>,
    location: Option<String>,
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

    async fn get(&mut self, path: &str, head: &str) -> Result<Answer, Failure> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{head}\r\n", self.address);
        self.exchange(&request).await
    }

    async fn post(&mut self, path: &str, head: &str, body: &str) -> Result<Answer, Failure> {
        let (host, length) = (&self.address, body.len());
        let request = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\n{head}content-length: {length}\r\n\r\n{body}");
        self.exchange(&request).await
    }

    async fn exchange(&mut self, request: &str) -> Result<Answer, Failure> {
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let (mut length, mut cookie, mut location) = (0, None, None);
        loop {
            let mut text = String::new();
            if self.stream.read_line(&mut text).await? == 0 {
                return Err("the node closed the connection".into());
            }
            let Some((name, value)) = text.trim_end().split_once(": ") else {
                if text.trim_end().is_empty() { break } else { continue }
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "set-cookie" => cookie = value.split(';').next().map(str::to_owned),
                "location" => location = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { body: String::from_utf8_lossy(&body).into_owned(), cookie, location })
    }
}
