//! Opening, and numbers as text.

use std::{
    fs::File,
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
