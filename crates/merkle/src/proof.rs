use alloy_primitives::B256;
use rs_merkle::MerkleTree;
use seed_primitives::{Digest, System};

use crate::{
    Root,
    hasher::{SystemTree, leaf_hash, node_hash},
};

/// The sibling path from one leaf to the root.
///
/// Positions come from `index` and `count`, never from sorting; at a level whose last node is alone, the path
/// has no entry (the node is paired with itself).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InclusionProof {
    /// The position of the leaf, from 0.
    pub index: usize,
    /// The number of leaves in the tree.
    pub count: usize,
    /// Sibling hashes from the leaf upward.
    pub path: Vec<B256>,
}

impl InclusionProof {
    pub(crate) fn build(hashes: &[[u8; 32]], index: usize) -> Option<Self> {
        if index >= hashes.len() {
            return None;
        }
        let tree = MerkleTree::<SystemTree>::from_leaves(hashes);
        let path = tree
            .proof(&[index])
            .proof_hashes()
            .iter()
            .map(|hash| B256::new(*hash))
            .collect();
        Some(Self {
            index,
            count: hashes.len(),
            path,
        })
    }

    /// Whether `system` with `digest` is the leaf at this position of the tree with head `root`.
    ///
    /// False for a position past the end, and for a path that is too short or too long by a single entry.
    #[must_use]
    pub fn verify(&self, root: &Root, system: &System, digest: &Digest) -> bool {
        self.head(leaf_hash(system, digest))
            .is_some_and(|head| B256::new(head) == root.word())
    }

    fn head(&self, leaf: [u8; 32]) -> Option<[u8; 32]> {
        if self.index >= self.count {
            return None;
        }
        let (mut index, mut count, mut hash) = (self.index, self.count, leaf);
        let mut path = self.path.iter();
        while count > 1 {
            hash = if index % 2 == 1 {
                node_hash(&path.next()?.0, &hash)
            } else if index + 1 < count {
                node_hash(&hash, &path.next()?.0)
            } else {
                node_hash(&hash, &hash)
            };
            index /= 2;
            count = count.div_ceil(2);
        }
        path.next().is_none().then_some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaves::tests::leaves;

    #[test]
    fn proves_every_leaf_of_every_size() {
        for n in 1..=64 {
            let leaves = leaves(n);
            let root = leaves.root();
            for (i, (system, digest)) in leaves.as_slice().iter().enumerate() {
                assert!(
                    leaves.prove(i).unwrap().verify(&root, system, digest),
                    "leaf {i} of {n}"
                );
            }
            assert_eq!(leaves.prove(n), None);
        }
    }

    #[test]
    fn refuses_every_corruption_of_a_proof() {
        let leaves = leaves(7);
        let (root, (system, digest)) = (leaves.root(), &leaves.as_slice()[2]);
        let good = leaves.prove(2).unwrap();
        let refused = |proof: &InclusionProof| assert!(!proof.verify(&root, system, digest));
        for i in 0..good.path.len() {
            let mut bad = good.clone();
            bad.path[i].0[0] ^= 1;
            refused(&bad);
        }
        refused(&InclusionProof {
            path: good.path[1..].to_vec(),
            ..good.clone()
        });
        refused(&InclusionProof {
            path: [&good.path[..], &[B256::ZERO]].concat(),
            ..good.clone()
        });
        for index in [0, 1, 3, 4, 5, 6, 7, usize::MAX] {
            refused(&InclusionProof {
                index,
                ..good.clone()
            });
        }
        for count in [0, 1, 2, 3, 4, 16, 1000] {
            refused(&InclusionProof {
                count,
                ..good.clone()
            });
        }
        assert!(!good.verify(&root, system, &Digest::of(b"other")));
        assert!(!good.verify(&root, &leaves.as_slice()[1].0, digest));
    }
}
