//! Many pseudo-random values that are signed, folded into one hash: two implementations that agree on it agree on each.

use alloy_primitives::{Address, B256, U256, keccak256};
use seed_attestation::Domain;
use seed_merkle::Root;
use seed_primitives::{Digest, ReleaseId};
use serde_json::{Value, json};

const COUNT: u64 = 20_000;

/// The vectors of `random.json`.
pub(super) fn digests() -> Value {
    json!({ "count": COUNT, "hash": random_digests(COUNT) })
}

/// `hash = keccak256(hash ‖ attestation digest ‖ genesis digest)`, from zero, over attestations and genesis agreements
/// number 0 to `count` - 1. Word k of number i is `keccak256(abi.encode(i, k))`: words 0 to 4 are ledger, release,
/// root, evidence (and code hash) and rules; addresses are their low 20 bytes; the chain id is i + 1.
///
/// # Panics
///
/// Never: no hash is zero.
#[must_use]
pub fn random_digests(count: u64) -> B256 {
    let mut hash = B256::ZERO;
    for number in 0..count {
        let domain = Domain {
            chain_id: number + 1,
            ledger: Address::from_word(word(number, 0)),
        };
        let release = ReleaseId::from_word(word(number, 1)).expect("not zero");
        let root = Root::from_word(word(number, 2));
        let evidence = Digest::from_bytes(word(number, 3).0).expect("not zero");
        let rules = Address::from_word(word(number, 4));
        let attestation = domain.attestation_digest(&release, &root, &evidence, rules);
        let genesis = domain.genesis_digest(word(number, 3), &release, &root);
        hash = keccak256([hash.0, attestation.0, genesis.0].concat());
    }
    hash
}

fn word(number: u64, which: u64) -> B256 {
    let words: [[u8; 32]; 2] = [U256::from(number), U256::from(which)].map(|n| n.to_be_bytes());
    keccak256(words.concat())
}
