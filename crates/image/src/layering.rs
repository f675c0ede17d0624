//! Which store paths share a layer: by expected re-pull cost, in whole numbers, the same on every machine.

use std::collections::{BTreeMap, BTreeSet};

use seed_nix::StorePath;

/// How many groups the pairwise search starts with at most; smaller paths beyond it begin together.
const MAX_CANDIDATES: usize = 384;
/// One in fixed point.
const ONE: u64 = 1 << 32;

/// What the rule needs to know of one path.
pub(crate) struct Weight<'a> {
    pub(crate) path: &'a StorePath,
    pub(crate) size: u64,
    pub(crate) references: &'a BTreeSet<StorePath>,
}

#[derive(Clone)]
struct Group {
    members: Vec<usize>,
    size: u128,
    /// Bit set over all paths: everything whose change replaces this group.
    depends: Vec<u64>,
}

/// Groups `paths` (ascending, closed under references except for paths outside the list) into at most
/// `limit` groups.
///
/// Every path changes with its inputs; each path is given the same small probability of changing by itself
/// between two releases. A group costs its size times the probability that anything it depends on changes.
/// Starting with one group a path, the two groups whose union adds the least cost are merged until the limit
/// holds. Ties go to the smaller paths in byte order.
pub(crate) fn group(paths: &[Weight<'_>], limit: usize) -> Vec<Vec<usize>> {
    let mut groups = candidates(paths);
    let chance = chances(paths.len());
    while groups.len() > limit.max(1) {
        let Some((first, second)) = cheapest_pair(&groups, &chance) else {
            break;
        };
        let right = groups.remove(second);
        if let Some(left) = groups.get_mut(first) {
            merge(left, &right);
        }
    }
    let mut result: Vec<Vec<usize>> = groups.into_iter().map(|group| group.members).collect();
    for members in &mut result {
        members.sort_unstable();
    }
    result.sort();
    result
}

fn candidates(paths: &[Weight<'_>]) -> Vec<Group> {
    let depends = dependencies(paths);
    let single = |index: usize| Group {
        members: vec![index],
        size: paths.get(index).map_or(0, |path| u128::from(path.size)),
        depends: depends.get(index).cloned().unwrap_or_default(),
    };
    let mut order: Vec<usize> = (0..paths.len()).collect();
    if paths.len() <= MAX_CANDIDATES {
        return order.into_iter().map(single).collect();
    }
    order.sort_by_key(|index| {
        (
            paths.get(*index).map(|path| std::cmp::Reverse(path.size)),
            *index,
        )
    });
    let (large, small) = order.split_at(MAX_CANDIDATES - 1);
    let mut groups: Vec<Group> = large.iter().copied().map(single).collect();
    if let Some((first, others)) = small.split_first() {
        let mut tail = single(*first);
        others
            .iter()
            .for_each(|index| merge(&mut tail, &single(*index)));
        groups.push(tail);
    }
    groups.sort_by_key(|group| group.members.iter().min().copied());
    groups
}

/// For every path the set of paths it needs, itself among them.
fn dependencies(paths: &[Weight<'_>]) -> Vec<Vec<u64>> {
    let index: BTreeMap<&StorePath, usize> = paths
        .iter()
        .enumerate()
        .map(|(index, weight)| (weight.path, index))
        .collect();
    let words = paths.len().div_ceil(64);
    (0..paths.len())
        .map(|start| {
            let mut bits = vec![0; words];
            let mut todo = vec![start];
            while let Some(at) = todo.pop() {
                let Some(word) = bits.get_mut(at / 64) else {
                    continue;
                };
                if *word & (1 << (at % 64)) != 0 {
                    continue;
                }
                *word |= 1 << (at % 64);
                let references = paths.get(at).map(|weight| weight.references);
                todo.extend(
                    references
                        .into_iter()
                        .flatten()
                        .filter_map(|path| index.get(path)),
                );
            }
            bits
        })
        .collect()
}

/// The chance that at least one of n things changes, each with a chance of one in fifty, in fixed point.
fn chances(most: usize) -> Vec<u64> {
    let mut unchanged = ONE;
    let mut chances = vec![0];
    for _ in 0..most {
        unchanged -= unchanged / 50;
        chances.push(ONE - unchanged);
    }
    chances
}

fn cost(size: u128, depends: u32, chance: &[u64]) -> u128 {
    size * u128::from(chance.get(depends as usize).copied().unwrap_or(ONE))
}

fn cheapest_pair(groups: &[Group], chance: &[u64]) -> Option<(usize, usize)> {
    let alone: Vec<u128> = groups
        .iter()
        .map(|group| {
            cost(
                group.size,
                group.depends.iter().map(|word| word.count_ones()).sum(),
                chance,
            )
        })
        .collect();
    let mut best: Option<(u128, usize, usize)> = None;
    for (first, (left, left_cost)) in groups.iter().zip(&alone).enumerate() {
        for (second, (right, right_cost)) in groups.iter().zip(&alone).enumerate().skip(first + 1) {
            let depends = left
                .depends
                .iter()
                .zip(&right.depends)
                .map(|(a, b)| (a | b).count_ones())
                .sum();
            let together = cost(left.size + right.size, depends, chance);
            let added = together.saturating_sub(left_cost + right_cost);
            if best.is_none_or(|(least, ..)| added < least) {
                best = Some((added, first, second));
            }
        }
    }
    best.map(|(_, first, second)| (first, second))
}

fn merge(left: &mut Group, right: &Group) {
    left.members.extend(&right.members);
    left.size += right.size;
    left.depends
        .iter_mut()
        .zip(&right.depends)
        .for_each(|(a, b)| *a |= b);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(count: usize) -> Vec<StorePath> {
        (0..count)
            .map(|at| format!("/nix/store/{at:0>32}-p").parse().unwrap())
            .collect()
    }

    fn groups(
        count: usize,
        limit: usize,
        edges: &[(usize, usize)],
        size: impl Fn(usize) -> u64,
    ) -> Vec<Vec<usize>> {
        let paths = paths(count);
        let mut references = vec![BTreeSet::new(); count];
        for (user, used) in edges {
            references[*user].insert(paths[*used].clone());
        }
        let weights: Vec<_> = (0..count)
            .map(|at| Weight {
                path: &paths[at],
                size: size(at),
                references: &references[at],
            })
            .collect();
        group(&weights, limit)
    }

    #[test]
    fn one_layer_a_path_while_they_fit() {
        assert_eq!(groups(3, 3, &[], |_| 10), [[0], [1], [2]]);
        assert!(groups(0, 3, &[], |_| 10).is_empty());
    }

    #[test]
    fn small_paths_are_merged_before_large_ones() {
        let found = groups(4, 3, &[], |at| [1_000_000, 3, 2_000_000, 4][at]);
        assert_eq!(found, [vec![0], vec![1, 3], vec![2]]);
    }

    #[test]
    fn paths_that_change_together_share_a_layer() {
        // 0 <- 1 is a chain; 2 and 3 stand alone: merging the chain adds the least.
        let found = groups(4, 3, &[(1, 0)], |_| 100);
        assert_eq!(found, [vec![0, 1], vec![2], vec![3]]);
    }

    #[test]
    fn every_path_is_in_exactly_one_group_for_any_size() {
        for (count, limit) in [(1, 1), (7, 3), (100, 38), (500, 38)] {
            let found = groups(count, limit, &[], |at| (at as u64 * 7919) % 1000);
            assert!(found.len() <= limit);
            let mut all: Vec<usize> = found.concat();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
    }
}
