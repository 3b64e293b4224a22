//! The disk that forgets what was not synced: see `lossy.c`.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
    time::UNIX_EPOCH,
};

use tempfile::TempDir;

use crate::durability::random::Random;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A folder on a disk that forgets.
pub struct LossyDisk {
    /// What programs see.
    pub real: PathBuf,
    shadow: TempDir,
    library: PathBuf,
}

/// What of the things that were not synced survives a power cut.
pub enum Survives {
    /// Nothing.
    Nothing,
    /// Any sectors, any names.
    Some(Random),
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    is_folder: bool,
    id: String,
}

impl LossyDisk {
    /// Watches a folder; everything in it so far is durable.
    pub fn new(folder: &Path) -> Self {
        let real = folder.canonicalize().unwrap();
        let shadow = tempfile::tempdir().unwrap();
        let library = shadow.path().join("lossy.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/durability/lossy.c");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(made.expect("a C compiler is installed as cc").success());
        let disk = Self { real, shadow, library };
        for name in ["files", "folders"] {
            fs::create_dir(disk.shadow.path().join(name)).unwrap();
        }
        disk.keep(&disk.real);
        disk.give_to_owner_of_folder();
        disk
    }

    /// What a program needs in its environment to write to this disk.
    pub fn environment(&self) -> [(&'static str, &Path); 3] {
        let shadow = self.shadow.path();
        [("LD_PRELOAD", &self.library), ("SIZAO_LOSSY_FOLDER", &self.real), ("SIZAO_LOSSY_SHADOW", shadow)]
    }

    /// Cuts the power and writes what is there after it to a folder that is not there yet. Gives the number of sectors
    /// that were written and not synced.
    pub fn cut_power(&self, into: &Path, mut survives: Survives) -> u64 {
        self.write_folder(&id_of(&self.real).id, Some(&self.real), into, &mut survives)
    }

    fn keep(&self, folder: &Path) {
        let mut names = String::new();
        for (name, entry) in entries(folder) {
            let letter = if entry.is_folder { 'd' } else { 'f' };
            names.push_str(&format!("{letter} {} {name}\n", entry.id));
            let path = folder.join(&name);
            if entry.is_folder {
                self.keep(&path);
            } else {
                fs::write(self.kept("files", &entry.id), fs::read(path).unwrap()).unwrap();
            }
        }
        fs::write(self.kept("folders", &id_of(folder).id), names).unwrap();
    }

    /// A server runs as another user.
    fn give_to_owner_of_folder(&self) {
        let owner = fs::metadata(&self.real).unwrap();
        let give = |path: &Path| chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
        for kind in ["files", "folders"] {
            let folder = self.shadow.path().join(kind);
            for entry in fs::read_dir(&folder).unwrap() {
                give(&entry.unwrap().path());
            }
            give(&folder);
        }
        give(self.shadow.path());
        fs::set_permissions(&self.library, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn kept(&self, kind: &str, id: &str) -> PathBuf {
        self.shadow.path().join(kind).join(id)
    }

    fn write_folder(&self, id: &str, real: Option<&Path>, into: &Path, survives: &mut Survives) -> u64 {
        let mut unsynced = 0;
        fs::create_dir(into).unwrap();
        let durable = self.durable_entries(id);
        let seen = real.map(entries).unwrap_or_default();
        let mut names: Vec<&String> = durable.keys().chain(seen.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (was, is) = (durable.get(name), seen.get(name));
            let survived = match survives {
                Survives::Nothing => false,
                Survives::Some(random) => was != is && random.coin(),
            };
            let chosen = if survived { is } else { was };
            let Some(entry) = chosen else { continue };
            let still_there = real.map(|real| real.join(name)).filter(|_| is == Some(entry));
            if entry.is_folder {
                unsynced += self.write_folder(&entry.id, still_there.as_deref(), &into.join(name), survives);
            } else {
                let durable = fs::read(self.kept("files", &entry.id)).unwrap_or_default();
                let written = still_there.map_or_else(|| durable.clone(), |path| fs::read(path).unwrap());
                unsynced += sectors_that_differ(&durable, &written);
                fs::write(into.join(name), surviving_bytes(durable, &written, survives)).unwrap();
            }
        }
        unsynced
    }

    /// The names in a folder as of its last sync; one that was never synced is empty.
    fn durable_entries(&self, id: &str) -> BTreeMap<String, Entry> {
        let text = fs::read_to_string(self.kept("folders", id)).unwrap_or_default();
        let entry = |line: &str| {
            let mut parts = line.splitn(3, ' ');
            let (letter, id, name) = (parts.next()?, parts.next()?, parts.next()?);
            Some((name.to_owned(), Entry { is_folder: letter == "d", id: id.to_owned() }))
        };
        text.lines().map(|line| entry(line).expect("lines have three parts")).collect()
    }
}

fn surviving_bytes(durable: Vec<u8>, written: &[u8], survives: &mut Survives) -> Vec<u8> {
    let mut bytes = durable;
    if let Survives::Some(random) = survives {
        if random.coin() {
            bytes.resize(written.len(), 0);
        }
        for (to, from) in bytes.chunks_mut(SECTOR).zip(written.chunks(SECTOR)) {
            if to.len() == from.len() && to != from && random.coin() {
                to.copy_from_slice(from);
            }
        }
    }
    bytes
}

fn sectors_that_differ(durable: &[u8], written: &[u8]) -> u64 {
    let longer = durable.len().max(written.len());
    let sector = |bytes: &[u8], at: usize| bytes[at.min(bytes.len())..(at + SECTOR).min(bytes.len())].to_vec();
    (0..longer).step_by(SECTOR).filter(|at| sector(durable, *at) != sector(written, *at)).count() as u64
}

fn entries(folder: &Path) -> BTreeMap<String, Entry> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    names.map(|entry| (entry.file_name().into_string().unwrap(), id_of(&entry.path()))).collect()
}

/// The same name for a file as `lossy.c` has for it.
fn id_of(path: &Path) -> Entry {
    let seen = fs::symlink_metadata(path).unwrap();
    let born = seen.created().map_or(Default::default(), |born| born.duration_since(UNIX_EPOCH).unwrap_or_default());
    let id = format!("{}-{}-{}", seen.ino(), born.as_secs(), born.subsec_nanos());
    Entry { is_folder: seen.is_dir(), id }
}
