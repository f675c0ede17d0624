use std::io;

use seed_nix::{NarHash, StorePath};
use thiserror::Error;

/// Why a layer could not be written. What was written of it so far is worth nothing.
#[derive(Debug, Error)]
pub enum LayerError {
    /// A file could not be read, is not as long as it was, or cannot be in an archive.
    #[error("`{name}` cannot be packed: {source}")]
    Read {
        /// Its name in the archive, escaped.
        name: String,
        /// The reason.
        source: io::Error,
    },
    /// The layer could not be handed on.
    #[error("the layer cannot be written: {0}")]
    Write(#[source] io::Error),
    /// A path holds something else than what is on record for it: it changed since, or the record is wrong.
    #[error("{path} hashes to {} ({} bytes), but {} ({} bytes) is on record", found.digest, found.size, recorded.digest, recorded.size)]
    Contents {
        /// The path.
        path: Box<StorePath>,
        /// What was read and packed.
        found: NarHash,
        /// What the closure's entry says.
        recorded: NarHash,
    },
    /// There is no layer of this number.
    #[error("the image has no layer {0}")]
    NoLayer(usize),
}

impl LayerError {
    /// A function that says which entry an error of reading is about.
    pub(crate) fn reading(name: &[u8]) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read {
            name: String::from_utf8_lossy(name).escape_debug().to_string(),
            source,
        }
    }
}
