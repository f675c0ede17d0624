use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{Commit, Digest, ReleaseId, SourceUri, Target};

/// The EIP-712 type of [`Source`].
pub const SOURCE_TYPE: &str = "Source(string uri,bytes commit,bytes32 narHash,bytes32 flakeLock,string target,bytes32 recipe)";

/// What was built and how it was packed (`docs/protocol.md`, "Source").
///
/// In JSON: `{uri, commit, narHash, flakeLock, target, recipe}`, digests as `sha256:…`, the commit as hex.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Source {
    /// The repository.
    pub uri: SourceUri,
    /// The commit, 20 or 32 bytes.
    pub commit: Commit,
    /// SHA-256 of the NAR serialisation of the raw git tree of that commit.
    pub nar_hash: Digest,
    /// SHA-256 of the lock file's bytes, of the empty string where the flake has none.
    pub flake_lock: Digest,
    /// The attribute that is the seed.
    pub target: Target,
    /// SHA-256 of the canonical [`Recipe`](crate::Recipe).
    pub recipe: Digest,
}

impl Source {
    /// The release: the EIP-712 struct hash,
    /// `keccak(typeHash ‖ keccak(uri) ‖ keccak(commit) ‖ narHash ‖ flakeLock ‖ keccak(target) ‖ recipe)`.
    #[must_use]
    pub fn release(&self) -> ReleaseId {
        let words = [
            keccak256(SOURCE_TYPE),
            keccak256(self.uri.as_str()),
            keccak256(self.commit.as_bytes()),
            B256::new(*self.nar_hash.as_bytes()),
            B256::new(*self.flake_lock.as_bytes()),
            keccak256(self.target.as_str()),
            B256::new(*self.recipe.as_bytes()),
        ];
        ReleaseId::of_struct_hash(keccak256(words.concat()))
    }
}
