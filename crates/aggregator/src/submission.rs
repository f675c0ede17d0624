use seed_attestation::Signature;
use seed_primitives::{BuilderId, Digest};

use crate::{LedgerState, Vote};

/// What is handed to the ledger for one release (`docs/protocol.md`, "Ledger").
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Submission {
    /// The image digest of every system, in the order of the rules.
    digests: Vec<Digest>,
    /// The signers, strictly ascending by index.
    signers: Vec<Signer>,
    /// For the first release, a genesis signature per signer, in the same order.
    genesis: Option<Vec<Signature>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Signer {
    index: u8,
    builder: BuilderId,
    systems: u64,
    evidence: Digest,
    signature: Signature,
}

impl Submission {
    /// A submission by these votes, at most one of each builder and none in conflict with another; `None`
    /// unless together they name a digest for every system of the rules.
    #[must_use]
    pub fn new(votes: &[&Vote], state: &LedgerState) -> Option<Self> {
        let digest_of = |system| {
            let mut digests = votes
                .iter()
                .filter_map(|vote| vote.attestation.leaves().digest_of(system));
            digests.next().copied()
        };
        let digests = state.rules.systems().iter().map(digest_of);
        let signers = votes.iter().map(|vote| {
            let attestation = vote.attestation.attestation();
            Some(Signer {
                index: u8::try_from(state.rules.index_of(&vote.builder())?).ok()?,
                builder: vote.builder(),
                systems: vote.candidate(state)?.mask(),
                evidence: attestation.evidence,
                signature: attestation.signature,
            })
        });
        let mut signers: Vec<Signer> = signers.collect::<Option<_>>()?;
        signers.sort_by_key(|signer| signer.index);
        Some(Self {
            digests: digests.collect::<Option<_>>()?,
            signers,
            genesis: None,
        })
    }

    /// The same with the signers' consents, in the order of their indices.
    #[must_use]
    pub fn with_genesis(self, signatures: Vec<Signature>) -> Self {
        Self {
            genesis: Some(signatures),
            ..self
        }
    }

    /// The builders named as signers, in order.
    pub fn signers(&self) -> impl Iterator<Item = BuilderId> {
        self.signers.iter().map(|signer| signer.builder)
    }

    /// The image digests, in the order of the rules' systems.
    #[must_use]
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// The packed bytes of the `submission` argument.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for digest in &self.digests {
            bytes.extend_from_slice(digest.as_bytes());
        }
        for signer in &self.signers {
            bytes.push(signer.index);
            bytes.extend_from_slice(&signer.systems.to_be_bytes());
            bytes.extend_from_slice(signer.evidence.as_bytes());
            bytes.extend_from_slice(signer.signature.as_bytes());
        }
        bytes
    }

    /// The packed bytes of the `signatures` argument of `genesis`, for a first release.
    #[must_use]
    pub fn genesis_bytes(&self) -> Option<Vec<u8>> {
        let signatures = self.genesis.as_ref()?.iter();
        Some(
            signatures
                .flat_map(|signature| *signature.as_bytes())
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SYSTEMS, attestation, domain, found, state};

    fn vote(name: &str, images: &[(&str, &str)], state: &LedgerState) -> Vote {
        Vote::admit(found(attestation(name, images), ""), &domain(), state).unwrap()
    }

    #[test]
    fn packs_digests_and_then_signers_by_index() {
        let state = state(false);
        let cy = vote("cy", &[(SYSTEMS[1], "b")], &state);
        let ada = vote("ada", &[(SYSTEMS[0], "a"), (SYSTEMS[1], "b")], &state);
        let submission = Submission::new(&[&cy, &ada], &state).unwrap();
        let bytes = submission.to_bytes();
        assert_eq!(bytes.len(), 2 * 32 + 2 * 105);
        assert_eq!(&bytes[..32], Digest::of(b"a").as_bytes());
        assert_eq!(&bytes[32..64], Digest::of(b"b").as_bytes());
        assert_eq!(&bytes[64..73], [0, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(&bytes[73..105], Digest::of(b"evidence").as_bytes());
        let signature = ada.attestation.attestation().signature;
        assert_eq!(&bytes[105..169], signature.as_bytes());
        assert_eq!(&bytes[169..178], [2, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(submission.genesis_bytes(), None);
        assert_eq!(submission.digests().len(), 2);
    }

    #[test]
    fn needs_a_digest_for_every_system() {
        let state = state(false);
        let cy = vote("cy", &[(SYSTEMS[1], "b")], &state);
        assert_eq!(Submission::new(&[&cy], &state), None);
    }
}
