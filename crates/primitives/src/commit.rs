use std::{fmt, str::FromStr};

use crate::{
    ParseError,
    text::{lower_hex, serde_as_text},
};

/// A git commit id: 20 (SHA-1) or 32 (SHA-256) raw bytes, written as lower-case hex, never all zero.
///
/// It names a commit for people; what binds the content is the NAR hash beside it in
/// [`Source`](crate::Source), because a SHA-1 id alone can be forged.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Commit(Bytes);

#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Bytes {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl Commit {
    /// The 20 or 32 raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Sha1(bytes) => bytes,
            Bytes::Sha256(bytes) => bytes,
        }
    }
}

impl FromStr for Commit {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let bytes = match text.len() {
            40 => lower_hex(text).map(Bytes::Sha1),
            64 => lower_hex(text).map(Bytes::Sha256),
            _ => None,
        };
        bytes
            .map(Self)
            .filter(|commit| commit.as_bytes().iter().any(|byte| *byte != 0))
            .ok_or_else(|| {
                ParseError::new(
                    "a commit",
                    "40 or 64 lower-case hex digits, not all zero",
                    text,
                )
            })
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.as_bytes()))
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(Commit);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_both_lengths_apart_and_refuses_others() {
        assert_eq!(
            "a".repeat(40).parse::<Commit>().unwrap().as_bytes().len(),
            20
        );
        assert_eq!(
            "a".repeat(64).parse::<Commit>().unwrap().as_bytes().len(),
            32
        );
        for text in [
            "",
            "abc",
            &"A".repeat(40),
            &"0".repeat(40),
            &"0".repeat(64),
            &"a".repeat(41),
        ] {
            assert!(text.parse::<Commit>().is_err(), "{text:?}");
        }
    }
}
