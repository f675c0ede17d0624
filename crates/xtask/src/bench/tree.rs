use std::hint::black_box;

use alloy_primitives::{B256, keccak256};
use eyre::ensure;
use seed_merkle::Leaves;
use seed_primitives::{Digest, System};

use crate::contest::{Comparison, Rounds};

const SIZES: [usize; 2] = [4, 64];
const ROUNDS: Rounds = Rounds {
    rounds: 51,
    calls: 200,
    reference_calls: 200,
};

/// The root over a release's systems beside the plainest program for the same root.
pub(crate) fn compare() -> eyre::Result<Vec<Comparison>> {
    SIZES
        .into_iter()
        .map(|size| {
            let leaves = leaves(size)?;
            ensure!(leaves.root().word() == plain(&leaves), "the roots differ");
            Comparison::run(
                [
                    &format!("Merkle root of {size} systems"),
                    "plain recursion, same root",
                ],
                ROUNDS,
                || {
                    black_box(black_box(&leaves).root());
                    Ok(())
                },
                || {
                    black_box(plain(black_box(&leaves)));
                    Ok(())
                },
            )
        })
        .collect()
}

fn leaves(size: usize) -> eyre::Result<Leaves> {
    let leaves = (0..size)
        .map(|at| {
            let system: System = format!("cpu{at:02}-linux").parse()?;
            Ok((system, Digest::of(&at.to_le_bytes())))
        })
        .collect::<eyre::Result<_>>()?;
    Ok(Leaves::new(leaves)?)
}

/// The root as `docs/protocol.md` words it, and nothing more.
fn plain(leaves: &Leaves) -> B256 {
    let mut level: Vec<B256> = leaves
        .as_slice()
        .iter()
        .map(|(system, image)| {
            let name = system.as_str().as_bytes();
            let length = (name.len() as u16).to_be_bytes();
            keccak256([&[0], &length[..], name, image.as_bytes()].concat())
        })
        .collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| {
                let (left, right) = (pair[0], pair[pair.len() - 1]);
                keccak256([&[1], left.as_slice(), right.as_slice()].concat())
            })
            .collect();
    }
    level.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_two_ways_to_one_root_at_every_size() {
        for size in 1..=64 {
            let leaves = leaves(size).unwrap();
            assert_eq!(leaves.root().word(), plain(&leaves), "{size}");
        }
    }
}
