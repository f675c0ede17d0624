use std::hint::black_box;

use alloy_primitives::{Address, B256, Bytes, Signature as FullSignature, U256, keccak256};
use eyre::{ensure, eyre};
use seed_attestation::Signature;
use seed_proof::{prove_account, prove_slot, slots};

use crate::contest::{Comparison, Rounds};

/// Nodes of a proof: as deep as the state of a large public chain, and as the storage of a ledger with some
/// ten thousand releases.
const ACCOUNT_NODES: usize = 9;
const SLOT_NODES: usize = 4;
/// A signature of the committed vectors (tests/vectors/typed-data.json) and what it signs.
const VECTORS: &str = include_str!("../../../../tests/vectors/typed-data.json");
/// What is hashed before a signature is made: `0x1901`, domain separator, struct hash.
const PREIMAGE: [u8; 66] = [0x19; 66];

/// One recovered signature beside the library called directly and beside one hash of what is signed, and a proof
/// of account and slot beside one recovered signature.
pub(crate) fn compare() -> eyre::Result<Vec<Comparison>> {
    let (digest, signature, builder) = signed()?;
    let recover = || {
        ensure!(
            signature.recover(black_box(&digest))?.to_string() == builder,
            "another builder"
        );
        Ok(())
    };
    let direct = direct(&digest, &signature)?;
    let proof = Proof::new();
    let proof_name = format!("proofs of an account and a slot, {ACCOUNT_NODES}+{SLOT_NODES} nodes");
    Ok(vec![
        Comparison::run(
            ["recovering one signature", "libsecp256k1 called directly"],
            Rounds {
                rounds: 51,
                calls: 100,
                reference_calls: 100,
            },
            recover,
            direct,
        )?,
        Comparison::run(
            ["recovering one signature", "keccak-256 of what it signs"],
            Rounds {
                rounds: 51,
                calls: 20,
                reference_calls: 5_000,
            },
            recover,
            || {
                black_box(keccak256(black_box(PREIMAGE)));
                Ok(())
            },
        )?,
        Comparison::run(
            [&proof_name, "recovering one signature"],
            Rounds {
                rounds: 51,
                calls: 100,
                reference_calls: 20,
            },
            || proof.check(),
            recover,
        )?,
    ])
}

/// libsecp256k1 on the same signature, parsed once before: the key as a point, without its address.
fn direct(digest: &B256, signature: &Signature) -> eyre::Result<impl Fn() -> eyre::Result<()>> {
    use secp256k1::{
        Error, Message, Secp256k1,
        ecdsa::{RecoverableSignature, RecoveryId},
    };
    let full = FullSignature::from_erc2098(signature.as_bytes());
    let parity = if full.v() {
        RecoveryId::One
    } else {
        RecoveryId::Zero
    };
    let refused = |error: Error| eyre!("libsecp256k1: {error}");
    let signature =
        RecoverableSignature::from_compact(&full.as_rsy()[..64], parity).map_err(refused)?;
    let message = Message::from_digest(digest.0);
    let curve = Secp256k1::verification_only();
    Ok(move || {
        let key = curve.recover_ecdsa(black_box(message), black_box(&signature));
        black_box(key.map_err(refused)?);
        Ok(())
    })
}

fn signed() -> eyre::Result<(B256, Signature, String)> {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS)?;
    let text = |field: &str| {
        vectors["attestations"][0][field]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| eyre!("the vectors have no `{field}`"))
    };
    Ok((
        text("digest")?.parse()?,
        text("signature")?.parse()?,
        text("builder")?,
    ))
}

/// A proof of an account and of one of its slots, with random-looking hashes for everything beside the path:
/// what a verifier is given by a node whose state is that large.
struct Proof {
    address: Address,
    slot: B256,
    value: U256,
    state_root: B256,
    account: Vec<Bytes>,
    storage: Vec<Bytes>,
}

impl Proof {
    fn new() -> Self {
        let (address, slot) = (Address::repeat_byte(0x11), slots::CONTROL);
        let value = U256::from(0x0123_4567_89ab_cdef_u64);
        let leaf = alloy_rlp::encode(value);
        let (storage_root, storage) = path(keccak256(slot), leaf, SLOT_NODES);
        let hash = |bytes: B256| Bytes::copy_from_slice(bytes.as_slice());
        let account = vec![
            Bytes::from_static(&[1]),
            Bytes::new(),
            hash(storage_root),
            hash(keccak256("code")),
        ];
        let (state_root, account) = path(
            keccak256(address),
            alloy_rlp::encode(account),
            ACCOUNT_NODES,
        );
        Self {
            address,
            slot,
            value,
            state_root,
            account,
            storage,
        }
    }

    fn check(&self) -> eyre::Result<()> {
        let account = prove_account(black_box(self.state_root), self.address, &self.account)?
            .ok_or_else(|| eyre!("no account"))?;
        let value = prove_slot(account.storage_root, self.slot, &self.storage)?;
        ensure!(value == self.value, "another value");
        Ok(())
    }
}

/// Full branches down to one leaf, from the root, and the root's hash (Yellow Paper, appendix D).
fn path(key: B256, leaf: Vec<u8>, nodes: usize) -> (B256, Vec<Bytes>) {
    let branches = nodes - 1;
    let nibbles: Vec<u8> = key
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .collect();
    let mut node = alloy_rlp::encode(vec![
        Bytes::from(compact(&nibbles[branches..])),
        Bytes::from(leaf),
    ]);
    let mut proof = vec![Bytes::from(node.clone())];
    for depth in (0..branches).rev() {
        let hash = keccak256(&node);
        let children = (0..16).map(|nibble| {
            let beside = keccak256([nibble, nibbles[depth], depth.to_le_bytes()[0]]);
            let child = if nibble == nibbles[depth] {
                hash
            } else {
                beside
            };
            Bytes::copy_from_slice(child.as_slice())
        });
        let branch: Vec<Bytes> = children.chain([Bytes::new()]).collect();
        node = alloy_rlp::encode(branch);
        proof.push(Bytes::from(node.clone()));
    }
    proof.reverse();
    (keccak256(&node), proof)
}

/// The compact form of a leaf's path: a flag nibble, odd or even, then the nibbles in pairs.
fn compact(nibbles: &[u8]) -> Vec<u8> {
    let flags: &[u8] = if nibbles.len() % 2 == 1 {
        &[3]
    } else {
        &[2, 0]
    };
    [flags, nibbles]
        .concat()
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_proofs_that_hold_at_every_depth() {
        for nodes in 1..20 {
            let key = keccak256([nodes as u8]);
            let (root, proof) = path(keccak256(key), alloy_rlp::encode(U256::MAX), nodes);
            assert_eq!(proof.len(), nodes);
            assert_eq!(prove_slot(root, key, &proof), Ok(U256::MAX));
        }
    }

    #[test]
    fn refuses_a_proof_with_a_changed_node() {
        let mut proof = Proof::new();
        proof.check().unwrap();
        let mut node = proof.account[3].to_vec();
        node[100] ^= 1;
        proof.account[3] = node.into();
        assert!(proof.check().is_err());
    }

    #[test]
    fn knows_who_signed_the_vector() {
        let (digest, signature, builder) = signed().unwrap();
        assert_eq!(signature.recover(&digest).unwrap().to_string(), builder);
        direct(&digest, &signature).unwrap()().unwrap();
    }
}
