use seed_primitives::Digest;
use serde::{Deserialize, Serialize};

/// The most bytes one blob may claim: 64 GiB, far above any layer and far below where sums overflow.
pub const MAX_BLOB_BYTES: u64 = 64 << 30;

/// A reference to a blob: `{mediaType, digest, size}` and nothing else.
///
/// Fields that could lead a reader elsewhere (`urls`, `data`, `annotations`, `platform`) are refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type, one of [`crate::media`].
    pub media_type: String,
    /// SHA-256 of the blob's bytes.
    pub digest: Digest,
    /// The blob's length in bytes.
    pub size: u64,
}

impl Descriptor {
    /// A descriptor of `bytes` in memory.
    #[must_use]
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }
}
