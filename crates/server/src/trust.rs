//! The trust list: who may sign certificates that are shown at a gate, as PEM certificates in one file.

use std::path::{Path, PathBuf};

use sizao_app::certificates::TrustList;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

/// Why a trust list cannot be used.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file cannot be read, or holds no certificate in PEM.
    #[error("{path}: no certificates in PEM could be read there")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Option<tokio_rustls::rustls::pki_types::pem::Error>,
    },
    /// A certificate in it is of a kind that nobody should use.
    #[error("{path}, certificate {number}: {told}")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Which of them, from 1.
        number: usize,
        /// What is wrong.
        told: String,
    },
}

/// Reads a trust list.
///
/// # Errors
/// [`TrustError`].
pub fn read_trust(path: &Path) -> Result<TrustList, TrustError> {
    let unread = |source| TrustError::File { path: path.to_owned(), source };
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut trust = TrustList::default();
    for (certificate, number) in all.map_err(|error| unread(Some(error)))?.iter().zip(1..) {
        trust.add(certificate).map_err(|error| TrustError::Certificate {
            path: path.to_owned(),
            number,
            told: error.to_string(),
        })?;
    }
    if trust.is_empty() { Err(unread(None)) } else { Ok(trust) }
}
