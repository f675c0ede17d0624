use rs_merkle::MerkleTree;
use seed_primitives::{Digest, System};
use thiserror::Error;

use crate::{
    InclusionProof, Root,
    hasher::{SystemTree, node_hash},
    leaf_hash,
};

/// The most leaves a tree takes; a record on chain holds fewer (its masks have 64 bits).
pub const MAX_LEAVES: usize = 256;

/// The systems of a release with their image digests: not empty, strictly ascending, unique.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leaves(Vec<(System, Digest)>);

/// Why a list of systems is not a tree.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LeavesError {
    /// There is no system at all.
    #[error("a release needs at least one system")]
    Empty,
    /// More than [`MAX_LEAVES`] systems.
    #[error("{0} systems are more than {MAX_LEAVES}")]
    TooMany(usize),
    /// Two neighbours are equal or in the wrong order.
    #[error("systems must be strictly ascending and unique, but `{second}` follows `{first}`")]
    NotAscending {
        /// The earlier system.
        first: System,
        /// The one after it, which is not greater.
        second: System,
    },
}

impl Leaves {
    /// Takes the systems in ascending byte order; nothing is sorted on the caller's behalf.
    ///
    /// # Errors
    /// When the list is empty, too long, or not strictly ascending.
    pub fn new(leaves: Vec<(System, Digest)>) -> Result<Self, LeavesError> {
        if leaves.is_empty() {
            return Err(LeavesError::Empty);
        }
        if leaves.len() > MAX_LEAVES {
            return Err(LeavesError::TooMany(leaves.len()));
        }
        for ((first, _), (second, _)) in leaves.iter().zip(leaves.iter().skip(1)) {
            if first >= second {
                return Err(LeavesError::NotAscending {
                    first: first.clone(),
                    second: second.clone(),
                });
            }
        }
        Ok(Self(leaves))
    }

    /// The leaves, strictly ascending by system, at least one.
    #[must_use]
    pub fn as_slice(&self) -> &[(System, Digest)] {
        &self.0
    }

    /// The digest of `system`, if the release has it.
    #[must_use]
    pub fn digest_of(&self, system: &System) -> Option<&Digest> {
        self.0
            .iter()
            .find_map(|(name, digest)| (name == system).then_some(digest))
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Root {
        let hashes = self.hashes();
        let tree = MerkleTree::<SystemTree>::from_leaves(&hashes);
        let head = if hashes.len().is_power_of_two() {
            // rs_merkle counts one round too many at powers of two and pairs the finished root with itself.
            // There every node has a sibling, so the path of leaf 0 leads to the true head.
            let siblings = tree.proof(&[0]);
            hashes.first().map(|leaf| {
                siblings
                    .proof_hashes()
                    .iter()
                    .fold(*leaf, |left, right| node_hash(&left, right))
            })
        } else {
            tree.root()
        };
        // `Leaves` is never empty, so there is always a head.
        Root::from_word(head.unwrap_or_default().into())
    }

    /// The inclusion proof of the leaf at `index` (from 0), or `None` past the end.
    #[must_use]
    pub fn prove(&self, index: usize) -> Option<InclusionProof> {
        InclusionProof::build(&self.hashes(), index)
    }

    fn hashes(&self) -> Vec<[u8; 32]> {
        self.0
            .iter()
            .map(|(system, digest)| leaf_hash(system, digest))
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// `n` leaves with distinct, ascending systems.
    pub(crate) fn leaves(n: usize) -> Leaves {
        let leaf = |i: usize| {
            (
                format!("s{i:03}-linux").parse().unwrap(),
                Digest::of(&i.to_be_bytes()),
            )
        };
        Leaves::new((0..n).map(leaf).collect()).unwrap()
    }

    /// The rule of the protocol, written as plainly as it reads.
    fn reference(mut level: Vec<[u8; 32]>) -> [u8; 32] {
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| node_hash(&pair[0], pair.get(1).unwrap_or(&pair[0])))
                .collect();
        }
        level[0]
    }

    #[test]
    fn agrees_with_a_plain_reference_for_every_size() {
        for n in 1..=MAX_LEAVES {
            let leaves = leaves(n);
            assert_eq!(
                leaves.root().word().0,
                reference(leaves.hashes()),
                "{n} leaves"
            );
        }
    }

    #[test]
    fn refuses_empty_unsorted_duplicate_and_too_many() {
        let leaf = |name: &str| (name.parse::<System>().unwrap(), Digest::of(b"x"));
        assert_eq!(Leaves::new(vec![]), Err(LeavesError::Empty));
        for list in [
            vec![leaf("b-x"), leaf("a-x")],
            vec![leaf("a-x"), leaf("a-x")],
        ] {
            assert!(matches!(
                Leaves::new(list),
                Err(LeavesError::NotAscending { .. })
            ));
        }
        let many = (0..=MAX_LEAVES)
            .map(|i| leaf(&format!("s{i:03}-x")))
            .collect();
        assert_eq!(Leaves::new(many), Err(LeavesError::TooMany(257)));
    }

    #[test]
    fn every_leaf_and_every_name_changes_the_root() {
        let base = leaves(5);
        for i in 0..5 {
            let mut changed = base.0.clone();
            changed[i].1 = Digest::of(b"other");
            assert_ne!(Leaves(changed).root(), base.root());
            let mut renamed = base.0.clone();
            renamed[i].0 = format!("s{i:03}-linuy").parse().unwrap();
            assert_ne!(Leaves(renamed).root(), base.root());
        }
    }
}
