use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

use crate::{
    ParseError,
    text::{lower_hex, serde_as_text},
};

/// A SHA-256 digest that is not zero, written `sha256:<64 lower-case hex>`; on chain its 32 bytes.
///
/// No other algorithm, case or length is accepted anywhere (`docs/protocol.md`, "Digest").
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A digest from its 32 bytes; `None` for the zero digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        (bytes != [0; 32]).then_some(Self(bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case hex digits without the `sha256:` prefix.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// A digest from 64 lower-case hex digits without a prefix.
    ///
    /// # Errors
    /// When the text has another length or character, or is all zeros.
    pub fn from_hex(text: &str) -> Result<Self, ParseError> {
        lower_hex(text).and_then(Self::from_bytes).ok_or_else(|| {
            ParseError::new("a digest", "64 lower-case hex digits, not all zero", text)
        })
    }
}

impl FromStr for Digest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.strip_prefix("sha256:")
            .and_then(lower_hex)
            .and_then(Self::from_bytes)
            .ok_or_else(|| {
                ParseError::new(
                    "a digest",
                    "sha256: and 64 lower-case hex digits, not all zero",
                    text,
                )
            })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(Digest);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn hashes_a_known_text() {
        assert_eq!(Digest::of(b"hello").to_string(), HELLO);
    }

    #[test]
    fn refuses_other_forms() {
        let hex = &HELLO[7..];
        for text in [
            hex.to_owned(),
            format!("sha512:{hex}"),
            format!("SHA256:{hex}"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            format!("sha256:{hex}\n"),
            format!("sha256:{}", "0".repeat(64)),
            format!("sha256:../{}", &hex[3..]),
            String::new(),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_form_round_trips(bytes: [u8; 32]) {
            prop_assume!(bytes != [0; 32]);
            let digest = Digest::from_bytes(bytes).unwrap();
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
    }
}
