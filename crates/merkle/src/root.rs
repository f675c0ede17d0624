use std::{fmt, str::FromStr};

use alloy_primitives::B256;
use seed_primitives::{ParseError, parse_bytes32, write_bytes32};

/// The head of a Merkle tree over systems, 32 bytes, written `0x` and 64 lower-case hex digits.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Root(B256);

impl Root {
    /// A root from its 32 bytes, as read from a record or computed by somebody else.
    #[must_use]
    pub const fn from_word(word: B256) -> Self {
        Self(word)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn word(&self) -> B256 {
        self.0
    }
}

impl FromStr for Root {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_bytes32(text).map(Self)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_bytes32(&self.0))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
