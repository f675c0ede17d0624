use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, U256};
use seed_primitives::Digest;

/// Everything that was gathered about one image. Bytes and observations, none of them believed.
///
/// Whoever fills it in reports what was found and leaves out what was not; [`decide`](crate::decide) never
/// fetches, and treats what is absent as unknown, never as good.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What was asked for and what the registry served for it.
    pub image: ImageEvidence,
    /// Candidate locators (the JSON bytes), from referrers, tags, `--record` or the event log; at most
    /// [`MAX_LOCATORS`] are looked at. Junk among them is harmless.
    pub locators: Vec<Vec<u8>>,
    /// What the endpoints said about the chain.
    pub chain: ChainEvidence,
    /// Published attestations (the JSON bytes), of builders in the record and of others (endorsements).
    pub attestations: Vec<Vec<u8>>,
    /// `data` of the `ReleaseFinalised` event (`record ‖ signatures`), where it was found. Several may be
    /// given, one per candidate release.
    pub events: Vec<Vec<u8>>,
    /// Evidence manifests and what they list, by digest: statements (DSSE envelopes), and for re-packed copies the
    /// attested image manifests. Audit reports and bills of materials are bound by digest and need not be here.
    pub blobs: Blobs,
}

/// The most locators that are looked at.
pub const MAX_LOCATORS: usize = 16;

/// Blobs by the SHA-256 of their bytes, computed on insertion: what is found under a digest is that digest's.
#[derive(Clone, Debug, Default)]
pub struct Blobs(BTreeMap<Digest, Vec<u8>>);

impl Blobs {
    /// Stores `bytes` and returns the digest they are found under.
    pub fn insert(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.insert(digest, bytes);
        digest
    }

    /// The bytes with this digest, `None` when they were not found.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<&[u8]> {
        self.0.get(digest).map(Vec::as_slice)
    }
}

impl IntoIterator for Blobs {
    type Item = (Digest, Vec<u8>);
    type IntoIter = std::collections::btree_map::IntoIter<Digest, Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What was asked for and what was served.
#[derive(Clone, Debug, Default)]
pub struct ImageEvidence {
    /// What the user named.
    pub requested: Option<Requested>,
    /// The manifest or index that was served.
    pub document: Option<Document>,
}

/// How the user named an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Requested {
    /// By digest: of an image manifest or of an index.
    Digest(Digest),
    /// By tag (or by a layout's only image), resolved exactly once to a digest before anything else was asked.
    Tag {
        /// The tag as written, for the report.
        name: String,
        /// The digest it resolved to: SHA-256 of the bytes that were served.
        resolved: Digest,
    },
}

impl Requested {
    /// The digest everything else is held against.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        match self {
            Self::Digest(digest)
            | Self::Tag {
                resolved: digest, ..
            } => digest,
        }
    }
}

/// The document behind a digest.
#[derive(Clone, Debug)]
pub enum Document {
    /// One image.
    Manifest(ManifestEvidence),
    /// An index, with every child that could be fetched, in any order.
    Index {
        /// The bytes of the index.
        bytes: Vec<u8>,
        /// Its children.
        children: Vec<ManifestEvidence>,
    },
}

/// One image manifest and what hangs from it.
#[derive(Clone, Debug)]
pub struct ManifestEvidence {
    /// The bytes of the manifest.
    pub manifest: Vec<u8>,
    /// The bytes of the config, `None` when it could not be fetched.
    pub config: Option<Vec<u8>>,
    /// With `--deep`: what reading every layer yielded, in the manifest's order.
    pub layers: Option<Vec<LayerEvidence>>,
}

/// What reading one layer to its end yielded; every value computed from the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LayerEvidence {
    /// SHA-256 of the layer as stored.
    pub digest: Digest,
    /// Its length in bytes as stored.
    pub size: u64,
    /// SHA-256 of the uncompressed tar stream.
    pub diff_id: Digest,
}

/// What was observed of the chain.
#[derive(Clone, Debug, Default)]
pub struct ChainEvidence {
    /// One per endpoint of the policy that was asked.
    pub endpoints: Vec<EndpointEvidence>,
    /// The RLP bytes of the header everything is read at: the highest that k operators call finalised, or
    /// lower.
    pub header: Option<Vec<u8>>,
    /// Proofs against that header, one per endpoint that gave any. The first that holds is used.
    pub proofs: Vec<StateProof>,
    /// Code of rules contracts (`eth_getCode` of the recorded rules), by any endpoint; each is recognised by
    /// its hash.
    pub rules_codes: Vec<Bytes>,
    /// Whether header, proofs and code were read from a bundle: captured earlier, by whomever. Then the header is
    /// good if `endpoints` vouch for it or, where none was asked, if the policy pins it, and may be as old as the
    /// policy allows for bundles.
    pub captured: bool,
}

/// What one endpoint answered.
#[derive(Clone, Debug)]
pub struct EndpointEvidence {
    /// The URL, exactly as the policy writes it; who operates it is read from the policy.
    pub url: String,
    /// The answers, or why there are none (one line, for the report). An error is never a vote.
    pub outcome: Result<Observation, String>,
}

/// The answers of one endpoint.
#[derive(Clone, Debug)]
pub struct Observation {
    /// `eth_chainId`.
    pub chain_id: u64,
    /// The hash of block 0.
    pub genesis: B256,
    /// The number of the block it calls finalised.
    pub finalized: u64,
    /// The RLP bytes of headers it gave, in any order: at least the one at the chosen height.
    pub headers: Vec<Vec<u8>>,
    /// For grade `quorum`: values it gave at the chosen header.
    pub values: Option<StateValues>,
}

/// Values one endpoint asserts without proof, all read at one block by its hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateValues {
    /// The hash of the block they were read at.
    pub block: B256,
    /// Keccak-256 of the code at the ledger's address, computed from the code bytes.
    pub ledger_code_hash: B256,
    /// Values by slot, zero where the endpoint said zero; see [`required_slots`](crate::required_slots).
    pub slots: BTreeMap<B256, U256>,
}

/// An `eth_getProof` answer of one endpoint for the ledger's address at the chosen header.
#[derive(Clone, Debug)]
pub struct StateProof {
    /// The URL of the endpoint, for the report.
    pub url: String,
    /// Nodes from the state root to the ledger's account.
    pub account: Vec<Bytes>,
    /// Per slot, nodes from the account's storage root to the slot; see
    /// [`required_slots`](crate::required_slots).
    pub slots: Vec<(B256, Vec<Bytes>)>,
}

/// What is known besides the evidence: time, and what this verifier remembers or was asked to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Context {
    /// The time of the verdict in Unix seconds.
    pub now: u64,
    /// Whether every layer must have been read (`--deep`).
    pub deep: bool,
    /// The remembered mark of this source, for policies with `high_water`.
    pub high_water: HighWater,
}

/// The highest sequence number this verifier has accepted for a source (uri and target).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HighWater {
    /// Nothing was read: undecidable where the policy wants a mark.
    #[default]
    NotRead,
    /// The operator said that this is the first use; any sequence is accepted.
    FirstUse,
    /// The mark.
    Mark(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_found_only_under_the_digest_of_its_own_bytes() {
        let mut blobs = Blobs::default();
        let digest = blobs.insert(b"a".to_vec());
        assert_eq!(blobs.get(&digest), Some(&b"a"[..]));
        assert_eq!(blobs.get(&Digest::of(b"b")), None);
    }
}
