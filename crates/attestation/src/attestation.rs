use alloy_primitives::{Address, B256};
use seed_merkle::{Leaves, Root};
use seed_primitives::{BuilderId, Digest, ReleaseId, Source, System, address_text};
use serde::{Deserialize, Serialize};

use crate::{Domain, FormatError, Signature, SignatureError};

const WHAT: &str = "an attestation";
const MAX_BYTES: usize = 64 * 1024;

/// One system and the digest of its image manifest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SystemDigest {
    /// The system.
    pub system: System,
    /// The digest of its image manifest.
    pub digest: Digest,
}

/// One builder's vote as published: the wire format `application/vnd.nix-seed.attestation.v1+json`.
///
/// Parsed but not believed: only [`Self::verify`] says who signed it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Attestation {
    /// What was built.
    pub source: Source,
    /// The systems this builder built, strictly ascending.
    pub systems: Vec<SystemDigest>,
    /// The digest of its evidence manifest.
    pub evidence: Digest,
    /// The rules that will judge it.
    #[serde(with = "address_text")]
    pub rules: Address,
    /// The chain it is for.
    pub chain_id: u64,
    /// The ledger it is for.
    #[serde(with = "address_text")]
    pub ledger: Address,
    /// The builder it claims to come from.
    pub builder: BuilderId,
    /// Its signature over [`Domain::attestation_digest`].
    pub signature: Signature,
}

impl Attestation {
    /// Reads the wire format; at most 64 KiB, no unknown or duplicate field, no trailing bytes.
    ///
    /// # Errors
    /// When the bytes are anything else, or the systems are not strictly ascending.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        FormatError::plain(WHAT, bytes, MAX_BYTES)?;
        let attestation: Self = serde_json::from_slice(bytes).map_err(FormatError::json(WHAT))?;
        attestation.leaves()?;
        Ok(attestation)
    }

    /// Writes the wire format.
    ///
    /// # Errors
    /// Only when a field has no JSON form, which none of these lacks.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        serde_json::to_vec(self).map_err(FormatError::json(WHAT))
    }

    /// The Merkle leaves of the systems this builder built.
    ///
    /// # Errors
    /// When the systems are empty, too many or not strictly ascending.
    pub fn leaves(&self) -> Result<Leaves, FormatError> {
        let pairs = self
            .systems
            .iter()
            .map(|entry| (entry.system.clone(), entry.digest));
        Ok(Leaves::new(pairs.collect())?)
    }

    /// Recovers the signer and refuses unless it is the named builder, in `domain`.
    ///
    /// # Errors
    /// When the systems are not strictly ascending (never for a value from [`Self::from_json`]), when it is
    /// for another chain or ledger, or when the signature is not the named builder's.
    pub fn verify(&self, domain: &Domain) -> Result<VerifiedAttestation, AttestationError> {
        domain.expect(self.chain_id, &self.ledger)?;
        let leaves = self.leaves()?;
        let release = self.source.release();
        let digest =
            domain.attestation_digest(&release, &leaves.root(), &self.evidence, self.rules);
        self.signature.expect_signer(&digest, self.builder)?;
        Ok(VerifiedAttestation {
            attestation: self.clone(),
            release,
            leaves,
            digest,
        })
    }
}

/// Why an attestation does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AttestationError {
    /// It is malformed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Its signature is not that of its builder in this domain.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// An attestation whose signature was recovered and is that of its builder, in one domain.
///
/// Only [`Attestation::verify`] makes one. It says who voted, not that the vote suffices.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedAttestation {
    attestation: Attestation,
    release: ReleaseId,
    leaves: Leaves,
    digest: B256,
}

impl VerifiedAttestation {
    /// The attestation as published.
    #[must_use]
    pub const fn attestation(&self) -> &Attestation {
        &self.attestation
    }

    /// The builder who signed.
    #[must_use]
    pub const fn builder(&self) -> BuilderId {
        self.attestation.builder
    }

    /// The release: the struct hash of the attested source.
    #[must_use]
    pub const fn release(&self) -> ReleaseId {
        self.release
    }

    /// The systems and digests the builder vouches for.
    #[must_use]
    pub const fn leaves(&self) -> &Leaves {
        &self.leaves
    }

    /// The root over those systems.
    #[must_use]
    pub fn root(&self) -> Root {
        self.leaves.root()
    }

    /// The digest that was signed.
    #[must_use]
    pub const fn digest(&self) -> B256 {
        self.digest
    }
}
