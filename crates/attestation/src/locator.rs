use seed_primitives::{Digest, Source};
use serde::{Deserialize, Serialize};

use crate::{FormatError, Record};

const WHAT: &str = "a locator";
const MAX_BYTES: usize = 64 * 1024;

/// How a verifier gets from an image to its release: `application/vnd.nix-seed.locator.v1+json`.
///
/// `{source, record}`, the record as `0x` and lower-case hex. Never trusted: release, commitment and slot are
/// recomputed from it and compared with the chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Locator {
    /// The source whose struct hash is the release.
    pub source: Source,
    /// The record whose commitment is to be found on chain.
    pub record: Record,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    source: Source,
    record: String,
}

/// The tag a locator is published under beside the image with `digest`: `seed-<digest hex>`.
#[must_use]
pub fn locator_tag(digest: &Digest) -> String {
    format!("seed-{}", digest.to_hex())
}

impl Locator {
    /// Reads a locator: at most 64 KiB, no unknown or duplicate field, an exact record.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        FormatError::plain(WHAT, bytes, MAX_BYTES)?;
        let wire: Wire = serde_json::from_slice(bytes).map_err(FormatError::json(WHAT))?;
        let digits = wire
            .record
            .strip_prefix("0x")
            .filter(|digits| !digits.bytes().any(|byte| byte.is_ascii_uppercase()))
            .ok_or_else(|| {
                FormatError::field(WHAT, "record must be 0x and lower-case hex digits")
            })?;
        let bytes = hex::decode(digits)
            .map_err(|error| FormatError::field(WHAT, format!("record: {error}")))?;
        Ok(Self {
            source: wire.source,
            record: Record::parse(&bytes)?,
        })
    }

    /// Writes a locator.
    ///
    /// # Errors
    /// Only when a field has no JSON form, which none of these lacks.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        let record = format!("0x{}", hex::encode(self.record.to_bytes()));
        serde_json::to_vec(&Wire {
            source: self.source.clone(),
            record,
        })
        .map_err(FormatError::json(WHAT))
    }
}
