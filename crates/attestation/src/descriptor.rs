use seed_primitives::{Digest, System};
use serde::{Deserialize, Serialize};

/// An OCI content descriptor as our manifests write it: media type, digest, size in bytes, in this order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content in bytes.
    pub size: u64,
    /// For which system the content speaks; absent where it speaks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<SystemAnnotation>,
}

/// The one annotation our descriptors carry.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SystemAnnotation {
    /// The system.
    #[serde(rename = "dev.nix-seed.system")]
    pub system: System,
}

impl Descriptor {
    /// The descriptor of `content` with media type `media_type` and no annotation.
    #[must_use]
    pub fn of(media_type: &str, content: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(content),
            size: content.len() as u64,
            annotations: None,
        }
    }
}
