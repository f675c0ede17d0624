use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable;
use alloy_trie::{
    EMPTY_ROOT_HASH, Nibbles,
    nodes::{RlpNode, TrieNode},
    proof::verify_proof,
};

use crate::ProofError;

/// 64 nibbles and the node behind the last one.
const MAX_NODES: usize = 65;
/// A full branch has 532 bytes.
const MAX_NODE_BYTES: usize = 1024;
/// RLP of the empty string: what some nodes serve as the only node of an empty trie.
const EMPTY_STRING: [u8; 1] = [0x80];

/// Walks from `root` along the path of `key` (32 bytes, already hashed).
///
/// Returns the value in the leaf, or `None` where the nodes prove that there is none. Every node must be
/// canonical, be the one its parent names, and lie on the path; the walk must reach a leaf or a place where the
/// trie shows that the path ends. The trie library then checks the same nodes on its own, and must agree: two
/// of its releases accepted truncated exclusion proofs and forged values, so neither judge stands alone.
pub(crate) fn walk(root: B256, key: B256, nodes: &[Bytes]) -> Result<Option<Vec<u8>>, ProofError> {
    check_sizes(nodes)?;
    let key = Nibbles::unpack(key);
    let value = find(root, &key, nodes)?;
    verify_proof(root, key, value.clone(), nodes)
        .map_err(|error| ProofError::Library(error.to_string()))?;
    Ok(value)
}

fn check_sizes(nodes: &[Bytes]) -> Result<(), ProofError> {
    if nodes.len() > MAX_NODES {
        return Err(ProofError::TooManyNodes(nodes.len()));
    }
    let large = nodes
        .iter()
        .enumerate()
        .find(|(_, node)| node.len() > MAX_NODE_BYTES);
    large.map_or(Ok(()), |(index, node)| {
        Err(ProofError::NodeTooLarge {
            index,
            size: node.len(),
        })
    })
}

fn find(root: B256, key: &Nibbles, nodes: &[Bytes]) -> Result<Option<Vec<u8>>, ProofError> {
    if root == EMPTY_ROOT_HASH {
        return match nodes {
            [] => Ok(None),
            [only] if only.as_ref() == EMPTY_STRING => Ok(None),
            _ => Err(ProofError::UnusedNodes(nodes.len())),
        };
    }
    let mut rest = nodes.iter().enumerate();
    let mut pending = RlpNode::word_rlp(&root);
    let mut depth = 0;
    let value = loop {
        let node = match pending.as_hash() {
            Some(hash) => {
                let (index, bytes) = rest.next().ok_or(ProofError::Truncated { depth })?;
                linked(index, bytes, hash, depth)?
            }
            // Nodes below 32 bytes stand in their parent and not in the list.
            None => canonical(&pending, depth)?,
        };
        match step(node, key, depth)? {
            Step::Down { child, taken } => {
                depth += taken;
                pending = child;
            }
            Step::End(value) => break value,
        }
    };
    match rest.count() {
        0 => Ok(value),
        unused => Err(ProofError::UnusedNodes(unused)),
    }
}

/// The node of the list at `index`, which must be the one with `hash`.
fn linked(index: usize, bytes: &[u8], hash: B256, depth: usize) -> Result<TrieNode, ProofError> {
    if keccak256(bytes) != hash {
        return Err(ProofError::HashMismatch {
            index,
            expected: hash,
        });
    }
    if index > 0 && bytes.len() < 32 {
        return Err(malformed(depth, "a node below 32 bytes stands alone"));
    }
    canonical(bytes, depth)
}

/// Decodes one node and refuses any spelling but the one it encodes to.
fn canonical(bytes: &[u8], depth: usize) -> Result<TrieNode, ProofError> {
    let mut rest = bytes;
    let node = TrieNode::decode(&mut rest).map_err(|error| malformed(depth, error))?;
    if !rest.is_empty() || alloy_rlp::encode(&node) != bytes {
        return Err(malformed(depth, "not canonical"));
    }
    Ok(node)
}

enum Step {
    Down { child: RlpNode, taken: usize },
    End(Option<Vec<u8>>),
}

fn step(node: TrieNode, key: &Nibbles, depth: usize) -> Result<Step, ProofError> {
    let left = key.len() - depth;
    match node {
        TrieNode::EmptyRoot => Err(malformed(depth, "an empty node inside a trie")),
        TrieNode::Leaf(leaf) => {
            // All keys have one length, so a leaf of another depth belongs to no trie of this kind.
            if leaf.key.len() != left {
                return Err(malformed(depth, "a leaf of another depth"));
            }
            let here = leaf.key == key.slice(depth..);
            Ok(Step::End(here.then_some(leaf.value)))
        }
        TrieNode::Extension(extension) => {
            if !leads_to_a_node(&extension.child) {
                return Err(malformed(depth, "an extension that leads to no node"));
            }
            let taken = extension.key.len();
            if taken == 0 || taken >= left {
                return Err(malformed(depth, "an extension of impossible length"));
            }
            if extension.key != key.slice(depth..depth + taken) {
                return Ok(Step::End(None));
            }
            let child = extension.child;
            Ok(Step::Down { child, taken })
        }
        TrieNode::Branch(branch) => {
            if branch.state_mask.count_bits() < 2 {
                return Err(malformed(depth, "a branch with fewer than two children"));
            }
            if !branch.stack.iter().all(leads_to_a_node) {
                return Err(malformed(depth, "a branch with a child that is no node"));
            }
            let Some(nibble) = key.get(depth) else {
                return Err(malformed(depth, "a branch below the end of the path"));
            };
            if !branch.state_mask.is_bit_set(nibble) {
                return Ok(Step::End(None));
            }
            let below = (0..nibble).filter(|index| branch.state_mask.is_bit_set(*index));
            let child = branch.stack.get(below.count()).cloned();
            let child = child.ok_or_else(|| malformed(depth, "a branch lacks its child"))?;
            Ok(Step::Down { child, taken: 1 })
        }
    }
}

/// A hash, or a list shorter than one: what a node has for a child, whether or not the path goes there. The library calls
/// anything of 33 bytes a hash.
fn leads_to_a_node(child: &RlpNode) -> bool {
    match child.first() {
        Some(0xa0) => child.is_hash(),
        Some(0xc0..) => child.len() < 32,
        _ => false,
    }
}

fn malformed(depth: usize, why: impl ToString) -> ProofError {
    ProofError::Malformed {
        depth,
        why: why.to_string(),
    }
}
