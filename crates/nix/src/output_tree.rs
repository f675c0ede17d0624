use std::fmt;

use seed_primitives::Digest;
use thiserror::Error;

use crate::{NarHash, StorePath};

/// One output of one derivation and the hash of what is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BuiltOutput {
    /// The `.drv` file.
    pub derivation: StorePath,
    /// The output's name: `out`, `dev` …
    pub name: String,
    /// Where it is.
    pub path: StorePath,
    /// The hash and size of its NAR serialisation.
    pub nar: NarHash,
}

impl fmt::Display for BuiltOutput {
    /// `<derivation> <name> <path> <hex nar hash> <nar size>`, the line that is hashed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NarHash { digest, size } = &self.nar;
        let Self {
            derivation,
            name,
            path,
            ..
        } = self;
        write!(f, "{derivation} {name} {path} {digest} {size}")
    }
}

/// The Merkle tree over the outputs of a build in build order, inputs before users.
///
/// `leaf = SHA-256(0x00 ‖ line)`, `node = SHA-256(0x01 ‖ left ‖ right)`, and all that lies beyond the last leaf
/// is `SHA-256(0x02)` at every height, so that trees of any two sizes compare node by node.
#[derive(Clone, Debug)]
pub struct OutputTree {
    outputs: Vec<BuiltOutput>,
    /// Level 0 are the leaves.
    levels: Vec<Vec<Digest>>,
    nothing: Digest,
}

/// The highest tree two sides may compare: more leaves than any build has outputs.
const MAX_HEIGHT: u32 = 32;

/// Someone else's tree, of which single hashes can be had.
pub trait TreePeer {
    /// How many levels lie above the leaves.
    fn height(&mut self) -> Result<u32, TreeError>;
    /// The hash at `index` of `level`, level 0 being the leaves.
    fn node(&mut self, level: u32, index: u64) -> Result<Digest, TreeError>;
    /// The output at `index`, `None` beyond the last.
    fn output(&mut self, index: u64) -> Result<Option<BuiltOutput>, TreeError>;
}

/// Why two trees cannot be compared.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TreeError {
    /// The other side claims more outputs than any build has.
    #[error("the other side's tree has {0} levels, more than {MAX_HEIGHT}")]
    TooHigh(u32),
    /// The other side shows an output that does not hash to what it said.
    #[error("the other side contradicts itself at output {0}: what it shows is not what it hashed")]
    Contradiction(u64),
    /// The other side did not answer.
    #[error("the other side did not answer: {0}")]
    Unavailable(String),
}

/// Where two builds part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parting {
    /// The place in build order.
    pub index: u64,
    /// Our output there.
    pub ours: Option<BuiltOutput>,
    /// Theirs.
    pub theirs: Option<BuiltOutput>,
}

/// The result of a comparison.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Comparison {
    /// The first output, in build order, that differs; `None` when all are the same.
    pub parting: Option<Parting>,
    /// How many hashes were asked of the other side.
    pub exchanged: u32,
}

impl OutputTree {
    /// The tree over `outputs`, which must be in build order.
    #[must_use]
    pub fn new(outputs: Vec<BuiltOutput>) -> Self {
        let nothing = Digest::of(&[2]);
        let leaves = outputs.iter().map(leaf).collect();
        let mut levels: Vec<Vec<Digest>> = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right, &nothing),
                    [left] => node(left, &nothing, &nothing),
                    _ => nothing,
                })
                .collect();
            levels.push(above);
        }
        Self {
            outputs,
            levels,
            nothing,
        }
    }

    /// The hash over everything.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.at(self.own_height(), 0)
    }

    /// The outputs, in build order.
    #[must_use]
    pub fn outputs(&self) -> &[BuiltOutput] {
        &self.outputs
    }

    /// Finds the first output that differs from `peer`'s in as many questions as the tree has levels, and one.
    ///
    /// Everything that output was built from comes before it, and so is the same on both sides.
    ///
    /// # Errors
    /// [`TreeError`] when the peer does not answer or its answers do not fit together.
    pub fn compare(&self, peer: &mut dyn TreePeer) -> Result<Comparison, TreeError> {
        let other = peer.height()?;
        if other > MAX_HEIGHT {
            return Err(TreeError::TooHigh(other));
        }
        let height = self.own_height().max(other);
        let mut exchanged = 1;
        if peer.node(height, 0)? == self.at(height, 0) {
            return Ok(Comparison {
                parting: None,
                exchanged,
            });
        }
        let mut index = 0;
        for level in (0..height).rev() {
            index *= 2;
            exchanged += 1;
            // Where the left halves are the same, the right ones differ and need not be asked for.
            if peer.node(level, index)? == self.at(level, index) {
                index += 1;
            }
        }
        let theirs = peer.output(index)?;
        let ours = usize::try_from(index)
            .ok()
            .and_then(|at| self.outputs.get(at))
            .cloned();
        let hashed = theirs.as_ref().map_or(self.nothing, leaf);
        if theirs == ours || hashed != peer.node(0, index)? {
            return Err(TreeError::Contradiction(index));
        }
        Ok(Comparison {
            parting: Some(Parting {
                index,
                ours,
                theirs,
            }),
            exchanged,
        })
    }

    fn own_height(&self) -> u32 {
        u32::try_from(self.levels.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The hash at `index` of `level`, also beyond this tree's own height.
    fn at(&self, level: u32, index: u64) -> Digest {
        let own = self.own_height();
        if level > own {
            if index > 0 {
                return self.nothing;
            }
            return node(&self.at(level - 1, 0), &self.nothing, &self.nothing);
        }
        let found = self.levels.get(level as usize).and_then(|nodes| {
            let index = usize::try_from(index).ok()?;
            nodes.get(index)
        });
        found.copied().unwrap_or(self.nothing)
    }
}

impl TreePeer for OutputTree {
    fn height(&mut self) -> Result<u32, TreeError> {
        Ok(self.own_height())
    }

    fn node(&mut self, level: u32, index: u64) -> Result<Digest, TreeError> {
        Ok(self.at(level, index))
    }

    fn output(&mut self, index: u64) -> Result<Option<BuiltOutput>, TreeError> {
        let at = usize::try_from(index).ok();
        Ok(at.and_then(|at| self.outputs.get(at)).cloned())
    }
}

fn leaf(output: &BuiltOutput) -> Digest {
    Digest::of(format!("\0{output}").as_bytes())
}

fn node(left: &Digest, right: &Digest, nothing: &Digest) -> Digest {
    if left == nothing && right == nothing {
        return *nothing;
    }
    Digest::of(&[[1].as_slice(), left.as_bytes(), right.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(at: usize) -> BuiltOutput {
        let path = |name: &str| format!("/nix/store/{at:032}-{name}").parse().unwrap();
        BuiltOutput {
            derivation: path("x.drv"),
            name: "out".to_owned(),
            path: path("x"),
            nar: NarHash {
                digest: Digest::of(&at.to_le_bytes()),
                size: 1,
            },
        }
    }

    fn tree(size: usize, changed: &[usize]) -> OutputTree {
        let mut outputs: Vec<_> = (0..size).map(output).collect();
        for at in changed {
            outputs[*at].nar.digest = Digest::of(b"changed");
        }
        OutputTree::new(outputs)
    }

    #[test]
    fn finds_the_first_of_any_differences_in_as_many_questions_as_levels() {
        for size in [1, 2, 3, 7, 8, 9, 100] {
            assert_eq!(
                tree(size, &[]).compare(&mut tree(size, &[])).unwrap(),
                Comparison {
                    parting: None,
                    exchanged: 1
                }
            );
            for first in 0..size {
                let mut other = tree(size, &[first, size - 1]);
                let found = tree(size, &[]).compare(&mut other).unwrap();
                assert_eq!(
                    found.parting.unwrap().index,
                    first as u64,
                    "{first} of {size}"
                );
                assert!(found.exchanged <= 1 + size.next_power_of_two().ilog2());
            }
        }
        let found = tree(100_000, &[])
            .compare(&mut tree(100_000, &[77_777, 99_999]))
            .unwrap();
        assert_eq!(found.parting.unwrap().index, 77_777);
        assert_eq!(found.exchanged, 18);
    }

    #[test]
    fn compares_trees_of_different_sizes() {
        for (ours, theirs) in [(0, 1), (1, 0), (3, 5), (5, 3), (4, 100), (100, 4), (8, 9)] {
            let found = tree(ours, &[]).compare(&mut tree(theirs, &[])).unwrap();
            let parting = found.parting.unwrap();
            assert_eq!(parting.index, ours.min(theirs) as u64);
            assert_eq!(parting.ours.is_some(), ours > theirs);
        }
        let found = tree(3, &[1]).compare(&mut tree(100, &[])).unwrap();
        assert_eq!(found.parting.unwrap().index, 1);
    }

    /// Says another hash than it has.
    struct Liar(OutputTree, u32);

    impl TreePeer for Liar {
        fn height(&mut self) -> Result<u32, TreeError> {
            Ok(self.1)
        }
        fn node(&mut self, level: u32, index: u64) -> Result<Digest, TreeError> {
            Ok(Digest::of(format!("{level} {index}").as_bytes()))
        }
        fn output(&mut self, index: u64) -> Result<Option<BuiltOutput>, TreeError> {
            self.0.output(index)
        }
    }

    #[test]
    fn a_peer_that_contradicts_itself_is_named_as_such() {
        let mut liar = Liar(tree(8, &[]), 3);
        let error = tree(8, &[]).compare(&mut liar).unwrap_err();
        assert_eq!(error, TreeError::Contradiction(0));
        let mut endless = Liar(tree(8, &[]), u32::MAX);
        assert_eq!(
            tree(8, &[]).compare(&mut endless).unwrap_err(),
            TreeError::TooHigh(u32::MAX)
        );
    }
}
