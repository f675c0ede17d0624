use seed_merkle::LeavesError;
use seed_primitives::{BuilderId, ParseError};
use thiserror::Error;

/// Why bytes are not the document they were given as. The sender of the bytes is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum FormatError {
    /// Not JSON of the expected shape (unknown, missing or duplicate field, trailing bytes, wrong type).
    #[error("{what} is not in its JSON form: {why}")]
    Json {
        /// The document, with its article.
        what: &'static str,
        /// The parser's message, which names line and column.
        why: String,
    },
    /// More bytes than the document may have.
    #[error("{what} has {size} bytes, more than the {max} allowed")]
    TooLarge {
        /// The document, with its article.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The most allowed.
        max: usize,
    },
    /// A field holds a value the protocol does not allow.
    #[error("{what}: {why}")]
    Field {
        /// The document, with its article.
        what: &'static str,
        /// What is wrong with which field.
        why: String,
    },
    /// A binary record of the wrong length or with bits set that must be zero.
    #[error("the record is malformed: {0}")]
    Record(String),
    /// The list of systems is not a tree.
    #[error(transparent)]
    Systems(#[from] LeavesError),
    /// A value inside the document could not be read.
    #[error(transparent)]
    Value(#[from] ParseError),
}

impl FormatError {
    pub(crate) fn json(what: &'static str) -> impl Fn(serde_json::Error) -> Self {
        move |error| Self::Json {
            what,
            why: error.to_string(),
        }
    }

    pub(crate) fn field(what: &'static str, why: impl Into<String>) -> Self {
        Self::Field {
            what,
            why: why.into(),
        }
    }

    pub(crate) fn bounded(what: &'static str, bytes: &[u8], max: usize) -> Result<(), Self> {
        if bytes.len() > max {
            return Err(Self::TooLarge {
                what,
                size: bytes.len(),
                max,
            });
        }
        Ok(())
    }

    /// Bounded, and without a backslash: no key and no value of these formats needs an escape, and one that is there
    /// makes two readers see two keys.
    pub(crate) fn plain(what: &'static str, bytes: &[u8], max: usize) -> Result<(), Self> {
        Self::bounded(what, bytes, max)?;
        if bytes.contains(&b'\\') {
            return Err(Self::field(
                what,
                "it has an escape, and nothing in it needs one",
            ));
        }
        Ok(())
    }
}

/// Why a signature does not count.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SignatureError {
    /// Not 64 bytes.
    #[error("a signature has 64 bytes (EIP-2098), got {0}")]
    Length(usize),
    /// `s` lies in the upper half of the curve order, so the same signature has a second form.
    #[error("the signature's s is in the upper half; only the lower form is accepted")]
    HighS,
    /// No public key could be recovered from it.
    #[error("no key can be recovered from the signature")]
    Unrecoverable,
    /// The signature is somebody else's.
    #[error("signed by {recovered}, not by {claimed}")]
    WrongSigner {
        /// The builder named in the document.
        claimed: BuilderId,
        /// The one whose key made the signature.
        recovered: BuilderId,
    },
    /// The document is for another chain or ledger.
    #[error(
        "signed for chain {chain_id} and ledger {ledger}, expected chain {expected_chain_id} and ledger {expected_ledger}"
    )]
    WrongDomain {
        /// The chain id in the document.
        chain_id: u64,
        /// The ledger in the document.
        ledger: String,
        /// The chain id it was checked for.
        expected_chain_id: u64,
        /// The ledger it was checked for.
        expected_ledger: String,
    },
}
