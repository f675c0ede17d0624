use alloy_primitives::{Keccak256, keccak256};
use rs_merkle::Hasher;
use seed_primitives::{Digest, System};

/// The hash of one leaf: `keccak(0x00 ‖ u16(len(system)) ‖ system ‖ digest)`, the length big-endian.
#[must_use]
pub fn leaf_hash(system: &System, digest: &Digest) -> [u8; 32] {
    let name = system.as_str().as_bytes();
    let mut hasher = Keccak256::new();
    hasher.update([0]);
    // A system has at most 28 bytes, so the high byte of its length is always zero.
    hasher.update([0, name.len().to_le_bytes()[0]]);
    hasher.update(name);
    hasher.update(digest.as_bytes());
    hasher.finalize().into()
}

/// The hash of an inner node: `keccak(0x01 ‖ left ‖ right)`.
pub(crate) fn node_hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// Our node rule for `rs_merkle`: prefixed nodes, a lone node paired with itself.
#[derive(Clone)]
pub(crate) struct SystemTree;

impl Hasher for SystemTree {
    type Hash = [u8; 32];

    // The tree is given finished leaf hashes and never calls this; the prefix keeps a stray use from
    // producing an inner node.
    fn hash(data: &[u8]) -> [u8; 32] {
        keccak256([&[0], data].concat()).into()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        node_hash(left, right.unwrap_or(left))
    }
}
