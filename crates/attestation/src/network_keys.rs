use seed_primitives::{BuilderId, Digest};
use thiserror::Error;

use crate::{FormatError, SignatureError};

/// The most keys that are pinned.
const MAX_KEYS: usize = 16;

/// Whose signatures make a network file count: k of n keys, more than half of them, so that no two files that differ
/// can be signed by sets without a common key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkKeys {
    keys: Vec<BuilderId>,
    threshold: usize,
}

impl NetworkKeys {
    /// Of 1 to 16 addresses, `threshold` must sign.
    ///
    /// # Errors
    /// [`NetworkError::Keys`] for a key named twice, too many keys, or a threshold that is not more than half of them.
    pub fn new(keys: Vec<BuilderId>, threshold: usize) -> Result<Self, NetworkError> {
        let n = keys.len();
        let mut distinct = keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != n {
            return Err(NetworkError::Keys("a key is named twice".to_owned()));
        }
        if !(1..=MAX_KEYS).contains(&n) {
            return Err(NetworkError::Keys(format!(
                "{n} keys, expected 1 to {MAX_KEYS}"
            )));
        }
        if threshold > n || threshold <= n / 2 {
            return Err(NetworkError::Keys(format!(
                "{threshold} of {n} keys, expected {} to {n}",
                n / 2 + 1
            )));
        }
        Ok(Self { keys, threshold })
    }

    /// The addresses, in the order they were given.
    #[must_use]
    pub fn keys(&self) -> &[BuilderId] {
        &self.keys
    }

    /// How many of them must sign.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }
}

/// Why a network file does not count.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum NetworkError {
    /// It is not one.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A signature in it is not its key's.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The keys to hold it against make no quorum.
    #[error("keys of a network: {0}")]
    Keys(String),
    /// Too few of the pinned keys signed it.
    #[error("{found} of the pinned keys signed the network file, and {threshold} must")]
    TooFew {
        /// How many did.
        found: usize,
        /// How many must.
        threshold: usize,
    },
    /// It was made later than now.
    #[error("the network file was made later than this machine's clock says: at {0}")]
    NotYet(u64),
    /// Its time is over.
    #[error("the network file expired at {0}")]
    Expired(u64),
    /// It is of another network.
    #[error("the network file is of `{found}`, not of `{expected}`")]
    OtherName {
        /// Its network.
        found: String,
        /// The one that is known.
        expected: String,
    },
    /// A newer one was seen before.
    #[error("the network file has number {found}, and number {known} was accepted before")]
    Older {
        /// Its number.
        found: u64,
        /// The highest that was accepted.
        known: u64,
    },
    /// Two files have one number.
    #[error(
        "two network files have number {sequence}: {found}, and {known}, which was accepted before"
    )]
    Forked {
        /// The number.
        sequence: u64,
        /// The digest of this one.
        found: Digest,
        /// The digest of the one that was accepted.
        known: Digest,
    },
}
