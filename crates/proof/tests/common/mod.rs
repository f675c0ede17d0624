#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_rlp::{Encodable, Header};
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};

/// A small trie with everything needed to prove from it.
pub struct Trie {
    pub root: B256,
    leaves: BTreeMap<B256, Vec<u8>>,
}

impl Trie {
    /// A trie of hashed key to encoded value.
    pub fn new(leaves: impl IntoIterator<Item = (B256, Vec<u8>)>) -> Self {
        let leaves: BTreeMap<_, _> = leaves.into_iter().collect();
        let root = build(&leaves, None).0;
        Self { root, leaves }
    }

    /// A storage trie of slot to value.
    pub fn storage(slots: impl IntoIterator<Item = (B256, U256)>) -> Self {
        let leaves = slots.into_iter();
        Self::new(leaves.map(|(slot, value)| (keccak256(slot), alloy_rlp::encode(value))))
    }

    /// The nodes from the root towards `slot`.
    pub fn proof(&self, slot: B256) -> Vec<Bytes> {
        self.proof_of(keccak256(slot))
    }

    /// The nodes from the root towards a hashed key.
    pub fn proof_of(&self, key: B256) -> Vec<Bytes> {
        build(&self.leaves, Some(key)).1
    }
}

fn build(leaves: &BTreeMap<B256, Vec<u8>>, target: Option<B256>) -> (B256, Vec<Bytes>) {
    let targets = target.iter().map(Nibbles::unpack).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets));
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    (root, nodes.into_iter().map(|(_, node)| node).collect())
}

/// A leaf node from its compact path and value.
pub fn leaf_node(path: &[u8], value: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    path.encode(&mut payload);
    value.encode(&mut payload);
    let mut node = Vec::new();
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut node);
    node.extend(payload);
    node
}

/// A branch node from the raw RLP of its children, by nibble, and no value.
pub fn branch(children: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut items = vec![vec![0x80]; 17];
    for (nibble, child) in children {
        items[*nibble].clone_from(child);
    }
    let payload = items.concat();
    let mut node = Vec::new();
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut node);
    node.extend(payload);
    node
}
