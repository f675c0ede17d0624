use std::{fmt, str::FromStr};

use alloy_primitives::{B256, Signature as FullSignature};
use seed_primitives::{BuilderId, ParseError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{SignatureError, recovery::recovered_address};

/// A secp256k1 signature in its one accepted form: 64 bytes `r ‖ yParityAndS` (EIP-2098), `s` in the lower
/// half of the order. Written `0x` and 128 lower-case hex digits.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Reads the 64 bytes.
    ///
    /// # Errors
    /// When there are not 64 bytes, or `s` is in the upper half.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let bytes: [u8; 64] = bytes
            .try_into()
            .map_err(|_| SignatureError::Length(bytes.len()))?;
        let signature = Self(bytes);
        if signature.full().normalize_s().is_some() {
            return Err(SignatureError::HighS);
        }
        Ok(signature)
    }

    /// The compact form of a signature made by a signer, brought to the lower half where the signer (a KMS,
    /// say) left it in the upper.
    #[must_use]
    pub fn from_full(signature: &FullSignature) -> Self {
        Self(signature.normalized_s().as_erc2098())
    }

    /// The 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// The builder whose key signed `digest` (32 bytes, already hashed).
    ///
    /// # Errors
    /// When no key can be recovered, or it has the zero address.
    pub fn recover(&self, digest: &B256) -> Result<BuilderId, SignatureError> {
        recovered_address(&self.full(), digest)
            .and_then(BuilderId::from_address)
            .ok_or(SignatureError::Unrecoverable)
    }

    /// Refuses unless `claimed` signed `digest`.
    ///
    /// # Errors
    /// Those of [`Self::recover`], and [`SignatureError::WrongSigner`].
    pub fn expect_signer(&self, digest: &B256, claimed: BuilderId) -> Result<(), SignatureError> {
        let recovered = self.recover(digest)?;
        if recovered == claimed {
            return Ok(());
        }
        Err(SignatureError::WrongSigner { claimed, recovered })
    }

    fn full(&self) -> FullSignature {
        FullSignature::from_erc2098(&self.0)
    }
}

impl FromStr for Signature {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refuse = || {
            ParseError::new(
                "a signature",
                "0x and 128 lower-case hex digits (64 bytes, EIP-2098, s in the lower half)",
                text,
            )
        };
        let digits = text.strip_prefix("0x").ok_or_else(refuse)?;
        if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse());
        }
        let bytes = hex::decode(digits).map_err(|_| refuse())?;
        Self::from_bytes(&bytes).map_err(|_| refuse())
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
