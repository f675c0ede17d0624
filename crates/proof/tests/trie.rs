//! Proofs over small tries built by the trie library: what holds, and everything that must not.

mod common;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles, TrieAccount, proof::verify_proof};
use common::{Trie, branch, leaf_node};
use proptest::prelude::*;
use seed_proof::{Account, ProofError, prove_account, prove_slot};

fn slot(at: u64) -> B256 {
    B256::new(U256::from(at).to_be_bytes())
}

fn storage(count: u64) -> Trie {
    Trie::storage((0..count).map(|at| (slot(at), U256::from(at * 7 + 1))))
}

fn address(at: u64) -> Address {
    Address::left_padding_from(&at.to_be_bytes())
}

fn accounts(count: u64) -> Trie {
    Trie::new((0..count).map(|at| {
        let account = TrieAccount {
            nonce: at,
            balance: U256::from(at) << 64,
            storage_root: B256::repeat_byte(at as u8),
            code_hash: keccak256([at as u8]),
        };
        (keccak256(address(at)), alloy_rlp::encode(account))
    }))
}

#[test]
fn proves_every_stored_value_and_the_absence_of_others() {
    for count in [1, 2, 3, 17, 300] {
        let trie = storage(count);
        for at in (0..count).step_by(1 + count as usize / 20) {
            let value = prove_slot(trie.root, slot(at), &trie.proof(slot(at)));
            assert_eq!(value, Ok(U256::from(at * 7 + 1)));
        }
        for at in count..count + 20 {
            let value = prove_slot(trie.root, slot(at), &trie.proof(slot(at)));
            assert_eq!(value, Ok(U256::ZERO));
        }
    }
}

#[test]
fn proves_accounts_from_their_leaf_and_missing_accounts() {
    let trie = accounts(40);
    for at in 0..40 {
        let proof = trie.proof_of(keccak256(address(at)));
        assert_eq!(
            prove_account(trie.root, address(at), &proof),
            Ok(Some(Account {
                nonce: at,
                balance: U256::from(at) << 64,
                storage_root: B256::repeat_byte(at as u8),
                code_hash: keccak256([at as u8]),
            }))
        );
    }
    let proof = trie.proof_of(keccak256(address(99)));
    assert_eq!(prove_account(trie.root, address(99), &proof), Ok(None));
}

#[test]
fn an_empty_trie_proves_absence_by_nothing_or_the_empty_string() {
    let empty = Bytes::from_static(&[0x80]);
    assert_eq!(prove_slot(EMPTY_ROOT_HASH, slot(1), &[]), Ok(U256::ZERO));
    assert_eq!(
        prove_slot(EMPTY_ROOT_HASH, slot(1), std::slice::from_ref(&empty)),
        Ok(U256::ZERO)
    );
    assert_eq!(
        prove_slot(EMPTY_ROOT_HASH, slot(1), &[empty.clone(), empty.clone()]),
        Err(ProofError::UnusedNodes(2))
    );
    let root = storage(3).root;
    assert!(prove_slot(root, slot(99), &[empty]).is_err());
    assert_eq!(
        prove_slot(root, slot(99), &[]),
        Err(ProofError::Truncated { depth: 0 })
    );
}

#[test]
fn rejects_every_truncation_of_presence_and_of_absence() {
    let trie = storage(300);
    for at in [5, 77, 1000, 1001, 1002, 1003] {
        let proof = trie.proof(slot(at));
        for length in 0..proof.len() {
            assert!(
                matches!(
                    prove_slot(trie.root, slot(at), &proof[..length]),
                    Err(ProofError::Truncated { .. })
                ),
                "slot {at}, {length} of {} nodes",
                proof.len()
            );
        }
    }
}

#[test]
fn rejects_nodes_that_are_not_on_the_path() {
    let trie = storage(300);
    for at in [5, 1000] {
        let mut proof = trie.proof(slot(at));
        proof.push(proof[0].clone());
        assert_eq!(
            prove_slot(trie.root, slot(at), &proof),
            Err(ProofError::UnusedNodes(1))
        );
    }
}

#[test]
fn rejects_more_nodes_and_larger_nodes_than_any_path_has() {
    let many = vec![Bytes::from_static(&[0x80]); 66];
    let root = storage(3).root;
    assert_eq!(
        prove_slot(root, slot(0), &many),
        Err(ProofError::TooManyNodes(66))
    );
    let large = Bytes::from(vec![0; 1025]);
    assert_eq!(
        prove_slot(root, slot(0), &[large]),
        Err(ProofError::NodeTooLarge {
            index: 0,
            size: 1025
        })
    );
}

#[test]
fn looks_at_as_many_nodes_and_bytes_as_a_path_can_have() {
    let root = B256::repeat_byte(1);
    for nodes in [vec![Bytes::new(); 65], vec![vec![0; 1024].into()]] {
        assert!(matches!(
            prove_slot(root, slot(1), &nodes),
            Err(ProofError::HashMismatch { index: 0, .. })
        ));
    }
}

/// What a proof of slot 1 with these nodes is refused for, where the first of them is the root.
fn malformed(nodes: &[Vec<u8>]) -> String {
    let nodes: Vec<Bytes> = nodes.iter().map(|node| node.clone().into()).collect();
    match prove_slot(keccak256(&nodes[0]), slot(1), &nodes) {
        Err(ProofError::Malformed { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rejects_a_node_that_should_stand_in_its_parent() {
    let empty = branch(&[]);
    assert!(empty.len() < 32);
    let hash = alloy_rlp::encode(keccak256(&empty));
    let everywhere: Vec<_> = (0..16).map(|at| (at, hash.clone())).collect();
    let root = branch(&everywhere);
    assert_eq!(
        malformed(&[root, empty]),
        "a node below 32 bytes stands alone"
    );
}

#[test]
fn rejects_a_child_that_should_stand_alone() {
    // A list of 32 bytes, which is too long for a place inside its parent.
    let child = [&[0xdf][..], &[1; 31]].concat();
    let children: Vec<_> = (0..16).map(|at| (at, child.clone())).collect();
    assert_eq!(
        malformed(&[branch(&children)]),
        "a branch with a child that is no node"
    );
}

#[test]
fn rejects_nodes_that_no_trie_of_hashed_keys_has() {
    let hash = alloy_rlp::encode(B256::repeat_byte(1));
    for (node, why) in [
        (leaf_node(&[0x20], &[7; 32]), "a leaf of another depth"),
        (
            leaf_node(&[0, 0x12], &[7; 31]),
            "an extension that leads to no node",
        ),
        (
            branch(&[(3, hash)]),
            "a branch with fewer than two children",
        ),
    ] {
        assert_eq!(malformed(&[node]), why);
    }
}

#[test]
fn rejects_an_extension_as_long_as_the_path() {
    let path = [&[0][..], keccak256(slot(1)).as_slice()].concat();
    let node = leaf_node(&path, B256::repeat_byte(1).as_slice());
    assert_eq!(malformed(&[node]), "an extension of impossible length");
}

#[test]
fn a_proof_holds_only_for_its_own_root_and_slot() {
    let (trie, other) = (storage(50), storage(51));
    let proof = trie.proof(slot(5));
    assert!(prove_slot(other.root, slot(5), &proof).is_err());
    for at in (0..50).filter(|at| *at != 5) {
        let value = prove_slot(trie.root, slot(at), &proof);
        assert!(value.is_err(), "slot {at} read {value:?}");
    }
}

#[test]
fn a_leaf_is_no_account_when_it_holds_a_number_and_no_number_when_it_holds_an_account() {
    let trie = Trie::new([(keccak256(address(1)), alloy_rlp::encode(U256::from(7)))]);
    let proof = trie.proof_of(keccak256(address(1)));
    assert!(matches!(
        prove_account(trie.root, address(1), &proof),
        Err(ProofError::Value(_))
    ));
    let accounts = Trie::new([(
        keccak256(slot(1)),
        alloy_rlp::encode(TrieAccount::default()),
    )]);
    let proof = accounts.proof(slot(1));
    assert!(matches!(
        prove_slot(accounts.root, slot(1), &proof),
        Err(ProofError::Value(_))
    ));
}

#[test]
fn reads_a_leaf_of_zero_as_zero() {
    // docs/decisions/2026-11-21-leaves-of-zero.md
    let trie = Trie::new([
        (keccak256(slot(1)), vec![0x80]),
        (keccak256(slot(2)), vec![0x07]),
    ]);
    assert_eq!(
        prove_slot(trie.root, slot(1), &trie.proof(slot(1))),
        Ok(U256::ZERO)
    );
}

#[test]
fn rejects_other_spellings_of_zero_and_bytes_after_a_value() {
    for value in [
        vec![0x00],
        vec![0x81, 0x00],
        vec![0x80, 0x80],
        vec![0x07, 0x07],
        vec![0x81, 0x07],
        vec![],
    ] {
        let trie = Trie::new([
            (keccak256(slot(1)), value.clone()),
            (keccak256(slot(2)), vec![0x07]),
        ]);
        let proof = trie.proof(slot(1));
        assert!(prove_slot(trie.root, slot(1), &proof).is_err(), "{value:?}");
    }
}

#[test]
fn rejects_every_changed_bit_of_every_node() {
    let trie = storage(40);
    for at in [5, 1000] {
        let proof = trie.proof(slot(at));
        let good = prove_slot(trie.root, slot(at), &proof).unwrap();
        for node in 0..proof.len() {
            for bit in 0..proof[node].len() * 8 {
                let mut changed = proof.clone();
                let mut bytes = changed[node].to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                changed[node] = bytes.into();
                let value = prove_slot(trie.root, slot(at), &changed);
                assert!(
                    value.is_err(),
                    "node {node} bit {bit}: {value:?}, was {good}"
                );
            }
        }
    }
}

/// alloy-trie before 0.9.7 took a truncated proof for a proof of absence.
#[test]
fn hole_one_a_truncated_proof_of_presence_is_no_proof_of_absence() {
    let trie = accounts(500);
    let key = address(123);
    let proof = trie.proof_of(keccak256(key));
    assert!(proof.len() >= 3);
    assert!(matches!(prove_account(trie.root, key, &proof), Ok(Some(_))));
    for length in 0..proof.len() {
        assert!(prove_account(trie.root, key, &proof[..length]).is_err());
        let path = Nibbles::unpack(keccak256(key));
        assert!(
            verify_proof(trie.root, path, None, &proof[..length]).is_err(),
            "the trie library has the hole again"
        );
    }
}

/// alloy-trie before 0.9.7 went on below a leaf whose value looks like a reference to a node.
#[test]
fn hole_two_a_value_that_is_the_hash_of_a_node_cannot_be_extended() {
    let forged = alloy_rlp::encode(U256::from(0x666));
    // A leaf with an empty path, so that it would sit exactly where the walk has arrived.
    let node = Bytes::from(leaf_node(&[0x20], &forged));
    let chosen = U256::from_be_bytes(keccak256(&node).0);
    let trie = Trie::storage([(slot(1), chosen), (slot(2), U256::from(1))]);
    let mut proof = trie.proof(slot(1));
    assert_eq!(prove_slot(trie.root, slot(1), &proof), Ok(chosen));
    proof.push(node);
    assert_eq!(
        prove_slot(trie.root, slot(1), &proof),
        Err(ProofError::UnusedNodes(1))
    );
    let path = Nibbles::unpack(keccak256(slot(1)));
    assert!(
        verify_proof(trie.root, path, Some(forged), &proof).is_err(),
        "the trie library has the hole again"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_the_map_it_was_built_from(
        values in prop::collection::btree_map(any::<u16>(), 1_u64.., 1..60),
        asked: u16,
    ) {
        let trie = Trie::storage(values.iter().map(|(at, value)| (slot(u64::from(*at)), U256::from(*value))));
        let proof = trie.proof(slot(u64::from(asked)));
        let expected = values.get(&asked).copied().unwrap_or(0);
        prop_assert_eq!(prove_slot(trie.root, slot(u64::from(asked)), &proof), Ok(U256::from(expected)));
    }

    #[test]
    fn junk_never_proves_anything_and_never_panics(nodes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..6), root: [u8; 32]) {
        let nodes: Vec<Bytes> = nodes.into_iter().map(Bytes::from).collect();
        prop_assert!(prove_slot(B256::new(root), slot(1), &nodes).is_err());
    }

    #[test]
    fn junk_under_its_own_hash_never_panics(node in prop::collection::vec(any::<u8>(), 0..200)) {
        // The root is the junk's own hash, so that it is decoded.
        let _ = prove_slot(keccak256(&node), slot(1), &[node.into()]);
    }
}
