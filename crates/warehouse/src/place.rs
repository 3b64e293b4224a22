//! Puts a file in its place as a whole: under another name first, synced, then renamed, then the folder synced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::WarehouseError;

/// A file that is there for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its length.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
}

/// Writes `bytes` to `path`, and has them on the disk when it returns. A file of that name is replaced at once and as a
/// whole; on any error it is what it was, and nothing half-written is left.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<[u8; 32], WarehouseError> {
    put_with(path, |file| file.write_all(bytes))?;
    Ok(Sha256::digest(bytes).into())
}

fn put_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), WarehouseError> {
    let part = part(path);
    let failed = |doing| {
        let path = path.to_owned();
        move |cause| WarehouseError::File { path, doing, cause }
    };
    let placed = File::create(&part)
        .map_err(failed("written"))
        .and_then(|mut file| {
            write(&mut file).map_err(failed("written"))?;
            file.sync_all().map_err(failed("synced"))
        })
        .and_then(|()| fs::rename(&part, path).map_err(failed("named")));
    if placed.is_err() {
        // What is left is of no use; that it cannot be removed changes nothing about the error.
        let _ = fs::remove_file(&part);
        return placed;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("synced"))
}

fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder is there");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_disk_that_fills_up_while_writing_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("day.seg");
        let full = |file: &mut File| {
            file.write_all(&[7; 5_000])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let refused = put_with(&path, full);
        assert!(matches!(refused, Err(WarehouseError::File { doing: "written", .. })), "{refused:?}");
        assert!(names(folder.path()).is_empty(), "nothing half-written");
        put(&path, b"old").expect("there is room");
        put_with(&path, full).expect_err("the disk is full");
        assert_eq!(
            (fs::read(&path).expect("the file"), names(folder.path())),
            (b"old".to_vec(), vec!["day.seg".into()])
        );
    }

    #[test]
    fn a_part_that_a_killed_writer_left_is_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("day.seg");
        fs::write(part(&path), b"half of something longer").expect("there is room");
        put(&path, b"whole").expect("there is room");
        assert_eq!((fs::read(&path).expect("the file"), names(folder.path()).len()), (b"whole".to_vec(), 1));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = put(Path::new("/nowhere/at/all/day.seg"), b"").expect_err("there is no folder");
        assert!(error.to_string().starts_with("/nowhere/at/all/day.seg"), "{error}");
    }
}
