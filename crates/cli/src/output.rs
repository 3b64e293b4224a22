//! Saying things: plain words by default, JSON when asked for.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, IsTerminal, Read, Write},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::node::sync_names_beside;

/// Prints `words`, or `json` when asked for.
pub fn say(json: bool, words: impl FnOnce() -> String, value: impl FnOnce() -> Value) {
    let text = if json { value().to_string() } else { words() };
    // A reader that went away, such as `head`, is no failure of ours.
    let _ = writeln!(io::stdout(), "{}", text.trim_end());
}

/// A progress bar with rate and time left, on terminals only.
pub fn progress_bar(length: u64, unit: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    let template = format!("{{bar:30}} {{percent:>3}} %  {{msg}}  {{per_sec}} {unit}  {{eta}} left");
    bar.set_style(ProgressStyle::with_template(&template).expect("the template is well formed"));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Opens a file to read; `.zst` is unpacked.
pub fn reader(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "zst") {
        return Ok(Box::new(zstd::Decoder::new(file).with_context(|| format!("unpacking {}", path.display()))?));
    }
    Ok(Box::new(BufReader::new(file)))
}

/// Writes a file as a whole: under another name first, synced, then renamed. `-` is standard output.
pub struct WholeFile {
    out: Box<dyn Write>,
    paths: Option<(std::path::PathBuf, std::path::PathBuf)>,
}

impl WholeFile {
    /// Begins to write; `.zst` is compressed.
    pub fn create(path: &Path) -> Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self { out: Box::new(BufWriter::new(io::stdout())), paths: None });
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = std::path::PathBuf::from(part);
        let file = File::create(&part).with_context(|| format!("writing {}", part.display()))?;
        let out: Box<dyn Write> = if path.extension().is_some_and(|extension| extension == "zst") {
            Box::new(zstd::Encoder::new(file, 3)?.auto_finish())
        } else {
            Box::new(BufWriter::with_capacity(1 << 16, file))
        };
        Ok(Self { out, paths: Some((part, path.to_owned())) })
    }

    /// Makes it durable under its own name.
    pub fn finish(mut self) -> Result<()> {
        self.out.flush()?;
        drop(self.out);
        if let Some((part, path)) = self.paths {
            File::open(&part)?.sync_all()?;
            std::fs::rename(&part, &path).with_context(|| format!("naming {}", path.display()))?;
            sync_names_beside(&path)?;
        }
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A number with its thousands apart: 1,284.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
