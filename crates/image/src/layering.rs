//! Which store paths share a layer: by expected re-pull cost, in whole numbers, the same on every machine.

use std::collections::{BTreeMap, BTreeSet};

use seed_nix::StorePath;

use crate::{
    Layout,
    groups::{Group, chances, merged},
};

/// How many groups the pairwise search starts with at most; smaller paths beyond it begin together.
const MAX_CANDIDATES: usize = 1024;
/// What the rule needs to know of one path.
pub(crate) struct Weight<'a> {
    pub(crate) path: &'a StorePath,
    pub(crate) size: u64,
    pub(crate) references: &'a BTreeSet<StorePath>,
}

/// Groups `paths` (closed under references except for paths outside the list, in an order that outlives
/// their hashes) into at most `limit` groups, the least likely to change first.
///
/// Every path changes with its inputs; each path is given the same small probability of changing by itself
/// between two releases. A group costs its size, and what one request is worth, times the probability that
/// anything it depends on changes. Starting with one group a path, the two groups whose union adds the least
/// cost are merged until the limit holds and no union would save anything. Ties go to the earlier paths.
///
/// A layer of `previous` whose paths are all still there is kept as it is, while that leaves room for the
/// rest: it need not be pulled again. The kept ones come first, in the order they had.
pub(crate) fn group(
    paths: &[Weight<'_>],
    limit: usize,
    previous: Option<&Layout>,
) -> Vec<Vec<usize>> {
    let limit = limit.max(1);
    let singles = singles(paths);
    let kept = previous.map_or_else(Vec::new, |layout| kept(paths, layout));
    let taken: BTreeSet<usize> = kept.iter().flatten().copied().collect();
    let rest: Vec<Group> = singles
        .iter()
        .enumerate()
        .filter(|(at, _)| !taken.contains(at))
        .map(|(_, group)| group.clone())
        .collect();
    let chance = chances(paths.len());
    if kept.len() + usize::from(!rest.is_empty()) <= limit {
        let room = limit - kept.len();
        return [kept, ordered(merged(together(rest), room, &chance))].concat();
    }
    let unions = kept.iter().filter_map(|members| union(members, &singles));
    let mut groups: Vec<Group> = unions.chain(rest).collect();
    groups.sort_by_key(|group| group.members.iter().min().copied());
    ordered(merged(together(groups), limit, &chance))
}

/// The layers of `previous` that can stay: not empty, and every path of them is in `paths`.
fn kept(paths: &[Weight<'_>], previous: &Layout) -> Vec<Vec<usize>> {
    let index: BTreeMap<&StorePath, usize> = paths
        .iter()
        .enumerate()
        .map(|(index, weight)| (weight.path, index))
        .collect();
    let found = previous.layers().iter().filter(|layer| !layer.is_empty());
    found
        .filter_map(|layer| layer.iter().map(|path| index.get(path).copied()).collect())
        .map(|mut members: Vec<usize>| {
            members.sort_unstable();
            members
        })
        .collect()
}

fn union(members: &[usize], singles: &[Group]) -> Option<Group> {
    let mut all = members.iter().filter_map(|at| singles.get(*at));
    let mut first = all.next()?.clone();
    all.for_each(|group| first.merge(group));
    Some(first)
}

fn singles(paths: &[Weight<'_>]) -> Vec<Group> {
    let single = |(index, depends)| Group {
        members: vec![index],
        size: paths.get(index).map_or(0, |path| u128::from(path.size)),
        depends,
    };
    dependencies(paths)
        .into_iter()
        .enumerate()
        .map(single)
        .collect()
}

/// At most [`MAX_CANDIDATES`] of `groups`: the smallest beyond it become one.
fn together(groups: Vec<Group>) -> Vec<Group> {
    if groups.len() <= MAX_CANDIDATES {
        return groups;
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    let size = |at: &usize| groups.get(*at).map_or(0, |group| group.size);
    order.sort_by_key(|at| (std::cmp::Reverse(size(at)), *at));
    let (large, small) = order.split_at(MAX_CANDIDATES - 1);
    let mut result: Vec<Group> = large
        .iter()
        .filter_map(|at| groups.get(*at).cloned())
        .collect();
    result.extend(union(small, &groups));
    result.sort_by_key(|group| group.members.iter().min().copied());
    result
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

/// Members ascending; the group that needs the fewest paths first, so that a change leaves as many layers as
/// possible below it alone.
fn ordered(mut groups: Vec<Group>) -> Vec<Vec<usize>> {
    for group in &mut groups {
        group.members.sort_unstable();
    }
    groups.sort_by(|a, b| (a.count(), &a.members).cmp(&(b.count(), &b.members)));
    groups.into_iter().map(|group| group.members).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Far above what a request costs.
    const LARGE: u64 = 100 << 20;

    fn paths(count: usize) -> Vec<StorePath> {
        (0..count)
            .map(|at| format!("/nix/store/{at:0>32}-p{at}").parse().unwrap())
            .collect()
    }

    fn groups(
        count: usize,
        limit: usize,
        edges: &[(usize, usize)],
        size: impl Fn(usize) -> u64,
        previous: Option<&[&[usize]]>,
    ) -> Vec<Vec<usize>> {
        let paths = paths(count.max(100));
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
        let previous = previous.map(|layers| {
            let of = |layer: &&[usize]| layer.iter().map(|at| paths[*at].clone()).collect();
            Layout::new(layers.iter().map(of)).unwrap()
        });
        group(&weights, limit, previous.as_ref())
    }

    #[test]
    fn one_layer_a_path_while_they_fit_and_are_worth_a_request() {
        assert_eq!(groups(3, 3, &[], |_| LARGE, None), [[0], [1], [2]]);
        assert_eq!(groups(3, 3, &[], |_| 1, None), [[0, 1, 2]]);
        assert!(groups(0, 3, &[], |_| LARGE, None).is_empty());
    }

    #[test]
    fn small_paths_are_merged_before_large_ones() {
        let sizes = [LARGE, 3 << 20, 2 * LARGE, 4 << 20];
        let found = groups(4, 3, &[], |at| sizes[at], None);
        assert_eq!(found, [vec![0], vec![2], vec![1, 3]]);
    }

    #[test]
    fn paths_that_change_together_share_a_layer() {
        // 0 <- 1 is a chain; 2 and 3 stand alone: merging the chain adds the least.
        let found = groups(4, 3, &[(1, 0)], |_| LARGE, None);
        assert_eq!(found, [vec![2], vec![3], vec![0, 1]]);
    }

    #[test]
    fn what_needs_least_lies_lowest() {
        let found = groups(3, 3, &[(0, 1), (0, 2), (1, 2)], |_| LARGE, None);
        assert_eq!(found, [[2], [1], [0]]);
    }

    #[test]
    fn a_whole_layer_of_the_last_image_stays_a_broken_one_does_not() {
        let layers: &[&[usize]] = &[&[1, 3], &[0, 50], &[]];
        let found = groups(5, 4, &[], |_| LARGE, Some(layers));
        assert_eq!(found, [vec![1, 3], vec![0], vec![2], vec![4]]);
    }

    #[test]
    fn kept_layers_are_merged_when_they_leave_no_room() {
        let layers: &[&[usize]] = &[&[0], &[1], &[2]];
        assert_eq!(groups(3, 3, &[], |_| LARGE, Some(layers)), [[0], [1], [2]]);
        let found = groups(4, 3, &[], |_| LARGE, Some(layers));
        assert_eq!(found.len(), 3);
        assert_eq!(found.concat().len(), 4);
    }

    #[test]
    fn thousands_of_paths_are_grouped_too() {
        let found = groups(MAX_CANDIDATES + 50, 98, &[], |at| at as u64, None);
        assert!(found.len() <= 98);
        assert_eq!(found.concat().len(), MAX_CANDIDATES + 50);
    }

    /// The pairwise rule with nothing remembered between rounds.
    fn plain(sizes: &[u64], edges: &[(usize, usize)], limit: usize) -> Vec<Vec<usize>> {
        let mut needs: Vec<BTreeSet<usize>> = (0..sizes.len()).map(|at| [at].into()).collect();
        for _ in sizes {
            for (user, used) in edges {
                let more = needs[*used].clone();
                needs[*user].extend(more);
            }
        }
        let chance = chances(sizes.len());
        let cost = |size: u128, needs: &BTreeSet<usize>| {
            ((size + (64 << 10)) * u128::from(chance[needs.len()])) as i128
        };
        let mut groups: Vec<(Vec<usize>, u128, BTreeSet<usize>)> = (0..sizes.len())
            .map(|at| (vec![at], u128::from(sizes[at]), needs[at].clone()))
            .collect();
        loop {
            let mut best: Option<(i128, usize, usize)> = None;
            for first in 0..groups.len() {
                for second in first + 1..groups.len() {
                    let (a, b) = (&groups[first], &groups[second]);
                    let added = cost(a.1 + b.1, &(&a.2 | &b.2)) - cost(a.1, &a.2) - cost(b.1, &b.2);
                    if best.is_none_or(|(least, ..)| added < least) {
                        best = Some((added, first, second));
                    }
                }
            }
            match best {
                Some((added, first, second)) if groups.len() > limit || added < 0 => {
                    let gone = groups.remove(second);
                    groups[first].0.extend(gone.0);
                    groups[first].1 += gone.1;
                    groups[first].2.extend(gone.2);
                }
                _ => break,
            }
        }
        groups.iter_mut().for_each(|group| group.0.sort_unstable());
        groups.sort_by_key(|group| (group.2.len(), group.0.clone()));
        groups.into_iter().map(|group| group.0).collect()
    }

    fn shapes() -> impl Strategy<Value = (Vec<u64>, Vec<(usize, usize)>, usize)> {
        (1usize..24).prop_flat_map(|count| {
            let sizes = prop::collection::vec(0..20_000_000u64, count);
            let edge = (0..count, 0..count).prop_map(|(a, b)| (a.max(b), a.min(b)));
            (sizes, prop::collection::vec(edge, 0..40), 1usize..30)
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_rule((sizes, edges, limit) in shapes()) {
            let found = groups(sizes.len(), limit, &edges, |at| sizes[at], None);
            prop_assert_eq!(found, plain(&sizes, &edges, limit));
        }

        #[test]
        fn every_path_is_in_exactly_one_layer((sizes, edges, limit) in shapes(), cut in 0usize..24) {
            let first = groups(sizes.len(), limit, &edges, |at| sizes[at], None);
            let layers: Vec<&[usize]> = first.iter().map(Vec::as_slice).collect();
            let fewer = sizes.len().saturating_sub(cut).max(1);
            let edges: Vec<_> = edges.into_iter().filter(|(user, _)| *user < fewer).collect();
            for (count, previous) in [(sizes.len(), None), (fewer, Some(layers.as_slice()))] {
                let found = groups(count, limit, &edges, |at| sizes[at], previous);
                prop_assert!(found.len() <= limit);
                prop_assert!(found.iter().all(|group| !group.is_empty()));
                let mut all = found.concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            }
        }

        #[test]
        fn an_unchanged_closure_keeps_every_layer((sizes, edges, limit) in shapes()) {
            let first = groups(sizes.len(), limit, &edges, |at| sizes[at], None);
            let layers: Vec<&[usize]> = first.iter().map(Vec::as_slice).collect();
            let again = groups(sizes.len(), limit, &edges, |at| sizes[at], Some(&layers));
            prop_assert_eq!(again, first);
        }

        #[test]
        fn whatever_can_stay_whole_stays((sizes, edges, limit) in shapes(), gone in 0usize..24) {
            let first = groups(sizes.len(), limit, &edges, |at| sizes[at], None);
            // One path is replaced by another under the same name and size.
            let gone = gone % sizes.len();
            let named: Vec<Vec<usize>> = first
                .iter()
                .map(|group| group.iter().map(|at| if *at == gone { 99 } else { *at }).collect())
                .collect();
            let layers: Vec<&[usize]> = named.iter().map(Vec::as_slice).collect();
            let again = groups(sizes.len(), limit, &edges, |at| sizes[at], Some(&layers));
            for group in first.iter().filter(|group| !group.contains(&gone)) {
                prop_assert!(again.contains(group));
            }
        }
    }
}
