//! What the tests of this room share: the packs of the repository and the reference data.
#![allow(dead_code, clippy::allow_attributes, reason = "each test uses its part of this file")]

use std::path::{Path, PathBuf};

use sizao_policy::{Pack, PackTimeline};

/// A folder of the reference data; nothing, said so, where there is none. In CI that is a failure.
pub fn reference(folder: &str) -> Option<PathBuf> {
    match std::env::var_os("SIZAO_REFERENCE") {
        Some(root) => Some(Path::new(&root).join(folder)),
        None if std::env::var_os("CI").is_some() => panic!("SIZAO_REFERENCE is not set in CI"),
        None => {
            println!("not run: reference data absent");
            None
        }
    }
}

/// The folder of the packs.
pub fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies")
}

/// A pack of the repository.
pub fn pack(id: &str) -> Pack {
    let text = std::fs::read_to_string(policies().join(id).join("pack.toml")).unwrap();
    Pack::from_toml(id, &text)
        .unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// Packs of the repository in order.
pub fn packs(ids: &[impl AsRef<str>]) -> PackTimeline {
    PackTimeline::new(ids.iter().map(|id| pack(id.as_ref())).collect()).unwrap()
}
