use alloy_primitives::{Address, B256};
use seed_merkle::Root;
use seed_primitives::{BuilderId, ReleaseId, address_text, bytes32_text};
use serde::{Deserialize, Serialize};

use crate::{Domain, FormatError, Signature, SignatureError};

const WHAT: &str = "a genesis signature";
const MAX_BYTES: usize = 4 * 1024;

/// A builder's consent to the first release, besides its attestation: the wire format
/// `application/vnd.nix-seed.genesis.v1+json`.
///
/// `root` is over *all* systems of the release. Every builder of the rules signs (M of M).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GenesisSignature {
    /// The code hash of the rules in force.
    #[serde(with = "bytes32_text")]
    pub rules_code_hash: B256,
    /// The first release.
    pub release: ReleaseId,
    /// The root over all its systems.
    #[serde(with = "bytes32_text")]
    pub root: B256,
    /// The chain it is for.
    pub chain_id: u64,
    /// The ledger it is for.
    #[serde(with = "address_text")]
    pub ledger: Address,
    /// The builder it claims to come from.
    pub builder: BuilderId,
    /// Its signature over [`Domain::genesis_digest`].
    pub signature: Signature,
}

impl GenesisSignature {
    /// Reads the wire format; at most 4 KiB, no unknown or duplicate field, no trailing bytes.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        FormatError::plain(WHAT, bytes, MAX_BYTES)?;
        serde_json::from_slice(bytes).map_err(FormatError::json(WHAT))
    }

    /// Writes the wire format.
    ///
    /// # Errors
    /// Only when a field has no JSON form, which none of these lacks.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        serde_json::to_vec(self).map_err(FormatError::json(WHAT))
    }

    /// Recovers the signer and refuses unless it is the named builder, in `domain`.
    ///
    /// # Errors
    /// When it is for another chain or ledger, or signed by another key.
    pub fn verify(&self, domain: &Domain) -> Result<VerifiedGenesis, SignatureError> {
        domain.expect(self.chain_id, &self.ledger)?;
        let root = Root::from_word(self.root);
        let digest = domain.genesis_digest(self.rules_code_hash, &self.release, &root);
        self.signature.expect_signer(&digest, self.builder)?;
        Ok(VerifiedGenesis(self.clone()))
    }
}

/// A genesis signature whose signer was recovered; only [`GenesisSignature::verify`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedGenesis(GenesisSignature);

impl VerifiedGenesis {
    /// The signature as published.
    #[must_use]
    pub const fn signature(&self) -> &GenesisSignature {
        &self.0
    }
}
