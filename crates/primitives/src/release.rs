use std::{fmt, str::FromStr};

use alloy_primitives::B256;

use crate::{
    ParseError,
    text::{parse_bytes32, serde_as_text, write_bytes32},
};

/// A release: the EIP-712 struct hash of its [`Source`](crate::Source), 32 bytes, never zero.
///
/// Written `0x` and 64 lower-case hex digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReleaseId(B256);

impl ReleaseId {
    /// A release from its 32 bytes; `None` for zero.
    #[must_use]
    pub fn from_word(word: B256) -> Option<Self> {
        (!word.is_zero()).then_some(Self(word))
    }

    /// A release from a struct hash, which is a Keccak-256 output and therefore not zero.
    pub(crate) const fn of_struct_hash(hash: B256) -> Self {
        Self(hash)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn word(&self) -> B256 {
        self.0
    }

    /// The 64 lower-case hex digits without `0x`, as used in registry tags.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for ReleaseId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let word = parse_bytes32(text).map_err(|_| bad(text))?;
        Self::from_word(word).ok_or_else(|| bad(text))
    }
}

fn bad(text: &str) -> ParseError {
    ParseError::new(
        "a release",
        "0x and 64 lower-case hex digits, not all zero",
        text,
    )
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_bytes32(&self.0))
    }
}

impl fmt::Debug for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(ReleaseId);
