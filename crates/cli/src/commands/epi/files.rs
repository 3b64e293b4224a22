//! Opening, and numbers as text.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result};

use crate::output::reader;

/// Opens a file to read; `-` is standard input, `.gz` and `.zst` are unpacked.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    if path.extension().is_some_and(|extension| extension == "gz") {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        return Ok(Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))));
    }
    reader(path)
}

/// Reads a whole file; what [`open`] can open.
pub fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let is_plain = path.as_os_str() != "-" && !path.extension().is_some_and(|ext| ext == "gz" || ext == "zst");
    let mut text = Vec::new();
    if is_plain {
        // With room for the whole: nothing is moved while it grows.
        text = fs::read(path).with_context(|| format!("opening {}", path.display()))?;
    } else {
        open(path)?.read_to_end(&mut text).with_context(|| format!("reading {}", path.display()))?;
    }
    Ok(text)
}
