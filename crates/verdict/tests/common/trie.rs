use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};

/// A small trie with everything needed to prove from it.
pub struct Trie {
    pub root: B256,
    leaves: BTreeMap<B256, Vec<u8>>,
}

impl Trie {
    pub fn new(leaves: impl IntoIterator<Item = (B256, Vec<u8>)>) -> Self {
        let leaves: BTreeMap<_, _> = leaves.into_iter().collect();
        let root = build(&leaves, None).0;
        Self { root, leaves }
    }

    pub fn storage(slots: impl IntoIterator<Item = (B256, U256)>) -> Self {
        let leaves = slots.into_iter();
        Self::new(leaves.map(|(slot, value)| (keccak256(slot), alloy_rlp::encode(value))))
    }

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
