use alloy_primitives::Address;
use seed_attestation::{Attestation, Domain, SystemDigest};
use seed_merkle::Leaves;
use seed_primitives::{Digest, Source};

use crate::keys;

/// The attestation of the builder called `name`: that `source` gives the images of `leaves`, as its `evidence` says,
/// under these `rules`.
///
/// # Panics
/// As [`keys::signer`].
#[must_use]
pub fn attest(
    name: &str,
    domain: &Domain,
    rules: Address,
    source: &Source,
    leaves: &Leaves,
    evidence: Digest,
) -> Attestation {
    let digest = domain.attestation_digest(&source.release(), &leaves.root(), &evidence, rules);
    let systems = leaves.as_slice().iter();
    Attestation {
        source: source.clone(),
        systems: systems
            .map(|(system, digest)| SystemDigest {
                system: system.clone(),
                digest: *digest,
            })
            .collect(),
        evidence,
        rules,
        chain_id: domain.chain_id,
        ledger: domain.ledger,
        builder: keys::builder(name),
        signature: keys::sign(name, &digest),
    }
}
