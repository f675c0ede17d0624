use std::collections::BTreeMap;

use seed_primitives::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An OCI content descriptor: what an index or a list of referrers says about a manifest.
///
/// It is a claim of whoever wrote it; only the digest, compared with the bytes themselves, proves anything.
/// Members that are not named here are kept as they are.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The size of the content in bytes.
    pub size: u64,
    /// What kind of artifact the manifest is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Free text by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else: `platform` and the like.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
