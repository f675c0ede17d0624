//! What endpoints say about the chain.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use seed_proof::{RawHeader, Rules, prove_account, prove_slot};

/// A header has one form, and is known by the hash of exactly these bytes.
pub(crate) fn header(bytes: &[u8]) -> bool {
    let Ok(read) = RawHeader::parse(bytes) else {
        return false;
    };
    assert_eq!(read.rlp(), bytes);
    assert_eq!(read.hash(), keccak256(bytes));
    true
}

pub(crate) fn rules(bytes: &[u8]) -> bool {
    let Ok(read) = Rules::parse(bytes) else {
        return false;
    };
    assert_eq!(read.code_hash(), keccak256(bytes));
    assert!(read.threshold() >= 2 && !read.systems().is_empty());
    assert!(read.builders().len() <= 32);
    true
}

/// Root, key and nodes: 32 bytes each for root and key, then nodes with two bytes of length before each.
fn parts(bytes: &[u8]) -> Option<(B256, B256, Vec<Bytes>)> {
    let (root, rest) = bytes.split_at_checked(32)?;
    let (key, mut rest) = rest.split_at_checked(32)?;
    let mut nodes = Vec::new();
    while let Some((length, after)) = rest.split_at_checked(2) {
        let length = usize::from(length[0]) << 8 | usize::from(length[1]);
        let (node, after) = after.split_at_checked(length.min(after.len()))?;
        nodes.push(Bytes::copy_from_slice(node));
        rest = after;
    }
    // A fuzzer finds no preimages: where the first two bytes of the root are zero, the first node is the root.
    let root = match (root, nodes.first()) {
        ([0, 0, ..], Some(first)) => keccak256(first),
        _ => B256::from_slice(root),
    };
    Some((root, B256::from_slice(key), nodes))
}

/// Nothing is proven against a root that the nodes do not hash to.
pub(crate) fn slot_proof(bytes: &[u8]) -> bool {
    let Some((root, key, nodes)) = parts(bytes) else {
        return false;
    };
    let proven = prove_slot(root, key, &nodes).is_ok();
    if proven && let Some(first) = nodes.first().filter(|first| first.as_ref() != [0x80]) {
        assert_eq!(keccak256(first), root);
        assert!(prove_slot(root ^ B256::with_last_byte(1), key, &nodes).is_err());
    }
    proven
}

pub(crate) fn account_proof(bytes: &[u8]) -> bool {
    let Some((root, key, nodes)) = parts(bytes) else {
        return false;
    };
    let address = Address::from_slice(&key[12..]);
    let proven = prove_account(root, address, &nodes).is_ok();
    if proven && let Some(first) = nodes.first().filter(|first| first.as_ref() != [0x80]) {
        assert_eq!(keccak256(first), root);
    }
    proven
}
